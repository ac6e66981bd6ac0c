"""Hypothetical scores are projected, projected ones stay, and what was said of them is held against them."""

from __future__ import annotations

import numpy as np
import pytest

from decima_core import DataError, open_scores


def write(windows, scores) -> str:
    np.savez("both.npz", one_hot=windows.one_hot, attributions=scores)
    return "both.npz"


def values(**given) -> tuple[np.ndarray, object]:
    with open_scores("both.npz", **given) as scores:
        read = np.stack([scores.read(name)[1].values for name in scores.names])
        return read, scores


def test_hypothetical_scores_are_projected_and_told(windows):
    write(windows, windows.scores)
    for said in ({}, {"values": "hypothetical"}):
        read, scores = values(**said)
        np.testing.assert_array_equal(read, windows.projected())
        assert scores.told() == (
            "Scores for bases that the sequence does not have in 3 of 3 windows: hypothetical, and projected on the sequences."
        )
        assert (scores.found.windows, scores.found.hypothetical) == (3, 3)


def test_scores_said_to_be_hypothetical_are_kept_beside(windows):
    write(windows, windows.scores)
    for said, kept in (("auto", False), ("hypothetical", True)):
        with open_scores("both.npz", values=said) as scores:
            found = scores.read("window1")[1].hypothetical
        assert (found is not None) == kept
        if found is not None:
            np.testing.assert_array_equal(found, windows.scores[1])


def test_projected_scores_stay(windows):
    write(windows, windows.projected())
    for said in ({}, {"values": "projected"}):
        read, scores = values(**said)
        np.testing.assert_array_equal(read, windows.projected())
        assert scores.told() == "The scores lie on the bases of the sequences alone: projected."


def test_what_is_said_must_be_so(windows):
    write(windows, windows.scores)
    with pytest.raises(
        DataError, match=r"Window 'window0' has scores on bases that its sequence does not have, so they are not"
    ):
        values(values="projected")
    write(windows, windows.projected())
    with pytest.raises(
        DataError, match=r"Window 'window0' has scores on the bases of its sequence alone, so they are not hyp"
    ):
        values(values="hypothetical")


def test_a_window_without_scores_is_both(windows):
    write(windows, 0 * windows.scores)
    assert not values(values="hypothetical")[0].any()
    assert not values(values="projected")[0].any()


def test_as_is_leaves_them(windows):
    write(windows, windows.scores)
    read, scores = values(values="as-is")
    np.testing.assert_array_equal(read, windows.scores)
    assert "left as they are" in scores.told()


def test_what_the_user_says_of_them_is_kept(windows):
    write(windows, windows.scores)
    with open_scores("both.npz", model="GATA2 net", method="deep-lift", target="log counts") as scores:
        assert (scores.facts.model, scores.facts.method, scores.facts.target) == (
            "GATA2 net",
            "deep-lift",
            "log counts",
        )
        attribution = scores.read("window0")[1]
        assert (attribution.method, attribution.target) == ("deep-lift", "log counts")
