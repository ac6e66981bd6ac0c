"""What every peak caller promises; checked on tracks whose peaks are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from decima_core.errors import DecimaError
from decima_core.records import Attribution, Peaks
from decima_core.testing.results import CheckFailedError, require
from decima_core.testing.samples import attribution, bumps, random_codes
from decima_core.testing.subject import Subject

LENGTH = 2_000
CENTRES = (400, 1_000, 1_500)
HEIGHTS = (1.0, 1.3, 0.9)


def _call(subject: Subject, track: npt.NDArray[np.floating[Any]], caller: Any = None) -> Peaks:
    found = (subject.provider if caller is None else caller).call(attribution(track))
    require(
        isinstance(found, Peaks) and found.length == len(track),
        f"{subject.label} returned {type(found).__name__}, not Peaks whose length is that of the window ({len(track)}).",
    )
    return found  # type: ignore[no-any-return]


def _overlapped(peaks: Peaks, centre: int, slack: int = 8) -> bool:
    return bool(((peaks.start < centre + slack) & (peaks.end > centre - slack)).any())


def _missed(peaks: Peaks, centres: tuple[int, ...]) -> list[int]:
    return [centre for centre in centres if not _overlapped(peaks, centre)]


def check_peaks_found(subject: Subject) -> None:
    """Three clear bumps on faint noise are found where they are."""
    peaks = _call(subject, bumps(LENGTH, CENTRES, HEIGHTS))
    missed = _missed(peaks, CENTRES)
    require(
        not missed,
        f"{subject.label} misses the bumps at {missed}, which stand 45 times above the noise; found: "
        f"{peaks.position.tolist()[:10]}.",
    )


def check_peaks_heights(subject: Subject) -> None:
    """A peak's height is the attribution summed over the bases at its summit, with its sign."""
    track = bumps(LENGTH, CENTRES, (1.0, -1.3, 0.9))
    peaks = _call(subject, track)
    expected = attribution(track).track()[peaks.position]
    require(
        np.allclose(peaks.height, expected, rtol=1e-4, atol=1e-6),
        f"Heights of {subject.label} are not the track at the summits; set height=attribution.track()[position].",
    )


def check_peaks_signs(subject: Subject) -> None:
    """Turned upside down, a track does not give the same peaks as it does upright; each summit is an extreme of its extent."""
    track = bumps(LENGTH, CENTRES, HEIGHTS)
    up, down = _call(subject, track), _call(subject, -track)
    for peaks, sign in ((up, 1), (down, -1)):
        wrong = [int(p) for p, h in zip(peaks.position, peaks.height, strict=True) if h * sign < -0.5]
        require(
            not wrong,
            f"{subject.label} gives peaks at {wrong[:4]} the wrong sign; heights are positive where the bases raise the target.",
        )
    strong = [h for h in down.height if abs(h) > 0.5 and h > 0]
    require(
        not strong,
        f"{subject.label} gives positive heights on a track that only dips; keep the sign of the attribution.",
    )


def check_peaks_flat(subject: Subject) -> None:
    """A flat track has no peak, be it zero or not; neither has one of a single base."""
    for value in (0.0, 1.0, -2.5):
        for length in (LENGTH, 5, 1):
            peaks = _call(subject, np.full(length, value, np.float32))
            require(
                len(peaks) == 0,
                f"{subject.label} calls {len(peaks)} peaks on {length} bases of {value:g} each; return Peaks.empty(length) where "
                "nothing stands out.",
            )


def check_peaks_edges(subject: Subject) -> None:
    """A bump at either end of the window is found, and its extent is cut at the window's edge."""
    track = bumps(LENGTH, (1, LENGTH - 2, 1_000), (1.2, 1.1, 1.0))
    peaks = _call(subject, track)
    missed = _missed(peaks, (1, LENGTH - 2))
    require(
        not missed,
        f"{subject.label} misses the bumps at {missed}, at the very end of the window; treat what lies outside as low.",
    )


