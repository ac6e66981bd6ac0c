"""PyTorch Datasets for genes and variants."""

from decima_core.datasets.genes import HDF5Dataset
from decima_core.datasets.loading import loader
from decima_core.datasets.process_variants import process_variants
from decima_core.datasets.variants import VariantDataset

__all__ = ["HDF5Dataset", "VariantDataset", "loader", "process_variants"]
