"""The reckoning of large jobs: what it says of simple numbers, and that its page is what it gives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import attrs
import pytest

pytest.importorskip("benchmarks", reason="the folder benchmarks/ is not beside the tests")

from benchmarks import scaling
from benchmarks.scaling import Number

ROOT = Path(__file__).parents[2]
SIMPLE = {
    **dict.fromkeys(("cores", "peaks", "motifs", "writing", "faster"), 1.0),
    **{"genes": 3600.0, "replicates": 2.0, "contrasts": 3.0, "gradient": 2.0},
    **{"size": 1e6, "disk": 1e6},
}


def numbers(**changed: float) -> dict[str, Number]:
    return {name: Number(value, "", "") for name, value in {**SIMPLE, **changed}.items()}


def test_hours_of_simple_numbers() -> None:
    assert set(SIMPLE) == set(scaling.defaults())
    found = scaling.reckon(numbers(), 1)
    assert found.hours == pytest.approx({"GPU": 3 * 2 * 2, "CPU": 3 * 3, "disk": 3})
    assert (found.total, found.bottleneck) == (pytest.approx(12), "GPU")


def test_gpus_bring_cores_but_no_disk() -> None:
    found = scaling.reckon(numbers(), 6)
    assert found.hours == pytest.approx({"GPU": 2, "CPU": 1.5, "disk": 3})
    assert found.bottleneck == "disk"


def test_another_precision_takes_less_of_the_gpu_alone() -> None:
    found = scaling.reckon(numbers(faster=4), 1)
    assert found.hours == pytest.approx({"GPU": 3, "CPU": 9, "disk": 3})


def test_the_page_is_what_is_reckoned() -> None:
    text = scaling.PAGE.read_text(encoding="utf-8")
    assert text == scaling.page(text)
    assert attrs.asdict(scaling.defaults()["genes"])["value"] == 18_457


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--set", "gpus=3"), "there is no number 'gpus'"),
        (("--set", "genes=many"), "'many' is no number"),
        (("--set", "gradient=0"), "gradient must be above 0"),
        (("--gpus", "0,1"), "--gpus takes whole numbers"),
        (("--write", "--set", "genes=1"), "leave --set out"),
    ],
)
def test_mistakes_are_one_sentence(arguments: tuple[str, ...], words: str) -> None:
    command = [sys.executable, "-m", "benchmarks.scaling", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert words in done.stderr


def test_numbers_can_be_put_in() -> None:
    command = [sys.executable, "-m", "benchmarks.scaling", "--set", "cores=3", "--gpus", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "| `cores` | 3 | cores per GPU | given |" in done.stdout
