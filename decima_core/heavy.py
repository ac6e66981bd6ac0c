"""Libraries that take long to import: a plugin that only announces itself must not."""

from __future__ import annotations

HEAVY = (
    "Bio",
    "anndata",
    "borzoi_pytorch",
    "captum",
    "enformer_pytorch",
    "grelu",
    "h5py",
    "hdf5plugin",
    "igraph",
    "jax",
    "leidenalg",
    "lightning",
    "matplotlib",
    "memelite",
    "modiscolite",
    "numba",
    "numpy",
    "pandas",
    "pyBigWig",
    "pyarrow",
    "pysam",
    "pytorch_lightning",
    "scipy",
    "sklearn",
    "tangermeme",
    "tensorflow",
    "torch",
    "transformers",
)
