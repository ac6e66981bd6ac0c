"""Operations whose gradients ask for less than PyTorch keeps, and one that is left alone; on the device of a ``torch.device`` context."""

from __future__ import annotations

import torch
from torch import nn

from decima_core.compute.spared import Spared

OPERATIONS = {
    "conv1d": lambda x: torch.conv1d(x, torch.ones(4, 4, 3) / 7, padding=1),
    "conv1d, strided and dilated": lambda x: torch.conv1d(x, torch.ones(4, 2, 3) / 7, stride=2, dilation=2, groups=2),
    "conv_transpose1d": lambda x: torch.conv_transpose1d(x, torch.ones(4, 4, 3) / 7),
    "conv2d": lambda x: torch.conv2d(x[:, None], torch.ones(2, 1, 3, 3) / 7),
    "conv1d, turned": lambda x: torch.conv1d(x.transpose(1, 2).contiguous().transpose(1, 2), torch.ones(4, 4, 3) / 7),
    "conv1d, keywords": lambda x: torch.conv1d(x, weight=torch.ones(4, 4, 3) / 7, padding=1),
    "conv1d, same length, even": lambda x: torch.conv1d(x, torch.ones(4, 4, 4) / 7, padding="same"),
    "conv2d, channels last": lambda x: torch.conv2d(
        x[:, :, None].contiguous(memory_format=torch.channels_last), torch.ones(4, 4, 1, 3) / 7
    ),
    "max pool, turned": lambda x: nn.functional.max_pool1d(x.transpose(1, 2), 2),
    "relu of what is no number": lambda x: nn.functional.relu(torch.where(x > 1, torch.nan, x)),
    "batch norm": lambda x: nn.functional.batch_norm(x, torch.ones(4), torch.full((4,), 3.0), torch.full((4,), 1.7)),
    "max pool": lambda x: nn.functional.max_pool1d(x, 3, stride=2),
    "max pool, overlapping and padded": lambda x: nn.functional.max_pool1d(x, 5, stride=2, padding=2),
    "max pool, dilated, with a rest": lambda x: nn.functional.max_pool1d(x, 3, 3, dilation=4, ceil_mode=True),
    "max pool of wide windows": lambda x: nn.functional.max_pool1d(x.repeat(1, 1, 20), 400, stride=7),
    "max pool, keywords": lambda x: nn.functional.max_pool1d(x, kernel_size=(2,), stride=(2,), padding=(1,)),
    "max pool, with places": lambda x: nn.functional.max_pool1d(x, 2, return_indices=True)[0],
    "torch.max_pool1d": lambda x: torch.max_pool1d(x, [4]),
    "max pool in a plane": lambda x: nn.functional.max_pool2d(x, 2),
    "layer of pooling, unbatched": lambda x: nn.MaxPool1d(2)(x[0]),
    "average pool in a plane": lambda x: nn.functional.avg_pool2d(x, 2),
    "average pool": lambda x: nn.functional.avg_pool1d(x, 3),
    "relu": nn.functional.relu,
    "relu in place": lambda x: nn.functional.relu(1 * x, inplace=True),
    "method relu": lambda x: x.relu(),
    "untouched": lambda x: torch.exp(x) * torch.sigmoid(x),
}


def gradients(name: str, shapes_alone: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Of an operation as it is, and where it is spared."""
    torch.manual_seed(2)
    x = torch.randn(2, 4, 50, requires_grad=True)
    seed = torch.randn_like(OPERATIONS[name](x))
    (plain,) = torch.autograd.grad(OPERATIONS[name](x), x, seed)
    with Spared(shapes_alone=shapes_alone):
        value = OPERATIONS[name](x)
    (spared,) = torch.autograd.grad(value, x, seed)
    return plain, spared
