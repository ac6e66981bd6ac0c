"""Ours: the functions as a user calls them."""

from serve import serve, task

from decima_core import extract_gene_data, get_gene_idx


@task()
def extract(path, length, genes):
    for g in range(genes):
        last = extract_gene_data(path, f"G{g}", length)
    return last


@task(int)
def look_up(path, gene):
    return get_gene_idx(path, gene)


serve()
