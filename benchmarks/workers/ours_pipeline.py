"""Ours: a run with the defaults, but for the motif set; or with some number of peaks, and sites anywhere around them."""

from serve import serve, task

from decima_core import RunConfig
from decima_core import run as run_all


def config(genes, network, motifs, folder, peaks=None):
    caller, scanner = {}, {"path": motifs}
    if peaks is not None:
        caller = {"number": peaks, "height": 0.0, "sign": "both"}
        scanner |= {"region": "peaks", "window": 36, "p_threshold": 5e-4}
    return RunConfig.from_mapping(
        {
            "source": {"provider": "hdf5", "path": genes},
            "model": {"provider": "torch", "path": f"{network}:build"},
            "peaks": caller,
            "motifs": scanner,
            "target": {"transform": "aggregate"},
            "device": "cpu",
            "output": f"{folder}/ours",
            "overwrite": True,
        }
    )


@task(lambda summary: [summary.peaks, summary.hits])
def run(**given):
    return run_all(config(**given))


@task(lambda summary: dict(summary.seconds))
def stages(**given):
    return run_all(config(**given))


serve()
