"""TF-MoDISco, run in a process of its own: ``python -m decima_core.modisco.worker INPUTS...``.

It starts processes and compiles while it runs, and keeps all cores busy, so it shares no process with anything else. The
settings are those of the command ``modisco motifs``, so both give the same result.
"""

from __future__ import annotations

import sys


def main(one_hot: str, hypothetical: str, output: str, window: str, max_seqlets: str, leiden_runs: str) -> None:
    """Find patterns in two ``.npz`` files ``(N, 4, L)`` and write them as TF-MoDISco's HDF5 file ``output``."""
    import numpy as np
    from modiscolite.io import save_hdf5
    from modiscolite.tfmodisco import TFMoDISco

    sequences, scores = (np.load(path)["arr_0"].transpose(0, 2, 1) for path in (one_hot, hypothetical))
    positive, negative = TFMoDISco(
        one_hot=sequences,
        hypothetical_contribs=scores,
        max_seqlets_per_metacluster=int(max_seqlets),
        sliding_window_size=20,
        flank_size=5,
        trim_to_window_size=30,
        initial_flank_to_add=10,
        final_flank_to_add=0,
        target_seqlet_fdr=0.05,
        n_leiden_runs=int(leiden_runs),
        verbose=True,
    )
    save_hdf5(output, positive, negative, int(window))


if __name__ == "__main__":
    main(*sys.argv[1:])
