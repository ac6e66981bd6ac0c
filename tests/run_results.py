"""Whether two folders hold the same results."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

TABLES = ("peaks.tsv", "peaks.bed", "hits.tsv", "hits.bed", "failures.tsv")


def assert_same_results(one: Path, other: Path) -> None:
    """Tables byte for byte, arrays value for value."""
    for name in TABLES:
        assert (one / name).exists() == (other / name).exists(), name
        if (one / name).exists():
            assert (one / name).read_bytes() == (other / name).read_bytes(), name
    with h5py.File(one / "attributions.h5") as ours, h5py.File(other / "attributions.h5") as theirs:
        assert set(ours) == set(theirs)
        assert dict(ours.attrs) == dict(theirs.attrs)
        for name in ours:
            assert ours[name].dtype == theirs[name].dtype, name
            assert ours[name].chunks == theirs[name].chunks, name
            np.testing.assert_array_equal(ours[name][:], theirs[name][:], err_msg=name)
