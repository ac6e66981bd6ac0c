"""Genes with two planted motifs, and a model that knows both: its gradient at a site is the motif, exactly."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np
import torch
from support import random_codes, write_gene_file
from torch import nn

# R is A or G, as often; both fire alike, so that the alternative is known from hypothetical scores.
WORDS = ("GGAAARAGC", "ACCCATACA")
LENGTH = 600
Command = Callable[..., subprocess.CompletedProcess[str]]
_SETS = {"A": "A", "C": "C", "G": "G", "T": "T", "R": "AG"}


def motif(word: str) -> np.ndarray:
    """The PPM ``(4, W)`` of a word."""
    ppm = np.zeros((4, len(word)))
    for i, letter in enumerate(word):
        for base in _SETS[letter]:
            ppm["ACGT".index(base), i] = 1 / len(_SETS[letter])
    return ppm


@attrs.frozen
class Site:
    """A planted site: gene, first base, word, strand."""

    gene: str
    start: int
    word: str
    strand: str


def write_planted(path: Path, genes: int, per_gene: int) -> list[Site]:
    """A gene file in which each gene has ``per_gene`` sites of each word, both strands, 45 bases apart at least."""
    rng = np.random.default_rng(7)
    codes = random_codes(7, genes, LENGTH)
    sites = []
    places = np.arange(60, LENGTH - 60, 45)
    for row in range(genes):
        starts = rng.permutation(places)[: 2 * per_gene]
        for number, start in enumerate(starts.tolist()):
            word, strand = WORDS[number % 2], "+-"[int(rng.integers(2))]
            bases = [int(rng.choice(4, p=column)) for column in motif(word).T]
            codes[row, start : start + len(word)] = bases if strand == "+" else [3 - b for b in reversed(bases)]
            sites.append(Site(f"G{row}", start, word, strand))
    write_gene_file(path, codes, mask=slice(280, 320), tasks=("a",))
    return sites


class TwoMotifs(nn.Module):
    """The sum over the window of how well either word, on either strand, is matched beyond two bases short of the best.

    A weak linear term with a weight of its own for each base and position gives every base some attribution; the third term,
    the same slope for all four bases of a position, is what no sequence can show.
    """

    channels = 4

    def __init__(self) -> None:
        super().__init__()
        filters = np.stack([strand for word in WORDS for strand in (motif(word), motif(word)[::-1, ::-1])])
        self.conv = nn.Conv1d(4, len(filters), filters.shape[2])
        generator = torch.Generator().manual_seed(3)
        with torch.no_grad():
            self.conv.weight.copy_(torch.from_numpy(filters.copy()))
            # The best sum of a word with one R is 8.5.
            self.conv.bias.fill_(-6.7)
        self.register_buffer("noise", 0.03 * torch.randn(4, LENGTH, generator=generator))
        self.register_buffer("unseen", 0.05 * torch.randn(1, LENGTH, generator=generator))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hits = torch.relu(self.conv(x)).sum(dim=(1, 2))
        seen = (x * (self.noise - self.noise.mean(0))).sum(dim=(1, 2))
        return (hits + seen + ((x.sum(1, keepdim=True) - 1) * self.unseen).sum(dim=(1, 2)))[:, None]


class EachWord(TwoMotifs):
    """A task for each word."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        words = torch.relu(self.conv(x)).sum(dim=2).unflatten(1, (len(WORDS), 2)).sum(dim=2)
        seen = (x * (self.noise - self.noise.mean(0))).sum(dim=(1, 2))
        return words + seen[:, None]
