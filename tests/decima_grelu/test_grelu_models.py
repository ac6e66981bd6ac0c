"""The model ``grelu``: predictions, tasks and window are gReLU's own; no code of a checkpoint runs, and nothing is fetched."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from grelu_files import LENGTH, decima_replicate, folder, gene_files, grelu_saved, grelu_trained, save

from decima_core import ModelError, Registry, TargetOptions, UnknownNameError, interpret
from decima_core.choice import choose
from decima_core.targets import make_target
from decima_core.testing import parametrize_with_checks

pytest.importorskip("grelu", reason="needs gReLU: pip install 'decima-core[grelu]'")

TRAINING = {
    "regression": {"task": "regression", "loss": "mse"},
    "counts": {"task": "regression", "loss": "poisson"},
    "binary": {"task": "binary", "loss": "bce"},
    "multiclass": {"task": "multiclass", "loss": "ce"},
}


def create(**options: Any) -> Any:
    return Registry.discover().create("model", "grelu", **options)


def sequences(n: int = 3) -> list[str]:
    rng = np.random.default_rng(7)
    return ["".join(rng.choice(list("ACGT"), LENGTH)) for _ in range(n - 1)] + [
        "N" * 40 + "ACGT" * ((LENGTH - 40) // 4)
    ]


@pytest.mark.parametrize("training", TRAINING)
def test_predictions_are_those_of_grelu(training: str) -> None:
    from grelu.lightning import LightningModel
    from grelu.sequence.format import strings_to_one_hot

    path = grelu_saved(f"{training}.ckpt", TRAINING[training], final_pool_func=None)
    own = LightningModel.load_from_checkpoint(path, map_location="cpu", weights_only=True)
    model = create(path=path)
    assert (model.channels, model.tasks, model.seq_len, model.files) == (4, ("a", "b", "c", "d"), None, (path,))
    assert model.task_table is None
    seqs = sequences()
    with torch.no_grad():
        got = model.module(strings_to_one_hot(seqs, add_batch_axis=True))
    expected = own.predict_on_seqs(seqs)
    assert expected.shape == (3, 4, LENGTH)
    np.testing.assert_array_equal(got.numpy(), expected)


def test_a_trained_checkpoint_tells_its_tasks_and_window() -> None:
    model = create(path=grelu_trained())
    assert (model.tasks, model.seq_len, model.name) == (("mono", "ery"), LENGTH, "trained")
    assert model.task_table.cell_type.tolist() == ["classical monocyte", "erythroblast"]
    target = make_target(model, TargetOptions(tasks=["cell_type == 'erythroblast'"]))
    assert target.on == (1,)
    assert create(path=grelu_trained(), seq_len=512, name="mine").seq_len == 512


def test_metrics_that_grelu_keeps_are_read_without_trust() -> None:
    content = torch.load(grelu_trained(), weights_only=False)
    assert isinstance(content["performance"]["val"]["val_mse"], np.ndarray), "training keeps arrays in the checkpoint"
    content["performance"]["test"] = {
        "score": np.float64(1.5),
        "names": np.array(["a", "b"]),
        "flags": np.array([True]),
    }
    torch.save(content, folder() / "metrics.ckpt")
    assert create(path=str(folder() / "metrics.ckpt")).tasks == ("mono", "ery")


def test_a_ckpt_file_is_grelus() -> None:
    chosen = choose("model", "some/model.ckpt", Registry.discover())
    assert (chosen.provider, chosen.options) == ("grelu", {"path": "some/model.ckpt"})


class Runs:
    """Writes a file where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (folder() / "ran",)


def test_what_could_run_code_is_refused_until_it_is_trusted() -> None:
    content = torch.load(grelu_trained(), weights_only=False)
    torch.save({**content, "callbacks": Runs()}, folder() / "odd.ckpt")
    path = str(folder() / "odd.ckpt")
    with pytest.raises(
        ModelError, match=r"holds more than weights and plain values \(.*\), and .* add -O model\.trust=true"
    ):
        create(path=path)
    assert not (folder() / "ran").exists()
    assert create(path=path, trust=True).tasks == ("mono", "ery")
    assert (folder() / "ran").exists()


def rewritten(name: str, **changes: Any) -> str:
    content = torch.load(grelu_trained(), weights_only=False)
    torch.save({**content, **changes}, folder() / name)
    return str(folder() / name)


def test_files_that_do_not_serve_say_why(tmp_path: Path) -> None:
    hyper = torch.load(grelu_trained(), weights_only=False)["hyper_parameters"]
    (tmp_path / "text.ckpt").write_text("no checkpoint", encoding="utf-8")
    torch.save({"state_dict": {"w": torch.zeros(1)}}, tmp_path / "weights.ckpt")
    wider = {**hyper, "model_params": {**hyper["model_params"], "channel_init": 9}}
    other = {**hyper, "model_params": {**hyper["model_params"], "model_type": "ConvModle"}}
    strange = {**hyper, "model_params": {**hyper["model_params"], "wings": 2}}
    for path, said in (
        (str(tmp_path / "absent.ckpt"), "There is no checkpoint"),
        (str(tmp_path / "text.ckpt"), "cannot be read"),
        (
            str(tmp_path / "weights.ckpt"),
            r"no checkpoint of gReLU or Decima.*--model module:callable .* -O model\.weights=",
        ),
        (rewritten("wider.ckpt", hyper_parameters=wider), "do not fit its model: size mismatch"),
        (rewritten("empty.ckpt", state_dict={}), "do not fit its model: it lacks"),
        (rewritten("strange.ckpt", hyper_parameters=strange), "cannot be built .*wings"),
    ):
        with pytest.raises(ModelError, match=said):
            create(path=path)
    with pytest.raises(UnknownNameError, match=r"no model type 'ConvModle'.*Did you mean ConvModel"):
        create(path=rewritten("other.ckpt", hyper_parameters=other))


