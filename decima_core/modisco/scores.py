"""A run's hypothetical scores: what each of the four bases would contribute, read back from ``attributions.h5``.

TF-MoDISco multiplies them with the sequence to get what the bases that are there contribute, and compares seqlets by both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from decima_core.attribution_layout import FULL, PROJECTED, SCALE, StoredAttributions
from decima_core.errors import ConfigError, DataError, first_line
from decima_core.modisco.options import ModiscoInputOptions
from decima_core.records import GeneRecord, Locus

_OBSERVED_ONLY = (
    "These scores count for the base that is there alone. TF-MoDISco then groups seqlets without knowing which other bases "
    "the model would take: variants of a motif are told apart less well, and its hypothetical matrices repeat the observed ones."
)
_SUMMED = (
    "This run's method is saliency, whose peaks were called on the gradient summed over the four bases; better, take the "
    "peaks of another method with --peaks, or run input-x-gradient with -O method.hypothetical=true."
)
_UNKNOWN = (
    "How these scores were made is not known, so they are taken as they are; where they are gradients, subtract the mean over the "
    "bases with --center."
)


class StoredScores:
    """Opens ``attributions.h5``; ``with StoredScores(path, options) as stored: stored.read(i)``.

    ``kind`` says where the scores come from: ``hypothetical`` (stored beside the attributions), ``attribution`` (the
    attributions are of all four bases) or ``projected``. ``center`` says whether the mean over the bases is subtracted.
    ``warnings`` are sentences that the user should see.

    Raises
    ------
    DataError
        If the file cannot be read or is not such a file.
    ConfigError
        If the scores are not what ``options.scores`` needs; names the ways out.
    """

    def __init__(self, path: Path, options: ModiscoInputOptions) -> None:
        self.path = path
        try:
            self._file = h5py.File(path, "r")
        except OSError as error:
            raise DataError(
                f"The attributions '{path}' cannot be read ({first_line(error)}); give the folder of a finished run."
            ) from None
        try:
            self._check()
            # Read once: how the scores were made decides several things below.
            self._method, self._options = self._header_method(), self._recorded_options()
            self.genes = [name.decode() if isinstance(name, bytes) else str(name) for name in self._file["genes"][:]]
            self.length = int(self._file["sequence"].shape[1])
            self.kind = self._choose(options.scores)
            self.center = self._centered() if options.center is None else options.center
            if self.kind == "projected" and self.center:
                if options.center:
                    raise ConfigError(
                        "Projected scores have no mean over the bases to subtract; leave --center out, or run the method with "
                        "-O method.hypothetical=true."
                    )
                self.center = False
        except BaseException:
            self._file.close()
            raise
        self.warnings = [_OBSERVED_ONLY] if self.kind == "projected" else []
        if self.kind != "projected" and options.center is None and self._options is None:
            self.warnings.append(_UNKNOWN)
        if self._method == "saliency" and options.windows == "peaks":
            self.warnings.append(_SUMMED)

    def read(self, row: int) -> tuple[GeneRecord, npt.NDArray[np.float32]]:
        """A gene, and its scores ``(4, L)`` float32; zero where the sequence is N.

        Raises
        ------
        DataError
            If the gene's data are damaged or its scores are not finite.
        """
        name = self.genes[row]
        try:
            codes = self._file["sequence"][row]
            stored = self._file["hypothetical"][row] if self.kind == "hypothetical" else self._stored.values(row)
        except OSError as error:
            raise DataError(
                f"Gene '{name}' cannot be read from '{self.path}' ({first_line(error)}); run it again."
            ) from None
        record = GeneRecord(gene=name, codes=codes, locus=self._locus(row))
        scores = np.asarray(stored, dtype=np.float32)
        if not np.isfinite(scores).all():
            raise DataError(f"The scores of gene '{name}' in '{self.path}' hold NaN or infinity; run it again.")
        one_hot = record.one_hot()
        if self.kind == "projected":
            return record, one_hot * scores.sum(axis=0)
        if self.center:
            scores = scores - scores.mean(axis=0)
        return record, scores * one_hot.any(axis=0)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> StoredScores:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check(self) -> None:
        stored = PROJECTED if PROJECTED in self._file else FULL
        for name in ("genes", stored, "sequence"):
            if name not in self._file:
                raise DataError(
                    f"'{self.path}' has no dataset '{name}', so it is not a file of attributions; give the folder of a run."
                )
        n, length = len(self._file["genes"]), self._file["sequence"].shape[-1]
        for name, shape in (
            ("sequence", (n, length)),
            (FULL, (n, 4, length)),
            (PROJECTED, (n, length)),
            (SCALE, (n,)),
            ("hypothetical", (n, 4, length)),
        ):
            if name in self._file and self._file[name].shape != shape:
                raise DataError(
                    f"The dataset '{name}' of '{self.path}' has shape {self._file[name].shape}, not {shape}, although there are "
                    f"{n:,} genes of {length:,} bases; write the file again."
                )
        self._stored = StoredAttributions(self._file)

    def _choose(self, asked: str) -> str:
        if asked != "auto":
            return "attribution" if asked == "hypothetical" else "projected"
        if "hypothetical" in self._file:
            return "hypothetical"
        if self._method == "saliency" and not (self._options or {}).get("absolute"):
            return "attribution"
        method = f"by '{self._method}' " if self._method else ""
        raise ConfigError(
            f"TF-MoDISco needs hypothetical scores, a value for each of the four bases, and the attributions {method}in "
            f"'{self.path}' are not known to be such: run again with -O method.hypothetical=true (input-x-gradient, "
            "integrated-gradients, deep-lift, gradient-shap), say --scores hypothetical if they are, or --scores projected to go on "
            "with what the bases that are there contribute."
        )

    def _centered(self) -> bool:
        """Whether the scores still hold what no sequence can show: the mean slope over the four bases.

        A gradient has it, and so has a path from no base at all. A comparison with sequences has not: there each score is
        already the difference between a base and other bases. Scores of which nothing is known are left alone.
        """
        options = self._options
        return options is not None and options.get("baseline", "zeros") == "zeros"

    def _header_method(self) -> str:
        """The method's name, as the file itself has it; empty where it does not say."""
        try:
            header = json.loads(self._file.attrs.get("run", "{}"))
        except ValueError:
            return ""
        return str(header.get("method", "")) if isinstance(header, dict) else ""

    def _recorded_options(self) -> Mapping[str, Any] | None:
        """The method's options, as the run's record beside the file has them; None where there is no such record."""
        try:
            record = json.loads((self.path.parent / "run.json").read_text(encoding="utf-8"))
            options = record["providers"]["method"]["options"]
        except (OSError, ValueError, KeyError, TypeError):
            return None  # a file from elsewhere: nothing is known of how it was made
        return options if isinstance(options, dict) else None

    def _locus(self, row: int) -> Locus | None:
        """The window's place on the genome, where the file has one."""
        if any(name not in self._file for name in ("chrom", "start", "end", "strand")):
            return None
        chrom, strand = (self._file[name].asstr()[row] for name in ("chrom", "strand"))
        if not chrom:
            return None
        return Locus(chrom=chrom, start=int(self._file["start"][row]), end=int(self._file["end"][row]), strand=strand)
