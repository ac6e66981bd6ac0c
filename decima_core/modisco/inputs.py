"""TF-MoDISco's inputs out of a run: the sequences, one-hot, and what each base would contribute."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

import decima_core
from decima_core.errors import ConfigError, DataError
from decima_core.modisco.options import ModiscoInputOptions, ModiscoOptions
from decima_core.modisco.run_peaks import read_summits
from decima_core.modisco.scores import StoredScores
from decima_core.modisco.windows import Window, around_peaks, whole
from decima_core.options import as_dict
from decima_core.outputs.manifest import InputHashes, command_line, software, write_manifest
from decima_core.outputs.partial_folder import MANIFEST, PartialFolder, part_folders
from decima_core.outputs.table_stream import TextTable
from decima_core.records import GeneRecord

ONE_HOT, HYPOTHETICAL, WINDOWS = "one_hot.npz", "hypothetical.npz", "windows.tsv"
RESULT, PATTERNS = "modisco.h5", "patterns.meme"
SHORTEST = 100
"""Bases that a gene's window must have: a pattern is some 50 bases wide before its ends are cut off."""

Floats = npt.NDArray[np.float32]


@attrs.frozen(kw_only=True)
class ModiscoInputs:
    """What was written: the folder, the number of windows and genes, a window's width, and what the user should know.

    ``scores`` is the kind of score: ``hypothetical``, ``attribution`` or ``projected``; ``centered`` whether the mean over the
    bases was subtracted.
    """

    output: Path
    windows: int
    genes: int
    width: int
    scores: str
    centered: bool
    warnings: tuple[str, ...] = ()

    def command(self, options: ModiscoOptions | None = None) -> str:
        """The shell command that runs TF-MoDISco on these inputs."""
        chosen = options or ModiscoOptions()
        words = {
            "-s": self.output / ONE_HOT,
            "-a": self.output / HYPOTHETICAL,
            "-n": chosen.max_seqlets,
            "-l": chosen.leiden_runs,
            "-w": self.width,
            "-o": self.output / RESULT,
        }
        return shlex.join(["modisco", "motifs", *(str(word) for pair in words.items() for word in pair)])


