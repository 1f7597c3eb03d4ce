"""In which order to run operators so that little memory is needed at once: what needs what, and a beam search."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from operator import attrgetter

from .graph import Op
from .packing import union_bytes

WIDTH = 8
"""How many beginnings of an order are kept side by side; one would be plain greed."""
MOST_NEXT = 16
"""Of the operators that could be next, so many are looked at, the first ones in the order of the file."""
MOST_OPERATORS = 2000
"""Longer networks run in the order of the file."""


@dataclass(frozen=True)
class Cost:
    """What one operator needs of the arena.

    Attributes:
        reads: keys of the buffers that it reads.
        makes: key of a buffer that it makes -> bytes.
        scratch: bytes that it needs for a moment.
        over: key of a buffer that its output may overlap, if that dies here -> the distance between their beginnings.
    """

    reads: frozenset[int] = frozenset()
    makes: Mapping[int, int] = field(default_factory=dict)
    scratch: int = 0
    over: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Beginning:
    """Some operators in an order that works: as bits, the operators that may be next, bytes alive and at the most."""

    order: tuple[int, ...] = ()
    done: int = 0
    ready: tuple[int, ...] = ()
    alive_bytes: int = 0
    peak: int = 0


def orders(ops: Sequence[Op], costs: Sequence[Cost], state: frozenset[int]) -> Iterator[tuple[int, ...]]:
    """Orders of `ops`, as positions: the given one, and one that may need less memory, where there is a choice.

    Operators that touch a tensor of `state` (a variable) keep their order.
    """
    given = tuple(range(len(ops)))
    yield given
    needs = _needs(ops, state)
    is_chain = all(step - 1 in needs[step] for step in given[1:])
    if not is_chain and len(ops) <= MOST_OPERATORS and (found := _Search(needs, costs).run()) != given:
        yield found


def _needs(ops: Sequence[Op], state: frozenset[int]) -> list[set[int]]:
    """For each operator the positions of those that have to run before it."""
    writer = {index: step for step, op in enumerate(ops) for index in op.outputs if index not in state}
    needs = [{writer[index] for index in op.inputs if index in writer} for op in ops]
    touching = [step for step, op in enumerate(ops) if not state.isdisjoint((*op.inputs, *op.outputs))]
    for before, step in pairwise(touching):
        needs[step].add(before)
    return needs


class _Search:
    """Looks for an order in which little is alive at once."""

    def __init__(self, needs: Sequence[set[int]], costs: Sequence[Cost]) -> None:
        """`needs`: what has to run before each operator; `costs`: what each needs of the arena."""
        self._costs = costs
        self._needs = [sum(1 << step for step in before) for before in needs]
        self._sizes = {key: size for cost in costs for key, size in cost.makes.items()}
        self._after: dict[int, list[int]] = defaultdict(list)
        self._readers: dict[int, int] = defaultdict(int)
        for step, (before, cost) in enumerate(zip(needs, costs, strict=True)):
            for earlier in before:
                self._after[earlier].append(step)
            for key in cost.reads:
                self._readers[key] |= 1 << step

    def run(self) -> tuple[int, ...]:
        """The order that the best beginnings lead to: lowest peak, then least alive, then as it was given."""
        first = tuple(step for step, before in enumerate(self._needs) if not before)
        beam = [_Beginning(ready=first)]
        for _ in self._costs:
            best: dict[int, _Beginning] = {}
            for beginning in beam:
                for step in beginning.ready[:MOST_NEXT]:
                    longer = self._append(beginning, step)
                    known = best.get(longer.done)
                    if known is None or _rank(longer) < _rank(known):
                        best[longer.done] = longer
            beam = sorted(best.values(), key=_rank)[:WIDTH]
        return beam[0].order

    def _append(self, beginning: _Beginning, step: int) -> _Beginning:
        """`beginning` with one more operator."""
        cost, done = self._costs[step], beginning.done | 1 << step
        dying = [key for key in cost.reads if not self._readers[key] & ~done]
        made = sum(cost.makes.values())
        under = [(self._sizes[key], cost.over[key]) for key in dying if key in cost.over]
        saved = made + sum(size for size, _ in under) - union_bytes(made, under)
        stays = sum(size for key, size in cost.makes.items() if self._readers[key])
        new = [later for later in self._after[step] if not self._needs[later] & ~done]
        return _Beginning(
            order=(*beginning.order, step),
            done=done,
            ready=tuple(sorted({*beginning.ready, *new} - {step})),
            alive_bytes=beginning.alive_bytes + stays - sum(self._sizes[key] for key in dying),
            peak=max(beginning.peak, beginning.alive_bytes + made + cost.scratch - saved),
        )


_rank = attrgetter("peak", "alive_bytes", "order")
