"""Ours: attributions.h5, encoded and written gene by gene."""

from functools import lru_cache
from pathlib import Path

import h5py
import numpy as np
from serve import serve, task

from decima_core import Attribution, GeneRecord, Interpretation, MotifHits, Peaks
from decima_core.attribution_layout import StoredAttributions, spread
from decima_core.outputs.attribution_file import AttributionFile
from decima_core.outputs.encoding import encode


@lru_cache
def results(inputs):
    stored = np.load(inputs)
    made = []
    for g, (codes, values) in enumerate(zip(stored["codes"], stored["values"], strict=True)):
        mask = np.zeros(len(codes), dtype=np.float32)
        mask[len(codes) // 3 : len(codes) // 2] = 1
        record = GeneRecord(gene=f"G{g}", codes=codes, mask=mask, tss=len(codes) // 3)
        attribution = Attribution(gene=f"G{g}", values=spread(values, codes))
        empty = {"peaks": Peaks.empty(len(codes)), "hits": MotifHits.empty(len(codes))}
        made.append(Interpretation(record=record, attribution=attribution, **empty))
    return made


def read_back(path):
    with h5py.File(path) as file:
        return StoredAttributions(file).values(len(file["genes"]) - 1)


@task(read_back)
def write(inputs, path, layout):
    found = results(inputs)
    file = AttributionFile(Path(path), [r.record.gene for r in found], {"model_name": "m", "genome": "g"}, {})
    for result in found:
        file.append(encode(result, layout))
    file.finish()
    return path


serve()
