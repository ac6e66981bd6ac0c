"""How attributions lie in a file: nothing is lost where nothing may be, and half precision is as good as it says."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from decima_core.attribution_layout import StoredAttributions, project, spread, to_half
from decima_core.errors import OutputError

CODES = np.array([0, 3, 4, 2, 1, 1], np.int8)
TRACK = np.array([0.5, -2.0, 0.0, 3.0, -0.0, 1e-30], np.float32)


def test_the_value_of_the_base_that_is_there():
    values = spread(TRACK, CODES)
    assert values.shape == (4, 6)
    assert values[3, 1] == -2.0
    assert np.count_nonzero(values) == 4
    np.testing.assert_array_equal(project(values, CODES, "SPI1"), TRACK)


@pytest.mark.parametrize(("base", "position"), [(1, 0), (0, 2)], ids=["another base", "an N"])
def test_a_value_that_would_be_lost_is_refused(base, position):
    values = spread(TRACK, CODES)
    values[base, position] = 1e-9
    with pytest.raises(OutputError, match=r"gene 'SPI1' does not have, .* --attributions full"):
        project(values, CODES, "SPI1")


@given(hnp.arrays(np.float32, 50, elements=st.floats(-(2.0**126), 2.0**126, width=32)))
def test_half_precision_is_as_good_as_it_says(values):
    halved, scale = to_half(values)
    assert np.isfinite(halved).all()
    assert np.float32(scale) == scale
    largest = np.abs(values).max()
    if largest < 2.0**-100:  # there float32 itself keeps fewer bits
        return
    back = halved.astype(np.float32) * np.float32(scale)
    allowed = np.maximum(np.abs(values.astype(np.float64)) / 2048, float(largest) * 2.0**-38)
    assert (np.abs(back.astype(np.float64) - values) <= allowed).all()


@pytest.mark.parametrize("layout", ["full", "projected", "float16"])
def test_a_file_is_read_in_whatever_layout_it_is(tmp_path: Path, layout):
    values = spread(TRACK, CODES)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["sequence"] = CODES[None]
        if layout == "full":
            file["attribution"] = values[None]
        elif layout == "projected":
            file["projected"] = TRACK[None]
        else:
            halved, scale = to_half(TRACK)
            file["projected"], file["projected_scale"] = halved[None], np.array([scale], np.float32)
    with h5py.File(tmp_path / "a.h5") as file:
        stored = StoredAttributions(file)
        np.testing.assert_allclose(stored.values(0), values, rtol=0 if layout != "float16" else 2**-11, atol=1e-11)
        np.testing.assert_allclose(
            stored.track(0), values.sum(0), rtol=0 if layout != "float16" else 2**-11, atol=1e-11
        )
        assert stored.track(0).dtype == np.float32
