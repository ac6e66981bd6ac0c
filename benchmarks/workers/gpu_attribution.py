"""Input x gradient on a GPU: by bare torch, by captum, and by ours in one of the ways it can be computed. A process for each way."""

import contextlib
import functools

import numpy as np
import torch
from large_network import large_network
from network import contrast, sequence
from serve import serve, task

from decima_core import GeneRecord, Registry, TargetOptions, wrap_module
from decima_core.attribute import explain, explain_many
from decima_core.compute.computation import computed
from decima_core.guard import left_as_found
from decima_core.joint_target import JointTarget
from decima_core.sections import ComputeOptions
from decima_core.targets import make_target

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
BESIDES = contextlib.ExitStack()  # held until the process ends, as a run holds its model


@functools.cache
def network(tiny):
    # Float32 means it, for everybody.
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    return large_network(tiny, DEVICE)


@functools.cache
def ours(length, tiny, targets, compute):
    model = wrap_module(network(tiny), channels=4)
    ready = BESIDES.enter_context(computed(model, ComputeOptions(**dict(compute)), DEVICE, targets))
    joint = JointTarget([make_target(model, TargetOptions(tasks=[str(t)]), (), ready.module) for t in range(targets)])
    BESIDES.enter_context(left_as_found(joint, DEVICE))
    codes = sequence(length)[0].argmax(0).to(torch.int8).numpy()
    return GeneRecord(gene="G", codes=codes), model, joint, Registry.discover().create("method", "input-x-gradient")


def bare(length, tiny):
    points = sequence(length).to(DEVICE).requires_grad_()
    value = contrast(network(tiny)(points), 0)
    (slope,) = torch.autograd.grad(value.sum(), points)
    float(value.detach()[0])
    return (slope * points.detach())[0].cpu().numpy()


def captum(length, tiny):
    from captum.attr import InputXGradient

    method = InputXGradient(lambda x: contrast(network(tiny)(x), 0))
    return method.attribute(sequence(length).to(DEVICE).requires_grad_())[0].detach().cpu().numpy()


@task()
def one(length, tiny, how, compute=None):
    """The attribution ``(4, length)`` of the first task against the others."""
    if how != "ours":
        return {"bare": bare, "captum": captum}[how](length, tiny)
    record, model, joint, method = ours(length, tiny, 1, tuple((compute or {}).items()))
    return explain(record, model, joint.each()[0], method, DEVICE).values


@task(np.array)
def several(length, tiny, targets, together, compute=None):
    """The attributions ``(targets, 4, length)`` of each of some tasks against the others."""
    record, model, joint, method = ours(length, tiny, targets, tuple((compute or {}).items()))
    if together:
        return [a.values for a in explain_many(record, model, joint, method, DEVICE)]
    return [explain(record, model, target, method, DEVICE).values for target in joint.each()]


@task()
def most(what, **given):
    """MiB that a task takes at most on the GPU beyond what is held before; None where there is no GPU."""
    doing = {"one": one, "several": several}[what]
    if DEVICE.type != "cuda":
        doing(**given)
        return None
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    doing(**given)
    return (torch.cuda.max_memory_allocated() - before) / 2**20


@task()
def card():
    """What the GPU is called, and what CUDA torch was built for."""
    return [torch.cuda.get_device_name(), str(torch.version.cuda)] if DEVICE.type == "cuda" else ["none", "none"]


serve()
