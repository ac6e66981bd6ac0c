"""Decima's HDF5Dataset and VariantDataset, one by one and by PyTorch's DataLoader."""

import warnings
from functools import lru_cache

import pandas as pd
from decima.data.dataset import HDF5Dataset, VariantDataset
from serve import serve, task
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


@task(len)
def construct(**given):
    dataset.cache_clear()
    return dataset(**given)


@task(sequence)
def one_by_one(**given):
    found = dataset(**given)
    for i in range(len(found)):
        item = found[i]
    return item


@task(sequence)
def through(workers, route, **given):
    for batch in batches(workers, route, **given):
        item = batch
    return item


serve()
