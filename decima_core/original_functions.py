"""The functions this project grew from, with the same arguments and, on valid input, the same numbers.

Where the original was wrong the numbers differ on purpose: ``scan_attributions`` counts positions in the sequence, gives exact
p-values, averages ``site_attr_score`` over the site's bases (a quarter of that before) and widens windows for wide motifs.

They are thin: each runs the bundled provider of its stage. Positions count from 0 in the window, in transcript
orientation, as everywhere (see :mod:`decima_core.records`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import nn

from decima_core.attribute import run_method
from decima_core.config import TargetOptions
from decima_core.device import resolve_device
from decima_core.errors import ConfigError, DataError, ModelError, UnknownNameError
from decima_core.guard import left_as_found
from decima_core.models import WrappedModel, guess_channels, task_names
from decima_core.options import build
from decima_core.outputs.tables import hits_table
from decima_core.pipeline import call_peaks, scan_motifs
from decima_core.providers import AttributionMethod, DataSource
from decima_core.records import Attribution, GeneRecord, Interpretation, Peaks
from decima_core.registry import Registry
from decima_core.sequence import encode, from_one_hot
from decima_core.targets import make_target

PathLike = str | os.PathLike[str]


# --- genes in a file --------------------------------------------------------------------------------------------------


def count_genes(h5_file: PathLike, key: str | None = None) -> int:
    """Number of genes in the file, or in its split ``key``.

    Raises
    ------
    DataError
        If the file is missing, damaged or no gene file.
    UnknownNameError
        If there is no such split.
    """
    return len(_open(h5_file).source.genes(key))


def index_genes(h5_file: PathLike, key: str | None = None) -> npt.NDArray[np.int64]:
    """Row numbers of the genes in the file, or in its split ``key``. Raises as :func:`count_genes`."""
    opened = _open(h5_file)
    if key is None:
        return np.arange(len(opened.rows))
    return np.array([opened.rows[g] for g in opened.source.genes(key)], dtype=np.int64)


def list_genes(h5_file: PathLike, key: str | None = None) -> npt.NDArray[np.str_]:
    """Names of the genes in the file, or in its split ``key``, in file order. Raises as :func:`count_genes`."""
    return np.array(_open(h5_file).source.genes(key), dtype=np.str_)


def get_gene_idx(h5_file: PathLike, gene: str, key: str | None = None) -> int:
    """Row number of a gene in the whole file; ``key`` restricts where it may be.

    Raises
    ------
    UnknownNameError
        If there is no such gene (in that split); with near matches.
    """
    opened = _open(h5_file)
    row = opened.rows.get(gene)
    if row is None or (key is not None and gene not in opened.source.genes(key)):
        where = f"'{h5_file}'" if key is None else f"split '{key}' of '{h5_file}'"
        raise UnknownNameError("gene", gene, opened.source.genes(key), where=where)
    return row


def extract_gene_data(
    h5_file: PathLike, gene: str, seq_len: int | None = None, merge: bool = True
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """A gene's sequence and mask as float32 tensors: ``(5, L)`` merged, else ``(4, L)`` and ``(1, L)``.

    ``seq_len`` takes the central bases; None the file's own length.

    Raises
    ------
    UnknownNameError
        If there is no such gene.
    DataError
        If more bases are asked for than are stored, or the mask is all zero.
    """
    record = _open(h5_file).source.read(gene, seq_len)
    inputs = torch.from_numpy(record.inputs())
    return inputs if merge else (inputs[:4], inputs[4:])


# --- attributions -----------------------------------------------------------------------------------------------------


def attributions(
    gene: str | None,
    tasks: Any,
    model: Any,
    device: str | torch.device | None = None,
    h5_file: PathLike | None = None,
    inputs: torch.Tensor | npt.NDArray[Any] | None = None,
    off_tasks: Any = None,
    transform: Literal["specificity", "aggregate"] = "specificity",
    method: Any = "input-x-gradient",
    **kwargs: Any,
) -> tuple[npt.NDArray[np.float32], Any]:
    """Attributions of one gene, and the position of its TSS.

    Parameters
    ----------
    gene, h5_file
        The gene to read from a file; not used if ``inputs`` are given.
    inputs
        ``(5, L)`` sequence and mask, or ``(4, L)`` sequence for a model that reads no mask; or a batch of either.
    tasks, off_tasks
        One or several task names or numbers; off-tasks default to all others.
    model
        A ``torch.nn.Module``, a wrapped model, or a LightningModel with ``data_params["tasks"]["name"]``.
    transform
        ``"specificity"`` (mean of tasks - mean of off-tasks) or ``"aggregate"`` (mean of tasks); output positions are summed.
    method
        A provider's name, a captum class, or an object with the AttributionMethod protocol.
    kwargs
        Options of the provider, or keyword arguments of the captum class.

    Returns
    -------
    ``(4, L)`` float32 and the TSS (None without a mask); for a batch ``(B, 4, L)`` and an array ``(B,)``.

    Raises
    ------
    DecimaError
        One of its subclasses for anything that does not fit; the model is left exactly as found, also then.
    """
    batch, single, starts = _batch(gene, h5_file, inputs)
    wrapped = _wrap(model, batch.shape[1])
    choice = {"transform": transform, "tasks": _names(tasks), "off_tasks": _names(off_tasks)}
    target = make_target(wrapped, build(TargetOptions, choice, "the target"))
    attributer, name = _method(method, kwargs)
    where = resolve_device(device)
    sequence = batch[:, :4].to(where)
    mask = batch[:, 4:5].to(where) if wrapped.channels == 5 else None
    with left_as_found(target, where):
        scores = run_method(attributer, target, sequence, mask, gene or "inputs", name)
    values = scores.values.detach().to("cpu", torch.float32).numpy()
    for row in values:
        Attribution(gene=gene or "inputs", values=row, method=name)  # refuses NaN, by name
    return (values[0], starts[0]) if single else (values, np.array(starts))


def _batch(gene: str | None, h5_file: PathLike | None, inputs: Any) -> tuple[torch.Tensor, bool, list[int | None]]:
    """Inputs ``(B, 4 or 5, L)``, whether one gene was asked for, and the TSS of each."""
    if inputs is None:
        if h5_file is None or gene is None:
            raise ConfigError("Give either inputs, or a gene and the h5_file that holds it.")
        record = _open(h5_file).source.read(gene)
        return torch.from_numpy(record.inputs())[None], True, [record.tss]
    tensor = torch.as_tensor(inputs).detach().to(torch.float32)
    if tensor.ndim not in (2, 3) or tensor.shape[-2] not in (4, 5):
        raise DataError(
            f"inputs have shape {tuple(tensor.shape)}; they must be (5, length) with the gene mask last, (4, length) "
            "without one, or a batch of either."
        )
    single = tensor.ndim == 2
    batch = tensor[None] if single else tensor
    if batch.shape[1] == 4:
        return batch, single, [None] * len(batch)
    for i, mask in enumerate(batch[:, 4]):
        if not mask.any():
            raise DataError(
                f"The gene mask of {gene or f'input {i}'} is all zero, so its TSS is unknown; mask the gene's bases."
            )
    return batch, single, [int(row.nonzero()[0, 0]) for row in batch[:, 4]]


def _wrap(model: Any, given: int) -> WrappedModel:
    """The model with as many channels as it reads: its own word first, else as many as were given."""
    if not isinstance(model, nn.Module):
        module = getattr(model, "module", None)
        if not isinstance(module, nn.Module):
            raise ModelError(f"The model is a {type(model).__name__}; give a torch.nn.Module or a wrapped model.")
        channels, names, label = int(model.channels), tuple(model.tasks), str(model.name)
    else:
        module, names, label = model, task_names(model), type(model).__name__
        channels = guess_channels(model) or given
    if channels > given:
        raise ModelError(f"Model '{label}' reads 5 channels, but the inputs have 4; add the gene mask as the fifth.")
    return WrappedModel(module=module, channels=channels, tasks=names, name=label)


def _names(tasks: Any) -> tuple[str, ...]:
    if tasks is None:
        return ()
    if isinstance(tasks, (str, int, np.integer)):
        return (str(tasks),)
    return tuple(str(t) for t in tasks)


def _method(method: Any, kwargs: dict[str, Any]) -> tuple[AttributionMethod, str]:
    if isinstance(method, str):
        return _registry().create("method", method, **kwargs), method
    if isinstance(method, type) and method.__module__.split(".")[0] == "captum":
        return _registry().create("method", "captum", cls=method, arguments=kwargs), method.__name__
    if isinstance(method, type) or not hasattr(method, "attribute"):
        raise ConfigError(
            f"The method {method!r} is neither a provider's name, nor a captum class, nor an object with attribute()."
        )
    if kwargs:
        raise ConfigError(
            f"{', '.join(kwargs)} cannot be passed to a method that is an object already; build it with them."
        )
    return method, type(method).__name__


# --- peaks and motifs -------------------------------------------------------------------------------------------------


def find_attr_peaks(
    attr: Any,
    tss_pos: int | None = None,
    n: int | None = 5,
    min_dist: int = 6,
    height: float | None = 0.1,
    sign: Literal["positive", "negative", "both"] = "positive",
    prominence: float | None = None,
) -> pd.DataFrame:
    """The ``n`` highest peaks of attributions ``(4, L)`` summed over bases, at least ``min_dist`` bases apart.

    ``height`` is the least height; None takes the scale-free threshold of the peak caller ``scipy``. Returns ``peak``
    (position), ``height`` and, if ``tss_pos`` is given, ``from_tss``, highest first.

    Raises
    ------
    AttributionError
        If ``attr`` has another shape or holds NaN.
    """
    attribution = Attribution(gene="attr", values=_numpy(attr))
    options = {"number": n, "distance": min_dist, "height": height, "sign": sign, "prominence": prominence}
    peaks = call_peaks(_registry().create("peaks", "scipy", **options), attribution)
    table = pd.DataFrame({"peak": peaks.position, "height": peaks.height})
    if tss_pos is not None:
        table["from_tss"] = table["peak"] - int(tss_pos)
    return table


def scan_attributions(
    seq: Any,
    attr: Any,
    motifs: Any,
    peaks: pd.DataFrame,
    names: Iterable[str] | None = None,
    pthresh: float = 1e-3,
    rc: bool = True,
    window: int = 18,
) -> pd.DataFrame:
    """Motif sites in windows around peaks, with their attribution scores.

    Parameters
    ----------
    seq
        The gene's window: one-hot ``(4, L)`` or ``(5, L)``, or a DNA string.
    attr
        Its attributions ``(4, L)``.
    motifs
        ``{id: (4, W) PPM}``, a JASPAR release such as ``"JASPAR2026"``, or the path of a MEME file.
    peaks
        A table with the column ``peak`` (positions in ``seq``), as :func:`find_attr_peaks` returns.
    names
        Keep only motifs of these names or ids.
    pthresh
        Report sites with at most this p-value.
    rc
        Scan both strands.
    window
        Bases around each peak that must hold the site; wider motifs get a window of their own width.

    Returns
    -------
    The columns of the hits table in ``docs/formats.md``; ``start`` and ``end`` count in ``seq``.

    Raises
    ------
    MotifError, UnknownNameError
        If motifs cannot be read or do not exist.
    """
    codes = encode(seq) if isinstance(seq, str) else from_one_hot(_numpy(seq))
    values = _numpy(attr)
    if values.shape[-1:] != codes.shape:
        raise DataError(f"The sequence has {codes.shape[0]:,} bases, but the attributions have {values.shape[-1]:,}.")
    if "peak" not in getattr(peaks, "columns", ()):
        raise DataError("peaks must be a table with the column 'peak', such as find_attr_peaks returns.")
    options = {"motifs": motifs, "p_threshold": pthresh, "both_strands": rc, "window": window, "region": "peaks"}
    scanner = _registry().create("motifs", "jaspar", names=tuple(names or ()), **options)
    called = _peaks_from_table(peaks, len(codes))
    tss = int(peaks["peak"].iloc[0] - peaks["from_tss"].iloc[0]) if "from_tss" in peaks and len(peaks) else None
    record = GeneRecord(gene="seq", codes=codes, tss=tss)
    attribution = Attribution(gene="seq", values=values, tss=tss)
    hits = scan_motifs(scanner, record, attribution, called)
    table = hits_table(Interpretation(record=record, attribution=attribution, peaks=called, hits=hits))
    return table.drop(columns=["gene", "chrom", "genome_start", "genome_end", "genome_strand"])


def _peaks_from_table(table: pd.DataFrame, length: int) -> Peaks:
    position = table["peak"].to_numpy(dtype=np.int64)
    outside = (position < 0) | (position >= length)
    if outside.any():
        raise DataError(f"Peak {int(position[outside][0])} lies outside the sequence of {length:,} bases.")
    height = table["height"].to_numpy(dtype=float) if "height" in table else np.zeros(len(table))
    order = np.argsort(-np.abs(height), kind="stable")
    position, height = position[order], height[order]
    return Peaks(position=position, start=position, end=position + 1, height=height, length=length)


def _numpy(array: Any) -> npt.NDArray[Any]:
    return array.detach().cpu().numpy() if isinstance(array, torch.Tensor) else np.asarray(array)


# --- what is kept between calls ---------------------------------------------------------------------------------------


@attrs.frozen
class _Opened:
    source: DataSource
    rows: dict[str, int]


@lru_cache(maxsize=1)
def _registry() -> Registry:
    return Registry.discover()


def _open(h5_file: PathLike) -> _Opened:
    """The file, opened once and again when it changes on disk."""
    path = Path(h5_file)
    try:
        state = path.stat()
    except OSError:
        return _open_unchanged(str(path), 0, 0)  # the source says what is wrong
    return _open_unchanged(str(path.resolve()), state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=8)
def _open_unchanged(path: str, modified: int, size: int) -> _Opened:
    source: DataSource = _registry().create("source", "hdf5", path=path)
    return _Opened(source, {gene: i for i, gene in enumerate(source.genes())})
