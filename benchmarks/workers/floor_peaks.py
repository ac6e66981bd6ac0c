"""scipy.signal.find_peaks on a track that is there already."""

import functools

import numpy as np
from scipy.signal import find_peaks
from serve import serve, task


@functools.cache
def track(path):
    values = np.load(path)
    return np.concatenate([[values.min()], values, [values.min()]]).astype(np.float64)


@task()
def summits(path, height, distance):
    return find_peaks(track(path), height=height, distance=distance)[0] - 1


serve()
