"""Predictions and gradients are the packages' own, on the same input and weights; only fewer where fewer are asked for."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from small_track_models import BINS, LENGTH, Load, save_enformer, windows

from decima_core.errors import ModelError


def own_borzoi(path: Path, name: str = "Borzoi") -> Any:
    package = pytest.importorskip("borzoi_pytorch", reason="the package borzoi-pytorch is not installed")
    return getattr(package, name).from_pretrained(path, local_files_only=True).eval()


def own_enformer(path: Path) -> Any:
    package = pytest.importorskip("enformer_pytorch", reason="the package enformer-pytorch is not installed")
    return package.Enformer.from_pretrained(path, local_files_only=True).eval()


def assert_close(a: torch.Tensor, b: torch.Tensor) -> None:
    assert a.shape == b.shape
    torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_borzoi_predicts_what_the_package_does(borzoi: Load, saved_borzoi: Path) -> None:
    x = windows()
    model = borzoi()
    expected = own_borzoi(saved_borzoi)(x)
    assert expected.shape == (2, 7611, BINS)
    assert float((expected[0] - expected[1]).abs().max()) > 1e-3
    assert_close(model.module(x), expected)
    kept = borzoi(keep=("7610", "3", "CNhs10610-"))
    assert list(kept.tasks) == ["CNhs10610-", "GTEX-W5WG-1026-SM-4LMIF.1"]
    assert list(kept.task_table["track"]) == [3, 7610]
    assert_close(kept.module(x), expected[:, [3, 7610]])


@torch.no_grad()
def test_prime_has_bins_of_16_bases_and_a_mouse_head(borzoi: Load, saved_prime: Path) -> None:
    x = windows()
    network = own_borzoi(saved_prime, "Prime")
    for head, human in (("human", True), ("mouse", False)):
        model = borzoi(path=str(saved_prime), head=head, keep=("0", "1773"))
        assert model.bin_width == 16
        assert list(model.tasks) == ["track0", "track1773"]
        assert_close(model.module(x), network(x, is_human=human)[:, [0, 1773]])


@torch.no_grad()
@pytest.mark.parametrize("head", ["human", "mouse"])
def test_enformer_predicts_what_the_package_does(enformer: Load, saved_enformer: Path, head: str) -> None:
    x = windows()
    expected = own_enformer(saved_enformer)(x.transpose(1, 2))[head].transpose(1, 2)
    assert float((expected[0] - expected[1]).abs().max()) > 1e-3
    assert_close(enformer(head=head).module(x), expected)
    assert_close(enformer(head=head, keep=("2",)).module(x), expected[:, [2]])


@torch.no_grad()
def test_a_crop_and_a_stretch_of_bins_are_parts_of_the_whole(borzoi: Load, enformer: Load) -> None:
    x = windows(1)
    whole = borzoi(keep=("5",), bins=64)
    assert (whole.first_bin, whole.bin_width) == (0, 32)
    everything = whole.module(x)
    assert everything.shape == (1, 1, 64)
    assert_close(borzoi(keep=("5",)).module(x), everything[..., 16:48])
    part = borzoi(keep=("5",), start=640, end=705)  # the last of them reaches into the bin at 704
    assert part.first_bin == 640
    assert_close(part.module(x), everything[..., 20:23])
    assert_close(enformer(bins=16).module(x)[..., 4:12], enformer().module(x))


def test_gradients_are_those_of_the_package(
    borzoi: Load, enformer: Load, saved_borzoi: Path, saved_enformer: Path
) -> None:
    x = windows().requires_grad_()
    ours = torch.autograd.grad(borzoi(keep=("3", "40"), start=900, end=1100).module(x).sum(), x)[0]
    theirs = torch.autograd.grad(own_borzoi(saved_borzoi)(x)[:, [3, 40], 12:19].sum(), x)[0]
    assert float(theirs.abs().max()) > 0
    assert_close(ours / theirs.abs().max(), theirs / theirs.abs().max())
    ours = torch.autograd.grad(enformer(keep=("1",)).module(x).sum(), x)[0]
    theirs = torch.autograd.grad(own_enformer(saved_enformer)(x.transpose(1, 2))["human"][..., 1].sum(), x)[0]
    assert float(theirs.abs().max()) > 0
    torch.testing.assert_close(ours / theirs.abs().max(), theirs / theirs.abs().max(), rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_the_sequence_is_read_in_the_order_it_has(borzoi: Load) -> None:
    """No reverse complement is taken: a window and its reverse complement are two inputs, as for the package."""
    x = windows(1)
    model = borzoi(keep=("0", "1"))
    forward, other = model.module(x), model.module(x.flip(1, 2))
    assert not torch.allclose(forward, other, atol=1e-3)
    assert not torch.allclose(forward, other.flip(2), atol=1e-3)


@torch.no_grad()
def test_nothing_of_one_input_stays_for_the_next(borzoi: Load) -> None:
    """The package keeps the positions of its first input, on that input's device."""
    model = borzoi(keep=("0",))
    model.module(windows())
    attention = [m for m in model.module.modules() if hasattr(m, "positions")]
    assert attention
    assert all(m.positions is None for m in attention)


