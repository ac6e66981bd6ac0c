"""memelite's ``fimo``, as it is called; it has no motif set to keep."""

import numpy as np
from memelite import fimo
from serve import serve, task
from sites import matrices, numbered, sequences

all_sequences, hot = sequences, {}


def one_hot(path, number):
    if (path, number) not in hot:
        codes = all_sequences(path)[:number]
        hot[path, number] = np.stack([codes == base for base in range(4)], axis=1).astype(np.float32)
    return hot[path, number]


def answer(tables):
    columns = [(t["sequence_name"], t["motif_idx"], t["strand"] == "-", t["start"]) for t in tables]
    return numbered(*(np.concatenate([np.asarray(c) for c in column]) for column in zip(*columns, strict=True)))


@task(answer)
def scan(motifs, path, p_threshold, sequences, kept):
    return fimo(matrices(motifs), one_hot(path, sequences), threshold=p_threshold, dim=0)


serve()
