"""Which pieces of a model to compute twice, so that the least memory is taken and little more is computed.

A piece is a module within the model, or some layers in a row of an ``nn.Sequential``. Outside of pieces, what is needed for the
backward pass is kept; of a piece its input alone, until its turn comes on the way back. Pieces are worth their price to a
different degree: an attention layer holds much and is soon computed again, a wide convolution the other way round. So the choice is
made on the timeline of a real forward pass (:mod:`decima_core.compute.timeline`): each size of the largest piece and each price of
work for memory gives a set of pieces, and the set with the lowest peak within the bounds is taken. That is checkpointing (Chen et al. 2016,
arXiv:1604.06174) with costs (cf. Jain et al. 2020, Checkmate, arXiv:1910.02653), by Lagrange multipliers in place of an integer program.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import accumulate

import attrs
from torch import nn

from decima_core.compute.timeline import Call, Timeline, is_sealed

MOST_TIME = 1.3
"""Forward and backward passes with pieces take at most so much of the time without, as far as work tells."""

# Of plans whose peaks are within this factor of the lowest, the one that computes the least is taken.
_NEAR = 1.03
# How many sizes of the largest piece and how many prices are tried.
_GRID = 12


@attrs.frozen(eq=False)
class Piece:
    """Layers ``first`` up to ``end`` of an ``nn.Sequential``, or a whole module where ``end`` is 0; ``steps`` of the timeline."""

    module: nn.Module
    first: int = 0
    end: int = 0
    steps: range = range(0)
    given: int = 0


@attrs.frozen(eq=False)
class Plan:
    """Pieces, in the order in which they are computed; the most bytes at a time, with and without them; the share computed twice."""

    pieces: tuple[Piece, ...]
    peak: int
    plain: int
    twice: float


def cut(timeline: Timeline, passes: int = 1) -> Plan:
    """The pieces to compute twice.

    Parameters
    ----------
    timeline
        Of a forward pass.
    passes
        How many backward passes follow on one forward pass. After each of them but the last all is still there.
    """
    costs = _Costs(timeline, passes)
    most = (MOST_TIME - 1) * (1 + passes) / passes
    plans = [costs.plan(())]
    tried = set[frozenset[range]]()
    for largest in _quantiles(offer.size for offer in costs.offers):
        for price in [0.0, *_quantiles(offer.worth for offer in costs.offers)]:
            offers = costs.within(most, costs.best(largest, price))
            key = frozenset(offer.piece.steps for offer in offers)
            if key in tried:
                continue
            tried.add(key)
            plans.append(costs.plan(offers))
    lowest = min(plan.peak for plan in plans)
    return min((plan for plan in plans if plan.peak <= _NEAR * lowest), key=lambda plan: (plan.twice, plan.peak))


@attrs.frozen(eq=False)
class _Offer:
    """A piece that may be taken: bytes while its turn is, bytes that are spared until then, and the work of computing it again."""

    piece: Piece
    size: int
    spares: int
    work: float

    @property
    def worth(self) -> float:
        """Bytes that are spared for a unit of work."""
        return self.spares / max(1.0, self.work)

    def gain(self, price: float) -> float:
        """What is won, when a unit of work costs ``price`` bytes."""
        return self.spares - price * self.work


@attrs.frozen(eq=False)
class _Won:
    """What some pieces win, in bytes less the price of their work."""

    gain: float
    offers: tuple[_Offer, ...] = ()

    def then(self, gain: float, offers: tuple[_Offer, ...]) -> _Won:
        return _Won(self.gain + gain, self.offers + offers) if gain > 0 else self


class _Costs:
    """What pieces cost and spare on a timeline."""

    def __init__(self, timeline: Timeline, passes: int) -> None:
        self._steps = timeline.steps
        self._whole = timeline.whole
        self._passes = passes
        self._live = [step.live for step in timeline.steps]
        self._work = [0.0, *accumulate(step.work for step in timeline.steps)]
        seen = set[int]()
        outside, inside = [0], [0]
        for step in timeline.steps:
            new = {saved.storage: saved for saved in step.saved if saved.storage not in seen}
            seen |= new.keys()
            outside.append(outside[-1] + sum(saved.outside for saved in new.values()))
            inside.append(inside[-1] + sum(saved.inside for saved in new.values()))
        self._outside, self._inside = outside, inside
        self._plain = self._peak_of_all()
        calls = list(_calls(timeline.whole))
        self._often = Counter(id(call.module) for call in calls)
        self._own = {id(call): [o for p in self._pieces(call) if (o := self._offer(p)).spares > 0] for call in calls}
        self.offers = [offer for own in self._own.values() for offer in own]

    def best(self, largest: float, price: float) -> tuple[_Offer, ...]:
        """The pieces up to a size that spare most, when a unit of work costs ``price`` bytes."""
        return self._within(self._whole, largest, price).offers

    def within(self, most: float, offers: tuple[_Offer, ...]) -> tuple[_Offer, ...]:
        """Those of the pieces that are worth most, so many that no more than a share of the forward pass is computed twice."""
        left = most * self._work[-1]
        taken = set[_Offer]()
        for offer in sorted(offers, key=lambda offer: -offer.worth):
            if offer.work <= left:
                left -= offer.work
                taken.add(offer)
        return tuple(offer for offer in offers if offer in taken)

    def plan(self, offers: tuple[_Offer, ...]) -> Plan:
        """What a set of pieces comes to."""
        twice = sum(offer.work for offer in offers) / max(1.0, self._work[-1])
        return Plan(tuple(offer.piece for offer in offers), self._peak(offers), self._plain, twice)

    def _pieces(self, call: Call) -> Iterator[Piece]:
        """The pieces that a call can be, or has in a row: none where its module is called elsewhere too, for it has one forward."""
        if self._often[id(call.module)] > 1:
            return
        if call is not self._whole and not call.changed:
            yield Piece(call.module, steps=range(call.begin, call.end), given=call.given)
        if _is_row(call):
            for first, begin in enumerate(call.calls):
                for end, last in enumerate(call.calls[first:], start=first + 1):
                    if last.changed and last.places & begin.places:
                        break  # what works in place on what the piece is given: others may hold that too
                    yield _row(call, first, end)

    def _offer(self, piece: Piece) -> _Offer:
        begin, end = piece.steps.start, piece.steps.stop
        return _Offer(
            piece,
            size=self._inside[end] - self._inside[begin] + max(self._live[begin:end]),
            spares=self._outside[end] - self._outside[begin] - piece.given,
            work=self._work[end] - self._work[begin],
        )

    def _within(self, call: Call, largest: float, price: float) -> _Won:
        """The most that is won within a call, and by which pieces."""
        inner = [self._within(part, largest, price) for part in call.calls]
        best = [_Won(0.0)]
        row: dict[int, list[_Offer]] = {}
        whole: _Offer | None = None
        for offer in self._own[id(call)]:
            if offer.size <= largest and offer.worth > price:
                if offer.piece.end:
                    row.setdefault(offer.piece.end, []).append(offer)
                else:
                    whole = offer
        # Each layer is looked into, or is in a piece with its neighbours.
        for end, own in enumerate(inner, start=1):
            options = [best[end - 1].then(own.gain, own.offers)]
            for offer in row.get(end, ()):
                options.append(best[offer.piece.first].then(offer.gain(price), (offer,)))
            best.append(max(options, key=lambda won: won.gain))
        if whole is not None and whole.gain(price) > best[-1].gain:
            return _Won(whole.gain(price), (whole,))
        return best[-1]

    def _peak_of_all(self) -> int:
        """The peak of a forward pass as torch does it."""
        kept = most = 0
        seen = set[int]()
        for step in self._steps:
            for saved in step.saved:
                kept += 0 if saved.storage in seen else saved.plain
                seen.add(saved.storage)
            most = max(most, kept + step.live)
        return most

    def _peak(self, offers: Iterable[_Offer]) -> int:
        """The most at any time on the way there and back: what is kept up to there, of a piece all, and what is live."""
        kept, seen = 0, set[int]()
        moments: list[tuple[int, int]] = []
        at = 0
        for offer in [*offers, None]:
            for step in self._steps[at : offer.piece.steps.start if offer else None]:
                for saved in step.saved:
                    kept += 0 if saved.storage in seen else saved.outside
                    seen.add(saved.storage)
                moments.append((kept, step.live))
            if offer is not None:
                kept += offer.piece.given
                moments.append((kept, offer.size))
                at = offer.piece.steps.stop
        if self._passes > 1:
            return kept + max(live for _, live in moments)
        return max(held + live for held, live in moments)


def _calls(call: Call) -> Iterator[Call]:
    yield call
    for each in call.calls:
        yield from _calls(each)


def _is_row(call: Call) -> bool:
    """Whether a call is of an ``nn.Sequential`` that does what such a module does: call its layers in turn."""
    module = call.module
    if is_sealed(module) or type(module).forward is not nn.Sequential.forward:
        return False
    layers: list[nn.Module] = list(call.module)  # type: ignore[call-overload]
    return [each.module for each in call.calls] == layers


def _row(call: Call, first: int, end: int) -> Piece:
    begin = call.calls[first]
    return Piece(call.module, first, end, range(begin.begin, call.calls[end - 1].end), begin.given)


def _quantiles(values: Iterable[float]) -> list[float]:
    """At most ``_GRID`` of the values, spread evenly over them in order."""
    found = sorted(set(values))
    return [found[round(n * (len(found) - 1) / (_GRID - 1))] for n in range(_GRID)] if len(found) > _GRID else found
