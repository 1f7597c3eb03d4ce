"""Byte offsets for buffers that are needed at different times: as little memory as a bounded search finds."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from .ops.spec import ONLY_IN_PLACE

ALIGNMENT = 4
"""Every buffer starts at a multiple of this many bytes."""
FEW = 6
"""Of so many buffers all orders are tried."""
MOST_ROUNDS = 720
MOST_VISITS = 1 << 21
"""Of more buffers so many changes of the best order are tried, or fewer where they cost more than so many visits to
pairs of buffers. No clock is asked, so the plan is the same on every machine."""
SEED = 20261123


@dataclass(frozen=True)
class Buffer:
    """`size` bytes that are needed from step `first` to step `last`, both included.

    `key` is a tensor's index, or -1 - step for the scratch memory of a step. `over` maps the keys of buffers that die
    in step `first` to how many bytes before their beginning this one has to begin, if they overlap; or to
    ONLY_IN_PLACE, if it has to begin where they do.
    """

    key: int
    size: int
    first: int
    last: int
    over: Mapping[int, int] = field(default_factory=dict)

    def meets(self, other: Buffer) -> bool:
        """Whether both are needed at the same time."""
        return self.first <= other.last and other.first <= self.last

    def forbidden(self, other: Buffer) -> tuple[int, int, bool]:
        """(low, high, same), from the beginning of `other`: where this one may begin.

        That is at low or before, at high or behind, or, if `same`, exactly where `other` does.
        """
        low, high = -self.size, other.size
        before, behind = self.over.get(other.key), other.over.get(self.key)
        if before is not None and before != ONLY_IN_PLACE:
            low = max(low, -before)
        if behind is not None and behind != ONLY_IN_PLACE:
            high = min(high, behind)
        return low, high, ONLY_IN_PLACE in (before, behind)


@dataclass(frozen=True)
class Packing:
    """Where every buffer begins, by its key, and the end of the last one in bytes."""

    offsets: Mapping[int, int]
    peak: int


Gap: TypeAlias = tuple[int, int, int]
"""A buffer may not begin behind the first and before the second of these bytes, but at the third it may (-1: none)."""
Conflicts: TypeAlias = Sequence[Sequence[tuple[int, int, int, bool]]]
"""For each buffer the numbers of others, and what `Buffer.forbidden` says of each."""
ORDERS: tuple[Callable[[Buffer], tuple[int, ...]], ...] = (
    lambda b: (-b.size, b.first),
    lambda b: (b.first, -b.size),
    lambda b: (-b.last, -b.size),
    lambda b: (-b.size * (b.last - b.first + 1), b.first),
    lambda b: (b.first - b.last, -b.size),
    lambda b: (-b.last, b.first, -b.size),
    lambda b: (-b.size // ALIGNMENT, -b.last),
)
"""Sort keys: the largest first, in order of time, from the end, by bytes times steps, the longest first, and more."""


def pack(buffers: Sequence[Buffer]) -> Packing:
    """The lowest peak of some good orders and of a search from the best of them."""
    conflicts = _conflicts(buffers)
    bound = least_bytes(buffers)
    best, order = Packing({}, 0), list[int]()
    for number, key in enumerate(ORDERS):
        numbers = sorted(range(len(buffers)), key=lambda i: key(buffers[i]))
        found = _place(buffers, conflicts, numbers)
        if number == 0 or found.peak < best.peak:
            best, order = found, numbers
        if best.peak <= bound:
            return best
    return _search(buffers, conflicts, best, order, bound)


def union_bytes(size: int, under: Iterable[tuple[int, int]]) -> int:
    """What a buffer of `size` and those that it may overlap, (size, distance) each, take together at the least."""
    pairs = list(under)
    apart = sum(other for other, _ in pairs)
    return min(size + apart, max([size, apart, *(other + distance for other, distance in pairs)]))


def least_bytes(buffers: Sequence[Buffer]) -> int:
    """No packing has a lower peak than this: what is needed at once, in the worst step."""
    worst = 0
    for buffer, live in _meetings(buffers):
        sizes = {b.key: b.size for b in live}
        for over in (b for b in live if b.first == buffer.first and b.over):
            under = [(sizes.pop(key), distance) for key, distance in over.over.items() if key in sizes]
            sizes[over.key] = union_bytes(over.size, under)
        gaps = [-size % ALIGNMENT for size in sizes.values()]
        worst = max(worst, sum(sizes.values()) + sum(gaps) - max(gaps, default=0))
    return worst


def _meetings(buffers: Sequence[Buffer]) -> Iterator[tuple[Buffer, list[Buffer]]]:
    """Every buffer, and those that are needed in its first step: itself, and what comes before it by that step."""
    live: list[Buffer] = []
    for buffer in sorted(buffers, key=lambda b: b.first):
        live = [b for b in live if b.last >= buffer.first] + [buffer]
        yield buffer, live


def _conflicts(buffers: Sequence[Buffer]) -> Conflicts:
    """For each buffer what is needed at the same time."""
    numbers = {id(buffer): i for i, buffer in enumerate(buffers)}
    conflicts: list[list[tuple[int, int, int, bool]]] = [[] for _ in buffers]
    for buffer, live in _meetings(buffers):
        i = numbers[id(buffer)]
        for other in live[:-1]:
            j = numbers[id(other)]
            if other.key in buffer.over or buffer.key in other.over:
                conflicts[i].append((j, *buffer.forbidden(other)))
                conflicts[j].append((i, *other.forbidden(buffer)))
            else:
                conflicts[i].append((j, -buffer.size, other.size, False))
                conflicts[j].append((i, -other.size, buffer.size, False))
    return conflicts


def _place(buffers: Sequence[Buffer], conflicts: Conflicts, order: Iterable[int]) -> Packing:
    """Each buffer in turn at the lowest offset where it disturbs none placed before it."""
    starts: dict[int, int] = {}
    for i in order:
        met = [(starts[j], low, high, same) for j, low, high, same in conflicts[i] if j in starts]
        starts[i] = _lowest(sorted((at + low, at + high, at if same else -1) for at, low, high, same in met))
    peak = max((at + buffers[i].size for i, at in starts.items()), default=0)
    return Packing({buffers[i].key: at for i, at in starts.items()}, peak)


def _lowest(gaps: Sequence[Gap]) -> int:
    """The lowest aligned offset that no gap forbids; they are sorted."""
    at = number = 0
    jumps = any(same >= 0 for _, _, same in gaps)
    while number < len(gaps):
        low, high, same = gaps[number]
        number += 1
        if low < at < high and at != same:
            at = same if at < same else -(-high // ALIGNMENT) * ALIGNMENT
            number = 0 if jumps else number
    return at


def _search(buffers: Sequence[Buffer], conflicts: Conflicts, best: Packing, order: list[int], bound: int) -> Packing:
    """`best`, or a lower packing: of all orders where they are few, else of random changes of the best one so far."""
    if len(buffers) <= FEW:
        packings = (_place(buffers, conflicts, numbers) for numbers in itertools.permutations(order))
        return min(packings, key=lambda packing: packing.peak)
    source = np.random.RandomState(SEED)
    visits = len(buffers) + sum(map(len, conflicts))
    for _ in range(min(MOST_ROUNDS, MOST_VISITS // visits)):
        if best.peak <= bound:
            break
        tried = _changed(
            order, [i for i in order if best.offsets[buffers[i].key] + buffers[i].size == best.peak], source
        )
        found = _place(buffers, conflicts, tried)
        if found.peak <= best.peak:
            best, order = found, tried
    return best


def _changed(order: Sequence[int], tops: Sequence[int], source: np.random.RandomState) -> list[int]:
    """`order` with one of `tops`, which define the peak, exchanged with another one, or with any one elsewhere."""
    changed = list(order)
    if source.randint(2):
        a, b = changed.index(tops[source.randint(len(tops))]), source.randint(len(order))
        changed[a], changed[b] = changed[b], changed[a]
    else:
        moved = changed.pop(source.randint(len(order)))
        changed.insert(source.randint(len(order)), moved)
    return changed
