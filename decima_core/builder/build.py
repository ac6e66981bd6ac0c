"""Building a gene file: read, write, read back, and only then give it its name."""

from __future__ import annotations

import operator
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

import decima_core
from decima_core.builder.labels import Labels
from decima_core.builder.writer import GeneFile, Written, fingerprint
from decima_core.errors import ConfigError, DataError, OutputError, guarded
from decima_core.outputs.manifest import command_line
from decima_core.outputs.partial_folder import explained
from decima_core.pipeline import read_gene, select_genes
from decima_core.providers import DataSource, FlankedSource, LabelledSource
from decima_core.records import GeneRecord
from decima_core.registry import Registry

COMPRESSIONS = ("gzip", "lzf", "none")
# The split of genes whose source names none.
NO_SPLIT = "all"

Progress = Callable[[str, int, int], None]


@attrs.frozen(kw_only=True)
class BuildSummary:
    """What was built: the file, its genes and tasks, its size in bytes, and the wall time in seconds."""

    output: Path
    genes: int
    tasks: int
    size: int
    seconds: float


def build_gene_file(
    source: DataSource,
    output: str | Path,
    *,
    genes: Sequence[str] = (),
    split: str | None = None,
    labels: Any = None,
    pad: int = 0,
    seq_len: int | None = None,
    compression: str = "gzip",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> BuildSummary:
    """Write genes of a source to an HDF5 file in the layout that Decima reads.

    The file is written as ``OUTPUT.partial``, read back and compared gene by gene, and only then renamed: a file of that name
    is always whole. Memory is that of a block of genes, however many there are.

    Parameters
    ----------
    source
        Where the genes come from: a genome, or another gene file.
    output
        The file to write.
    genes, split
        Which genes; by default all. Without a split of its own a gene has that of the labels' ``.var["dataset"]``, else ``all``.
    labels
        AnnData object or ``.h5ad`` file (``obs`` are tasks), or a table with a gene a row; see
        :class:`decima_core.builder.labels.Labels`. By default the source's own, where it has any.
    pad
        Bases to store on each side of the window, for shifts and deletions.
    seq_len
        Length of the window; by default the source's.
    compression
        Of the sequences: ``gzip``, ``lzf`` or ``none``.
    overwrite
        Replace an existing file, once the new one is whole.
    progress
        Called with ``"write"`` or ``"check"``, the genes done and the number of genes.

    Raises
    ------
    DataError
        If a gene cannot be read, lacks labels, or the source holds too few bases beside its windows.
    OutputError
        If the file exists, cannot be written, or does not read back as it was written.
    """
    started = time.perf_counter()
    path, told = Path(output), progress or (lambda stage, done, total: None)
    pad = operator.index(pad)
    if pad < 0:
        raise ConfigError(f"pad is {pad}; it must be 0 or more.")
    if compression not in COMPRESSIONS:
        raise ConfigError(f"compression is '{compression}'; it must be one of {', '.join(COMPRESSIONS)}.")
    _check_free(path, overwrite)
    names = select_genes(source, genes, split)
    values = _Values(source, None if labels is None else Labels(labels), names)
    for name in (*source.files, *values.files):
        if path.exists() and Path(name).exists() and path.samefile(name):
            raise OutputError(
                f"The output '{path}' is one of the files that are read; give another name with --output."
            )
    length = len(read_gene(source, names[0], seq_len))
    partial = path.with_name(f"{path.name}.partial")
    provenance = {
        "decima_core": decima_core.__version__,
        "command": command_line(),
        "sources": [*source.files, *values.files],
    }
    locked = False
    try:
        with explained(path):
            file = GeneFile(
                partial,
                names,
                seq_len=length,
                pad=pad,
                tasks=values.tasks,
                compression=compression,
                provenance=provenance,
            )
            locked = True
            try:
                written = {}
                for row, (gene, label) in enumerate(zip(names, values.read(), strict=True)):
                    record = _padded(source, gene, length, pad, values.split(gene))
                    file.write(row, record, label)
                    written[gene] = fingerprint(record, label)
                    told("write", row + 1, len(names))
                file.finish()
            finally:
                file.close()
        _verify(partial, written, length + 2 * pad, bool(values.tasks), told)
        with explained(path):
            size = partial.stat().st_size
            partial.replace(path)
    except BaseException as error:
        if locked or not isinstance(error.__cause__, BlockingIOError):  # the partial file is another build's
            with suppress(OSError):
                partial.unlink(missing_ok=True)
        raise
    return BuildSummary(
        output=path, genes=len(names), tasks=len(values.tasks), size=size, seconds=time.perf_counter() - started
    )


class _Values:
    """Labels and splits of the genes, wherever they come from."""

    def __init__(self, source: DataSource, labels: Labels | None, genes: Sequence[str]) -> None:
        self._source, self._labels, self._genes = source, labels, genes
        self._own: LabelledSource | None = None
        if labels is not None:
            labels.require(genes)
            self.tasks: tuple[str, ...] = labels.tasks
        elif isinstance(source, LabelledSource) and _has_labels(source, genes[0]):
            self._own, self.tasks = source, tuple(source.tasks)
        else:
            self.tasks = ()
        self.files: tuple[str, ...] = () if labels is None else labels.files

    def read(self) -> Iterator[npt.NDArray[np.float32] | None]:
        """The labels ``(T, 1)`` of each gene, in order; None where there are none."""
        if self._labels is not None:
            yield from self._labels.read(self._genes)
            return
        for gene in self._genes:
            yield None if self._own is None else self._own.labels(gene)

    def split(self, gene: str) -> str | None:
        """The split that the labels give a gene."""
        return None if self._labels is None else self._labels.split(gene)


def _has_labels(source: LabelledSource, gene: str) -> bool:
    try:
        source.labels(gene)
    except DataError:
        return False
    return True


def _padded(source: DataSource, gene: str, length: int, pad: int, split: str | None) -> GeneRecord:
    """A gene's window with ``pad`` bases on each side."""
    if not pad:
        record = read_gene(source, gene, length)
    elif not isinstance(source, FlankedSource):
        raise DataError("The source cannot read beyond its windows; leave out --pad.")
    else:
        record, start = guarded(lambda: source.read_flanked(gene, length, pad), DataError, f"Reading gene '{gene}'")
        if start != pad or len(record) != length + 2 * pad:
            raise DataError(
                f"The source holds {start:,} and {len(record) - start - length:,} bases beside the window of gene '{gene}', fewer "
                f"than the {pad:,} of --pad on each side; use a smaller one, or build from the genome."
            )
    if record.tss is None or not record.mask.any():
        raise DataError(
            f"The window of gene '{gene}' holds none of the gene's bases, and a gene file needs its mask; use a longer --seq-len, or "
            "leave the gene out."
        )
    return attrs.evolve(record, split=record.split or split or NO_SPLIT)


def _verify(path: Path, written: Mapping[str, Written], width: int, labelled: bool, told: Progress) -> None:
    """Read the file back as anyone would, and compare."""
    with Registry.discover().create("source", "hdf5", path=str(path)) as source:
        if list(source.genes()) != list(written):
            raise OutputError(f"The genes of '{path}' are not those that were written; the disk may be damaged.")
        for done, (gene, expected) in enumerate(written.items(), start=1):
            found = fingerprint(source.read(gene, width), source.labels(gene) if labelled else None)
            if found != expected:
                raise OutputError(
                    f"Gene '{gene}' reads back from '{path}' otherwise than it was written; the disk may be damaged. Nothing was "
                    "kept."
                )
            told("check", done, len(written))


def _check_free(path: Path, overwrite: bool) -> None:
    with explained(path):
        exists = path.exists()
    if path.is_dir():
        raise OutputError(f"The output '{path}' is a folder; give the name of a file with --output.")
    if exists and not overwrite:
        raise OutputError(f"The file '{path}' exists; give another one with --output, or --overwrite to replace it.")
    if not path.absolute().parent.is_dir():
        raise OutputError(f"The folder of '{path}' does not exist; make it, or give another --output.")
