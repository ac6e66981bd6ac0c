"""A BigWig out of attributions: any windows, overlapping as they may."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decima_core import OutputError
from decima_core.outputs.bigwig_file import _merged, write_bigwig

pyBigWig = pytest.importorskip("pyBigWig", reason="BigWig needs pyBigWig: pip install 'decima-core[scores]'")


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30)), min_size=1, max_size=8))
def test_overlapping_windows_have_their_mean(places):
    rng = np.random.default_rng(0)
    tracks = sorted(((start, rng.normal(size=n)) for start, n in places), key=lambda pair: pair[0])
    total, count = np.zeros(100), np.zeros(100)
    for start, values in tracks:
        total[start : start + len(values)] += values
        count[start : start + len(values)] += 1
    got, last = np.full(100, np.nan), 0
    for start, values in _merged(iter(tracks)):
        assert start >= last
        assert len(values)
        last = start + len(values)
        got[start:last] = values
    expected = np.divide(total, count, out=np.full(100, np.nan), where=count > 0)
    np.testing.assert_allclose(got, expected, atol=1e-12)


def write_attributions(path: Path) -> np.ndarray:
    """Four windows of 500 bases, one each 600 bases."""
    values = np.random.default_rng(0).normal(size=(4, 4, 500)).astype(np.float32)
    with h5py.File(path, "w") as file:
        file["attribution"] = values
        file["chrom"] = np.array(["chr1"] * 4, dtype=object)
        file["strand"] = np.array(["+"] * 4, dtype=object)
        file["start"] = np.arange(4) * 600
        file["end"] = np.arange(4) * 600 + 500
    return values


def test_windows_are_cut_at_the_contigs_end(tmp_path: Path) -> None:
    values = write_attributions(tmp_path / "a.h5")
    write_bigwig(tmp_path / "a.bw", tmp_path / "a.h5", {"chr1": 2200, "chr2": 50})
    with pyBigWig.open(str(tmp_path / "a.bw")) as file:
        assert file.chroms() == {"chr1": 2200}
        np.testing.assert_array_equal(file.values("chr1", 1800, 2200, numpy=True), values[3].sum(0)[:400])


def test_a_full_disk_is_told_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_attributions(tmp_path / "a.h5")
    usage = shutil.disk_usage(tmp_path)._replace(free=4 * 4 * 500 - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OutputError, match=r"may need 0 MiB, and .* leave out --bigwig"):
        write_bigwig(tmp_path / "a.bw", tmp_path / "a.h5", {})


def test_what_the_library_refuses_is_told(tmp_path: Path) -> None:
    write_attributions(tmp_path / "a.h5")
    (tmp_path / "a.bw").mkdir()
    with pytest.raises(OutputError, match=r"The BigWig 'a.bw' cannot be written to"):
        write_bigwig(tmp_path / "a.bw", tmp_path / "a.h5", {})
