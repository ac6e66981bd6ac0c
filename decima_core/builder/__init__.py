"""Writing gene files: windows, masks, labels and places of genes, in the HDF5 layout that Decima reads."""

from decima_core.builder.build import BuildSummary, build_gene_file

__all__ = ["BuildSummary", "build_gene_file"]