@torch.no_grad()
def test_of_a_gene_its_own_bins_are_left(borzoi: Load) -> None:
    """A bin that the gene covers in part counts in part; the bases alone are explained."""
    x = windows(2)
    mask = torch.zeros(2, 1, LENGTH)
    mask[0, :, 704:776] = 1  # two bins of 32, and a quarter of the next
    mask[1, :, :1000] = 1  # begins before the first bin that is predicted
    share = torch.zeros(2, 1, BINS)
    share[0, 0, 6:9] = torch.tensor([1, 1, 0.25])
    share[1, 0, :16] = torch.tensor([1.0] * 15 + [0.25])
    model = borzoi(keep=("0", "9"), over="gene")
    assert model.channels == 5
    assert_close(model.module(torch.cat([x, mask], 1)), borzoi(keep=("0", "9")).module(x) * share)
    part = borzoi(keep=("0", "9"), over="gene", start=736, end=800)
    assert_close(part.module(torch.cat([x, mask], 1)), borzoi(keep=("0", "9")).module(x)[..., 7:9] * share[..., 7:9])


def test_a_gene_of_which_nothing_is_predicted_is_refused(enformer: Load) -> None:
    mask = torch.zeros(1, 1, LENGTH)
    mask[..., 1600:] = 1
    with pytest.raises(
        ModelError, match=r"mask covers none of the bins that are predicted, 512 to 1,536 of the window"
    ):
        enformer(over="gene").module(torch.cat([windows(1), mask], 1))


@torch.no_grad()
def test_copies_and_pickles_predict_the_same(enformer: Load) -> None:
    x = windows(1)
    module = enformer(keep=("0", "2")).module
    expected = module(x)
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(other(x), expected)
        other.network.requires_grad_(False)
        for weight in other.parameters():
            weight.zero_()
        assert not torch.equal(other(x), expected), "a copy has weights of its own"
    assert torch.equal(module(x), expected)


@torch.no_grad()
def test_lower_precision_is_near_and_asked_for(borzoi: Load) -> None:
    x = windows(1)
    exact, rough = borzoi(keep=("0",)).module(x), borzoi(keep=("0",), precision="bfloat16").module(x)
    assert rough.dtype == torch.float32
    assert not torch.equal(exact, rough)
    torch.testing.assert_close(exact, rough, rtol=0.1, atol=0.1)


@torch.no_grad()
def test_half_precision_weights_are_read_as_float32(enformer: Load, own_enformer_half: Path) -> None:
    model = enformer(path=str(own_enformer_half))
    assert {p.dtype for p in model.module.parameters()} == {torch.float32}
    torch.testing.assert_close(model.module(windows(1)), enformer().module(windows(1)), rtol=0.05, atol=0.05)


def test_a_window_of_another_length_is_refused(borzoi: Load) -> None:
    with pytest.raises(ModelError, match=r"made for windows of 2,048 bases, not 4,096; set the option model\.seq_len"):
        borzoi(keep=("0",)).module(windows(1, 4096))


def test_a_model_says_what_its_outputs_are(borzoi: Load, enformer: Load, saved_enformer: Path) -> None:
    model = borzoi(keep=("RNA:vagina",))
    assert set(model.task_table["description"]) == {"RNA:vagina"}
    assert list(model.task_table.index) == list(model.tasks)
    assert (model.channels, model.seq_len, model.bin_width, model.first_bin) == (4, LENGTH, 32, 512)
    assert model.name == "small-borzoi (human)"
    assert {Path(f).name for f in model.files} == {"config.json", "model.safetensors", "targets.txt"}
    assert enformer(seq_len=None).seq_len == 1536 * 128
    assert borzoi(seq_len=None).seq_len == 524_288
    assert enformer(name="mine", head="mouse").name == "mine (mouse)"
    assert not enformer().module.training


@torch.no_grad()
def test_the_stored_positions_of_the_official_weights(enformer: Load, tmp_path: Path) -> None:
    """The package takes them for a model by its name on the hub; from a folder they are asked for."""
    folder = save_enformer(tmp_path / "gamma", dim=192, heads=1, num_downsamples=3, target_length=6)
    network = own_enformer(folder)
    options = {"path": str(folder), "seq_len": None}
    x = windows(1, 1536 * 8)
    without = network(x.transpose(1, 2))["human"].transpose(1, 2)
    for module in network.modules():
        if hasattr(module, "use_tf_gamma"):
            module.use_tf_gamma = True
    stored = network(x.transpose(1, 2))["human"].transpose(1, 2)
    assert not torch.allclose(stored, without, atol=1e-4)
    assert_close(enformer(**options).module(x), without)
    assert_close(enformer(**options, tf_gamma=True).module(x), stored)
