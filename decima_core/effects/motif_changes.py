"""Which motifs a variant makes, breaks or changes, on both strands.

Both alleles' windows go through the same motif scanner, with a peak on every base of the variant, so that with the
scanner's ordinary settings the sites found are those that the variant touches. Where one allele has no base, there is a peak
on the base at either side too, in both alleles: a site beside the junction that is the same in both must be found in both. Sites of one motif and strand that lie at the same place of the common axis are one site before and after.
A site that only one allele has is scored at its place in the other too, where the scanner can do that
(:class:`~decima_core.providers.SiteScorer`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import numpy as np
import pandas as pd

from decima_core.arrays import Ints
from decima_core.errors import MotifError, guarded
from decima_core.naming import weight
from decima_core.pipeline import scan_motifs
from decima_core.providers import MotifScanner, SiteScorer
from decima_core.records import Attribution, GeneRecord, MotifHits, Peaks
from decima_core.sequence import decode, reverse_complement
from decima_core.variants.alignment import Alignment

CHANGE_COLUMNS = (
    "change",
    "motif_id",
    "motif_name",
    "strand",
    "support_change",
    "score_ref",
    "score_alt",
    "p_value_ref",
    "p_value_alt",
    "support_ref",
    "support_alt",
    "site_attr_score_ref",
    "site_attr_score_alt",
    "motif_attr_score_ref",
    "motif_attr_score_alt",
    "matched_seq_ref",
    "matched_seq_alt",
    "start_ref",
    "end_ref",
    "start_alt",
    "end_alt",
    "touches",
    "from_tss",
    "chrom",
    "genome_start",
    "genome_end",
    "genome_strand",
)

Bounds = tuple[int, int]
Site = tuple[str, str, int]  # motif id, strand, start


@attrs.frozen(kw_only=True, eq=False)
class Allele:
    """One allele's window with its attribution, hits and the bases of the variant."""

    record: GeneRecord
    attribution: Attribution
    bases: Bounds
    hits: MotifHits
    rows: dict[Site, int]

    @classmethod
    def scanned(
        cls, scanner: MotifScanner, record: GeneRecord, attribution: Attribution, bases: Bounds, beside: int
    ) -> Allele:
        hits = scan_motifs(scanner, record, attribution, _peaks(attribution, bases, beside))
        rows: dict[Site, int] = {}
        for i, site in enumerate(_sites(hits)):
            rows.setdefault(site, i)  # a site under two peaks has two rows
        return cls(record=record, attribution=attribution, bases=bases, hits=hits, rows=rows)


def motif_changes(
    scanner: MotifScanner,
    records: tuple[GeneRecord, GeneRecord],
    attributions: tuple[Attribution, Attribution],
    bases: tuple[Bounds, Bounds],
    alignment: Alignment,
) -> pd.DataFrame:
    """Motif sites that differ between a variant's alleles, those with the greatest change of support first.

    Parameters
    ----------
    scanner
        Its threshold decides what a site is.
    records, attributions, bases
        Of the reference and of the alternative window: ``bases`` are the half-open bounds of the allele in it.
    alignment
        The common axis.

    Returns
    -------
    DataFrame
        ``change`` is ``lost`` (a site of the reference alone), ``gained`` (of the alternative alone) or ``changed`` (of both,
        with another score or attribution). ``support`` is -log10 p times the attribution that follows the motif, as in the
        naming of peaks, and zero where there is no site; ``support_change`` is alternative minus reference. ``touches`` says
        whether the site holds a base of the variant. Positions count in each allele's window, ``from_tss`` in the
        reference's where there is one; genome columns span the reference bases of the site.

    Raises
    ------
    MotifError
        If the scanner fails.
    """
    beside = 1 if any(first == last for first, last in bases) else 0
    ref, alt = (Allele.scanned(scanner, *each, beside) for each in zip(records, attributions, bases, strict=True))
    across = alignment.ref_to_alt(len(ref.record)), alignment.alt_to_ref(len(alt.record))
    pairs = list(_pairs(ref, alt, across))
    before = _readings(scanner, ref, pairs, [(pair.ref, pair.guesses_ref) for pair in pairs])
    after = _readings(scanner, alt, pairs, [(pair.alt, pair.guesses_alt) for pair in pairs])
    table = pd.DataFrame(
        [_row(*each, ref, alt, across[1]) for each in zip(pairs, before, after, strict=True)],
        columns=list(CHANGE_COLUMNS),
    )
    unchanged = (
        (table["change"] == "changed") & (table["support_change"] == 0) & (table["score_ref"] == table["score_alt"])
    )
    table = table[~unchanged]
    table = table.iloc[np.lexsort((table["motif_id"].astype(str), -table["support_change"].abs()))].reset_index(
        drop=True
    )
    whole = ("start_ref", "end_ref", "start_alt", "end_alt", "from_tss", "genome_start", "genome_end")
    return table.astype(dict.fromkeys(whole, "Int64"))


