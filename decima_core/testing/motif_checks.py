"""What every motif scanner promises; checked with its own motifs, planted in random DNA."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from decima_core.providers import MotifScanner, SiteScorer
from decima_core.records import Attribution, GeneRecord, Motif, MotifHits, Peaks
from decima_core.sequence import N_CODE, Codes, decode, reverse_complement
from decima_core.testing.results import CheckSkippedError, require, require_ability
from decima_core.testing.samples import attribution, random_codes, record
from decima_core.testing.subject import Subject

MOST = 8  # motifs planted
FLANK = 9


def consensus(motif: Motif) -> Codes:
    """The best base of each column, ``(W,)``."""
    return np.asarray(motif.ppm.argmax(axis=0), dtype=np.int8)


def information(motif: Motif) -> float:
    """Bits against a uniform background: sum over the columns of 2 + sum of p log2 p."""
    p = np.clip(motif.ppm, 1e-9, 1)
    return float((2 + (p * np.log2(p)).sum(axis=0)).sum())


def _planted(scanner: MotifScanner) -> list[Motif]:
    """The motifs that say most, of different widths where there are."""
    ranked = sorted(scanner.motifs, key=lambda m: (-information(m), m.id))
    step = max(1, len(ranked) // (2 * MOST))
    return ranked[: MOST * step : step]


def peaks_at(positions: npt.ArrayLike, length: int) -> Peaks:
    """Peaks of one height with these summits, ``FLANK`` bases to each side."""
    position = np.asarray(positions, dtype=np.int64)
    return Peaks(
        position=position,
        start=np.maximum(position - FLANK, 0),
        end=np.minimum(position + FLANK + 1, length),
        height=np.ones(len(position)),
        length=length,
    )


def _scan(subject: Subject, gene: GeneRecord, scores: Attribution, peaks: Peaks) -> MotifHits:
    hits = subject.provider.scan(gene, scores, peaks)
    require(
        isinstance(hits, MotifHits) and hits.length == len(gene),
        f"{subject.label} returned {type(hits).__name__}, not MotifHits whose length is that of the window ({len(gene)}).",
    )
    return hits  # type: ignore[no-any-return]


def _window(motif: Motif, start: int, length: int, forward: bool) -> tuple[GeneRecord, Attribution, Peaks]:
    """Random DNA with the motif's best site at ``start``, attribution on the site, and a peak in its middle."""
    codes = random_codes(length, seed=motif.width + start)
    site = consensus(motif)
    codes[start : start + motif.width] = site if forward else reverse_complement(site)
    track = np.zeros(length, np.float32)
    track[start : start + motif.width] = 1
    return record(codes), attribution(track, codes), peaks_at([start + motif.width // 2], length)


def _has(hits: MotifHits, motif: Motif, start: int, strand: str) -> bool:
    row = (hits.motif_id == motif.id) & (hits.start == start) & (hits.end == start + motif.width)
    return bool((row & (hits.strand == strand)).any())


def check_motifs_listed(subject: Subject) -> None:
    """``motifs`` is a sequence of Motif with an id each, unique."""
    motifs = list(subject.provider.motifs)
    require(motifs, f"{subject.label} has no motif; check it with options that name some.")
    require(all(isinstance(m, Motif) for m in motifs), f"motifs of {subject.label} must be Motif objects.")
    ids = [m.id for m in motifs]
    twice = sorted({i for i in ids if ids.count(i) > 1}) if len(set(ids)) < len(ids) else []
    require(not twice, f"{subject.label} has several motifs of the id {', '.join(twice[:4])}; ids tell motifs apart.")


def check_motif_found_where_planted(subject: Subject) -> None:
    """A motif's best site is reported at its exact place and strand."""
    for motif in _planted(subject.provider):
        for forward in (True, False):
            length = 200 + motif.width
            gene, scores, peaks = _window(motif, 90, length, forward)
            strand = "+" if forward else "-"
            require(
                _has(_scan(subject, gene, scores, peaks), motif, 90, strand),
                f"{subject.label} does not report motif {motif.id} at [90, {90 + motif.width}) on '{strand}', where its best site "
                f"({decode(consensus(motif))}) was planted under a peak; start and end count from 0 in the window on both "
                "strands, end is exclusive.",
            )


def check_motif_found_at_the_edges(subject: Subject) -> None:
    """Sites that begin with the window's first base, or end with its last, are found."""
    for motif in _planted(subject.provider):
        length = 120 + motif.width
        for start in (0, length - motif.width):
            for forward in (True, False):
                gene, scores, peaks = _window(motif, start, length, forward)
                require(
                    _has(_scan(subject, gene, scores, peaks), motif, start, "+" if forward else "-"),
                    f"{subject.label} misses motif {motif.id} at [{start}, {start + motif.width}) in a window of {length} bases; "
                    "scan up to both ends.",
                )


def check_motif_strands_mirror(subject: Subject) -> None:
    """The reverse complement of a window has the same hits, mirrored, with the same scores."""
    motifs = _planted(subject.provider)
    length = 60 * len(motifs) + 200
    codes = random_codes(length, 7)
    places = [60 + 60 * i for i in range(len(motifs))]
    for place, motif in zip(places, motifs, strict=True):
        site = consensus(motif)[:50]
        codes[place : place + len(site)] = site
    track = np.random.default_rng(0).normal(0, 1, length).astype(np.float32)
    peaks = peaks_at([p + 5 for p in places], length)
    flipped = reverse_complement(codes)
    scores = attribution(track, codes)
    mirrored = Attribution(gene="gene", values=scores.values[::-1, ::-1], method="sample")
    position = length - 1 - peaks.position
    back = peaks_at(position, length)
    here = _rows(_scan(subject, record(codes), scores, peaks))
    there = _rows(_scan(subject, record(flipped), mirrored, back), mirror=length)
    require(
        here.keys() == there.keys(),
        f"{subject.label} finds {len(here)} sites on a window and {len(there)} on its reverse complement, "
        f"{len(here.keys() ^ there.keys())} of them not the same, e.g. {sorted(here.keys() ^ there.keys())[:2]}; mirror "
        "start and end, and flip the strand.",
    )
    for key, values in here.items():
        require(
            np.allclose(values, there[key], rtol=1e-4, atol=1e-5),
            f"{subject.label} scores the site {key} otherwise on the reverse complement: {values} and {there[key]}.",
        )


def check_motif_tolerates_n(subject: Subject) -> None:
    """Unknown bases do no harm, and no site lies on them alone."""
    motif = _planted(subject.provider)[0]
    gene, scores, peaks = _window(motif, 90, 200 + motif.width, True)
    codes = np.array(gene.codes)
    codes[20:80] = N_CODE
    summits = peaks_at([*range(25, 80, 10), int(peaks.position[0])], len(codes))
    hits = _scan(subject, record(codes), attribution(scores.track(), codes), summits)
    require(
        _has(hits, motif, 90, "+"), f"{subject.label} loses motif {motif.id} when there are N elsewhere in the window."
    )
    within = (hits.start >= 20) & (hits.end <= 80)
    require(
        not within.any(),
        f"{subject.label} reports {int(within.sum())} sites that consist of N alone, e.g. {list(hits.motif_id[within][:3])}; "
        "N matches nothing.",
    )


def check_motif_without_peaks(subject: Subject) -> None:
    """A window without peaks gives an empty table, or hits whose peak is -1; never an error."""
    codes = random_codes(300)
    hits = _scan(subject, record(codes), attribution(np.zeros(300), codes), Peaks.empty(300))
    require(
        bool((hits.peak == -1).all()),
        f"{subject.label} assigns hits to peak {hits.peak.max() if len(hits) else 0} where there is no peak.",
    )


def check_motif_peaks_are_meant(subject: Subject) -> None:
    """``peak`` numbers the peaks as given, from 0; a site is that of a peak beside it; rows go by peak, then p-value."""
    motif = _planted(subject.provider)[0]
    gene, scores, middle = _window(motif, 150, 300 + motif.width, True)
    peaks = peaks_at([30, int(middle.position[0]), 270], len(gene))
    hits = _scan(subject, gene, scores, peaks)
    site = (hits.motif_id == motif.id) & (hits.start == 150) & (hits.strand == "+")
    require(
        1 in hits.peak[site].tolist(),
        f"{subject.label} gives the site of motif {motif.id} under the second of three peaks the peak "
        f"{hits.peak[site].tolist()}, not 1; peak is the index into Peaks, counted from 0.",
    )
    _, _, peaks, hits = _random_scan(subject, 2_000, 40)
    require(
        not len(hits) or int(hits.peak.max()) < len(peaks),
        f"{subject.label} names peak {hits.peak.max() if len(hits) else 0}; there are {len(peaks)}.",
    )
    under = hits.peak >= 0
    position = peaks.position[hits.peak[under]]
    near = (hits.start[under] <= position + 50) & (hits.end[under] > position - 50)
    require(bool(near.all()), f"{subject.label} assigns sites to peaks more than 50 bases away.")
    order = np.where(hits.peak < 0, len(peaks), hits.peak)
    rows = list(zip(order.tolist(), hits.p_value.tolist(), strict=True))
    require(rows == sorted(rows), f"Hits of {subject.label} are not ordered by peak (-1 last), then p-value.")


def check_motif_attr_scores(subject: Subject) -> None:
    """site_attr_score and motif_attr_score are the means over the site that MotifHits documents."""
    gene, scores, _, hits = _random_scan(subject, 2_000, 40)
    del gene
    if not len(hits):
        raise CheckSkippedError("It found no site in random DNA.")
    matrices = {m.id: m.ppm for m in subject.provider.motifs}
    for i in range(0, len(hits), max(1, len(hits) // 50)):
        at = slice(int(hits.start[i]), int(hits.end[i]))
        values = scores.values[:, at].astype(np.float64)
        ppm = matrices[hits.motif_id[i]]
        ppm = ppm if hits.strand[i] == "+" else ppm[::-1, ::-1]
        require(
            np.isclose(hits.site_attr_score[i], values.sum() / values.shape[1], rtol=1e-3, atol=1e-5),
            f"site_attr_score of {subject.label} is not the mean over the site of the attribution summed over bases.",
        )
        require(
            np.isclose(hits.motif_attr_score[i], (values * ppm).sum() / values.shape[1], rtol=1e-3, atol=1e-5),
            f"motif_attr_score of {subject.label} is not the mean over the site of attribution x PPM summed over bases "
            f"(motif {hits.motif_id[i]} on '{hits.strand[i]}'; the PPM is reverse-complemented on '-').",
        )


def check_motif_p_values_calibrated(subject: Subject) -> None:
    """On random DNA, sites with p <= t are as frequent as t says; q-values are not below p-values."""
    motifs = len(subject.provider.motifs)
    length = int(np.clip(4_000_000 // motifs, 3_000, 40_000))
    # Summits so close that every site covers one.
    _, _, _, hits = _random_scan(subject, length, 3)
    require(
        bool((hits.q_value >= hits.p_value * (1 - 1e-9)).all()),
        f"{subject.label} has q-values below p-values; q is p corrected for the number of tests, never smaller.",
    )
    if not len(hits):
        raise CheckSkippedError("It found no site in random DNA.")
    sites = {
        (m, s, d): p for m, s, d, p in zip(hits.motif_id, hits.start.tolist(), hits.strand, hits.p_value, strict=True)
    }
    p = np.array(list(sites.values()))
    for threshold in (float(p.max()), float(p.max()) / 10):
        expected = 2 * motifs * length * threshold
        found = int((p <= threshold).sum())
        limit = 1.2 * expected + 6 * np.sqrt(expected) + 10
        require(
            found <= limit,
            f"{subject.label} reports {found:,} sites with p <= {threshold:.3g} in {length:,} random bases, where "
            f"{expected:,.0f} of {motifs:,} motifs on both strands are to be expected; its p-values are too small.",
        )


def check_motif_deterministic(subject: Subject) -> None:
    """The same window gives the same hits, and nothing given is changed."""
    codes = random_codes(1_000, 5)
    gene, scores = record(codes), attribution(np.ones(1_000), codes)
    peaks = peaks_at(range(50, 950, 50), 1_000)
    kept = gene.codes.copy(), scores.values.copy(), peaks.position.copy()
    first, second = (_rows(_scan(subject, gene, scores, peaks)) for _ in range(2))
    require(first == second, f"{subject.label} finds other sites in the same window at the second call.")
    now = gene.codes, scores.values, peaks.position
    unchanged = [np.array_equal(a, b) for a, b in zip(now, kept, strict=True)]  # type: ignore[arg-type]
    require(all(unchanged), f"{subject.label} changes what it is given.")


def check_motif_scores_sites(subject: Subject) -> None:
    """``score_sites`` gives the sites that ``scan`` found the same score and p-value, and refuses none for being weak."""
    scanner = subject.provider
    require_ability(scanner, SiteScorer, "score_sites")
    gene, scores, _, hits = _random_scan(subject, 2_000, 40)
    ids, starts, strands = hits.motif_id.tolist(), hits.start.tolist(), hits.strand.tolist()
    again = scanner.score_sites(gene, scores, ids, starts, strands)
    require(
        len(again) == len(hits)
        and np.allclose(again.score, hits.score, atol=1e-6)
        and np.allclose(again.p_value, hits.p_value, rtol=1e-6),
        f"score_sites of {subject.label} gives sites other scores or p-values than scan does.",
    )
    motif = scanner.motifs[0]
    weak = scanner.score_sites(gene, scores, [motif.id] * 20, list(range(20)), ["+", "-"] * 10)
    require(
        len(weak) == 20 and weak.start.tolist() == list(range(20)),
        f"score_sites of {subject.label} must return one row for each place asked for, in that order.",
    )


CHECKS = (
    check_motifs_listed,
    check_motif_found_where_planted,
    check_motif_found_at_the_edges,
    check_motif_strands_mirror,
    check_motif_tolerates_n,
    check_motif_without_peaks,
    check_motif_peaks_are_meant,
    check_motif_attr_scores,
    check_motif_p_values_calibrated,
    check_motif_deterministic,
    check_motif_scores_sites,
)


def _random_scan(subject: Subject, length: int, spacing: int) -> tuple[GeneRecord, Attribution, Peaks, MotifHits]:
    """Random DNA with random attribution and a summit every ``spacing`` bases, scanned."""
    codes = random_codes(length, 11)
    values = np.random.default_rng(3).normal(0, 1, (4, length)).astype(np.float32)
    gene, scores = record(codes), Attribution(gene="gene", values=values, method="sample")
    peaks = peaks_at(range(spacing // 2, length, spacing), length)
    return gene, scores, peaks, _scan(subject, gene, scores, peaks)


def _rows(hits: MotifHits, mirror: int | None = None) -> dict[tuple[object, ...], tuple[float, ...]]:
    """Score, p-value and attribution scores by peak, motif, place and strand; mirrored where a window length is given."""
    rows: dict[tuple[object, ...], tuple[float, ...]] = {}
    for i in range(len(hits)):
        start, end, strand = int(hits.start[i]), int(hits.end[i]), str(hits.strand[i])
        if mirror is not None:
            start, end, strand = mirror - end, mirror - start, "+" if strand == "-" else "-"
        key = (int(hits.peak[i]), str(hits.motif_id[i]), start, end, strand)
        rows[key] = tuple(
            float(column[i]) for column in (hits.score, hits.p_value, hits.site_attr_score, hits.motif_attr_score)
        )
    return rows
