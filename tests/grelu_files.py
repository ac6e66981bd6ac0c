"""Small checkpoints as gReLU and Decima themselves write them; the packages are imported where they are used."""

from __future__ import annotations

import atexit
import functools
import json
import logging
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from support import random_codes, word_ppm, write_gene_file, write_meme

LENGTH = 128
CELLS = pd.DataFrame(
    {
        "cell_type": ["classical monocyte", "T cell, CD4+", "B cell", "classical monocyte", "plasma cell", "B cell"],
        "organ": ["blood", "blood", "spleen", "lung", "blood", "blood"],
        "n_cells": [120, 80, 300, 40, 5, 60],
    },
    index=[f"agg_{number}" for number in range(6)],
)
# Decima fixes the widths at both ends of its network; what lies between is as small as its classes allow.
DECIMA = {"n_transformers": 1, "crop_len": 0, "n_conv": 3, "kernel_size": 1, "init_channels": 32}
DECIMA |= {"n_heads": 1, "key_len": 16, "value_len": 16}


@functools.cache
def folder() -> Path:
    """A folder for the checkpoints of this session; they are made once, for tests and conformance checks alike."""
    made = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def save(module: Any, path: Path) -> str:
    """A checkpoint as Lightning's trainer writes it."""
    import pytorch_lightning as pl

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the trainer, about machines and loggers
        trainer = pl.Trainer(logger=False, enable_checkpointing=False, accelerator="cpu", default_root_dir=folder())
        trainer.strategy.connect(module)
        trainer.save_checkpoint(path)
    return str(path)


@functools.cache
def grelu_trained() -> str:
    """A regression model after one epoch of gReLU's own training on two tasks that have a table."""
    from grelu.data.dataset import DFSeqDataset
    from grelu.lightning import LightningModel

    rng = np.random.default_rng(0)
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
        torch.manual_seed(0)
        frame = pd.DataFrame({"seq": ["".join(rng.choice(list("ACGT"), LENGTH)) for _ in range(8)]})
        frame["mono"], frame["ery"] = rng.normal(size=8), rng.normal(size=8)
        dataset = DFSeqDataset(frame)
        dataset.tasks = pd.DataFrame({"cell_type": ["classical monocyte", "erythroblast"]}, index=["mono", "ery"])
        model = LightningModel(
            model_params=network(n_tasks=2),
            train_params={
                **{"task": "regression", "loss": "mse", "max_epochs": 1, "batch_size": 4, "num_workers": 0},
                **{"logger": "csv", "save_dir": str(folder())},
            },
        )
        trainer = model.train_on_dataset(dataset, dataset)
        trainer.save_checkpoint(folder() / "trained.ckpt")
    return str(folder() / "trained.ckpt")


def network(n_tasks: int, **more: Any) -> dict[str, Any]:
    """Parameters of a small convolutional gReLU model."""
    small = {"model_type": "ConvModel", "n_tasks": n_tasks, "channel_init": 8, "kernel_size": 5, "n_conv": 2}
    return {**small, "final_pool_func": "avg", **more}


def grelu_saved(name: str, train_params: dict[str, Any], **parameters: Any) -> str:
    """An untrained gReLU model of four tasks."""
    from grelu.lightning import LightningModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = LightningModel(model_params=network(**{"n_tasks": 4, **parameters}), train_params=dict(train_params))
    model.data_params = {"tasks": {"name": list("abcd")}}
    return save(model, folder() / name)


@functools.cache
def decima_replicate(number: int, kind: str, *, mask: bool = True) -> str:
    """A replicate of a small Decima, as ``ckpt`` or as ``safetensors``, the published form."""
    from decima.model.lightning import LightningModel
    from safetensors.torch import save_file

    data = {"tasks": CELLS.reset_index(names="name").to_dict(orient="list"), "train_seq_len": LENGTH}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(number)
        model = LightningModel(
            name=f"v1_rep{number}",
            model_params={"n_tasks": len(CELLS), "mask": mask, "init_borzoi": False, "borzoi_kwargs": dict(DECIMA)},
            train_params={},
            data_params=data,
        )
        # Random weights predict all but the same for every task and sequence; these tell them apart.
        torch.nn.init.normal_(model.model.head.channel_transform.conv.layer.weight, std=0.05)
    path = folder() / f"rep{number}{'' if mask else '_bare'}.{kind}"
    if kind == "ckpt":
        return save(model, path)
    texts = {"name": model.name, "model_params": json.dumps(model.model_params), "data_params": json.dumps(data)}
    save_file(model.model.state_dict(), path, metadata=texts)
    return str(path)


@functools.cache
def gene_files() -> tuple[str, str]:
    """A gene file of two windows that the checkpoints read, and motifs."""
    genes = write_gene_file(
        folder() / "genes.h5",
        random_codes(5, 2, LENGTH),
        names=["SPI1", "CD68"],
        mask=slice(40, 90),
        tasks=tuple(CELLS.index),
    )
    return str(genes), str(write_meme(folder() / "motifs.meme", {"M1": word_ppm("GATAAGC")}))
