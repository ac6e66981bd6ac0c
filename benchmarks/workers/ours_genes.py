"""Ours: the functions as a user calls them."""

from gene_tasks import offer
from serve import serve

from decima_core import extract_gene_data, get_gene_idx

offer(extract_gene_data, get_gene_idx)
serve()
