"""The floor: nothing but the bytes that an item cannot do without, in a fresh array."""

import os
from functools import lru_cache

import h5py
import numpy as np
from serve import serve, task


class Genes:
    """Codes by one pread, the one-hot form by four comparisons, the mask from two integers."""

    def __init__(self, path):
        with h5py.File(path) as file:
            sequences, masks = file["sequences"], file["masks"]
            self.offset, (self.rows, self.width) = sequences.id.get_offset(), sequences.shape
            self.length = int(file["seq_len"][()])
            on = [np.flatnonzero(masks[row]) for row in range(self.rows)]
        self.bounds = [(int(places[0]), int(places[-1]) + 1) for places in on]
        self.handle = os.open(path, os.O_RDONLY)
        self.start = (self.width - self.length) // 2

    def codes(self, row):
        raw = os.pread(self.handle, self.length, self.offset + row * self.width + self.start)
        return np.frombuffer(raw, dtype=np.int8)

    def item(self, row, codes):
        made = np.empty((5, self.length), dtype=np.float32)
        for base in range(4):
            np.equal(codes, base, out=made[base], casting="unsafe")
        first, last = self.bounds[row]
        made[4] = 0
        made[4, max(0, first - self.start) : max(0, last - self.start)] = 1
        return made


opened = lru_cache(Genes)


@task()
def extract(path, genes, **_):
    found = opened(path)
    for row in range(genes):
        item = found.item(row, found.codes(row))
    return item


@task()
def one_by_one(genes, variants=None, **_):
    """Every gene; or with variants ("row, position, code" of each) the two alleles, with the gene's codes kept."""
    found = opened(genes)
    if variants is None:
        for row in range(found.rows):
            item = found.item(row, found.codes(row))
        return item
    kept = None
    for row, place, code in variants:
        if row != kept:
            kept, codes = row, bytearray(found.codes(row))
        item = found.item(row, np.frombuffer(codes, dtype=np.int8))
        before, codes[place] = codes[place], code
        item = found.item(row, np.frombuffer(codes, dtype=np.int8))
        codes[place] = before
    return item


serve()
