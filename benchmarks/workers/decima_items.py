"""Decima's HDF5Dataset and VariantDataset, one by one and by PyTorch's DataLoader."""

import warnings
from functools import lru_cache

import pandas as pd
from decima.data.dataset import HDF5Dataset, VariantDataset
from item_tasks import offer
from serve import serve
from torch.utils.data import DataLoader

warnings.simplefilter("ignore")


@lru_cache
def dataset(genes, variants=None, fasta=None, metadata=None):
    """Of genes where no variants are given; variants lie on a genome, with the genes of Decima's metadata."""
    if variants is None:
        return HDF5Dataset(None, genes)
    return VariantDataset(pd.read_csv(variants, sep="\t"), metadata_anndata=metadata, genome=fasta)


@lru_cache
def batches(workers, route, **given):
    found = dataset(**given)
    collate = getattr(found, "collate_fn", None)
    return DataLoader(found, num_workers=workers, persistent_workers=workers > 0, collate_fn=collate)


def sequence(item):
    x = item["seq"] if isinstance(item, dict) else item[0]
    return x.reshape(-1, x.shape[-1])


offer(dataset, batches, sequence)
serve()
