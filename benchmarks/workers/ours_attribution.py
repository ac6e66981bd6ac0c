"""Ours: what a run does for the attribution of a gene, prediction and checks of the result included."""

import contextlib
import functools

import numpy as np
import torch
from network import codes, network, sequence
from serve import serve, task

from decima_core import GeneRecord, Registry, TargetOptions, wrap_module
from decima_core.attribute import explain, explain_many
from decima_core.compute.computation import computed
from decima_core.guard import left_as_found
from decima_core.joint_target import JointTarget
from decima_core.sections import ComputeOptions
from decima_core.targets import make_target

CPU = torch.device("cpu")


# Held until the process ends, as a run holds its model: low memory plans once.
HELD = contextlib.ExitStack()


@functools.cache
def parts(length, width, targets, low_memory):
    model = wrap_module(network(width), channels=4)
    joint = JointTarget([make_target(model, TargetOptions(tasks=[str(t)])) for t in range(targets)])
    HELD.enter_context(computed(model, ComputeOptions(low_memory=low_memory), CPU, targets))
    record = GeneRecord(gene="G", codes=codes(length))
    return record, model, joint, Registry.discover().create("method", "input-x-gradient")


@task()
def ready(length, width):
    # What either way of computing loads is loaded then.
    with computed(wrap_module(network(width), channels=4), ComputeOptions(low_memory=True), CPU):
        network(width)(sequence(length)[:, :, :1024].clone().requires_grad_())


@task()
def one(length, width, low_memory=False):
    record, model, joint, method = parts(length, width, 1, low_memory)
    with left_as_found(joint, CPU):
        return explain(record, model, joint.each()[0], method, CPU).values


@task(np.array)
def several(length, width, targets, together, low_memory=False):
    record, model, joint, method = parts(length, width, targets, low_memory)
    with left_as_found(joint, CPU):
        if together:
            return [a.values for a in explain_many(record, model, joint, method, CPU)]
        return [explain(record, model, target, method, CPU).values for target in joint.each()]


serve()
