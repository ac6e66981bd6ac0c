"""The model, its hooks and gradients and the caller's tensors are left as found, also after an exception."""

import pytest
import torch

from decima_captum import decima_attribution_methods
from decima_core.errors import AttributionError, DataError

NAMES = [s.name for s in decima_attribution_methods()]


def snapshot(model):
    """Every attribute of every module, containers copied."""
    state = {}
    for name, module in model.named_modules():
        for key, value in vars(module).items():
            if key not in ("calls", "fail_at"):
                state[name, key] = dict(value) if isinstance(value, dict) else value
    grads = {name: p.grad for name, p in model.named_parameters()}
    return state, grads


def snapshots_equal(one, other):
    return one[0].keys() == other[0].keys() and all(one[0][k] is v or one[0][k] == v for k, v in other[0].items())


@pytest.mark.parametrize("failing", [None, 1, 2, 3])
@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_model_and_tensors(make, zoo, name, inplace, failing):
    model = zoo.ConvNet(pool=True, inplace=inplace)
    seen = []
    model.relu1.register_forward_hook(lambda *_: seen.append(1))
    x, mask = zoo.sequence(2, 30), zoo.mask(2, 30)
    copies = x.clone(), mask.clone()
    before = snapshot(model)
    once = name in ("saliency", "input-x-gradient", "captum")
    options = {} if once else {"internal_batch_size": 2}
    method = make(name, **options, **({"n_steps": 4} if name == "integrated-gradients" else {}))
    model.fail_at = failing if failing is not None else -1
    if failing is not None and not (once and failing > 1):
        with pytest.raises(ValueError, match="the model broke"):
            method.attribute(model, x, mask)
    else:
        method.attribute(model, x, mask)
    assert seen
    assert snapshots_equal(before, snapshot(model))
    assert all(p.grad is None for p in model.parameters())
    assert torch.equal(x, copies[0])
    assert torch.equal(mask, copies[1])
    assert not x.requires_grad
    assert x.grad is None
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("name", NAMES)
def test_works_under_no_grad_and_inference_mode_and_gives_plain_tensors(make, zoo, name):
    model, x, mask = zoo.ConvNet(), zoo.sequence(1, 20), zoo.mask(1, 20)
    usual = make(name).attribute(model, x, mask).values
    assert not usual.requires_grad
    with torch.no_grad():
        assert torch.equal(make(name).attribute(model, x, mask).values, usual)
        assert not torch.is_grad_enabled()
    with torch.inference_mode():
        assert torch.equal(make(name).attribute(model, x.clone(), mask.clone()).values, usual)


@pytest.mark.parametrize("name", NAMES)
def test_a_sequence_that_requires_grad_keeps_its_state(make, zoo, name):
    x = zoo.sequence(1, 20).requires_grad_()
    values = make(name).attribute(zoo.ConvNet(), x, zoo.mask(1, 20)).values
    assert x.requires_grad
    assert x.grad is None
    assert not values.requires_grad


class Returns(torch.nn.Module):
    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, sequence, mask=None):
        return self.value(sequence)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "value", [lambda s: s.sum(2), lambda s: s.sum(), lambda s: [1.0], lambda s: s.sum((1, 2))[:, None]]
)
def test_a_target_of_the_wrong_shape_is_named(make, zoo, name, value):
    with pytest.raises(AttributionError, match="one value for each"):
        make(name).attribute(Returns(value), zoo.sequence(2, 10))


@pytest.mark.parametrize("name", [n for n in NAMES if n != "feature-ablation"])
def test_a_target_that_cuts_its_gradient_is_refused_not_zero(make, zoo, name):
    model = Returns(lambda s: s.detach()[:, 0].sum(1))
    with pytest.raises(AttributionError, match="no gradient"):
        make(name).attribute(model, zoo.sequence(2, 10))


@pytest.mark.parametrize(
    ("shape", "mask"), [((4, 10), None), ((1, 5, 10), None), ((1, 4, 0), None), ((2, 4, 10), (1, 1, 10))]
)
def test_wrong_shapes_are_refused(make, shape, mask):
    with pytest.raises(AttributionError, match="shape"):
        make("saliency").attribute(
            Returns(lambda s: s.sum((1, 2))), torch.zeros(shape), None if mask is None else torch.zeros(mask)
        )


def test_whole_numbers_are_refused(make):
    with pytest.raises(AttributionError, match=r"\.float\(\)"):
        make("saliency").attribute(Returns(lambda s: s.sum((1, 2))), torch.zeros(1, 4, 5, dtype=torch.int64))


def test_out_of_memory_says_what_to_do(make, zoo):
    def explode(_):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")

    with pytest.raises(AttributionError, match="internal_batch_size"):
        make("integrated-gradients").attribute(Returns(explode), zoo.sequence(1, 10))


def test_shuffling_needs_one_hot(make):
    with pytest.raises(DataError, match="Column 0"):
        make("deep-lift", baseline="shuffle").attribute(Returns(lambda s: s.sum((1, 2))), torch.full((1, 4, 10), 0.25))
