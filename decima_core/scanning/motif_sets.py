"""Which motifs to scan with: JASPAR, a MEME file, or matrices given from Python; then the filter by name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from decima_core.errors import MotifError, UnknownNameError
from decima_core.records import Motif
from decima_core.scanning.jaspar_database import read_jaspar, releases
from decima_core.scanning.meme import read_meme
from decima_core.scanning.options import ScanOptions

_RELEASE = re.compile(r"JASPAR\d{4}\Z", re.IGNORECASE)


def load_motifs(options: ScanOptions) -> tuple[Motif, ...]:
    """The motifs that ``options`` choose, in a fixed order: JASPAR's by matrix id, others as given.

    ``options.motifs`` goes before ``options.path``, which goes before JASPAR; ``options.names`` filters any of them.

    Raises
    ------
    MotifError
        If motifs cannot be read, two have one id, or there are none.
    UnknownNameError
        If a release, collection, tax group or name does not exist; the message has near matches.
    """
    source = options.motifs
    if isinstance(source, (str, os.PathLike)):
        text = os.fspath(source)
        if _RELEASE.match(text):
            return _from_jaspar(text, options)
        if not Path(text).exists():
            raise MotifError(
                f"'{text}' is neither a JASPAR release ({', '.join(releases())}) nor a motif file that exists; "
                "give one of these releases or the path of a file in MEME format."
            )
        return _keep(read_meme(text), options.names, f"'{text}'")
    if source is not None:
        return _keep(_from_python(source), options.names, "the motifs given")
    if options.path:
        return _keep(read_meme(options.path), options.names, f"'{options.path}'")
    return _from_jaspar(options.release, options)


def _from_python(source: Any) -> tuple[Motif, ...]:
    if isinstance(source, Mapping):
        motifs = tuple(_motif(str(key), value) for key, value in source.items())
    elif isinstance(source, Iterable):
        motifs = tuple(source)
        for motif in motifs:
            if not isinstance(motif, Motif):
                raise MotifError(
                    f"The option 'motifs' holds {type(motif).__name__}, not Motif; give a dict of matrices "
                    "{id: (4, width)} or a list of decima_core.Motif."
                )
    else:
        raise MotifError(
            f"The option 'motifs' is {type(source).__name__}; give a dict of matrices {{id: (4, width)}}, a list of "
            "decima_core.Motif, the name of a JASPAR release or the path of a MEME file."
        )
    if not motifs:
        raise MotifError(
            "The option 'motifs' holds no motif; give at least one, or leave the option out to use JASPAR."
        )
    ids = [motif.id for motif in motifs]
    if len(set(ids)) < len(ids):
        twice = next(i for i in ids if ids.count(i) > 1)
        raise MotifError(f"Two of the motifs given have the id '{twice}'; give each an id of its own.")
    return motifs


def _motif(motif_id: str, value: Any) -> Motif:
    if isinstance(value, Motif):
        return Motif(id=motif_id, name=value.name, ppm=value.ppm)
    if hasattr(value, "detach"):  # a torch tensor, wherever it lives and whether or not it asks for gradients
        value = value.detach().cpu().numpy()
    try:
        ppm = np.array(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise MotifError(
            f"The matrix of motif '{motif_id}' is not an array of numbers; give one of shape (4, width)."
        ) from error
    return Motif(id=motif_id, name=motif_id, ppm=ppm)


def _from_jaspar(release: str, options: ScanOptions) -> tuple[Motif, ...]:
    table = read_jaspar(release, options.collection, options.tax_group)
    groups = f"tax group {', '.join(options.tax_group)}" if options.tax_group else "every tax group"
    collection = f"collection {options.collection}" if options.collection else "every collection"
    where = f"{release.strip().upper()} ({collection}, {groups})"
    if options.names:
        rows = _chosen(table.ids.tolist(), table.names.tolist(), table.latest.tolist(), options.names, where)
    else:
        rows = np.flatnonzero(table.latest).tolist()
    if not rows:
        raise MotifError(f"{where} holds no latest version of a matrix; widen the collection or the tax groups.")
    return table.motifs(rows)


def _keep(motifs: tuple[Motif, ...], names: tuple[str, ...], where: str) -> tuple[Motif, ...]:
    if not names:
        return motifs
    rows = _chosen([m.id for m in motifs], [m.name for m in motifs], [True] * len(motifs), names, where)
    return tuple(motifs[i] for i in rows)


def _chosen(
    ids: Sequence[str], names: Sequence[str], latest: Sequence[bool], wanted: Iterable[str], where: str
) -> list[int]:
    """Rows, rising, of the motifs that ``wanted`` asks for.

    A full id finds just that motif, whatever its version; a base id (``MA0139``) or a name finds the latest versions.
    """
    by_word: dict[str, set[int]] = {}
    by_id: dict[str, int] = {}
    for i, (motif_id, name) in enumerate(zip(ids, names, strict=True)):
        by_id[motif_id.casefold()] = i
        if latest[i]:
            by_word.setdefault(name.casefold(), set()).add(i)
            base, dot, version = motif_id.rpartition(".")
            if dot and version.isdecimal():
                by_word.setdefault(base.casefold(), set()).add(i)
    rows: set[int] = set()
    for word in wanted:
        folded = word.strip().casefold()
        found = {by_id[folded]} if folded in by_id else by_word.get(folded)
        if not found:
            known = dict.fromkeys([*(n for n, new in zip(names, latest, strict=True) if new), *ids])
            raise UnknownNameError("motif", word, known, where=where)
        rows |= found
    return sorted(rows)
