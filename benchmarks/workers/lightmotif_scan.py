"""lightmotif's scanner; thresholds from its own p-values, kept with the matrices where the motif set is kept."""

import lightmotif
import numpy as np
from serve import serve, task
from sites import matrices, numbered, sequences

all_sequences, kept_sets = sequences, {}


def prepared(motifs, p_threshold):
    made = []
    for number, ppm in enumerate(matrices(motifs).values()):
        odds = np.log2((ppm + 1e-4) / (ppm + 1e-4).sum(0) / 0.25)
        for minus, rows in ((0, odds), (1, odds[::-1, ::-1])):
            worst = rows.min(0).tolist()
            matrix = lightmotif.ScoringMatrix({**dict(zip("ACGT", rows.tolist(), strict=True)), "N": worst})
            made.append((number, minus, rows.shape[1], matrix, matrix.score(p_threshold)))
    return made


@task(lambda found: numbered(*np.array(found, dtype=np.int64).reshape(-1, 4).T))
def scan(motifs, path, p_threshold, sequences, kept):
    key = motifs, p_threshold
    if not kept or key not in kept_sets:
        kept_sets[key] = prepared(motifs, p_threshold)
    found = []
    for i, codes in enumerate(all_sequences(path)[:sequences]):
        striped = lightmotif.stripe(np.frombuffer(b"ACGTN", dtype=np.uint8)[codes].tobytes().decode())
        for number, minus, width, matrix, threshold in kept_sets[key]:
            if width <= len(codes):
                found += [
                    (i, number, minus, hit.position) for hit in lightmotif.scan(matrix, striped, threshold=threshold)
                ]
    return found


serve()