@pytest.mark.skipif(
    importlib.util.find_spec("decima") is None, reason="needs Decima: pip install 'decima-core[decima]'"
)
def test_a_checkpoint_of_decima_is_told_from_one_of_grelu() -> None:
    path = decima_replicate(0, "ckpt")
    with pytest.raises(
        ModelError, match=r"is a checkpoint of Decima; give it as --model decima -O model\.path=.*rep0\.ckpt\."
    ):
        create(path=path)
    with pytest.raises(
        ModelError, match=r"is a checkpoint of gReLU; give it as --model grelu -O model\.path=.*trained\.ckpt\."
    ):
        Registry.discover().create("model", "decima", path=grelu_trained())


PRETRAINED = [
    {"model_type": "BorzoiPretrainedModel", "n_tasks": 3, "fold": 1},
    {"model_type": "BorzoiPretrainedModel", "n_tasks": 3, "n_transformers": 2, "crop_len": 7, "final_pool_func": None},
    {"model_type": "EnformerPretrainedModel", "n_tasks": 2},
    {"model_type": "EnformerPretrainedModel", "n_tasks": 2, "n_transformers": 1, "crop_len": 4},
]


@pytest.mark.parametrize("parameters", PRETRAINED, ids=lambda p: f"{p['model_type']}-{len(p)}")
def test_pretrained_types_are_built_without_fetching(
    parameters: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import grelu.model.models as architectures
    import grelu.resources

    from decima_grelu.build import without_fetching

    if not hasattr(grelu.resources, "download_model"):
        pytest.skip("before gReLU 1.1 its classes fetch in another way")
    # On the meta device no weight takes memory. gReLU's own class is given weights of the right shapes instead of fetching.
    offered: list[Any] = []
    monkeypatch.setattr(torch.nn.Module, "load_state_dict", lambda self, state: offered.append(state))
    monkeypatch.setattr(torch, "load", lambda path: path)
    monkeypatch.setattr(grelu.resources, "download_model", lambda **which: str(which))
    with torch.device("meta"):
        own = getattr(architectures, parameters["model_type"])(
            **{k: v for k, v in parameters.items() if k != "model_type"}
        )
        assert len(offered) == 1, "gReLU's class fetches"
        built = without_fetching(parameters)
        ours = getattr(architectures, built.pop("model_type"))(**built)
    assert len(offered) == 1, "ours does not"
    assert repr(ours).split("\n")[1:] == repr(own).split("\n")[1:], "the same layers with the same settings"
    assert {k: v.shape for k, v in ours.state_dict().items()} == {k: v.shape for k, v in own.state_dict().items()}


def test_nothing_is_fetched_and_random_numbers_are_left_alone(no_network: list[Any]) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    create(path=grelu_trained())
    assert torch.equal(torch.get_rng_state(), before)
    assert no_network == []


def test_a_borzoi_of_grelus_is_read(no_network: list[Any]) -> None:
    from grelu.lightning import LightningModel

    small = {
        "model_type": "BorzoiModel",
        "n_tasks": 2,
        "stem_channels": 32,
        "init_channels": 32,
        "channels": 64,
        "n_conv": 3,
    }
    small |= {"n_transformers": 1, "n_heads": 1, "key_len": 16, "value_len": 16, "crop_len": 1}
    torch.manual_seed(0)
    own = LightningModel(model_params=small, train_params={"task": "regression", "loss": "poisson"}).eval()
    path = save(own, folder() / "borzoi.ckpt")
    model = create(path=path)
    x = torch.eye(4)[torch.randint(4, (2, LENGTH))].transpose(1, 2)
    with torch.no_grad():
        torch.testing.assert_close(model.module(x), own(x), rtol=0, atol=0)


@pytest.mark.parametrize(
    "method", [p.spec.name for p in Registry.discover().providers("method") if p.bundled and not p.missing]
)
def test_every_method_explains_it(method: str) -> None:
    genes, motifs = gene_files()
    registry = Registry.discover()
    stages = [
        registry.create("method", method),
        registry.create("peaks", "scipy"),
        registry.create("motifs", "jaspar", path=motifs),
    ]
    target = TargetOptions(tasks=["cell_type == 'erythroblast'"])
    found = list(
        interpret(registry.create("source", "hdf5", path=genes), create(path=grelu_trained()), *stages, target=target)
    )
    assert [one.record.gene for one in found] == ["SPI1", "CD68"]
    for one in found:
        assert one.attribution.values.any()
        if one.attribution.convergence_delta is not None:
            # The network ends in no activation, so that every method that promises the whole of the change gives it.
            assert abs(one.attribution.convergence_delta) < 1e-2 * np.abs(one.attribution.values).sum()


@parametrize_with_checks("model", "grelu", lambda: {"path": grelu_trained()})
def test_the_provider_keeps_the_contract(check: Any) -> None:
    check()
