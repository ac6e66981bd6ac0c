"""A whole run: from a :class:`~decima_core.config.RunConfig` to a folder of results."""

from __future__ import annotations

from decima_core.carry_out import Conduct, Observer, carry_out, check_start
from decima_core.compute import check_computable
from decima_core.config import Plan, RunConfig
from decima_core.device import warn_of_idle_gpu
from decima_core.gene_work import open_genes
from decima_core.outputs.assembly import RunSummary
from decima_core.registry import Registry
from decima_core.run_record import RunClock
from decima_core.workforce import employ


def run(
    config: RunConfig | Plan,
    *,
    registry: Registry | None = None,
    observer: Observer | None = None,
    conduct: Conduct | None = None,
) -> RunSummary:
    """Explain every gene of the run and write the results.

    Writes ``attributions.h5``, ``peaks.tsv``, ``peaks.bed``, ``hits.tsv``, ``hits.bed``, ``run.log``, with ``bigwig`` also
    ``attributions.bw``, where genes failed also ``failures.tsv``, and, last, ``run.json``. Each gene is kept as soon as it is done, in
    the folder ``unfinished``: whatever ends the run, ``conduct`` with ``resume`` goes on with it.

    With ``workers`` or ``dask`` the genes are done in other processes, in any order; the results are the same.

    Raises
    ------
    DecimaError
        One of its subclasses, if no gene can be explained, or the run cannot go on; the output folder then holds no ``run.json`` and
        no file that looks finished. A gene that fails beside others is told in the summary.
    """
    plan = config if isinstance(config, Plan) else config.plan(registry or Registry.discover())
    conduct, clock = conduct or Conduct(), RunClock()
    check_start(plan.config, conduct)
    with employ(plan, open_genes) as workforce:
        here = workforce.executor is None
        if here and workforce.device is not None:
            warn_of_idle_gpu(workforce.device)
            check_computable(plan.config.compute, workforce.device)
        with open_genes(plan, device=workforce.device, ready=here) as work:
            return carry_out(work, plan, clock, observer or Observer(), conduct, workforce)
