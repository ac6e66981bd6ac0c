"""Gene tables of every format: read into rows, then placed on a genome."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from decima_core.errors import DataError, OptionError, shorten
from decima_core.files import existing_file
from decima_fasta.contigs import aliases
from decima_fasta.delimited import read_bed, read_delimited
from decima_fasta.frames import is_anndata, is_frame, read_frame, read_h5ad
from decima_fasta.gff import read_gff
from decima_fasta.rows import Row, Rows

logger = logging.getLogger(__name__)

_READERS = {
    ".gtf": read_gff,
    ".gff": read_gff,
    ".gff3": read_gff,
    ".bed": read_bed,
    ".tsv": read_delimited,
    ".csv": read_delimited,
    ".txt": read_delimited,
    ".h5ad": read_h5ad,
}


def table_path(table: Any) -> Path | None:
    """The absolute path of a gene table that is a file, None where it is a Python object.

    Raises
    ------
    DataError
        If the file does not exist.
    """
    if isinstance(table, str) or hasattr(table, "__fspath__"):
        return existing_file(table, "gene table")
    return None


def read_table(table: Any) -> Rows:
    """The genes of a table, in its order: a path, a DataFrame, or an AnnData object.

    Raises
    ------
    OptionError
        For another kind of object.
    DataError
        If the table is of an unknown format, is damaged, has a wrong row, or has no genes.
    PluginError
        For an ``.h5ad`` file where anndata is not installed.
    """
    path = table_path(table)
    if path is not None:
        rows = Rows(f"gene table '{path}'", "Row" if path.suffix.lower() == ".h5ad" else "Line")
        _reader(path)(path, rows)
    elif is_frame(table):
        rows = Rows("gene table (a DataFrame)", "Row")
        read_frame(table, rows)
    elif is_anndata(table):
        rows = Rows("gene table (the var of an AnnData)", "Row")
        read_frame(table.var, rows, names_in_index=True)
    else:
        raise OptionError(
            "Option 'genes' of data source 'fasta' must be the path of a gene table, a DataFrame or an AnnData object, not "
            f"an object of type {type(table).__name__}."
        )
    if not rows.rows:
        raise DataError(f"The {rows.title} holds no genes; check that it is the file you mean.")
    return rows


def _reader(path: Path) -> Any:
    names = path.name.lower()
    for packed in (".gz", ".bgz"):
        names = names.removesuffix(packed)
    suffix = Path(names).suffix
    if suffix not in _READERS or (suffix == ".h5ad" and path.suffix.lower() != ".h5ad"):
        raise DataError(
            f"The format of the gene table '{path}' is not known from its name; known endings are {', '.join(_READERS)}, and "
            "those of text with .gz after them."
        )
    return _READERS[suffix]


def placed(rows: Rows, contigs: Mapping[str, int], genome: str) -> tuple[Row, ...]:
    """The rows whose contig the genome has, each under a name of its own and on the genome's spelling of the contig.

    Rows on other contigs are left out with one warning. Rows that share a name go by their ids, with one warning.

    Parameters
    ----------
    rows
        The table.
    contigs
        Length of each of the genome's contigs.
    genome
        The genome, in the words of error messages.

    Raises
    ------
    DataError
        If no row is left, a gene ends beyond its chromosome, or two genes cannot be told apart.
    """
    here = aliases((row.chrom for row in rows.rows), contigs)
    if not here:
        theirs = shorten(dict.fromkeys(row.chrom for row in rows.rows), 3)
        raise DataError(
            f"None of the contigs in the {rows.title} ({theirs}) is in the {genome} ({shorten(contigs, 3)}); give the gene "
            "table of this genome."
        )
    other = {a: b for a, b in here.items() if a != b}
    if other:
        a, b = next(iter(other.items()))
        logger.warning("The %s calls contig '%s' of the %s '%s'; results carry '%s'.", rows.title, b, genome, a, b)
    left_out = [row for row in rows.rows if row.chrom not in here]
    if left_out:
        logger.warning(
            "Genes left out of the %s because the %s lacks their contigs: %s, such as %s.",
            rows.title,
            genome,
            f"{len(left_out):,}",
            ", ".join(f"{row.name} ({row.chrom})" for row in left_out[:4]),
        )
    kept = [attrs.evolve(row, chrom=here[row.chrom]) for row in rows.rows if row.chrom in here]
    for row in kept:
        if row.end > contigs[row.chrom]:
            raise rows.fail(
                row.number,
                f"lets gene '{row.name}' end at {row.end:,}, but '{row.chrom}' of the {genome} has {contigs[row.chrom]:,} "
                "bases; give the gene table of this genome.",
            )
    return tuple(_named_apart(kept, rows))


def _named_apart(kept: list[Row], rows: Rows) -> Iterable[Row]:
    """The rows with names that occur once: shared names give way to ids, and shared ids to ``id@contig``."""
    count = Counter(row.name for row in kept)
    shared = [name for name, n in count.items() if n > 1]
    ids = Counter(row.id for row in kept if row.id)
    used: dict[str, int] = {}
    for row in kept:
        name = row.name
        if count[name] > 1 and row.id:
            name = row.id if ids[row.id] == 1 else f"{row.id}@{row.chrom}"
        if name in used:
            raise rows.fail(
                row.number,
                f"names gene '{name}' a second time, after {rows.unit.lower()} {used[name]:,}; give each gene a name of its "
                "own.",
            )
        used[name] = row.number
        yield row if name == row.name else attrs.evolve(row, name=name)
    if shared:
        logger.warning(
            "Gene names that occur more than once in the %s: %s, such as %s; these genes go by their ids.",
            rows.title,
            f"{len(shared):,}",
            ", ".join(shared[:4]),
        )
