"""Decima's functions as they are called."""

from decima.data.read_hdf5 import extract_gene_data, get_gene_idx
from serve import serve, task


@task()
def extract(path, length, genes):
    for g in range(genes):
        last = extract_gene_data(path, f"G{g}", length)
    return last


@task(int)
def look_up(path, gene):
    return get_gene_idx(path, gene)


serve()
