"""The functions this project grew from, with the same arguments and, on valid input, the same numbers.

Where the original was wrong the numbers differ on purpose: ``scan_attributions`` counts positions in the sequence, gives exact
p-values, averages ``site_attr_score`` over the site's bases (a quarter of that before) and widens windows for wide motifs.

They are thin: each runs the bundled provider of its stage. Positions count from 0 in the window, in transcript
orientation, as everywhere (see :mod:`decima_core.records`).
"""

from decima_core.original_functions.attribution import attributions
from decima_core.original_functions.genes import count_genes, extract_gene_data, get_gene_idx, index_genes, list_genes
from decima_core.original_functions.motifs import find_attr_peaks, scan_attributions

__all__ = [
    "attributions",
    "count_genes",
    "extract_gene_data",
    "find_attr_peaks",
    "get_gene_idx",
    "index_genes",
    "list_genes",
    "scan_attributions",
]