def _peaks(attribution: Attribution, bases: Bounds, beside: int) -> Peaks:
    """A peak on each of the allele's bases, and on ``beside`` more at either side."""
    position = np.arange(max(0, bases[0] - beside), min(bases[1] + beside, len(attribution)))
    height = attribution.track()[position].astype(np.float64)
    order = np.argsort(-np.abs(height), kind="stable")
    position, height = position[order], height[order]
    return Peaks(position=position, start=position, end=position + 1, height=height, length=len(attribution))


def _sites(hits: MotifHits) -> Iterator[Site]:
    yield from zip(hits.motif_id.tolist(), hits.strand.tolist(), hits.start.tolist(), strict=True)


@attrs.frozen(kw_only=True)
class Pair:
    """One site in both alleles; None where it is no hit, with the places at which it would lie."""

    change: str
    motif_id: str
    motif_name: str
    strand: str
    width: int
    ref: int | None
    alt: int | None
    guesses_ref: tuple[int, ...] = ()
    guesses_alt: tuple[int, ...] = ()


def _pairs(ref: Allele, alt: Allele, across: tuple[Ints, Ints]) -> Iterator[Pair]:
    matched: set[Site] = set()
    for (motif, strand, start), i in ref.rows.items():
        width = int(ref.hits.end[i]) - start
        guesses = _counterparts(start, width, across[0], len(alt.record))
        there = next((g for g in guesses if (motif, strand, g) in alt.rows and (motif, strand, g) not in matched), None)
        if there is not None:
            matched.add((motif, strand, there))
        yield Pair(
            change="lost" if there is None else "changed",
            motif_id=motif,
            motif_name=ref.hits.motif_name[i],
            strand=strand,
            width=width,
            ref=start,
            alt=there,
            guesses_alt=guesses if there is None else (),
        )
    for (motif, strand, start), i in alt.rows.items():
        if (motif, strand, start) in matched:
            continue
        width = int(alt.hits.end[i]) - start
        yield Pair(
            change="gained",
            motif_id=motif,
            motif_name=alt.hits.motif_name[i],
            strand=strand,
            width=width,
            ref=None,
            alt=start,
            guesses_ref=_counterparts(start, width, across[1], len(ref.record)),
        )


def _counterparts(start: int, width: int, across: Ints, length: int) -> tuple[int, ...]:
    """Where a site would start in the other window: so that its first base stays where it is, or its last."""
    first, last = int(across[start]), int(across[start + width - 1])
    guesses = ((first,) if first >= 0 else ()) + ((last - width + 1,) if last >= 0 else ())
    return tuple(dict.fromkeys(g for g in guesses if 0 <= g <= length - width))


@attrs.frozen(kw_only=True)
class Reading:
    """What the scanner says of one site in one allele."""

    start: int
    score: float
    p_value: float
    support: float
    site_attr_score: float
    motif_attr_score: float


