"""Decima's AttributionWriter, without the BigWig."""

from functools import lru_cache

import h5py
import numpy as np
from decima.utils.io import AttributionWriter
from serve import serve, task


@lru_cache
def arrays(inputs):
    """One-hot sequences and attributions ``(4, L)`` of each gene."""
    stored = np.load(inputs)
    one_hot = [(codes == np.arange(4)[:, None]).astype(np.float32) for codes in stored["codes"]]
    return one_hot, [hot * values for hot, values in zip(one_hot, stored["values"], strict=True)]


def read_back(path):
    with h5py.File(path) as file:
        return file["attribution"][len(file["genes"]) - 1]


@task(read_back)
def write(inputs, path, metadata):
    sequences, attributions = arrays(inputs)
    genes = [f"G{g}" for g in range(len(sequences))]
    length = sequences[0].shape[1]
    writer = AttributionWriter(path, genes, "m", metadata_anndata=metadata, bigwig=False, custom_genes=True)
    with writer:
        for gene, sequence, values in zip(genes, sequences, attributions, strict=True):
            writer.add(gene, sequence, values, gene_mask_start=length // 3, gene_mask_end=length // 2)
    return path


serve()
