"""Inputs that are made for each run: gene files of random bases in the layout that Decima writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

STORAGE: dict[str, dict[str, Any]] = {
    "contiguous": {},
    "compressed": {"chunks": (1, 65_536), "compression": "gzip", "compression_opts": 4, "shuffle": True},
}


def write_genes(
    path: Path, n_genes: int, length: int, pad: int = 0, *, tasks: int = 100, storage: str = "contiguous"
) -> Path:
    """Genes ``G0, G1, ...`` of ``length + 2 * pad`` bases, masked from a third of the window on, with labels."""
    rng = np.random.default_rng(0)
    width, options = length + 2 * pad, STORAGE[storage]
    if "chunks" in options:
        options = {**options, "chunks": (1, min(width, options["chunks"][1]))}
    with h5py.File(path, "w") as file:
        text = h5py.string_dtype()
        file["genes"] = np.array([(f"G{g}", "train") for g in range(n_genes)], dtype=text)
        file["tasks"] = np.array([f"task {t}" for t in range(tasks)], dtype=text)
        file["labels"] = rng.normal(size=(n_genes, tasks, 1)).astype(np.float32)
        for key, value in (("pad", pad), ("seq_len", length), ("padded_seq_len", width)):
            file[key] = value
        sequences = file.create_dataset("sequences", (n_genes, width), np.int8, **options)
        masks = file.create_dataset("masks", (n_genes, width), np.float32, **options)
        first = pad + length // 3
        for g in range(n_genes):
            sequences[g] = rng.integers(0, 4, width, dtype=np.int8)
            mask = np.zeros(width, dtype=np.float32)
            mask[first : first + int(rng.integers(length // 100 + 1, length // 2 + 2))] = 1
            masks[g] = mask
    return path


def write_genome(folder: Path, n_genes: int, length: int, pad: int) -> tuple[Path, Path, Path]:
    """A genome of random bases, its genes as Decima's metadata, and the same genes as a gene file.

    Genes ``G0, G1, ...`` lie on one chromosome, one after another, every other one on the minus strand.
    """
    import anndata
    import pandas as pd

    rng = np.random.default_rng(0)
    width = length + 2 * pad
    codes = rng.integers(0, 4, n_genes * width, dtype=np.int8)
    letters = np.frombuffer(b"ACGT", dtype=np.uint8)[codes].tobytes()
    fasta, metadata, genes = folder / "genome.fa", folder / "metadata.h5ad", folder / "placed.h5"
    head, line = b">chr1\n", 60
    lines = [letters[i : i + line] for i in range(0, len(letters), line)]
    fasta.write_bytes(head + b"\n".join(lines) + b"\n")
    fai = f"chr1\t{len(letters)}\t{len(head)}\t{line}\t{line + 1}\n"
    fasta.with_name("genome.fa.fai").write_text(fai, encoding="utf-8")
    starts = np.arange(n_genes) * width + pad
    strands = np.where(np.arange(n_genes) % 2, "-", "+")
    mask_start = length // 3
    mask_end = mask_start + rng.integers(length // 100 + 1, length // 2, n_genes)
    forward = strands == "+"
    var = pd.DataFrame(
        {
            "chrom": "chr1",
            "start": starts,
            "end": starts + length,
            "strand": strands,
            "gene_start": np.where(forward, starts + mask_start, starts + length - mask_end),
            "gene_end": np.where(forward, starts + mask_end, starts + length - mask_start),
            "gene_mask_start": mask_start,
            "gene_mask_end": mask_end,
            "dataset": "train",
        },
        index=[f"G{g}" for g in range(n_genes)],
    )
    obs = pd.DataFrame({"cell_type": ["a"]}, index=["task 0"])
    anndata.AnnData(X=np.zeros((1, n_genes), dtype=np.float32), obs=obs, var=var).write_h5ad(metadata)
    with h5py.File(genes, "w") as file:
        text = h5py.string_dtype()
        file["genes"] = np.array([(name, "train") for name in var.index], dtype=text)
        file["tasks"] = np.array(obs.index, dtype=text)
        file["labels"] = np.zeros((n_genes, 1, 1), dtype=np.float32)
        for key, value in (("pad", pad), ("seq_len", length), ("padded_seq_len", width)):
            file[key] = value
        for name in ("chrom", "strand"):
            file[name] = np.array(var[name], dtype=text)
        for name in ("start", "end", "gene_mask_start", "gene_mask_end"):
            file[name] = var[name].to_numpy(dtype=np.int64)
        sequences = file.create_dataset("sequences", (n_genes, width), np.int8)
        masks = file.create_dataset("masks", (n_genes, width), np.float32)
        for g, (start, strand) in enumerate(zip(starts, strands, strict=True)):
            window = codes[start - pad : start + length + pad]
            sequences[g] = window if strand == "+" else 3 - window[::-1]
            mask = np.zeros(width, dtype=np.float32)
            mask[pad + mask_start : pad + mask_end[g]] = 1
            masks[g] = mask
    return fasta, metadata, genes


def write_snvs(path: Path, fasta: Path, metadata: Path, number: int, genes: int) -> list[tuple[int, int, int]]:
    """``number`` substitutions, as many in each of the first ``genes`` windows, sorted by place as in a VCF.

    Written as a table of ``chrom, pos, ref, alt``. Returns the row, the window position and the new code of each, in transcript
    orientation.
    """
    import anndata
    import pandas as pd

    rng = np.random.default_rng(1)
    letters = fasta.read_bytes().partition(b"\n")[2].replace(b"\n", b"").decode()
    var = anndata.read_h5ad(metadata).var
    rows, changes = [], []
    for gene, (start, end, strand) in enumerate(zip(var["start"], var["end"], var["strand"], strict=True)):
        if gene == genes:
            break
        for place in np.sort(rng.choice(np.arange(1, end - start - 1), number // genes, replace=False)):
            ref = letters[start + place]
            alt = int("ACGT".index(ref) + rng.integers(1, 4)) % 4
            rows.append(("chr1", start + place + 1, ref, "ACGT"[alt]))
            forward = strand == "+"
            changes.append((gene, int(place if forward else end - start - 1 - place), alt if forward else 3 - alt))
    pd.DataFrame(rows, columns=["chrom", "pos", "ref", "alt"]).to_csv(path, sep="\t", index=False)
    return changes
