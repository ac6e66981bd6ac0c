"""Codes, one-hot and reverse complement: properties, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from decima_core import DataError
from decima_core.sequence import BASES, N_CODE, decode, encode, from_one_hot, one_hot, reverse_complement

CODES = hnp.arrays(np.int8, st.integers(0, 60), elements=st.integers(0, 4))
DNA = st.text("ACGTN", max_size=60)


@given(DNA)
def test_decode_undoes_encode(text: str) -> None:
    assert decode(encode(text)) == text


@given(CODES)
def test_encode_undoes_decode(codes: np.ndarray) -> None:
    back = encode(decode(codes))
    assert back.dtype == np.int8
    np.testing.assert_array_equal(back, codes)


@given(CODES)
def test_from_one_hot_undoes_one_hot(codes: np.ndarray) -> None:
    hot = one_hot(codes)
    assert hot.dtype == np.float32
    assert hot.shape == (4, len(codes))
    np.testing.assert_array_equal(hot.sum(0), codes != N_CODE)
    np.testing.assert_array_equal(from_one_hot(hot), codes)
    with_mask = np.vstack([hot, np.full(len(codes), 0.7, np.float32)])
    np.testing.assert_array_equal(from_one_hot(with_mask), codes)


@given(CODES, CODES)
def test_reverse_complement(left: np.ndarray, right: np.ndarray) -> None:
    np.testing.assert_array_equal(reverse_complement(reverse_complement(left)), left)
    joined = reverse_complement(np.concatenate([left, right]))
    np.testing.assert_array_equal(joined, np.concatenate([reverse_complement(right), reverse_complement(left)]))
    # in one-hot it is a half turn, because A, C, G, T pairs with itself reversed
    np.testing.assert_array_equal(one_hot(reverse_complement(left)), one_hot(left)[::-1, ::-1])


@given(CODES)
def test_inputs_are_left_as_found(codes: np.ndarray) -> None:
    before = codes.copy()
    codes.flags.writeable = False
    hot = one_hot(codes)
    hot.flags.writeable = False
    reverse_complement(codes)
    from_one_hot(hot)
    decode(codes)
    np.testing.assert_array_equal(codes, before)


def test_known_values() -> None:
    assert BASES == "ACGT"
    assert encode("ACGTN").tolist() == [0, 1, 2, 3, 4]
    assert encode("acgtu").tolist() == [0, 1, 2, 3, 3]
    assert decode(reverse_complement(encode("AACGTN"))) == "NACGTT"
    assert one_hot(encode("GN")).tolist() == [[0, 0], [0, 0], [1, 0], [0, 0]]


@given(st.text("RYSWKMBDHVryswkmbdhvNn", max_size=20))
def test_ambiguity_codes_are_unknown(text: str) -> None:
    assert (encode(text) == N_CODE).all()


@given(DNA)
def test_case_is_ignored(text: str) -> None:
    np.testing.assert_array_equal(encode(text.lower()), encode(text))


@given(DNA, st.characters(blacklist_characters="ACGTUNRYSWKMBDHVacgtunryswkmbdhv", blacklist_categories=["Cs"]), DNA)
def test_other_characters_are_refused_with_their_position(left: str, bad: str, right: str) -> None:
    with pytest.raises(DataError) as caught:
        encode(left + bad + right)
    assert str(caught.value) == f"The sequence has {bad!r} at position {len(left)}, which is not a nucleotide letter."


@pytest.mark.parametrize("shape", [(3, 5), (4,), (1, 4, 5), (0, 0)])
def test_one_hot_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"has shape \(4, length\); this one has shape"):
        from_one_hot(np.zeros(shape))


@pytest.mark.parametrize("column", [[1, 1, 0, 0], [0.5, 0.5, 0, 0], [-1, 0, 0, 0], [np.nan, 0, 0, 0], [1, 0, 0, 0.1]])
def test_columns_that_are_not_one_hot_are_refused(column: list[float]) -> None:
    array = one_hot(encode("ACGT"))
    array[:, 2] = column
    with pytest.raises(DataError, match="Column 2 of the sequence is neither one-hot nor zero"):
        from_one_hot(array)
