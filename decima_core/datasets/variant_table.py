"""The table of variants: rows out of a table in transcript orientation, and rows as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from decima_core.errors import DataError
from decima_core.records import Locus
from decima_core.variants.alleles import Variant, problem
from decima_core.variants.place import COLUMNS, Placed


def variants_frame(rows: Sequence[Placed]) -> pd.DataFrame:
    """Rows as a table with the columns ``chrom, pos, ref, alt, gene, strand, rel_pos, ref_tx, alt_tx, tss_dist, status, id``.

    ``pos`` is 1-based, as in VCF; ``rel_pos`` is 0-based in the gene's window. What is not known is empty.
    """
    values: dict[str, Any] = {name: [] for name in COLUMNS}
    for row in rows:
        variant = row.variant
        placed = bool(variant.chrom)
        values["chrom"].append(variant.chrom or None)
        values["id"].append(variant.id or None)
        values["pos"].append(variant.pos if placed else None)
        values["ref"].append(variant.ref if placed else None)
        values["alt"].append(variant.alt if placed else None)
        values["gene"].append(row.gene or None)
        values["strand"].append(row.strand or None)
        for name in ("ref_tx", "alt_tx"):
            values[name].append(getattr(row, name) or None)
        for name in ("rel_pos", "tss_dist", "status"):
            values[name].append(getattr(row, name))
    numbers = {"pos", "rel_pos", "tss_dist"}
    columns = {k: pd.array(v, dtype="Int64") if k in numbers else pd.Series(v, dtype=object) for k, v in values.items()}
    return pd.DataFrame(columns)


def transcript_rows(table: pd.DataFrame, genes: Collection[str]) -> Iterator[Placed]:
    """Rows of a table with ``gene, rel_pos, ref_tx, alt_tx`` in transcript orientation.

    ``chrom``, ``pos``, ``ref``, ``alt``, ``strand`` and ``status`` are taken over where the table has them; a row whose
    ``status`` is not ``ok`` keeps it.

    Raises
    ------
    DataError
        For a ``rel_pos`` that is not a whole number, naming the row.
    """
    for number, row in enumerate(table.to_dict("records")):
        where = f"row {number} of the table of variants"
        ref, alt = (_allele(row[name]) for name in ("ref_tx", "alt_tx"))
        placed = all(_known(row.get(name)) for name in ("chrom", "pos", "ref", "alt"))
        variant = Variant(
            chrom=str(row["chrom"]) if placed else "",
            pos=_whole(row["pos"], "pos", where) if placed else 0,
            ref=_allele(row["ref"]) if placed else ref,
            alt=_allele(row["alt"]) if placed else alt,
            id=str(row["id"]) if _known(row.get("id")) else "",
            gene=str(row["gene"]) if _known(row["gene"]) else "",
            where=where,
        )
        given = str(row["status"]) if _known(row.get("status")) else "ok"
        known = variant.gene in genes
        transcript = Variant(chrom="", pos=0, ref=ref, alt=alt)
        placed_in_window = known and _known(row["rel_pos"])
        status = problem(transcript) or ("ok" if placed_in_window else "out_of_window" if known else "unknown_gene")
        yield Placed(
            variant=variant,
            gene=variant.gene or "",
            strand=str(row["strand"]) if _known(row.get("strand")) else "",
            rel_pos=_whole(row["rel_pos"], "rel_pos", where) if placed_in_window else None,
            ref_tx=ref,
            alt_tx=alt,
            status=given if given != "ok" else status,
        )


def _known(value: Any) -> bool:
    return value is not None and not pd.isna(value)


def _allele(value: Any) -> str:
    return str(value).strip().upper() if _known(value) else ""


def _whole(value: Any, column: str, where: str) -> int:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if number != number // 1:  # NaN is not equal to itself
        raise DataError(f"The {column} in {where} is {value!r}; it must be a whole number.")
    return int(number)


def loci_of(var: pd.DataFrame) -> dict[str, Locus]:
    """Each gene's window in a table in the layout of AnnData's ``.var``: indexed by gene; ``chrom, start, end, strand``.

    Raises
    ------
    DataError
        If a column is missing, a gene is listed twice, or a row is no interval with a strand.
    """
    twice = var.index[var.index.duplicated()]
    if len(twice):
        raise DataError(f"Gene '{twice[0]}' is in the table of genes (.var) twice; a gene has one window.")
    needed = ("chrom", "start", "end", "strand")
    missing = [name for name in needed if name not in var.columns]
    if missing:
        raise DataError(f"The table of genes (.var) has no column '{missing[0]}'; it needs {', '.join(needed)}.")
    columns: Iterable[Mapping[str, Any]] = var[list(needed)].to_dict("records")  # type: ignore[assignment]
    loci = {}
    for gene, row in zip(var.index.astype(str), columns, strict=True):
        where = f"the table of genes (.var), gene '{gene}'"
        start, end = _whole(row["start"], "start", where), _whole(row["end"], "end", where)
        try:
            loci[gene] = Locus(chrom=str(row["chrom"]), start=start, end=end, strand=str(row["strand"]))
        except DataError as error:
            raise DataError(f"Gene '{gene}' in the table of genes (.var) is wrong. {error}") from None
    return loci


def refuse(tables: Iterable[pd.DataFrame], option: str, refused: Collection[str] | None = None) -> None:
    """Refuse rows whose status is not ``ok``, or only those with a status of ``refused``.

    Parameters
    ----------
    tables
        All rows, in as many tables as they come.
    option
        What was asked for, to be left out instead.
    refused
        Statuses; None for all but ``ok``.

    Raises
    ------
    DataError
        With the count of each refused status and the first such row.
    """
    total, counts, first = 0, Counter[str](), None
    for table in tables:
        total += len(table)
        wrong = table[table["status"] != "ok"] if refused is None else table[table["status"].isin(refused)]
        counts.update(wrong["status"])
        if first is None and len(wrong):
            first = wrong.iloc[0]
    if first is None:
        return
    listed = ", ".join(f"{n:,} {status}" for status, n in counts.most_common())
    place = f"{first['chrom']}:{first['pos']} {first['ref']}>{first['alt']}"
    if pd.isna(first["chrom"]):
        place = f"gene {first['gene']} at {first['rel_pos']}, {first['ref_tx']}>{first['alt_tx']}"
    raise DataError(
        f"{counts.total():,} of {total:,} rows, one for each variant and gene, cannot be used ({listed}), first {place} "
        f"({first['status']}); correct them, or leave out {option}, and they are passed over with their status."
    )
