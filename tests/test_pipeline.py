"""The stages together: exact attributions on models whose answer is known, and one clear error for what cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from support import LinearModel, MotifDetector, plant, random_codes, word_ppm, wrap, write_gene_file

from decima_core import (
    Attribution,
    AttributionError,
    ConfigError,
    DataError,
    Interpretation,
    ModelError,
    MotifError,
    PeakError,
    Peaks,
    Registry,
    Scores,
    UnknownNameError,
    interpret,
)
from decima_core.pipeline import select_genes, window_length
from decima_core.records import GeneRecord
from decima_core.sections import TargetOptions
from decima_core.sequence import one_hot

LENGTH = 120


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.discover()


@pytest.fixture
def source(tmp_path: Path, registry: Registry) -> Any:
    path = write_gene_file(tmp_path / "genes.h5", random_codes(1, 3, LENGTH))
    return registry.create("source", "hdf5", path=str(path))


def parts(registry: Registry, **changes: Any) -> dict[str, Any]:
    given = {
        "method": registry.create("method", "input-x-gradient"),
        "caller": registry.create("peaks", "scipy"),
        "scanner": registry.create("motifs", "jaspar", motifs={"GATA": word_ppm("AGATAAG")}),
        "target": TargetOptions(tasks=["a"]),
    }
    return {**given, **changes}


def test_input_x_gradient_of_a_linear_model_is_weight_times_input(source, registry):
    model = LinearModel(3, 5, LENGTH)
    results = list(interpret(source, wrap(model), **parts(registry)))
    assert [r.record.gene for r in results] == ["G0", "G1", "G2"]
    weight = (model.weight[0] - model.weight[1:].mean(0)).detach().numpy()
    for result in results:
        assert np.allclose(result.attribution.values, weight[:4] * one_hot(result.record.codes), atol=1e-6)
        full = (weight * result.record.inputs()).sum()
        assert result.attribution.prediction == pytest.approx(full, abs=1e-4)
        assert result.attribution.tss == 40


def test_the_planted_site_is_found_and_named(tmp_path, registry):
    codes = random_codes(2, 1, LENGTH)
    plant(codes[0], "AGATAAG", 70)
    path = write_gene_file(tmp_path / "genes.h5", codes)
    source = registry.create("source", "hdf5", path=str(path))
    model = wrap(MotifDetector("AGATAAG"), tasks=("a", "b"))
    (result,) = interpret(source, model, **parts(registry, target=TargetOptions(tasks=["a"])))
    best = result.hits.p_value.argmin()
    assert 70 <= result.peaks.position[0] < 77
    assert (result.hits.start[best], result.hits.strand[best], result.hits.motif_id[best]) == (70, "+", "GATA")
    assert set(result.seconds) == {"read", "attribute", "peaks", "motifs"}


def test_genes_come_one_at_a_time_and_the_next_is_read_meanwhile(source, registry):
    read = []
    original = source.read
    source.read = lambda gene, length=None: (read.append(gene), original(gene, length))[1]
    stream = interpret(source, wrap(LinearModel(3, 5, LENGTH)), **parts(registry))
    next(stream)
    stream.close()  # waits for what is being read
    assert read == ["G0", "G1"]


def test_the_model_is_left_as_found_when_the_stream_ends_or_is_dropped(source, registry):
    model = LinearModel(3, 5, LENGTH).train()
    stream = interpret(source, wrap(model), **parts(registry))
    next(stream)
    assert not model.training
    stream.close()
    assert model.training
    assert model.weight.requires_grad


def test_four_channel_models_see_no_mask_and_need_none(source, registry):
    results = list(interpret(source, wrap(LinearModel(3, 4, LENGTH)), **parts(registry)))
    assert results[0].attribution.values.shape == (4, LENGTH)


def test_a_crop_that_misses_the_gene_is_refused_only_where_the_mask_is_read(source, registry, tmp_path):
    codes = random_codes(1, 1, LENGTH)
    path = write_gene_file(tmp_path / "edge.h5", codes, mask=slice(0, 5))
    edge = registry.create("source", "hdf5", path=str(path))
    short = 20
    (result,) = interpret(edge, wrap(LinearModel(3, 4, short)), **parts(registry), seq_len=short)
    assert result.record.tss == -50
    with pytest.raises(DataError, match="holds no masked base of gene 'G0'"):
        list(interpret(edge, wrap(LinearModel(3, 5, short)), **parts(registry), seq_len=short))


def test_window_length_is_the_users_else_the_models():
    model = wrap(LinearModel(1, 4, 10), seq_len=10)
    assert window_length(model, None) == window_length(model, 10) == 10
    assert window_length(wrap(LinearModel(1, 4, 10)), None) is None
    with pytest.raises(ConfigError, match=r"seq_len is 12, but model 'model' needs windows of 10"):
        window_length(model, 12)


def test_select_genes(source):
    assert select_genes(source, ["G2", "G0", "G2"], None) == ["G2", "G0"]
    assert select_genes(source, [], "test") == ["G0", "G1", "G2"]
    with pytest.raises(UnknownNameError, match="Did you mean G"):
        select_genes(source, ["g22"], None)
    with pytest.raises(UnknownNameError, match="no split 'tets'"):
        select_genes(source, [], "tets")


class Broken:
    """A provider that misbehaves in one way."""

    motifs = ()

    def __init__(self, result: Any) -> None:
        self.result = result

    def _give(self, *args: Any) -> Any:
        if isinstance(self.result, Exception):
            raise self.result
        return self.result

    attribute = call = scan = _give


@pytest.mark.parametrize(
    ("stage", "result", "error", "message"),
    [
        ("method", RuntimeError("boom\ntrace"), AttributionError, "on gene 'G0' failed: RuntimeError: boom"),
        ("method", Scores(values=torch.zeros(1, 5, LENGTH)), AttributionError, r"returned shape \(1, 5, 120\)"),
        ("method", torch.zeros(1, 4, LENGTH), AttributionError, "not Scores"),
        ("method", Scores(values=torch.full((1, 4, LENGTH), torch.nan)), AttributionError, "NaN or infinity, first at"),
        ("caller", ValueError("bad track"), PeakError, "gene 'G0' failed: ValueError: bad track"),
        ("caller", Peaks.empty(7), PeakError, "not Peaks of its window"),
        ("caller", None, PeakError, "returned NoneType"),
        ("scanner", KeyError("motif"), MotifError, "gene 'G0' failed: KeyError"),
        ("scanner", [], MotifError, "returned list"),
    ],
)
def test_a_plugin_that_misbehaves_is_named_with_its_gene(source, registry, stage, result, error, message):
    broken = parts(registry, **{stage: Broken(result)})
    with pytest.raises(error, match=message):
        list(interpret(source, wrap(LinearModel(3, 5, LENGTH)), **broken))


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (KeyError("table"), "Reading gene 'G0' failed: KeyError"),
        (None, "returned NoneType when gene 'G0' was read"),
        ("another", "returned gene 'X' when gene 'G0'"),
        ("short", r"returned 50 bases of gene 'G0' when 60 were asked for"),
    ],
)
def test_a_source_that_misbehaves_is_named_with_its_gene(source, registry, result, message):
    records = {
        "another": GeneRecord(gene="X", codes=np.zeros(60, np.int8)),
        "short": GeneRecord(gene="G0", codes=np.zeros(50, np.int8), mask=np.ones(50)),
    }

    def read(gene: str, length: int | None = None) -> Any:
        if isinstance(result, Exception):
            raise result
        return records.get(result)

    source.read = read
    with pytest.raises(DataError, match=message):
        list(interpret(source, wrap(LinearModel(3, 5, 60)), **parts(registry), genes="G0", seq_len=60))


def test_a_model_without_values_is_refused(source, registry):
    with pytest.raises(ModelError, match="parameter 'weight' has no values yet"):
        list(interpret(source, wrap(LinearModel(3, 5, LENGTH).to("meta")), **parts(registry)))
    lazy = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.LazyLinear(3))
    with pytest.raises(ModelError, match="has no values yet"):
        list(interpret(source, wrap(lazy, channels=5), **parts(registry)))


def test_attributions_that_are_all_zero_are_told(source, registry, caplog):
    class Cut(LinearModel):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x.detach() + 0 * x)

    (result, *_) = interpret(source, wrap(Cut(3, 5, LENGTH)), **parts(registry))
    assert not result.attribution.values.any()
    assert "Every attribution of gene 'G0' is zero" in caplog.text


def test_a_window_of_n_is_told(source, registry, caplog):
    class Unknown:
        """The source, its sequences unknown throughout."""

        def __getattr__(self, name: str) -> Any:
            return getattr(source, name)

        def read(self, gene: str, seq_len: int | None = None) -> GeneRecord:
            record = source.read(gene, seq_len)
            return attrs.evolve(record, codes=np.full(len(record), 4, dtype=np.int8))

    (result, *_) = interpret(Unknown(), wrap(LinearModel(3, 5, LENGTH)), **parts(registry))
    assert not result.attribution.values.any()
    assert f"its window of {len(result.record):,} bases holds no known base" in caplog.text


def test_nan_predictions_are_refused(source, registry):
    model = LinearModel(3, 5, LENGTH)
    with torch.no_grad():
        model.weight[0, 0, 0] = torch.nan
    with pytest.raises(ModelError, match="predicts nan for gene 'G0'"):
        list(interpret(source, wrap(model), **parts(registry)))


def test_infinite_attributions_of_a_finite_prediction_are_refused(source, registry):
    class Root(LinearModel):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.sqrt(super().forward(x) * 0)  # the value is 0, the slope infinite

    with pytest.raises(AttributionError, match="gene 'G0'"):
        list(interpret(source, wrap(Root(3, 5, LENGTH)), **parts(registry)))


def test_channels_that_cannot_be_are_refused(source, registry):
    with pytest.raises(ModelError, match="says that it reads 3 channels"):
        list(interpret(source, wrap(LinearModel(3, 4, LENGTH), channels=3), **parts(registry)))
    with pytest.raises(ModelError, match=r"model\.channels"):
        list(interpret(source, wrap(LinearModel(3, 4, LENGTH), channels=5), **parts(registry)))


def test_flipping_a_gene_to_the_other_strand_gives_the_same_places_on_the_genome(registry):
    """A gene on + and the same DNA seen from - hold the same hits on the genome (a scanner is strand-symmetric)."""
    from decima_core import GeneRecord, Locus, hits_table, peaks_table
    from decima_core.sequence import reverse_complement

    codes = random_codes(5, 1, LENGTH)[0]
    plant(codes, "AGATAAG", 30)
    plant(codes, "CTTATCT", 80)
    values = np.random.default_rng(0).normal(size=(4, LENGTH)).astype(np.float32) * one_hot(codes)
    values[:, 33] += 20 * one_hot(codes)[:, 33]
    values[:, 83] += 30 * one_hot(codes)[:, 83]
    tables = []
    for strand in "+-":
        seen = codes if strand == "+" else reverse_complement(codes)
        scores = values if strand == "+" else values[::-1, ::-1]
        locus = Locus(chrom="chr1", start=1000, end=1000 + LENGTH, strand=strand)
        record = GeneRecord(gene="G", codes=seen, mask=np.ones(LENGTH), tss=0, locus=locus)
        attribution = Attribution(gene="G", values=scores, tss=0)
        given = parts(registry)
        peaks = given["caller"].call(attribution)
        hits = given["scanner"].scan(record, attribution, peaks)
        tables.append(Interpretation(record=record, attribution=attribution, peaks=peaks, hits=hits))
    place = ["motif_id", "genome_start", "genome_end", "genome_strand", "p_value", "matched_seq"]
    forward, backward = (hits_table(t)[place].sort_values(place).reset_index(drop=True) for t in tables)
    assert len(forward) >= 2
    assert forward.equals(backward)
    columns = ["chrom", "genome_start", "genome_end", "height"]
    first, second = (peaks_table(t)[columns].reset_index(drop=True) for t in tables)
    assert len(first) >= 2
    assert first.equals(second)
