"""The model ``decima``: predictions and attributions are Decima's own, replicates are averaged, and nothing is fetched unasked."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from grelu_files import CELLS, LENGTH, decima_replicate

from decima_core import ConfigError, ModelError, Registry, TargetOptions
from decima_core.targets import make_target
from decima_core.testing import parametrize_with_checks

pytest.importorskip("decima", reason="needs Decima: pip install 'decima-core[decima]'")

MONOCYTES = "cell_type == 'classical monocyte'"


def create(*paths: str, **options: Any) -> Any:
    return Registry.discover().create("model", "decima", path=paths, **options)


def inputs(n: int = 2, seed: int = 0) -> torch.Tensor:
    """Windows with a gene mask, ``(n, 5, L)``."""
    generator = torch.Generator().manual_seed(seed)
    bases = torch.eye(4)[torch.randint(4, (n, LENGTH), generator=generator)].transpose(1, 2)
    mask = torch.zeros(n, 1, LENGTH)
    mask[:, :, 40:90] = 1
    return torch.cat([bases, mask], dim=1)


@pytest.mark.parametrize("kind", ["ckpt", "safetensors"])
def test_predictions_are_those_of_decima(kind: str, no_network: list[Any]) -> None:
    from decima.hub import load_decima_model

    path = decima_replicate(0, kind)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    model = create(path)
    assert torch.equal(torch.get_rng_state(), state)
    assert (model.name, model.channels, model.seq_len, model.files) == ("v1_rep0", 5, LENGTH, (path,))
    assert model.tasks == tuple(CELLS.index)
    assert model.task_table.equals(CELLS.astype(model.task_table.dtypes))
    own, x = load_decima_model(path, device="cpu").eval(), inputs()
    with torch.no_grad():
        got, expected = model.module(x), own(x)
    assert got.shape == (2, len(CELLS), 1)
    assert torch.equal(got, expected)
    assert expected.std(dim=1).min() > 1e-3, "tasks differ, so that equality says something"
    assert no_network == []


def test_both_forms_of_a_checkpoint_are_one_model() -> None:
    with torch.no_grad():
        a, b = (create(decima_replicate(1, kind)).module(inputs()) for kind in ("ckpt", "safetensors"))
    assert torch.equal(a, b)


def test_replicates_are_averaged_in_predictions() -> None:
    from decima.model.lightning import EnsembleLightningModel, LightningModel

    paths = [decima_replicate(0, "safetensors"), decima_replicate(1, "ckpt")]
    model, x = create(*paths), inputs()
    assert (model.name, model.files) == ("v1_rep0+v1_rep1", tuple(paths))
    singles = [create(path).module for path in paths]
    with torch.no_grad():
        got, each = model.module(x), torch.stack([module(x) for module in singles])
        own = EnsembleLightningModel([LightningModel.load_safetensor(paths[0]), *singles[1:]]).eval()
        stacked = own(x)  # one after the other; Decima takes the mean when it predicts for a dataset
    torch.testing.assert_close(got, each.mean(dim=0))
    torch.testing.assert_close(got, stacked.reshape(2, *got.shape).mean(dim=0))
    assert (each[0] - each[1]).abs().max() > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("method", ["input-x-gradient", "integrated-gradients"])
def test_replicates_are_averaged_in_attributions(method: str) -> None:
    from decima_core.guard import left_as_found

    paths = [decima_replicate(0, "safetensors"), decima_replicate(1, "ckpt")]
    options = {"n_steps": 4} if method == "integrated-gradients" else {}
    explainer = Registry.discover().create("method", method, **options)
    x = inputs(1)

    def scores(*which: str) -> torch.Tensor:
        target = make_target(create(*which), TargetOptions(tasks=[MONOCYTES], off_tasks=["organ == 'spleen'"]))
        with left_as_found(target):
            return explainer.attribute(target, x[:, :4], x[:, 4:]).values.detach()

    together, each = scores(*paths), torch.stack([scores(path) for path in paths])
    scale = float(each.abs().max())
    torch.testing.assert_close(together, each.mean(dim=0), rtol=1e-4, atol=1e-5 * scale)
    assert (each[0] - each[1]).abs().max() > 1e-2 * scale, "the replicates differ, so that equality says something"


def test_attributions_are_those_of_decima() -> None:
    from decima.hub import load_decima_model
    from decima.interpret.attributer import DecimaAttributer

    from decima_core.guard import left_as_found

    path, x = decima_replicate(0, "safetensors"), inputs(1)
    model = create(path)
    target = make_target(model, TargetOptions(tasks=[MONOCYTES], off_tasks=["organ == 'spleen'"]))
    with left_as_found(target):
        ours = Registry.discover().create("method", "input-x-gradient").attribute(target, x[:, :4], x[:, 4:]).values
    on, off = ([str(name) for name in CELLS.query(query).index] for query in (MONOCYTES, "organ == 'spleen'"))
    attributer = DecimaAttributer(load_decima_model(path, device="cpu"), on, off)
    theirs = attributer.attribute(x.clone()).detach()
    torch.testing.assert_close(ours.detach(), theirs, rtol=1e-4, atol=1e-5 * float(theirs.abs().max()))


def test_metadata_is_a_task_table(tmp_path: Path) -> None:
    import anndata

    path = str(tmp_path / "metadata.h5ad")
    cells = CELLS.assign(disease=["healthy", "ill", "healthy", "ill", "ill", "ill"])
    anndata.AnnData(X=np.zeros((len(cells), 2), dtype=np.float32), obs=cells.iloc[::-1]).write_h5ad(path)
    model = create(decima_replicate(0, "safetensors"), task_table=path)
    assert model.files[-1] == path
    target = make_target(
        model, TargetOptions(tasks=["disease == 'healthy'"], off_tasks=[f"{MONOCYTES} and disease == 'ill'"])
    )
    assert (target.on, target.off) == ((0, 2), (3,)), "in the order of the model, not of the file"
    anndata.AnnData(X=np.zeros((5, 1), dtype=np.float32), obs=cells.iloc[:5]).write_h5ad(path)
    with pytest.raises(ModelError, match=r"lacks 1 of the model's 6 tasks: agg_5"):
        create(decima_replicate(0, "safetensors"), task_table=path)


def test_a_model_without_a_mask_reads_four_channels() -> None:
    model = create(decima_replicate(0, "safetensors", mask=False))
    assert model.channels == 4
    assert model.module(inputs()[:, :4]).shape == (2, len(CELLS), 1)
    with pytest.raises(ModelError, match=r"differ in their mask; replicates of one model must be alike"):
        create(decima_replicate(0, "safetensors"), decima_replicate(0, "safetensors", mask=False))


def test_the_window_is_decimas_where_nothing_says_otherwise(tmp_path: Path) -> None:
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    path = decima_replicate(0, "safetensors")
    with safe_open(path, framework="pt") as file:
        metadata = {**file.metadata(), "data_params": "{}"}
    save_file(load_file(path), tmp_path / "bare.safetensors", metadata=metadata)
    bare = create(str(tmp_path / "bare.safetensors"))
    assert (bare.seq_len, bare.tasks, bare.task_table) == (524_288, (), None)
    assert create(str(tmp_path / "bare.safetensors"), seq_len=1024).seq_len == 1024
    save_file({"w": torch.zeros(1)}, tmp_path / "weights.safetensors")
    with pytest.raises(ModelError, match="no checkpoint of gReLU or Decima"):
        create(str(tmp_path / "weights.safetensors"))


# --- published replicates ---------------------------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which Hugging Face's library, and so Decima, keeps what it fetched; empty."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub" / "models--Genentech--decima-model"


def keep(cache: Path, number: int) -> Path:
    """A replicate, as the library would have fetched it."""
    kept = cache / "snapshots" / "0123" / f"rep{number}.safetensors"
    kept.parent.mkdir(parents=True, exist_ok=True)
    (cache / "refs").mkdir(exist_ok=True)
    (cache / "refs" / "main").write_text("0123", encoding="utf-8")
    shutil.copy(decima_replicate(number, "safetensors"), kept)
    return kept


@pytest.mark.parametrize("name", ["0", "rep0", "ensemble"])
def test_a_published_replicate_is_not_fetched_unasked(name: str, cache: Path, no_network: list[Any]) -> None:
    said = (
        r"Decima's replicate 'rep0' is not on this machine, and nothing is fetched unasked; permit it with -O model\.download=true, "
        r"or get rep0\.safetensors from huggingface\.co/Genentech/decima-model .* give -O model\.path=rep0\.safetensors\."
    )
    with pytest.raises(ModelError, match=said):
        create(name)
    assert no_network == []


def test_a_replicate_that_decima_has_fetched_is_found(cache: Path, no_network: list[Any]) -> None:
    kept = [keep(cache, number) for number in range(2)]
    model = create("1", "v1_rep0")
    assert [Path(file).name for file in model.files] == ["rep1.safetensors", "rep0.safetensors"]
    assert {Path(file).resolve() for file in model.files} == {path.resolve() for path in kept}
    assert no_network == []


def test_a_permitted_fetch_that_fails_says_what_to_do(
    cache: Path, no_network: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(
        ModelError, match=r"'rep2' could not be fetched .* by other means and give -O model\.path=rep2\.safetensors"
    ):
        create("2", download=True)


def test_a_permitted_fetch_takes_what_is_missing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, str]] = []

    def fetch(**which: str) -> str:
        asked.append(which)
        return decima_replicate(1, "safetensors")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", fetch)
    keep(cache, 0)
    assert create("0", "1", download=True).name == "v1_rep0+v1_rep1"
    assert asked == [{"repo_id": "Genentech/decima-model", "filename": "rep1.safetensors"}]


def test_all_published_replicates_have_decimas_name_for_them() -> None:
    from decima_grelu.models import _name

    assert _name(["v1_rep3", "v1_rep0", "rep1", "v1_rep2"]) == "ensemble"
    assert _name(["v1_rep0", "mine"]) == "v1_rep0+mine"


@pytest.mark.parametrize(
    ("paths", "error", "said"),
    [
        ((), ConfigError, "needs its checkpoints"),
        (("absent.safetensors",), ModelError, r"no checkpoint 'absent\.safetensors'; give the path"),
        (("folder/rep0",), ModelError, "no checkpoint 'folder/rep0'"),
        (("7",), ModelError, r"'7' is neither a file nor a published replicate of Decima \(0, 1, 2, 3 or ensemble\)"),
        (("ensembl",), ModelError, r"Did you mean ensemble\?"),
    ],
)
def test_paths_that_name_nothing_say_so(paths: tuple[str, ...], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        create(*paths)


@parametrize_with_checks(
    "model", "decima", lambda: {"path": (decima_replicate(0, "safetensors"), decima_replicate(1, "ckpt"))}
)
def test_the_provider_keeps_the_contract(check: Any) -> None:
    check()
