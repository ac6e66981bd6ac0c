"""Ours: items of HDF5Dataset and VariantDataset, one by one, by PyTorch's DataLoader, and by our loader."""

from functools import lru_cache

import pandas as pd
from item_tasks import offer
from serve import serve
from torch.utils.data import DataLoader

from decima_core.datasets import HDF5Dataset, VariantDataset, loader


@lru_cache
def dataset(genes, variants=None, fasta=None, metadata=None):
    """Of genes where no variants are given; over a gene file, or over a genome and a table of genes."""
    if variants is None:
        return HDF5Dataset(None, genes)
    table = pd.read_csv(variants, sep="\t")
    return VariantDataset(table, genes) if genes else VariantDataset(table, ad=metadata, genome=fasta)


@lru_cache
def batches(workers, route, **given):
    make = loader if route == "loader" else DataLoader
    return make(dataset(**given), num_workers=workers, persistent_workers=workers > 0)


def sequence(item):
    """An item's sequence alone; labels are compared by the tests."""
    x = item[0] if isinstance(item, (tuple, list)) else item
    return x.reshape(-1, x.shape[-1])


offer(dataset, batches, sequence)
serve()
