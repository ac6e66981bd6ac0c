"""Items as small as they can be sent: base codes and the mask's bounds, in place of five rows of float32.

An item ``(5, L)`` float32 is twenty bytes a base. Its codes are one byte a base, and the mask of a whole gene is one run
of one value, told by three numbers. :func:`collate` makes a batch of such items where they are read, and
:meth:`CompactBatch.expand` makes the items of it where they are needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import torch

from decima_core.errors import DataError
from decima_core.sequence import Codes, one_hot

Run = tuple[int, int, float]
_CODES = torch.arange(4, dtype=torch.int8)


@attrs.frozen(kw_only=True, eq=False)
class CompactItem:
    """One item before it is made.

    Parameters
    ----------
    codes
        ``(L,)`` int8, 0-3 for A, C, G, T and 4 for N.
    mask
        ``(L,)`` float32.
    labels
        ``(T, 1)`` float32; None for items without.
    """

    codes: Codes
    mask: npt.NDArray[np.float32]
    labels: npt.NDArray[np.float32] | None = None


@attrs.frozen(kw_only=True, eq=False)
class CompactBatch:
    """Items of one length, ready to be sent.

    Parameters
    ----------
    codes
        ``(B, L)`` int8.
    runs
        Start, end and value of each item's run of mask; nothing, ``(0, 0, 0)``, where there is none or ``rows`` has it.
    rows
        ``(L,)`` float32 by number of the item: masks that are not one run of one value.
    labels
        ``(B, T, 1)`` float32; None for items without.
    """

    codes: torch.Tensor
    runs: tuple[Run, ...]
    rows: dict[int, torch.Tensor]
    labels: torch.Tensor | None = None

    def pin_memory(self) -> CompactBatch:
        """The same in pinned memory, from which a GPU copies faster; ``DataLoader`` asks for it by this name."""
        pinned = self.labels if self.labels is None else self.labels.pin_memory()
        return attrs.evolve(self, codes=self.codes.pin_memory(), labels=pinned)

    def __reduce__(self) -> tuple[Any, ...]:
        # Through the pipe as arrays: tensors would go through shared memory, for which two processes must shake hands
        # each time, longer than it takes to copy this little, and of which containers have little.
        labels = None if self.labels is None else self.labels.numpy()
        return _received, (self.codes.numpy(), self.runs, {i: row.numpy() for i, row in self.rows.items()}, labels)

    def expand(self, device: torch.device | str | None = None) -> torch.Tensor:
        """The items, ``(B, 5, L)`` float32 on ``device``: four bases, then the mask."""
        codes = self.codes.to(device, non_blocking=True)
        shape = len(codes), 5, codes.shape[1]
        if codes.device.type == "cpu":
            # By NumPy: torch would share even this little among its threads, which wait for the cores that workers hold.
            made = np.empty(shape, dtype=np.float32)
            for item, row in zip(made, codes.numpy(), strict=True):
                one_hot(row, out=item[:4])
            self._fill(made[:, 4])
            return torch.from_numpy(made)
        items = torch.empty(shape, dtype=torch.float32, device=codes.device)
        torch.eq(codes[:, None, :], _CODES.to(codes.device)[:, None], out=items[:, :4])
        self._fill(items[:, 4])
        return items

    def _fill(self, masks: Any) -> None:
        """Write the masks into an array or tensor ``(B, L)``."""
        for mask, (start, end, value) in zip(masks, self.runs, strict=True):
            mask[:] = 0
            mask[start:end] = value
        for number, row in self.rows.items():
            masks[number][:] = row


def _received(
    codes: Codes,
    runs: tuple[Run, ...],
    rows: dict[int, npt.NDArray[np.float32]],
    labels: npt.NDArray[np.float32] | None,
) -> CompactBatch:
    return CompactBatch(
        codes=torch.from_numpy(codes),
        runs=runs,
        rows={i: torch.from_numpy(row) for i, row in rows.items()},
        labels=None if labels is None else torch.from_numpy(labels),
    )


def collate(items: Sequence[CompactItem]) -> CompactBatch:
    """The batch of some items.

    Raises
    ------
    DataError
        If the items are of several lengths, or only some have labels.
    """
    lengths = {len(item.codes) for item in items}
    if len(lengths) != 1:
        raise DataError(
            f"The items of a batch must be of one length, not {' and '.join(f'{n:,}' for n in sorted(lengths))} bases."
        )
    codes = np.empty((len(items), lengths.pop()), dtype=np.int8)
    runs: list[Run] = []
    rows: dict[int, torch.Tensor] = {}
    for i, item in enumerate(items):
        codes[i] = item.codes
        run = run_of(item.mask)
        runs.append(run or (0, 0, 0.0))
        if run is None:
            rows[i] = torch.from_numpy(item.mask.copy())
    return CompactBatch(codes=torch.from_numpy(codes), runs=tuple(runs), rows=rows, labels=_labels(items))


def run_of(mask: npt.NDArray[np.float32]) -> Run | None:
    """Start, end and value of a mask that is zero but for one run of one value; None for any other.

    ``(0, 0, 0)`` where all is zero.
    """
    # Compared as bits, so that what is expanded is the very same.
    bits = mask.view(np.int32) if mask.flags.c_contiguous else np.ascontiguousarray(mask).view(np.int32)
    on = bits != 0
    start = int(on.argmax()) if on.size else 0
    if on.size == 0 or not on[start]:
        return 0, 0, 0.0
    end = len(on) - int(on[::-1].argmax())
    if not (bits[start:end] == bits[start]).all() or np.isnan(mask[start]):
        return None
    return start, end, float(mask[start])


def _labels(items: Sequence[CompactItem]) -> torch.Tensor | None:
    found = [item.labels for item in items if item.labels is not None]
    if not found:
        return None
    if len(found) != len(items) or len({one.shape for one in found}) != 1:
        raise DataError("The items of a batch must all have labels, for the same number of tasks, or none of them.")
    return torch.from_numpy(np.stack(found))
