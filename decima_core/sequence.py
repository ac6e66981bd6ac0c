"""DNA as numbers: base codes, one-hot, reverse complement.

Base order is A, C, G, T everywhere; codes are 0, 1, 2, 3, and 4 is N (any base that is not one of the four).
One-hot is channel-first, ``(4, L)``, and N is a column of zeros. Nothing here changes its input.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from decima_core.errors import DataError

BASES = "ACGT"
N_CODE = 4

_LETTERS = np.frombuffer(b"ACGTN", dtype=np.uint8)

# _NONE marks what is no nucleotide letter at all; IUPAC ambiguity codes are honest unknowns and become N.
_NONE = 255
_CODE_OF_BYTE = bytearray([_NONE]) * 256
for _letter in b"NRYSWKMBDHVnryswkmbdhv":
    _CODE_OF_BYTE[_letter] = N_CODE
for _code, _pair in enumerate((b"Aa", b"Cc", b"Gg", b"TtUu")):
    for _letter in _pair:
        _CODE_OF_BYTE[_letter] = _code

Codes = npt.NDArray[np.int8]


def encode(sequence: str) -> Codes:
    """Codes ``(L,)`` int8 of a DNA string; case is ignored, U counts as T, IUPAC ambiguity letters become N.

    Raises
    ------
    DataError
        At the first character that is no nucleotide letter, naming it and its 0-based position.
    """
    codes = bytearray(sequence, "ascii", "replace").translate(_CODE_OF_BYTE)
    at = codes.find(_NONE)
    if at >= 0:
        raise DataError(f"The sequence has {sequence[at]!r} at position {at}, which is not a nucleotide letter.")
    return np.frombuffer(codes, dtype=np.int8)


def decode(codes: Codes) -> str:
    """The DNA string (A, C, G, T, N) of codes ``(L,)``."""
    return _LETTERS[np.asarray(codes)].tobytes().decode("ascii")


def one_hot(codes: Codes, out: npt.NDArray[np.float32] | None = None) -> npt.NDArray[np.float32]:
    """One-hot ``(4, L)`` float32 of codes ``(L,)``, written into ``out`` if given; N is a column of zeros."""
    codes = np.asarray(codes)
    if out is None:
        out = np.empty((4, codes.shape[-1]), dtype=np.float32)
    for base in range(4):
        np.equal(codes, base, out=out[base], casting="unsafe")
    return out


def from_one_hot(array: npt.ArrayLike) -> Codes:
    """Codes ``(L,)`` of a one-hot ``(4, L)`` (extra channels such as a gene mask are ignored); zero columns become N.

    Raises
    ------
    DataError
        If the array has fewer than 4 rows, or a column that is neither one-hot nor zero.
    """
    x = np.asarray(array)
    if x.ndim != 2 or x.shape[0] < 4:
        raise DataError(f"A one-hot sequence has shape (4, length); this one has shape {x.shape}.")
    bases = x[:4]
    is_one = bases == 1
    count = is_one.sum(0)
    bad = np.flatnonzero((count > 1) | ((bases != 0) & ~is_one).any(0))
    if bad.size:
        at = int(bad[0])
        raise DataError(f"Column {at} of the sequence is neither one-hot nor zero: {bases[:, at].tolist()}.")
    return np.where(count == 1, is_one.argmax(0), N_CODE).astype(np.int8)


def reverse_complement(codes: Codes) -> Codes:
    """Codes ``(L,)`` of the other strand, read 5' to 3'; N stays N."""
    # 3 - code for the four bases, and 4 for N: twice as fast as a look-up.
    flipped: Codes = np.minimum(np.asarray(codes)[::-1] ^ 3, 4).astype(np.int8, copy=False)
    return flipped
