"""The search of ``jaspar`` alone: sites in columns. Small windows are searched together, with N between them."""

import numpy as np
from ours_scan_parts import scanner_of
from serve import serve, task
from sites import numbered, sequences

all_sequences = sequences


def answer(found):
    strands, width, parts = found
    columns = [
        (first + sites.start // width, strands.motif[sites.strand], ~strands.forward[sites.strand], sites.start % width)
        for first, sites in parts
    ]
    return numbered(*(np.concatenate(column) for column in zip(*columns, strict=True)))


@task(answer)
def scan(motifs, path, p_threshold, sequences, kept):
    scanner = scanner_of(motifs, p_threshold, kept)
    codes = all_sequences(path)[:sequences]
    if codes.shape[1] > 1_000:
        return scanner.strands, codes.shape[1], [(i, scanner.find(one)) for i, one in enumerate(codes)]
    width = codes.shape[1] + scanner.strands.widest
    joined = np.full((len(codes), width), 4, dtype=np.int8)
    joined[:, : codes.shape[1]] = codes
    return scanner.strands, width, [(0, scanner.find(joined.ravel()))]


serve()
