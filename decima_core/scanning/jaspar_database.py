"""JASPAR's matrices as pyjaspar ships them (no network), read once and kept in a cache file.

Every version of each matrix is read, so that an older one can be asked for by its id; ``latest`` marks the newest.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import sqlite3
from collections.abc import Iterable

import attrs
import numpy as np
import numpy.typing as npt

from decima_core.errors import MotifError, UnknownNameError
from decima_core.records import Motif
from decima_core.scanning.cache import cache_path, read_arrays, write_arrays

_LAYOUT = 1  # of the cache file; raise it whenever what is stored changes


@attrs.frozen(kw_only=True, eq=False)
class MatrixTable:
    """Matrices in columns, ordered by base id and version.

    ``ids`` and ``names`` ``(M,)`` text, ``latest`` ``(M,)`` bool, ``widths`` ``(M,)`` int64; ``ppm`` ``(4, sum of
    widths)`` float64 holds the matrices one beside another.
    """

    ids: npt.NDArray[np.str_]
    names: npt.NDArray[np.str_]
    latest: npt.NDArray[np.bool_]
    widths: npt.NDArray[np.int64]
    ppm: npt.NDArray[np.float64]

    def motifs(self, rows: Iterable[int]) -> tuple[Motif, ...]:
        """The matrices of these rows."""
        ends = np.cumsum(self.widths)
        return tuple(
            Motif(id=str(self.ids[i]), name=str(self.names[i]), ppm=self.ppm[:, ends[i] - self.widths[i] : ends[i]])
            for i in rows
        )

    @property
    def is_sound(self) -> bool:
        """Whether the columns fit together."""
        n = self.ids.shape
        return (
            self.names.shape == n
            and self.latest.shape == n
            and self.widths.shape == n
            and self.ppm.shape == (4, int(self.widths.sum()))
        )


def read_jaspar(release: str, collection: str | None, tax_group: tuple[str, ...]) -> MatrixTable:
    """Every version of the matrices of one release in a collection (None: all) and tax groups (empty: all).

    Raises
    ------
    UnknownNameError
        If the release, collection or a tax group does not exist.
    MotifError
        If no matrix is in both the collection and the tax groups.
    """
    release = release.strip().upper()
    collection = collection and collection.strip().upper()
    tax_group = tuple(sorted({group.strip().lower() for group in tax_group}))
    version = importlib.metadata.version("pyjaspar")
    path = cache_path(f"jaspar-{version}", (_LAYOUT, version, release, collection, tax_group))
    stored = read_arrays(path)
    if stored is not None and set(stored) == {f.name for f in attrs.fields(MatrixTable)}:
        table = MatrixTable(**stored)
        if table.is_sound:
            return table
    table = _query(release, collection, tax_group)
    write_arrays(path, attrs.asdict(table, recurse=False))
    return table


def releases() -> tuple[str, ...]:
    """The names of the releases that the installed pyjaspar has, newest first."""
    from pyjaspar import jaspar_releases

    return tuple(jaspar_releases)


def _query(release: str, collection: str | None, tax_group: tuple[str, ...]) -> MatrixTable:
    from pyjaspar import jaspardb

    if release not in releases():
        hint = f"The installed pyjaspar has {', '.join(releases())}; newer releases come with a newer pyjaspar."
        raise UnknownNameError("JASPAR release", release, releases(), hint=hint)
    with contextlib.closing(jaspardb(release=release).conn) as connection:
        known = _column(connection, "SELECT DISTINCT COLLECTION FROM MATRIX ORDER BY 1")
        if collection is not None and collection not in known:
            raise UnknownNameError("JASPAR collection", collection, known, where=release)
        known = _column(connection, "SELECT DISTINCT VAL FROM MATRIX_ANNOTATION WHERE TAG = 'tax_group' ORDER BY 1")
        for group in tax_group:
            if group not in known:
                raise UnknownNameError("tax group", group, known, where=release)
        return _table(connection, _rows(connection, collection, tax_group), release)


def _column(connection: sqlite3.Connection, query: str) -> tuple[str, ...]:
    return tuple(value for (value,) in connection.execute(query) if value)


def _rows(
    connection: sqlite3.Connection, collection: str | None, tax_group: tuple[str, ...]
) -> list[tuple[int, str, int, str, int]]:
    """Database key, base id, version, name and whether it is the latest version, of each matrix selected."""
    query = (
        "SELECT ID, BASE_ID, VERSION, NAME, VERSION = MAX(VERSION) OVER (PARTITION BY BASE_ID) FROM MATRIX"
        " ORDER BY BASE_ID, VERSION"
    )
    rows = connection.execute(query).fetchall()
    if collection is not None:
        keys = {key for (key,) in connection.execute("SELECT ID FROM MATRIX WHERE COLLECTION = ?", (collection,))}
        rows = [row for row in rows if row[0] in keys]
    if tax_group:
        tagged = connection.execute("SELECT ID, VAL FROM MATRIX_ANNOTATION WHERE TAG = 'tax_group'")
        keys = {key for key, group in tagged if group in tax_group}
        rows = [row for row in rows if row[0] in keys]
    return rows


def _table(connection: sqlite3.Connection, rows: list[tuple[int, str, int, str, int]], release: str) -> MatrixTable:
    if not rows:
        raise MotifError(f"{release} has no matrix in that collection and tax group; widen one of the two.")
    wanted = {row[0] for row in rows}
    counts: dict[int, list[float]] = {key: [] for key in wanted}
    for key, value in connection.execute("SELECT ID, val FROM MATRIX_DATA ORDER BY ID, row, col"):
        if key in wanted:
            counts[key].append(value)
    matrices = [np.array(counts[row[0]], dtype=np.float64).reshape(4, -1) for row in rows]
    return MatrixTable(
        ids=np.array([f"{base}.{version}" for _, base, version, _, _ in rows]),
        names=np.array([row[3] for row in rows]),
        latest=np.array([bool(row[4]) for row in rows]),
        widths=np.array([matrix.shape[1] for matrix in matrices], dtype=np.int64),
        ppm=_probabilities(np.concatenate(matrices, axis=1)),
    )


def _probabilities(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Counts ``(4, W)`` over their column sums; a column without counts (two unvalidated matrices have one) is even."""
    sums = counts.sum(axis=0)
    return np.where(sums > 0, counts / np.where(sums > 0, sums, 1), 0.25)