def check_peaks_move_with_the_track(subject: Subject) -> None:
    """A track moved by 37 bases gives the same peaks, 37 bases on."""
    track, by = bumps(LENGTH, CENTRES, HEIGHTS), 37
    here, there = _call(subject, track), _call(subject, np.roll(track, by))

    def inner(peaks: Peaks, offset: int) -> set[tuple[int, int, int]]:
        rows = zip(peaks.position.tolist(), peaks.start.tolist(), peaks.end.tolist(), strict=True)
        return {(p - offset, s - offset, e - offset) for p, s, e in rows if 100 <= p - offset < LENGTH - 100 - by}

    require(
        inner(here, 0) == inner(there, by),
        f"{subject.label} calls other peaks when the track is moved by {by} bases: {sorted(inner(here, 0))[:4]} became "
        f"{sorted(inner(there, by))[:4]} (moved back); do not let the place in the window matter.",
    )


def check_peaks_survive_an_outlier(subject: Subject) -> None:
    """One base a thousand times higher than all others does not hide the other peaks."""
    track = bumps(LENGTH, CENTRES, HEIGHTS)
    track[1_800] = 1_000
    missed = _missed(_call(subject, track), CENTRES)
    require(
        not missed,
        f"{subject.label} misses the bumps at {missed} as soon as one far base is a thousand times higher; measure the "
        "background by ranks (median, MAD), not by mean, standard deviation or maximum.",
    )


def check_peaks_overflow(subject: Subject) -> None:
    """Attributions whose sum over the bases overflows are refused in a sentence, or called with finite heights."""
    values = np.zeros((4, LENGTH), np.float32)
    values[:, 700] = 3e38
    huge = Attribution(gene="gene", values=values, method="sample")
    try:
        with np.errstate(all="ignore"):
            found = subject.provider.call(huge)
    except DecimaError:
        return
    except Exception as error:
        raise CheckFailedError(
            f"{subject.label} raised {type(error).__name__} where the sum over the bases overflows; raise PeakError with a "
            "sentence for the user."
        ) from error
    require(isinstance(found, Peaks), f"{subject.label} returned {type(found).__name__}, not Peaks.")


def check_peaks_deterministic(subject: Subject) -> None:
    """The same attribution gives the same peaks, from one caller or two, and is not changed."""
    track = bumps(LENGTH, CENTRES, HEIGHTS)
    given = attribution(track)
    kept = given.values.copy()
    caller = subject.create()
    first, second, other = caller.call(given), caller.call(given), subject.create().call(given)
    for again in (second, other):
        require(
            all(np.array_equal(getattr(first, c), getattr(again, c)) for c in ("position", "start", "end", "height")),
            f"{subject.label} calls other peaks on the same attribution at the second call; seed what is drawn at random.",
        )
    require(np.array_equal(given.values, kept), f"{subject.label} changes the attribution it is given.")


def check_peaks_do_not_need_the_gene(subject: Subject) -> None:
    """Peaks depend on the attribution alone, not on the bases under it or the gene's name."""
    track = bumps(LENGTH, CENTRES, HEIGHTS)
    one = subject.provider.call(attribution(track, random_codes(LENGTH, 1), "A"))
    two = subject.provider.call(attribution(track, random_codes(LENGTH, 2), "B"))
    require(
        np.array_equal(one.position, two.position) and np.array_equal(one.start, two.start),
        f"{subject.label} calls other peaks when the bases are others but the track is the same; use attribution.track().",
    )


CHECKS = (
    check_peaks_found,
    check_peaks_heights,
    check_peaks_signs,
    check_peaks_flat,
    check_peaks_edges,
    check_peaks_move_with_the_track,
    check_peaks_survive_an_outlier,
    check_peaks_overflow,
    check_peaks_deterministic,
    check_peaks_do_not_need_the_gene,
)
