"""``decima-core run`` with checkpoints of gReLU and Decima, from start to end in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from grelu_files import CELLS, LENGTH, decima_replicate, folder, gene_files, grelu_trained

pytest.importorskip("grelu", reason="needs gReLU: pip install 'decima-core[grelu]'")

METHODS = ("input-x-gradient", "integrated-gradients")
MONOCYTES = "cell_type == 'classical monocyte'"


def decima_core(*arguments: str) -> subprocess.CompletedProcess[str]:
    """``decima-core run`` on the gene file; proxies that lead nowhere keep everything of this process from the network."""
    genes, motifs = gene_files()
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    return subprocess.run(
        [
            *(sys.executable, "-m", "decima_core", "run", "--source", genes, "-O", f"motifs.path={motifs}"),
            *("--device", "cpu", *arguments),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder(),
        env={**os.environ, **nowhere, "HF_HUB_CACHE": str(folder() / "hub")},
    )


def finished(output: Path) -> tuple[dict, np.ndarray]:  # type: ignore[type-arg]
    with h5py.File(output / "attributions.h5") as file:
        values = file["attribution"][:]
    assert values.shape == (2, 4, LENGTH)
    assert np.isfinite(values).all()
    assert values.any()
    return json.loads((output / "run.json").read_text(encoding="utf-8")), values


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_a_run_with_grelu(method: str, tmp_path: Path) -> None:
    done = decima_core(
        *(
            "--model",
            grelu_trained(),
            "--tasks",
            "cell_type == 'erythroblast'",
            "--method",
            method,
            "-o",
            str(tmp_path / "out"),
        )
    )
    assert done.returncode == 0, done.stderr
    record, values = finished(tmp_path / "out")
    assert record["providers"]["model"]["provider"] == "grelu"
    assert record["target"].startswith(
        "mean prediction of tasks ery (cell_type == 'erythroblast') - mean prediction of all other"
    )
    assert values[:, :, 30].any()


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_a_run_with_decima(method: str, tmp_path: Path) -> None:
    pytest.importorskip("decima", reason="needs Decima: pip install 'decima-core[decima]'")
    paths = f"{decima_replicate(0, 'safetensors')},{decima_replicate(1, 'ckpt')}"
    steps = ("-O", "method.n_steps=3") if method == "integrated-gradients" else ()
    done = decima_core(
        *("--model", "decima", "-O", f"model.path={paths}", "--tasks", MONOCYTES, "--off-tasks", "cell_type in ['T cell, CD4+', 'B cell']"),
        *("--method", method, *steps, "-o", str(tmp_path / "out")),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    record, _ = finished(tmp_path / "out")
    assert record["model"]["tasks"] == list(CELLS.index)
    assert len(record["inputs"]) >= 3
    assert (
        "agg_0, agg_3 (cell_type == 'classical monocyte') - mean prediction of tasks agg_1, agg_2, agg_5"
        in record["target"]
    )


@pytest.mark.slow
def test_what_fails_is_one_line(tmp_path: Path) -> None:
    pytest.importorskip("decima", reason="needs Decima: pip install 'decima-core[decima]'")
    for arguments, said in (
        (("--model", "decima", "-O", "model.path=0", "--tasks", "0"), "nothing is fetched unasked"),
        (
            ("--model", decima_replicate(0, "ckpt"), "--tasks", "0"),
            "is a checkpoint of Decima; give it as --model decima",
        ),
    ):
        done = decima_core(*arguments, "-o", str(tmp_path / "out"))
        assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
        assert said in done.stderr


@pytest.mark.slow
def test_importing_and_loading_reach_no_other_machine() -> None:
    pytest.importorskip("decima", reason="needs Decima: pip install 'decima-core[decima]'")
    code = (
        "import socket, sys\n"
        "asked = []\n"
        "def refuse(*address, **more):\n"
        "    asked.append(address)\n"
        "    raise OSError('no connection')\n"
        "socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse\n"
        "from decima_core import Registry\n"
        "registry = Registry.discover()\n"
        "assert not {'grelu', 'decima', 'wandb', 'torch'} & set(sys.modules)\n"
        "registry.create('model', 'grelu', path=sys.argv[1])\n"
        "assert 'decima' not in sys.modules, 'only what is needed'\n"
        "registry.create('model', 'decima', path=sys.argv[2])\n"
        "print('asked:', asked)\n"
    )
    paths = (grelu_trained(), decima_replicate(0, "safetensors"))
    done = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "asked: []\n", "nor is anything else printed"
