"""What a file of scores is, by what it begins with and holds; and the reader of it."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import attrs
import h5py

from decima_core.errors import ConfigError, DataError, shorten
from decima_core.files import existing_file
from decima_core.options import build
from decima_core.providers import DataSource
from decima_core.registry import Registry
from decima_core.scores.bigwig import BigWigScores
from decima_core.scores.bigwig_library import MAGIC as BIGWIG_MAGIC
from decima_core.scores.bigwig_library import check_is_bigwig
from decima_core.scores.chrombpnet import is_chrombpnet, open_chrombpnet
from decima_core.scores.decima_file import DecimaScores, is_decima
from decima_core.scores.files import HDF5_MAGIC, head_of, open_hdf5
from decima_core.scores.modisco import NPY_MAGIC, NPZ_MAGIC, ONE_HOT, open_array, open_modisco
from decima_core.scores.projection import Projected
from decima_core.scores.reader import ScoreReader
from decima_core.scores.regions import Regions, read_regions
from decima_core.scores.sources import FastaWindows, bare, windows_of
from decima_core.scores.windows import OneHot, Sequences
from decima_core.sections import ScoreOptions

_KINDS = "HDF5 of ChromBPNet or Decima, .npz or .npy of TF-MoDISco, or BigWig"


def open_scores(
    path: str | os.PathLike[str],
    *,
    source: DataSource | None = None,
    seq_len: int | None = None,
    registry: Registry | None = None,
    **options: Any,
) -> Projected:
    """Scores that were made elsewhere, read window by window; a file is known by its content.

    Parameters
    ----------
    path
        HDF5 as ``chrombpnet contribs`` writes it, or in Decima's layout (this program's ``attributions.h5`` is one); ``.npz``
        or ``.npy`` for TF-MoDISco; or a BigWig.
    source
        For a BigWig: a data source that knows where its windows lie. It is closed with the reader.
    seq_len
        For a BigWig: bases of a window.
    registry
        Finds the data source that reads FASTA; by default of all that is installed.
    options
        ``sequences``, ``regions``, ``values``, ``orientation``, ``uncovered``, ``model``, ``method`` and ``target``, as in
        ``[scores]`` of a run description.

    Returns
    -------
    A reader: ``names``, ``read(name) -> (GeneRecord, Attribution)``, ``files``; a context manager. Scores ``(4, L)`` are in the
    window's own orientation and projected on its sequence, unless ``values`` or the format says otherwise.

    Raises
    ------
    ConfigError
        If something lacks that the format needs, or is given that it does not take.
    DataError
        If a file is damaged, holds something else than its kind, or does not fit the others.
    PluginError
        If the format needs a package that is not installed.
    """
    chosen = build(ScoreOptions, {"path": path, **options}, "the scores")
    return open_described(chosen, source=source, seq_len=seq_len, registry=registry)


def open_described(
    options: ScoreOptions,
    *,
    source: DataSource | None = None,
    seq_len: int | None = None,
    registry: Registry | None = None,
) -> Projected:
    """As :func:`open_scores`, of options that were checked."""
    if not options.path.strip():
        raise ConfigError("No scores were given; use --scores FILE, or path under [scores] in the TOML file.")
    path = existing_file(options.path, "file of scores")
    regions = read_regions(options.regions) if options.regions else None
    # What the user says of the scores stands above what the file says.
    said = {name: text for name in ("model", "method", "target") if (text := getattr(options, name))}
    with ExitStack() as opened:
        reader = _Opening(options, path, regions, source, seq_len, registry, opened).reader()
        opened.pop_all()  # the reader closes from here on
    return Projected(reader, options.values, attrs.evolve(reader.facts, **said))


@attrs.frozen
class _Opening:
    """What was given beside the scores, and the reader of each format."""

    options: ScoreOptions
    path: Path
    regions: Regions | None
    source: DataSource | None
    seq_len: int | None
    registry: Registry | None
    opened: ExitStack

    def reader(self) -> ScoreReader:
        """The reader of what the file is."""
        head = head_of(self.path, "file of scores")
        if head[:4] in BIGWIG_MAGIC or self.path.suffix.lower() in (".bw", ".bigwig"):
            return self.bigwig()
        self.refuse_source()
        if head.startswith(HDF5_MAGIC):
            return self.hdf5()
        if head.startswith((NPY_MAGIC, NPZ_MAGIC)):
            return self.arrays()
        raise DataError(f"The file of scores '{self.path}' is none of the kinds that can be read: {_KINDS}.")

    def refuse_source(self) -> None:
        """Only a BigWig takes its windows from a source."""
        if self.source is not None or self.seq_len is not None:
            what = "a source" if self.source is not None else "a window length"
            raise ConfigError(
                f"The scores '{self.path}' hold windows of their own, so {what} has no use; it is for a BigWig: leave it out."
            )

    def bigwig(self) -> ScoreReader:
        """A BigWig at the windows of a source, or of regions of a genome."""
        uncovered = self.options.uncovered
        check_is_bigwig(self.path)
        if self.source is not None:
            if self.regions is not None or self.options.sequences:
                raise ConfigError("A BigWig takes its windows from a source or from regions of a genome, not both.")
            return BigWigScores(self.path, self.source, length=self.seq_len, uncovered=uncovered)
        if self.regions is None or not self.options.sequences:
            raise ConfigError(
                f"The BigWig '{self.path}' holds no windows; give --sequences genome.fa and --regions regions.bed, or a source: "
                "--source genome.fa --gene-table genes.gtf."
            )
        windows = self.regions.windows(self.seq_len or self.regions.common_length())
        genome = str(existing_file(self.options.sequences, "genome"))
        source = self.opened.enter_context(windows_of(genome, windows, self.plugins()))
        beside = [str(self.regions.path)]
        return BigWigScores(self.path, source, uncovered=uncovered, adapt=bare, beside=beside)

    def hdf5(self) -> ScoreReader:
        """ChromBPNet's layout or Decima's."""
        file = self.opened.enter_context(open_hdf5(self.path))
        if is_chrombpnet(file):
            return open_chrombpnet(
                file, self.path, self.sequences(), self.regions, self.options.orientation, self.beside()
            )
        if not is_decima(file):
            raise DataError(
                f"The HDF5 file '{self.path}' holds no scores that are known: it has {shorten(_datasets(file)) or 'no dataset'}. "
                "ChromBPNet writes raw/seq and shap/seq; Decima genes, attribution and sequence."
            )
        if self.regions is not None or self.options.sequences:
            what = "--regions" if self.regions is not None else "--sequences"
            raise ConfigError(f"The scores '{self.path}' name and place their genes themselves; leave out {what}.")
        return DecimaScores(file, self.path)

    def arrays(self) -> ScoreReader:
        """Arrays for TF-MoDISco."""
        return open_modisco(self.path, self.sequences(), self.regions, self.options.orientation, self.beside())

    def beside(self) -> list[str]:
        """The files that were given beside the scores."""
        given = [str(existing_file(self.options.sequences, "file of sequences"))] if self.options.sequences else []
        return given if self.regions is None else [*given, str(self.regions.path)]

    def sequences(self) -> Sequences | None:
        """The sequences of a file of their own, if one was given."""
        found = self._sequences() if self.options.sequences else None
        if found is not None:
            self.opened.callback(found.close)
        return found

    def _sequences(self) -> Sequences:
        path = existing_file(self.options.sequences, "file of sequences")
        head = head_of(path, "sequences")
        if head.startswith((NPY_MAGIC, NPZ_MAGIC)):
            return OneHot(open_array(path, ONE_HOT))
        if head.startswith(HDF5_MAGIC):
            raise DataError(f"The sequences '{path}' are HDF5; give one-hot sequences as .npz or .npy, or FASTA.")
        return FastaWindows(str(path), self.plugins())

    def plugins(self) -> Registry:
        """The registry that was given, or of all that is installed."""
        return self.registry or Registry.discover()


def _datasets(file: h5py.File) -> list[str]:
    names: list[str] = []
    file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    return sorted(names)
