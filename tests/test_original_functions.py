"""The drop-in functions: the original's numbers on valid input, and none of its known defects.

Numbers in test names are those of the list of defects found in the original functions.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from scipy.signal import find_peaks
from support import LinearModel, TrackModel, plant, random_codes, word_ppm, wrap, write_gene_file, write_meme
from torch import nn

import decima_core
from decima_core import (
    AttributionError,
    ConfigError,
    DataError,
    MotifError,
    UnknownNameError,
    attributions,
    count_genes,
    extract_gene_data,
    find_attr_peaks,
    get_gene_idx,
    index_genes,
    list_genes,
    scan_attributions,
)
from decima_core.outputs.tables import HIT_COLUMNS
from decima_core.sequence import decode, one_hot

LENGTH = 100
NAMES = ["CD68", "SPI1", "MYC", "GATA1"]
SPLITS = ["train", "test", "test", "val"]


@pytest.fixture
def genes(tmp_path: Path) -> Path:
    return write_gene_file(tmp_path / "genes.h5", random_codes(0, 4, LENGTH), names=NAMES, splits=SPLITS)


def reference(model: nn.Module, inputs: torch.Tensor, on: list[int], off: list[int]) -> np.ndarray:
    """Input x gradient of mean(on) - mean(off), by torch alone."""
    x = inputs[None].clone().requires_grad_()
    y = model(x)
    y = y if y.ndim == 2 else y.sum(2)
    (y[:, on].mean() - y[:, off].mean()).backward()
    return (x * x.grad)[0, :4].detach().numpy()


# --- the gene file ----------------------------------------------------------------------------------------------------


def test_genes_are_counted_indexed_and_listed_as_before(genes):
    with h5py.File(genes) as file:
        table = np.array(file["genes"]).astype(str)
    for key in (None, "train", "test", "val"):
        rows = np.arange(4) if key is None else np.where(table[:, 1] == key)[0]
        assert count_genes(genes, key) == len(rows)
        assert index_genes(genes, key).tolist() == rows.tolist()
        assert list_genes(genes, key).tolist() == table[rows, 0].tolist()
    for i, name in enumerate(NAMES):
        assert get_gene_idx(genes, name) == i
    assert get_gene_idx(str(genes), "MYC", key="test") == 2


@pytest.mark.parametrize("seq_len", [None, 100, 99, 64, 41])
def test_extracted_data_are_the_original_centre_crop(genes, seq_len):
    with h5py.File(genes) as file:
        codes, mask = file["sequences"][1], file["masks"][1]
    n = seq_len or LENGTH
    start = (LENGTH - n) // 2
    merged = extract_gene_data(genes, "SPI1", seq_len=seq_len)
    assert merged.dtype == torch.float32
    assert merged.shape == (5, n)
    assert np.array_equal(merged[:4], one_hot(codes[start : start + n]))
    assert np.array_equal(merged[4], mask[start : start + n])
    sequence, alone = extract_gene_data(genes, "SPI1", seq_len=seq_len, merge=False)
    assert torch.equal(torch.vstack([sequence, alone]), merged)


def test_06_unknown_names_say_so_with_near_matches(genes):
    with pytest.raises(UnknownNameError, match=r"no gene 'SPL1' in .*genes\.h5.*Did you mean SPI1"):
        get_gene_idx(genes, "SPL1")
    with pytest.raises(UnknownNameError, match="no gene 'SPI1' in split 'train'"):
        get_gene_idx(genes, "SPI1", key="train")
    for function in (count_genes, index_genes, list_genes):
        with pytest.raises(UnknownNameError, match=r"no split 'trian'.*Did you mean train"):
            function(genes, "trian")
    with pytest.raises(UnknownNameError, match="SPI1"):
        extract_gene_data(genes, "spi1")


def test_06_an_all_zero_mask_is_refused(tmp_path):
    path = write_gene_file(tmp_path / "zero.h5", random_codes(0, 1, 50), names=["DARK"], mask=slice(0, 0))
    with pytest.raises(DataError, match="DARK"):
        extract_gene_data(path, "DARK")
    inputs = torch.zeros(5, 50)
    with pytest.raises(DataError, match="gene mask of input 0 is all zero"):
        attributions(None, 0, LinearModel(2, 5, 50), inputs=inputs)


def test_12_the_gene_table_is_read_once(genes, monkeypatch):
    get_gene_idx(genes, "MYC")
    monkeypatch.setattr(h5py, "File", None)  # from here on nothing may be opened
    assert [get_gene_idx(genes, n) for n in NAMES] == [0, 1, 2, 3]
    assert count_genes(genes, "test") == 2


def test_a_file_that_changed_is_read_again(tmp_path):
    path = write_gene_file(tmp_path / "g.h5", random_codes(0, 2, 60))
    assert count_genes(path) == 2
    path.unlink()
    write_gene_file(path, random_codes(0, 3, 60))
    assert count_genes(path) == 3


def test_13_more_bases_than_stored_is_an_error(genes):
    with pytest.raises(DataError, match=r"110.*100|100.*110"):
        extract_gene_data(genes, "MYC", seq_len=110)


def test_a_missing_file_is_one_clear_error(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.h5"):
        count_genes(tmp_path / "nowhere.h5")


# --- attributions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", [LinearModel(4, 5, LENGTH), TrackModel(4, 5, LENGTH)], ids=["values", "tracks"])
def test_specificity_attributions_are_those_of_autograd(genes, module):
    inputs = extract_gene_data(genes, "SPI1")
    got, tss = attributions("SPI1", [0, 2], module, h5_file=genes)
    assert got.shape == (4, LENGTH)
    assert got.dtype == np.float32
    assert tss == int(np.where(inputs[-1] == 1)[0][0]) == 40
    assert np.allclose(got, reference(module, inputs, [0, 2], [1, 3]), atol=1e-5)
    chosen, _ = attributions(None, 0, module, inputs=inputs, off_tasks=3)
    assert np.allclose(chosen, reference(module, inputs, [0], [3]), atol=1e-5)


def test_aggregate_attributions_are_the_mean_of_the_tasks(genes):
    module = LinearModel(4, 5, LENGTH)
    inputs = extract_gene_data(genes, "SPI1")
    got, _ = attributions("SPI1", [1, 2], module, h5_file=genes, transform="aggregate")
    assert np.allclose(got, (module.weight[[1, 2]].mean(0) * inputs)[:4].detach(), atol=1e-6)


def test_01_a_batch_gives_one_result_for_each_gene(genes):
    module = LinearModel(4, 5, LENGTH)
    batch = torch.stack([extract_gene_data(genes, n) for n in NAMES])
    got, tss = attributions(None, 0, module, inputs=batch)
    assert got.shape == (4, 4, LENGTH)
    assert tss.tolist() == [40] * 4
    for row, name in zip(got, NAMES, strict=True):
        single, _ = attributions(name, 0, module, h5_file=genes)
        assert np.allclose(row, single, atol=1e-6)


METHODS = [
    "inputxgradient",
    "input-x-gradient",
    "saliency",
    "integratedgradients",
    "integrated-gradients",
    "deeplift",
    "gradientshap",
    "occlusion",
]


@pytest.mark.parametrize("method", METHODS)
def test_02_every_method_runs_by_name(genes, method):
    got, _ = attributions("SPI1", 0, LinearModel(2, 5, LENGTH), h5_file=genes, method=method)
    assert got.shape == (4, LENGTH)


@pytest.mark.parametrize("name", ["InputXGradient", "Saliency", "IntegratedGradients", "DeepLift"])
def test_02_captum_classes_run(genes, name):
    import captum.attr

    module = LinearModel(2, 5, LENGTH)
    got, _ = attributions("SPI1", 0, module, h5_file=genes, method=getattr(captum.attr, name))
    contrast = (module.weight[0] - module.weight[1]).detach().numpy()[:4]
    inputs = extract_gene_data(genes, "SPI1").numpy()[:4]
    assert np.allclose(got, contrast if name == "Saliency" else contrast * inputs, atol=1e-5)


def test_keywords_reach_the_method(genes):
    import captum.attr

    module = LinearModel(2, 5, LENGTH)
    given = {"h5_file": genes, "method": captum.attr.Saliency}
    unsigned, _ = attributions("SPI1", 0, module, abs=True, **given)
    assert (unsigned >= 0).all()
    ours, _ = attributions("SPI1", 0, module, h5_file=genes, method="saliency", absolute=True)
    assert np.array_equal(ours, unsigned)
    with pytest.raises(ConfigError, match="n_step"):
        attributions("SPI1", 0, module, h5_file=genes, method="integrated-gradients", n_step=3)
    with pytest.raises(ConfigError, match="ab"):
        attributions("SPI1", 0, module, ab=True, **given)


def test_03_saliency_is_signed(genes):
    got, _ = attributions("SPI1", 0, LinearModel(2, 5, LENGTH), h5_file=genes, method="saliency")
    assert (got < 0).any()


class Fragile(LinearModel):
    """Raises from its second call on."""

    calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        if self.calls > 1:
            raise RuntimeError("out of order")
        return super().forward(x)


@pytest.mark.parametrize("fails", [False, True])
def test_04_the_model_and_the_inputs_are_left_as_found(genes, fails):
    module = (Fragile if fails else LinearModel)(2, 5, LENGTH).train()
    inputs = extract_gene_data(genes, "SPI1").requires_grad_()
    before = inputs.detach().clone()
    names = set(vars(module)) - {"calls"}
    if fails:
        with pytest.raises(decima_core.ModelError, match="out of order"):
            attributions(None, 0, module, inputs=inputs, method="integrated-gradients", internal_batch_size=1)
    else:
        attributions(None, 0, module, inputs=inputs, method="integrated-gradients")
    assert module.training
    assert module.weight.requires_grad
    assert module.weight.grad is None
    assert inputs.grad is None
    assert torch.equal(inputs, before)
    assert set(vars(module)) - {"calls"} == names
    assert not any(getattr(module, t) for t in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"transform": "specifity"}, "did you mean specificity"),
        ({"transform": None}, "transform"),
        ({"tasks": [0, 1]}, "All tasks are on"),
        ({"tasks": 5}, "numbered 0 to 1"),
        ({"tasks": "monocyte"}, "does not name its tasks"),
        ({"method": "inputxgradiant"}, "input-x-gradient"),
        ({"method": 3}, "neither a provider's name"),
        ({"device": "cuda:99"}, "cuda"),
        ({"device": "gpu"}, "'gpu' is not a device"),
    ],
)
def test_05_what_cannot_be_is_refused(genes, arguments, message):
    given = {"gene": "SPI1", "tasks": 0, "model": LinearModel(2, 5, LENGTH), "h5_file": genes, **arguments}
    with pytest.raises(ConfigError, match=message):
        attributions(**given)


def test_missing_inputs_and_misfits_are_refused(genes):
    module = LinearModel(2, 5, LENGTH)
    with pytest.raises(ConfigError, match="Give either inputs"):
        attributions("SPI1", 0, module)
    with pytest.raises(DataError, match=r"shape \(3, 100\)"):
        attributions(None, 0, module, inputs=torch.zeros(3, LENGTH))
    with pytest.raises(decima_core.ModelError, match="reads 5 channels"):
        attributions(None, 0, module, inputs=torch.zeros(4, LENGTH))
    with pytest.raises(decima_core.ModelError, match="is a dict"):
        attributions("SPI1", 0, {}, h5_file=genes)
    nan = LinearModel(2, 5, LENGTH)
    nan.weight.data[0, 1] = torch.nan
    with pytest.raises(AttributionError, match="NaN"):
        attributions("SPI1", 0, nan, h5_file=genes)


def test_models_without_a_mask_and_models_with_names(genes):
    plain = LinearModel(2, 4, LENGTH)
    inputs = extract_gene_data(genes, "SPI1")
    without, tss = attributions(None, 0, plain, inputs=inputs[:4])
    with_mask, at = attributions(None, 0, plain, inputs=inputs)
    assert np.array_equal(without, with_mask)
    assert (tss, at) == (None, 40)
    lightning = LinearModel(2, 5, LENGTH)
    lightning.data_params = {"tasks": {"name": ["CD14", "CD19"]}}
    wrapped = wrap(LinearModel(2, 5, LENGTH), tasks=("CD14", "CD19"))
    expected, _ = attributions("SPI1", 1, LinearModel(2, 5, LENGTH), h5_file=genes)
    for model in (lightning, wrapped):
        got, _ = attributions("SPI1", "CD19", model, h5_file=genes)
        assert np.array_equal(got, expected)
    with pytest.raises(UnknownNameError, match="Did you mean CD19"):
        attributions("SPI1", "CD199", lightning, h5_file=genes)


def test_a_method_may_be_an_object(genes):
    class Ones:
        def attribute(self, target: nn.Module, sequence: torch.Tensor, mask: Any = None) -> decima_core.Scores:
            return decima_core.Scores(values=torch.ones_like(sequence))

    got, _ = attributions("SPI1", 0, LinearModel(2, 5, LENGTH), h5_file=genes, method=Ones())
    assert (got == 1).all()


# --- peaks ------------------------------------------------------------------------------------------------------------


def attribution_track(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.2, (4, 500)).astype(np.float32)


@pytest.mark.parametrize("tss", [None, 200])
@pytest.mark.parametrize(("n", "min_dist"), [(5, 6), (3, 20), (400, 1)])
def test_peaks_are_the_original_ones(tss, n, min_dist):
    attr = attribution_track()
    where, found = find_peaks(attr.sum(0), height=0.1, distance=min_dist)
    expected = pd.DataFrame({"peak": where, "height": found["peak_heights"]})
    if tss is not None:
        expected["from_tss"] = expected["peak"] - tss
    expected = expected.sort_values("height", ascending=False).head(n).reset_index(drop=True)
    got = find_attr_peaks(attr, tss, n=n, min_dist=min_dist)
    edge = got.peak.isin([0, 499])  # new: the first and last base can be a summit
    assert got.columns.tolist() == expected.columns.tolist()
    if not edge.any():
        assert np.array_equal(got.peak, expected.peak)
        assert np.allclose(got.height, expected.height)


def test_07_height_and_sign_are_options_and_a_scale_free_threshold_exists():
    attr = attribution_track() * 1e-3
    assert len(find_attr_peaks(attr)) == 0
    assert len(find_attr_peaks(attr, height=1e-4)) == 5
    spike = np.zeros((4, 50), dtype=np.float32)
    spike[0, 20], spike[1, 30] = 1e-7, -2e-7
    assert find_attr_peaks(spike, height=None).peak.tolist() == [20]
    assert find_attr_peaks(spike, height=None, sign="negative").peak.tolist() == [30]
    both = find_attr_peaks(spike, 25, height=None, sign="both")
    assert both.peak.tolist() == [30, 20]
    assert both.from_tss.tolist() == [5, -5]


def test_08_no_peak_is_an_empty_table_with_its_columns():
    got = find_attr_peaks(np.zeros((4, 30)), 3)
    assert got.columns.tolist() == ["peak", "height", "from_tss"]
    assert len(got) == 0


def test_peaks_refuse_nan_and_wrong_shapes():
    with pytest.raises(AttributionError, match="NaN"):
        find_attr_peaks(np.full((4, 10), np.nan))
    with pytest.raises(AttributionError, match="shape"):
        find_attr_peaks(np.zeros((10, 4)))


# --- motifs -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def planted() -> tuple[torch.Tensor, np.ndarray]:
    codes = random_codes(3, 1, 200)[0]
    plant(codes, "TGACTCAT", 96)
    plant(codes, "ATGAGTCA", 150)  # its reverse complement
    sequence = torch.from_numpy(one_hot(codes))
    return sequence, np.ones((4, 200), dtype=np.float32) * sequence.numpy()


AP1 = {"AP1": word_ppm("TGACTCAT")}


def table(*positions: int, tss: int | None = None) -> pd.DataFrame:
    out = pd.DataFrame({"peak": positions, "height": np.linspace(2, 1, len(positions))})
    if tss is not None:
        out["from_tss"] = out["peak"] - tss
    return out


def test_09_positions_count_in_the_sequence(planted):
    sequence, attr = planted
    got = scan_attributions(sequence, attr, AP1, table(100, 154, tss=60))
    best = got.sort_values("p_value").head(2).sort_values("start")
    assert best.start.tolist() == [96, 150]
    assert best.end.tolist() == [104, 158]
    assert best.strand.tolist() == ["+", "-"]
    assert best.from_tss.tolist() == [36, 90]
    assert best.peak.tolist() == [100, 154]
    assert best.matched_seq.tolist() == ["TGACTCAT", "TGACTCAT"]


def test_10_the_site_score_is_one_where_every_base_has_one(planted):
    sequence, attr = planted
    got = scan_attributions(sequence, attr, AP1, table(100))
    assert np.allclose(got.site_attr_score, 1)
    best = got.sort_values("p_value").iloc[0]
    assert best.motif_attr_score == pytest.approx(0.97, abs=1e-6)


def test_08_edges_and_odd_windows(planted):
    sequence, attr = planted
    whole = scan_attributions(sequence, attr, AP1, table(1, 199), pthresh=1.0)
    assert whole.start.min() == 0
    assert whole.end.max() == 200
    for window in (9, 10, 11):
        got = scan_attributions(sequence, attr, AP1, table(100), window=window, pthresh=1.0)
        assert len(got) == 2 * (window - 8 + 1)


def test_08_no_peaks_and_no_hits_keep_the_columns(planted):
    sequence, attr = planted
    columns = scan_attributions(sequence, attr, AP1, table(100)).columns.tolist()
    none = scan_attributions(sequence, attr, AP1, table())
    assert none.columns.tolist() == columns
    assert len(none) == 0
    no_hit = scan_attributions(sequence, attr, {"poly": word_ppm("AAAAAAAAAAAAAAAA")}, table(50), pthresh=1e-9)
    assert no_hit.columns.tolist() == columns
    assert columns == list(HIT_COLUMNS)


def test_11_q_values_are_given_and_long_motifs_can_match(planted):
    sequence, attr = planted
    long = decode(np.asarray(sequence.argmax(0), dtype=np.int8))[88:113]  # 25 bases, the window has 18
    got = scan_attributions(sequence, attr, {"long": word_ppm(long), **AP1}, table(100))
    assert "long" in got.motif_id.tolist()
    assert (got.q_value >= got.p_value).all()


def test_rc_names_and_kinds_of_motifs(planted, tmp_path):
    sequence, attr = planted
    forward = scan_attributions(sequence, attr, AP1, table(154), rc=False, pthresh=1e-3)
    assert set(forward.strand) <= {"+"}
    meme = write_meme(tmp_path / "two.meme", {"AP1": AP1["AP1"], "OTHER": word_ppm("GGGGCCCC")})
    got = scan_attributions(sequence, attr, str(meme), table(100), names=["AP1"])
    assert set(got.motif_id) == {"AP1"}
    text = decode(np.asarray(sequence.argmax(0), dtype=np.int8))
    assert scan_attributions(text, attr, str(meme), table(100), names=["AP1"]).equals(got)
    merged = torch.vstack([sequence, torch.ones(1, 200)])
    assert scan_attributions(merged, torch.from_numpy(attr), str(meme), table(100), names=["AP1"]).equals(got)
    with pytest.raises(UnknownNameError, match="AP1"):
        scan_attributions(sequence, attr, str(meme), table(100), names=["AP11"])
    with pytest.raises(decima_core.DecimaError, match="JASPAR2025"):
        scan_attributions(sequence, attr, "JASPAR2025", table(100))


def test_scan_refuses_what_does_not_fit(planted):
    sequence, attr = planted
    with pytest.raises(DataError, match="200 bases, but the attributions have 150"):
        scan_attributions(sequence, attr[:, :150], AP1, table(100))
    with pytest.raises(DataError, match="Peak 200 lies outside"):
        scan_attributions(sequence, attr, AP1, table(200))
    with pytest.raises(DataError, match="column 'peak'"):
        scan_attributions(sequence, attr, AP1, [100])
    with pytest.raises(MotifError, match="AP1"):
        scan_attributions(sequence[:, :5], attr[:, :5], AP1, table(2))


# --- signatures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        (count_genes, "h5_file key=None"),
        (index_genes, "h5_file key=None"),
        (list_genes, "h5_file key=None"),
        (get_gene_idx, "h5_file gene key=None"),
        (extract_gene_data, "h5_file gene seq_len=None merge=True"),
        (
            attributions,
            "gene tasks model device=None h5_file=None inputs=None off_tasks=None transform='specificity' "
            "method='input-x-gradient' **kwargs",
        ),
        (find_attr_peaks, "attr tss_pos=None n=5 min_dist=6 height=0.1 sign='positive' prominence=None"),
        (scan_attributions, "seq attr motifs peaks names=None pthresh=0.001 rc=True window=18"),
    ],
)
def test_signatures_are_the_original_ones(function, parameters):
    shown = []
    for p in inspect.signature(function).parameters.values():
        star = "**" if p.kind is p.VAR_KEYWORD else ""
        shown.append(f"{star}{p.name}" + ("" if p.default is p.empty else f"={p.default!r}"))
    assert " ".join(shown) == parameters


def test_odd_peak_tables(planted):
    sequence, attr = planted
    with_gap = table(100, 154, tss=60)
    with_gap["from_tss"] = pd.array([pd.NA, 94], dtype="Int64")
    got = scan_attributions(sequence, attr, AP1, with_gap, names="AP1")
    assert got.from_tss.min() > 0
    for bad in (np.nan, 100.5):
        with pytest.raises(DataError, match="whole numbers"):
            scan_attributions(sequence, attr, AP1, pd.DataFrame({"peak": [bad]}))
