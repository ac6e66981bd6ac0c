"""Times the original package's datasets; ``datasets.py`` runs this with the interpreter given by its ``--original``.

    python benchmarks/original_datasets.py genes|variants "in process|DataLoader N" GENES.h5 VARIANTS.tsv ITEMS

Genes: the class ``HDF5Dataset`` of the package ``decima`` as it is. Variants: the package's present ``VariantDataset`` reads a
genome, not a gene file, so :class:`Variants` stands in for the way to do it with a gene file. It uses the package's own functions:
read a whole row, make it one-hot, add the mask, write the allele's base, cut out the middle, and give it to the Augmenter.
"""

from __future__ import annotations

import json
import sys
import time
from itertools import islice
from typing import Any

import h5py
import numpy as np
import pandas as pd
import torch
from decima.data.dataset import HDF5Dataset
from decima.data.read_hdf5 import _extract_center, index_genes, list_genes, mutate
from grelu.data.augment import Augmenter, _split_overall_idx
from grelu.sequence.format import indices_to_one_hot
from torch.utils.data import DataLoader, Dataset

LENGTH = 524_288


class Variants(Dataset):  # type: ignore[type-arg]
    """Items in the order variant, allele."""

    def __init__(self, variants: pd.DataFrame, h5_file: str) -> None:
        self.h5_file = h5_file
        rows = dict(zip(list_genes(h5_file), index_genes(h5_file), strict=True))
        self.rows = [rows[gene] for gene in variants.gene]
        self.places = list(variants.rel_pos)
        self.alleles = list(zip(variants.ref_tx, variants.alt_tx, strict=True))
        self.augmenter = Augmenter(rc=False, max_seq_shift=0, seq_len=LENGTH, mode="serial")
        self.file: Any = None

    def __len__(self) -> int:
        return 2 * len(self.rows)

    def __getitem__(self, idx: int) -> torch.Tensor:
        variant, shift, allele = _split_overall_idx(idx, (len(self.rows), 1, 2))
        if self.file is None:
            self.file = h5py.File(self.h5_file, "r")
        row = self.rows[variant]
        bases = indices_to_one_hot(self.file["sequences"][row])
        item = torch.Tensor(np.concatenate([bases, self.file["masks"][[row]]]))
        pad = (item.shape[-1] - LENGTH) // 2
        item = mutate(item, self.alleles[variant][allele], int(self.places[variant]) + pad)
        return self.augmenter(seq=_extract_center(item, seq_len=LENGTH), idx=shift)


def main() -> None:
    kind, route, genes, table, n_items = sys.argv[1:]
    variants = pd.read_csv(table, sep="\t")
    started = time.perf_counter()
    dataset: Any = HDF5Dataset(None, genes) if kind == "genes" else Variants(variants, genes)
    made = time.perf_counter() - started
    name, _, number = route.partition(" ")
    if name == "in":
        passes: Any = lambda: (dataset[i] for i in range(len(dataset)))  # noqa: E731
    else:
        batches = DataLoader(dataset, num_workers=int(number), persistent_workers=number != "0")
        passes = lambda: batches  # noqa: E731
    ms = []
    for _ in range(3):
        started = time.perf_counter()
        n = sum(1 for _ in islice(passes(), int(n_items)))
        ms.append((time.perf_counter() - started) / n * 1e3)
    print(json.dumps({"made": made, "ms": ms}))


if __name__ == "__main__":
    main()
