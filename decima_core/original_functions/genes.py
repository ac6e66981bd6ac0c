"""Genes in a file: counting, listing, looking up, reading."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from decima_core.errors import UnknownNameError
from decima_core.original_functions.kept import PathLike, open_genes


def count_genes(h5_file: PathLike, key: str | None = None) -> int:
    """Number of genes in the file, or in its split ``key``.

    Raises
    ------
    DataError
        If the file is missing, damaged or no gene file.
    UnknownNameError
        If there is no such split.
    """
    return len(open_genes(h5_file).source.genes(key))


def index_genes(h5_file: PathLike, key: str | None = None) -> npt.NDArray[np.int64]:
    """Row numbers of the genes in the file, or in its split ``key``. Raises as :func:`count_genes`."""
    opened = open_genes(h5_file)
    if key is None:
        return np.arange(len(opened.rows))
    return np.array([opened.rows[g] for g in opened.source.genes(key)], dtype=np.int64)


def list_genes(h5_file: PathLike, key: str | None = None) -> npt.NDArray[np.str_]:
    """Names of the genes in the file, or in its split ``key``, in file order. Raises as :func:`count_genes`."""
    return np.array(open_genes(h5_file).source.genes(key), dtype=np.str_)


def get_gene_idx(h5_file: PathLike, gene: str, key: str | None = None) -> int:
    """Row number of a gene in the whole file; ``key`` restricts where it may be.

    Raises
    ------
    UnknownNameError
        If there is no such gene (in that split); with near matches.
    """
    opened = open_genes(h5_file)
    row = opened.rows.get(gene)
    if row is None or (key is not None and gene not in opened.source.genes(key)):
        where = f"'{h5_file}'" if key is None else f"split '{key}' of '{h5_file}'"
        raise UnknownNameError("gene", gene, opened.source.genes(key), where=where)
    return row


def extract_gene_data(
    h5_file: PathLike, gene: str, seq_len: int | None = None, merge: bool = True
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """A gene's sequence and mask as float32 tensors: ``(5, L)`` merged, else ``(4, L)`` and ``(1, L)``.

    ``seq_len`` takes the central bases; None the file's own length.

    Raises
    ------
    UnknownNameError
        If there is no such gene.
    DataError
        If more bases are asked for than are stored, or the mask is all zero.
    """
    record = open_genes(h5_file).source.read(gene, seq_len)
    inputs = torch.from_numpy(record.inputs())
    return inputs if merge else (inputs[:4], inputs[4:])
