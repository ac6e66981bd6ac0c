"""``decima-core check``: outcomes on the screen and as JSON, the exit status, and what is mistyped."""

from __future__ import annotations

import json

import pytest

from decima_core.cli import main
from decima_core.testing import checks_of


def check(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    try:
        main(["check", *arguments])
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_a_provider_that_keeps_every_promise(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = check(capsys, "peaks", "scipy", "-O", "peaks.number=20", "-O", "sign=both")
    rows = [line.split("\t") for line in out.splitlines()]
    assert rows[0] == ["check", "outcome", "message"]
    assert [row[0] for row in rows[1:]] == [c.__name__ for c in checks_of("peaks")]
    assert {row[1] for row in rows[1:]} == {"passed"}
    assert (code, err.strip()) == (0, f"{len(rows) - 1} passed")


def test_a_provider_that_breaks_one(capsys: pytest.CaptureFixture[str]) -> None:
    # Bumps as far apart as this hide each other, and at most one peak is kept.
    code, out, err = check(capsys, "peaks", "scipy", "-O", "number=1", "--json")
    failed = {row["check"]: row["message"] for row in json.loads(out) if row["outcome"] == "failed"}
    assert code == 1
    assert "misses the bumps at" in failed["check_peaks_found"]
    assert f"{len(failed)} failed" in err
    expected = [part for name in failed for part in ("--expect", f"{name}=only one peak is kept")]
    code, out, err = check(capsys, "peaks", "scipy", "-O", "number=1", *expected)
    assert code == 0
    assert f"{len(failed)} expected failure" in err
    assert "only one peak is kept" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("peaks", "scipi"), "There is no peak caller 'scipi'. Did you mean scipy?"),
        (("peeks", "scipy"), "There is no kind of provider 'peeks'."),
        (("peaks", "scipy", "-O", "number"), "'-O number' is not of the form -O path=genes.h5."),
        (
            ("peaks", "scipy", "-O", "numbr=2"),
            "There is no option 'numbr' in peak caller 'scipy'. Did you mean number?",
        ),
        (("peaks", "scipy", "-O", "number=two"), "must be a whole number, not 'two'"),
        (("peaks", "scipy", "--expect", "check_edges=x"), "There is no check 'check_edges'."),
        (("source", "hdf5"), "Options to check it at are given by -O"),
        (("source", "hdf5", "-O", "path=gone.h5"), "gone.h5"),
    ],
)
def test_what_is_mistyped_is_one_line(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    code, out, err = check(capsys, *arguments)
    assert code == 1
    assert words in (err + out)
    if not out:
        assert len(err.splitlines()) == 1
