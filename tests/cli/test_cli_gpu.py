"""``decima-core run`` on a GPU: what comes out is what the CPU makes, by one process or by several that share the GPU."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from run_results import assert_same_results

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU here")

DEEP = f"{Path(__file__).parents[1] / 'deep_models.py'}:Residual"


def attributions(folder: str) -> np.ndarray:
    with h5py.File(Path(folder) / "attributions.h5") as file:
        return file["attribution"][:]


def test_the_hits_are_those_of_the_cpu(run):
    assert run("-o", "cpu").code == 0
    assert run("-o", "gpu", "--device", "cuda").code == 0
    keys = ["gene", "motif_id", "start", "strand"]
    here, there = (pd.read_csv(Path(folder) / "hits.tsv", sep="\t", comment="#")[keys] for folder in ("cpu", "gpu"))
    pd.testing.assert_frame_equal(here, there)
    assert json.loads((Path("gpu") / "run.json").read_text())["device"] == "cuda"


@pytest.mark.parametrize("flags", [["--low-memory"], ["--workers", "2"]])
def test_how_it_is_computed_changes_no_byte(run, flags):
    assert run("--model", DEEP, "--device", "cuda", "-o", "plain").code == 0
    result = run("--model", DEEP, "--device", "cuda", "-o", "other", *flags)
    assert result.code == 0, result
    assert_same_results(Path("plain"), Path("other"))


@pytest.mark.parametrize("precision", ["tf32", "bf16", "fp16"])
def test_another_precision_is_near(run, precision):
    assert run("--model", DEEP, "--device", "cuda", "-o", "plain").code == 0
    result = run("--model", DEEP, "--device", "cuda", "-o", "other", "--precision", precision)
    assert result.code == 0, result
    assert np.corrcoef(attributions("plain").ravel(), attributions("other").ravel())[0, 1] > 0.98
    assert json.loads((Path("other") / "run.json").read_text())["deviation"]["precision"] == precision


def test_compiled_code_finds_the_same(run):
    assert run("--model", DEEP, "--device", "cuda", "-o", "plain").code == 0
    result = run("--model", DEEP, "--device", "cuda", "-o", "other", "--compile")
    assert result.code == 0, result
    np.testing.assert_allclose(attributions("other"), attributions("plain"), rtol=1e-3, atol=1e-6)
