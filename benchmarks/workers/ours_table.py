"""``jaspar`` as a run calls it: the whole table, with p- and q-values, attribution scores, names and the order of rows."""

import numpy as np
from ours_scan_parts import scanner_of
from serve import serve, task
from sites import matrices, numbered, sequences

from decima_core import Attribution, GeneRecord, Peaks

all_sequences, zero = sequences, {}


def answer(found):
    motifs, tables = found
    number = {name: i for i, name in enumerate(matrices(motifs))}
    columns = [
        (np.full(len(t), i), [number[name] for name in t.motif_id], t.strand == "-", t.start)
        for i, t in enumerate(tables)
    ]
    return numbered(*(np.concatenate(column) for column in zip(*columns, strict=True)))


@task(answer)
def scan(motifs, path, p_threshold, sequences, kept):
    scanner = scanner_of(motifs, p_threshold, kept)
    tables = []
    for codes in all_sequences(path)[:sequences]:
        length = len(codes)
        if length not in zero:
            zero[length] = Attribution(gene="g", values=np.ones((4, length), dtype=np.float32)), Peaks.empty(length)
        tables.append(scanner.scan(GeneRecord(gene="g", codes=codes), *zero[length]))
    return motifs, tables


serve()
