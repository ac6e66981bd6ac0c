"""TF-MoDISco's patterns as motifs."""

from __future__ import annotations

from pathlib import Path

import attrs
import h5py
import numpy as np
import numpy.typing as npt

from decima_core.errors import MotifError, first_line
from decima_core.records import Motif

GROUPS = ("pos_patterns", "neg_patterns")
# The letter of a set of bases, A, C, G, T as bits from the left.
_LETTERS = {"1000": "A", "0100": "C", "0010": "G", "0001": "T", "1100": "M", "1010": "R", "1001": "W", "0110": "S"}
_LETTERS |= {"0101": "Y", "0011": "K"}


@attrs.frozen(kw_only=True, eq=False)
class Pattern:
    """A pattern, its ends cut off.

    ``motif`` has the frequencies of the bases in its seqlets and the id ``pos_patterns.pattern_0``; its name is the
    consensus. ``contributions`` ``(4, W)`` is their mean contribution, ``seqlets`` their number. Those of ``neg_patterns``
    lower the target.
    """

    motif: Motif
    contributions: npt.NDArray[np.float64]
    seqlets: int


def read_modisco_patterns(path: str | Path, *, trim: float = 0.3) -> tuple[Pattern, ...]:
    """The patterns of a result of TF-MoDISco (version 2 or later), those that raise the target first.

    A pattern is cut to the positions from the first to the last at which the absolute contributions, summed over the bases,
    are at least ``trim`` of their maximum, as TF-MoDISco's own report does before it looks a pattern up.

    Raises
    ------
    MotifError
        If the file cannot be read, is no such result, or holds no pattern.
    """
    if not Path(path).is_file():
        raise MotifError(f"The patterns '{path}' cannot be read: there is no such file; give a result of TF-MoDISco.")
    try:
        with h5py.File(path, "r") as file:
            if not any(group in file for group in GROUPS) and "window_size" not in file.attrs:
                raise MotifError(
                    f"'{path}' is not a result of TF-MoDISco, which has groups such as pos_patterns; one of a version before 2 "
                    "is brought up to date by: modisco convert"
                )
            found = [
                _pattern(f"{group}.{name}", file[group][name], trim)
                for group in GROUPS
                if group in file
                for name in sorted(file[group], key=lambda name: int(name.rpartition("_")[2]))
            ]
    except (OSError, KeyError, ValueError) as error:
        raise MotifError(f"The patterns '{path}' cannot be read ({first_line(error)}); run TF-MoDISco again.") from None
    if not found:
        raise MotifError(
            f"TF-MoDISco found no pattern in '{path}': it needs more than 100 seqlets that raise the target, or as many that "
            "lower it, and at least 20 that are alike; give it more genes or peaks."
        )
    return tuple(found)


def _pattern(name: str, group: h5py.Group, trim: float) -> Pattern:
    frequencies, contributions = (np.asarray(group[key], dtype=np.float64) for key in ("sequence", "contrib_scores"))
    score = np.abs(contributions).sum(axis=1)
    kept = np.flatnonzero(score >= trim * score.max())
    inside = slice(kept[0], kept[-1] + 1)
    ppm = _normalised(frequencies[inside]).T
    return Pattern(
        motif=Motif(id=name, name=consensus(ppm), ppm=ppm),
        contributions=contributions[inside].T,
        seqlets=int(np.asarray(group["seqlets"]["n_seqlets"]).ravel()[0]),
    )


def _normalised(frequencies: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Rows that sum to 1: where some seqlets have N they sum to less, and where all have, nothing is known."""
    total = frequencies.sum(axis=1, keepdims=True)
    return np.where(total > 0, frequencies / np.where(total > 0, total, 1), 0.25)


def consensus(ppm: npt.NDArray[np.float64]) -> str:
    """The consensus of a PPM ``(4, W)`` by the rule of Cavener (1987, Nucleic Acids Res. 15:1353).

    A base, where it is more frequent than 1/2 and than twice the second; two bases, where they are so by 3/4 together; else N.
    """
    letters = []
    for column in ppm.T:
        first, second, *_ = np.argsort(-column, kind="stable")
        if column[first] > 0.5 and column[first] > 2 * column[second]:
            chosen = {int(first)}
        elif column[first] + column[second] > 0.75:
            chosen = {int(first), int(second)}
        else:
            chosen = set()
        letters.append(_LETTERS.get("".join("1" if base in chosen else "0" for base in range(4)), "N"))
    return "".join(letters)
