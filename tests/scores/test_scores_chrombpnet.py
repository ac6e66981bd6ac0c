"""ChromBPNet's HDF5: as it writes it, with half-precision scores, and what is wrong with a file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from score_files import read_all

from decima_core import ConfigError, DataError, Locus, open_scores


def write(windows, *names: str, path: str = "contribs.h5", **packed) -> str:
    """The datasets of those names, or all; of the types that ChromBPNet gives them."""
    arrays = {
        "raw/seq": windows.one_hot.astype(np.int8),
        "shap/seq": windows.scores.astype(np.float16),
        "projected_shap/seq": windows.projected().astype(np.float16),
    }
    with h5py.File(path, "w") as file:
        for name in names or arrays:
            file.create_dataset(name, data=arrays[name], **packed)
    return path


def test_hypothetical_scores_are_projected(windows):
    write(windows)
    np.testing.assert_array_equal(read_all("contribs.h5"), windows.projected())
    with open_scores("contribs.h5") as scores:
        assert list(scores.names) == ["window0", "window1", "window2"]
        np.testing.assert_array_equal(scores.read("window1")[0].codes, windows.codes[1])
        assert scores.facts.format == "ChromBPNet HDF5"


def test_projected_scores_alone_are_enough(windows):
    write(windows, "raw/seq", "projected_shap/seq")
    np.testing.assert_array_equal(read_all("contribs.h5", values="projected"), windows.projected())


def test_windows_lie_around_the_summits_on_the_forward_strand(windows):
    """As ChromBPNet cuts them: start + summit - L // 2, whatever the strand says."""
    write(windows)
    rows = [(1000, 25, "."), (2000, 3, "-"), (3000, 0, "+")]
    lines = [f"chr7\t{start}\t{start + 50}\t.\t0\t{strand}\t0\t0\t0\t{summit}\n" for start, summit, strand in rows]
    Path("peaks.narrowPeak").write_text("".join(lines))
    with open_scores("contribs.h5", regions="peaks.narrowPeak") as scores:
        loci = [scores.read(name)[0].locus for name in scores.names]
        assert list(scores.names) == ["chr7:1005-1045", "chr7:1983-2023", "chr7:2980-3020"]
        assert loci[1] == Locus(chrom="chr7", start=1983, end=2023, strand="+")


def test_sequences_may_come_from_elsewhere(windows):
    write(windows, "shap/seq")
    with pytest.raises(DataError, match=r"hold no dataset 'raw/seq'; give the one-hot sequences with --sequences"):
        open_scores("contribs.h5")
    np.savez("hot.npz", windows.one_hot)
    np.testing.assert_array_equal(read_all("contribs.h5", sequences="hot.npz"), windows.projected())
    write(windows)
    with pytest.raises(ConfigError, match="hold their own sequences, in 'raw/seq'; leave out --sequences"):
        open_scores("contribs.h5", sequences="hot.npz")
    write(windows, path="more.h5")
    write(windows, "shap/seq")
    with pytest.raises(DataError, match=r"The sequences '.*more.h5' are HDF5"):
        open_scores("contribs.h5", sequences="more.h5")


def test_one_row_is_read_at_a_time(windows, monkeypatch):
    write(windows)
    asked = []
    original = h5py.Dataset.__getitem__
    monkeypatch.setattr(h5py.Dataset, "__getitem__", lambda self, key: asked.append(key) or original(self, key))
    read_all("contribs.h5")
    assert asked == [0, 0, 1, 1, 2, 2]


def test_blosc_needs_hdf5plugin(windows):
    """deepdish, with which ChromBPNet writes, compresses with Blosc."""
    hdf5plugin = pytest.importorskip("hdf5plugin", reason="the filter Blosc comes with hdf5plugin")
    write(windows, **hdf5plugin.Blosc())
    np.testing.assert_array_equal(read_all("contribs.h5"), windows.projected())


def test_a_filter_that_is_not_there_is_told(windows):
    hdf5plugin = pytest.importorskip("hdf5plugin", reason="a file compressed with Blosc is written with hdf5plugin")
    write(windows, **hdf5plugin.Blosc())
    program = (
        "import sys; sys.modules['hdf5plugin'] = None; from decima_core import open_scores; open_scores('contribs.h5')"
    )
    environment = {name: value for name, value in os.environ.items() if name != "HDF5_PLUGIN_PATH"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment)
    assert "'shap/seq'" in done.stderr
    assert "is compressed with blosc, which HDF5 alone cannot read; pip install 'decima-core[scores]'" in done.stderr


# --- what is wrong ----------------------------------------------------------------------------------------------------


def test_other_hdf5_is_refused(windows):
    with h5py.File("other.h5", "w") as file:
        file["weights/kernel"] = np.zeros(3)
    with pytest.raises(
        DataError, match=r"holds no scores that are known: it has weights/kernel. ChromBPNet writes raw/seq"
    ):
        open_scores("other.h5")


def test_datasets_that_disagree(windows):
    write(windows)
    with h5py.File("contribs.h5", "r+") as file:
        del file["raw/seq"]
        file["raw/seq"] = windows.one_hot[:2]
    with pytest.raises(DataError, match=r"'shap/seq' .* 3 windows of 40 bases, but Dataset 'raw/seq' .* 2 of 40"):
        open_scores("contribs.h5")


def test_wrong_values(windows):
    write(windows)
    with h5py.File("contribs.h5", "r+") as file:
        file["shap/seq"][2, 1, 30] = np.nan
    with pytest.raises(DataError, match=r"'shap/seq' .* NaN .* in window 'window2', first at position 30"):
        read_all("contribs.h5")
    write(windows)
    with h5py.File("contribs.h5", "r+") as file:
        file["raw/seq"][0, :, 3] = 1
    with pytest.raises(DataError, match=r"'raw/seq' .* is not one-hot in window 'window0'. Column 3"):
        read_all("contribs.h5")


def test_a_file_that_is_cut_short(windows):
    write(windows)
    whole = Path("contribs.h5").read_bytes()
    Path("contribs.h5").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"cannot be opened as HDF5 \(it is cut short: its end is missing\)"):
        open_scores("contribs.h5")


def test_damage_inside(windows):
    write(windows, compression="gzip", chunks=(1, 4, 40))
    whole = bytearray(Path("contribs.h5").read_bytes())
    with h5py.File("contribs.h5") as file:
        chunk = file["shap/seq"].id.get_chunk_info(1)
    whole[chunk.byte_offset : chunk.byte_offset + 30] = b"\xff" * 30
    Path("contribs.h5").write_bytes(bytes(whole))
    with pytest.raises(DataError, match=r"Window 1 of dataset 'shap/seq' .* the file is damaged"):
        read_all("contribs.h5")
