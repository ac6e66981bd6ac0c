"""Decima's functions as they are called."""

from decima.data.read_hdf5 import extract_gene_data, get_gene_idx
from gene_tasks import offer
from serve import serve

offer(extract_gene_data, get_gene_idx)
serve()