def _readings(
    scanner: MotifScanner, allele: Allele, pairs: Sequence[Pair], places: Sequence[tuple[int | None, tuple[int, ...]]]
) -> list[Reading | None]:
    """One for each pair: of its hit, else of the best of the guessed places; None where there is neither."""
    out: list[Reading | None] = [None] * len(pairs)
    hits = _each(allele.hits)
    asked: list[tuple[int, int]] = []
    for n, (pair, (start, guesses)) in enumerate(zip(pairs, places, strict=True)):
        if start is not None:
            out[n] = hits[allele.rows[pair.motif_id, pair.strand, start]]
        asked += [(n, guess) for guess in guesses]
    if not asked or not isinstance(scanner, SiteScorer):
        return out
    record, attribution = allele.record, allele.attribution
    ids, strands = ([getattr(pairs[n], name) for n, _ in asked] for name in ("motif_id", "strand"))
    scored = guarded(
        lambda: scanner.score_sites(record, attribution, ids, [guess for _, guess in asked], strands),
        MotifError,
        f"Scoring motif sites of gene '{record.gene}'",
    )
    for (n, _), reading in zip(asked, _each(scored), strict=True):
        known = out[n]
        if known is None or reading.p_value < known.p_value:
            out[n] = reading
    return out


def _each(hits: MotifHits) -> list[Reading]:
    columns = (hits.start, hits.score, hits.p_value, weight(hits), hits.site_attr_score, hits.motif_attr_score)
    names = [field.name for field in attrs.fields(Reading)]
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [Reading(**dict(zip(names, row, strict=True))) for row in rows]


def _row(
    pair: Pair, before: Reading | None, after: Reading | None, ref: Allele, alt: Allele, alt_to_ref: Ints
) -> dict[str, Any]:
    row: dict[str, Any] = {"change": pair.change, "strand": pair.strand}
    row["motif_id"], row["motif_name"] = pair.motif_id, pair.motif_name
    for name, reading, allele in (("ref", before, ref), ("alt", after, alt)):
        row |= {f"{k}_{name}": v for k, v in (attrs.asdict(reading) if reading else {}).items()}
        if reading is not None:
            row[f"end_{name}"] = reading.start + pair.width
            row[f"matched_seq_{name}"] = _matched(allele.record, reading.start, pair)
    # A place that is no site by the scanner's threshold has no support, whatever attribution lies there.
    row["support_ref"] = before.support if before is not None and pair.ref is not None else 0.0
    row["support_alt"] = after.support if after is not None and pair.alt is not None else 0.0
    row["support_change"] = row["support_alt"] - row["support_ref"]
    row["touches"] = (before is not None and _touches(before.start, pair.width, ref.bases)) or (
        after is not None and _touches(after.start, pair.width, alt.bases)
    )
    return row | _places(pair, before, after, ref, alt, alt_to_ref)


def _matched(record: GeneRecord, start: int, pair: Pair) -> str:
    codes = record.codes[start : start + pair.width]
    return decode(codes if pair.strand == "+" else reverse_complement(codes))


def _touches(start: int, width: int, bases: Bounds) -> bool:
    """Whether a site holds a base of the allele, or spans the junction where it has none."""
    return start < bases[1] and bases[0] < start + width


def _places(
    pair: Pair, before: Reading | None, after: Reading | None, ref: Allele, alt: Allele, alt_to_ref: Ints
) -> dict[str, Any]:
    """``from_tss`` and the genome columns of a site."""
    bounds: Bounds | None = None
    row: dict[str, Any] = {}
    if before is not None:
        bounds = before.start, before.start + pair.width
        row["from_tss"] = None if ref.record.tss is None else before.start - ref.record.tss
    elif after is not None:
        span = alt_to_ref[after.start : after.start + pair.width]
        if (span >= 0).any():
            bounds = int(span[span >= 0].min()), int(span.max()) + 1
        row["from_tss"] = None if alt.record.tss is None else after.start - alt.record.tss
    locus = ref.record.locus
    if bounds is not None and locus is not None:
        row["chrom"] = locus.chrom
        row["genome_start"], row["genome_end"] = locus.to_genome(*bounds)
        row["genome_strand"] = str(locus.to_genome_strand(pair.strand == "+"))
    return row
