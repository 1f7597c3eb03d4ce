"""In which order to run operators so that little memory is needed at once: what needs what, and a beam search."""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from operator import attrgetter

from .graph import Op
from .packing import union_bytes

WIDTH = 8
"""How many beginnings of an order are kept side by side; one would be plain greed."""
MOST_NEXT = 16
"""Of the operators that could be next, so many are looked at, the first ones in the order of the file."""
MOST_LOOKS = 1 << 17
"""In long networks fewer are looked at, so that all together are about so many."""
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
    """Some operators in an order that works: as bits, the operators that may be next, bytes alive and at the most.

    The order is that of `before`, and then `last`. `place` sorts beginnings of one length as their orders would: by the
    place of `before` among those kept side by side, then by `last`.
    """

    peak: int = 0
    alive_bytes: int = 0
    place: tuple[int, int] = (0, 0)
    done: int = 0
    before: _Beginning | None = None
    ready: Sequence[int] = ()

    @property
    def last(self) -> int:
        """The last operator."""
        return self.place[1]

    def order(self) -> tuple[int, ...]:
        """The operators, the first one first."""
        found, beginning = list[int](), self
        while beginning.before is not None:
            found.append(beginning.last)
            beginning = beginning.before
        return tuple(reversed(found))


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
        first = [step for step, before in enumerate(self._needs) if not before]
        beam = [_Beginning(ready=first)]
        most_next = max(2, min(MOST_NEXT, MOST_LOOKS // (WIDTH * max(1, len(self._costs)))))
        for _ in self._costs:
            best: dict[int, _Beginning] = {}
            for place, beginning in enumerate(beam):
                for step in beginning.ready[:most_next]:
                    longer = self._append(beginning, place, step)
                    known = best.get(longer.done)
                    if known is None or _rank(longer) < _rank(known):
                        best[longer.done] = longer
            kept = sorted(best.values(), key=_rank)[:WIDTH]
            beam = [self._with_ready(beginning) for beginning in sorted(kept, key=attrgetter("place"))]
        return beam[0].order()

    def _with_ready(self, beginning: _Beginning) -> _Beginning:
        """`beginning` with the operators that may be next."""
        assert beginning.before is not None  # one that was appended to another
        ready, step = list(beginning.before.ready), beginning.last
        ready.remove(step)
        for later in self._after[step]:
            if not self._needs[later] & ~beginning.done:
                insort(ready, later)
        return replace(beginning, ready=ready)

    def _append(self, beginning: _Beginning, place: int, step: int) -> _Beginning:
        """`beginning`, which stands at `place`, with one more operator."""
        cost, done = self._costs[step], beginning.done | 1 << step
        dying = [key for key in cost.reads if not self._readers[key] & ~done]
        made = sum(cost.makes.values())
        under = [(self._sizes[key], cost.over[key]) for key in dying if key in cost.over]
        saved = made + sum(size for size, _ in under) - union_bytes(made, under)
        stays = sum(size for key, size in cost.makes.items() if self._readers[key])
        return _Beginning(
            place=(place, step),
            done=done,
            before=beginning,
            alive_bytes=beginning.alive_bytes + stays - sum(self._sizes[key] for key in dying),
            peak=max(beginning.peak, beginning.alive_bytes + made + cost.scratch - saved),
        )


_rank = attrgetter("peak", "alive_bytes", "place")