def write_modisco_inputs(
    run_folder: str | Path,
    output: str | Path,
    options: ModiscoInputOptions | None = None,
    *,
    peaks: str | Path | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ModiscoInputs:
    """Write what TF-MoDISco takes, from the folder of a finished run.

    ``one_hot.npz`` and ``hypothetical.npz`` hold one array each, ``(N, 4, width)`` float32, bases A, C, G, T, in transcript
    orientation; a position beyond the gene's window, and an N, is zero in both. Where windows overlap, a score is in one of them
    and zero in the other. ``windows.tsv`` says where each of the N windows lies, and ``run.json``, written last, how they were
    made. Windows are in random order, so that a limit on the number of seqlets favours no gene. Memory is that of both arrays.

    Parameters
    ----------
    run_folder
        The folder of a run, or a file in the layout of its ``attributions.h5``.
    output
        The folder to write.
    options
        Which windows, and which scores.
    peaks
        A ``peaks.tsv`` to take the summits from; by default the run's own.
    overwrite
        Whether to replace what a former hand-over left in ``output``.
    progress
        Called with the genes read and their number.

    Raises
    ------
    DataError
        If the run's files are missing or damaged, or there is no peak.
    ConfigError
        If the scores are not hypothetical and ``options`` do not say what they are.
    OutputError
        If ``output`` holds a finished run, or cannot be written.
    """
    chosen, folder = options or ModiscoInputOptions(), Path(run_folder)
    stored = folder / "attributions.h5" if folder.is_dir() else folder
    if not stored.is_file() and (parts := part_folders(folder)):
        raise DataError(
            f"The run in '{folder}' has several targets, each with a folder of its own; give one of them, such as '{parts[0]}'."
        )
    if not stored.is_file():
        raise DataError(f"There are no attributions '{stored}'; give the folder of a finished run.")
    if Path(output).resolve() == stored.parent.resolve():
        raise ConfigError(f"The output '{output}' is the run's own folder; give another one with --output.")
    summits_of = Path(peaks) if peaks is not None else stored.parent / "peaks.tsv"
    used = [str(stored), *([str(summits_of)] if chosen.windows == "peaks" else [])]
    started, hashes = time.time(), InputHashes(used)
    target = PartialFolder(output, (ONE_HOT, HYPOTHETICAL, WINDOWS), overwrite=overwrite)
    try:
        with StoredScores(stored, chosen) as scores:
            table, one_hot, values = _collect(scores, chosen, summits_of, progress)
            summary = ModiscoInputs(
                output=target.path,
                windows=len(table),
                genes=int(table["gene"].nunique()),
                width=one_hot.shape[2],
                scores=scores.kind,
                centered=scores.center,
                warnings=tuple(scores.warnings),
            )
        with target.explained():
            _write_array(target.partial(ONE_HOT), one_hot)
            _write_array(target.partial(HYPOTHETICAL), values)
            _write_table(target.partial(WINDOWS), table, summary)
            record = {
                "decima_core": decima_core.__version__,
                "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
                "command": command_line(),
                "modisco_inputs": {**as_dict(chosen), "scores_used": summary.scores, "centered": summary.centered},
                "counts": {"windows": summary.windows, "genes": summary.genes, "width": summary.width},
                "inputs": hashes.collect(),
                "software": software(),
            }
            write_manifest(target.partial(MANIFEST), record)
        target.take_over()
    except BaseException:
        target.discard()
        raise
    finally:
        hashes.close()
    return summary


def _collect(
    scores: StoredScores, options: ModiscoInputOptions, peaks: Path, progress: Callable[[int, int], None]
) -> tuple[pd.DataFrame, Floats, Floats]:
    """The table of windows, and for each its sequence and scores ``(N, 4, width)``, in random order."""
    length = scores.length
    by_gene: dict[str, list[Window]]
    if options.windows == "genes":
        by_gene = {gene: whole(length) for gene in scores.genes}
        if length < SHORTEST:
            raise DataError(
                f"The windows of '{scores.path}' have {length} bases; TF-MoDISco needs at least {SHORTEST}: run on longer ones."
            )
    else:
        summits = read_summits(peaks, dict.fromkeys(scores.genes, length))
        by_gene = {gene: around_peaks(found, options.width, length) for gene, found in summits.items()}
    n = sum(len(windows) for windows in by_gene.values())
    order = np.random.default_rng(options.seed).permutation(n)
    width = next(window.width for windows in by_gene.values() for window in windows)
    one_hot, values = np.empty((n, 4, width), np.float32), np.empty((n, 4, width), np.float32)
    rows: list[dict[str, object]] = [{}] * n
    done = 0
    for number, gene in enumerate(scores.genes):
        windows = by_gene.get(gene, [])
        if windows:
            record, of_gene = scores.read(number)
            bases = record.one_hot()
            for window, at in zip(windows, order[done : done + len(windows)].tolist(), strict=True):
                one_hot[at], values[at] = window.bases(bases), window.scores(of_gene)
                rows[at] = {"window": at, **_described(record, window)}
            done += len(windows)
        progress(number + 1, len(scores.genes))
    if not (one_hot * values).any():
        raise DataError(
            f"Every contribution in the windows of '{scores.path}' is zero, so there is nothing for TF-MoDISco to find."
        )
    table = pd.DataFrame(rows)
    for name in ("peak", "genome_start", "genome_end"):
        table[name] = pd.array(table[name].tolist(), dtype="Int64")
    return table, one_hot, values


def _described(record: GeneRecord, window: Window) -> dict[str, object]:
    """A row of ``windows.tsv``, without its number."""
    end, locus = window.start + window.width, record.locus
    start, stop = (None, None) if locus is None else locus.to_genome(window.start, end)
    return {
        "gene": record.gene,
        "peak": window.peak,
        "start": window.start,
        "end": end,
        "scored_start": window.first,
        "scored_end": window.last,
        "chrom": None if locus is None else locus.chrom,
        "genome_start": start,
        "genome_end": stop,
        "genome_strand": None if locus is None else locus.strand,
    }


def _write_array(path: Path, array: Floats) -> None:
    """An ``.npz`` with one array, ``arr_0``, which is where TF-MoDISco looks."""
    with path.open("wb") as file:
        np.savez_compressed(file, array)


def _write_table(path: Path, table: pd.DataFrame, summary: ModiscoInputs) -> None:
    header = {
        "decima_core": decima_core.__version__,
        "scores": f"{summary.scores}{', mean over the bases subtracted' if summary.centered else ''}",
        "intervals": "0-based, half-open; start, end, scored_start, scored_end and peak count in the gene's window, in transcript "
        "orientation; genome columns on the forward strand",
    }
    text = TextTable(path, header)
    try:
        text.append(table, "the windows")
        text.finish()
    finally:
        text.close()


def columns() -> Sequence[str]:
    """The columns of ``windows.tsv``."""
    nowhere = GeneRecord(gene="none", codes=np.zeros(1, np.int8))
    return ["window", *_described(nowhere, whole(1)[0])]
