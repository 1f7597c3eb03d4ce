"""Packings are valid, and as low as an exhaustive search finds where there are few buffers."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pytest

from firmware_export.ops.spec import ONLY_IN_PLACE
from firmware_export.packing import ALIGNMENT, Buffer, Packing, least_bytes, pack

pytestmark = pytest.mark.slow


def fits(buffer: Buffer, at: int, other: Buffer, start: int) -> bool:
    """Whether two buffers may begin at these offsets: apart in time, apart in memory, or one before what it eats
    or exactly there."""
    if buffer.last < other.first or other.last < buffer.first:
        return True
    if at + buffer.size <= start or start + other.size <= at:
        return True
    for above, one, below, two in ((buffer, at, other, start), (other, start, buffer, at)):
        distance = above.over.get(below.key)
        if distance is not None and (one == two if distance == ONLY_IN_PLACE else one <= two - distance):
            return True
    return False


def check_valid(buffers: Sequence[Buffer], packing: Packing) -> None:
    at = packing.offsets
    assert packing.peak == max(at[b.key] + b.size for b in buffers)
    assert all(offset >= 0 and offset % ALIGNMENT == 0 for offset in at.values())
    for i, b in enumerate(buffers):
        assert all(fits(b, at[b.key], other, at[other.key]) for other in buffers[:i])


def optimum(buffers: Sequence[Buffer], known: int) -> int:
    """The lowest peak of all, at most `known`, by trying every offset for every buffer, the largest first."""
    largest_first = sorted(buffers, key=lambda b: -b.size)

    def lowest(number: int, placed: list[tuple[Buffer, int]], peak: int, best: int) -> int:
        if number == len(buffers):
            return peak
        b = largest_first[number]
        for at in range(0, best - b.size, ALIGNMENT):
            higher = max(peak, at + b.size)
            if higher < best and all(fits(b, at, other, start) for other, start in placed):
                best = lowest(number + 1, [*placed, (b, at)], higher, best)
        return best

    return lowest(0, [], 0, known)


def random_buffers(source: np.random.RandomState, count: int, steps: int, largest: int) -> list[Buffer]:
    """Lifetimes as operators make them: what begins in a step may lie over what ends there, one buffer in each step."""
    buffers: list[Buffer] = []
    for key in range(count):
        first = int(source.randint(steps))
        last = int(source.randint(first, min(steps, first + 1 + steps // 2)))
        buffers.append(Buffer(key, int(source.randint(1, largest)), first, last))
    taken: set[int] = set()
    for i, b in enumerate(buffers):
        dying = [o for o in buffers if o.last == b.first and o.first < b.first]
        if dying and b.first not in taken and source.randint(3):
            taken.add(b.first)
            eaten = dying[: source.randint(1, 3)]
            over = {o.key: int(source.randint(0, largest // 2)) if source.randint(3) else ONLY_IN_PLACE for o in eaten}
            buffers[i] = Buffer(b.key, b.size, b.first, b.last, over)
    return buffers


def test_few_buffers_are_packed_as_well_as_can_be() -> None:
    source = np.random.RandomState(7)
    in_place = 0
    for _ in range(250):
        buffers = random_buffers(source, int(source.randint(1, 7)), 5, 30)
        packing = pack(buffers)
        check_valid(buffers, packing)
        best = optimum(buffers, packing.peak)
        assert packing.peak == best
        assert least_bytes(buffers) <= best
        in_place += best < least_bytes([Buffer(b.key, b.size, b.first, b.last) for b in buffers])
    assert in_place > 40


def test_some_buffers_are_packed_nearly_as_well() -> None:
    source = np.random.RandomState(8)
    missed = 0
    for _ in range(20):
        buffers = random_buffers(source, 7, 5, 24)
        packing = pack(buffers)
        check_valid(buffers, packing)
        missed += packing.peak > optimum(buffers, packing.peak)
    assert missed <= 1


@pytest.mark.parametrize(("count", "steps"), [(40, 15), (120, 60), (500, 400)])
def test_many_buffers_stay_apart_and_come_near_the_bound(count: int, steps: int) -> None:
    source = np.random.RandomState(count)
    buffers = [
        Buffer(b.key, b.size, b.first, min(b.last, b.first + 9), b.over)
        for b in random_buffers(source, count, steps, 5000)
    ]
    kept = [Buffer(b.key, b.size, b.first, b.last, _still(b, buffers)) for b in buffers]
    began = time.process_time()
    packing = pack(kept)
    assert time.process_time() - began < 10
    check_valid(kept, packing)
    assert least_bytes(kept) <= packing.peak <= 1.1 * least_bytes(kept)
    assert pack(kept) == packing


def _still(buffer: Buffer, buffers: Sequence[Buffer]) -> dict[int, int]:
    """What it may still lie over: what ends where it begins."""
    return {key: d for key, d in buffer.over.items() if buffers[key].last == buffer.first}


def test_nothing_needs_nothing() -> None:
    assert pack([]) == Packing({}, 0)
    assert least_bytes([]) == 0
