"""Plans of whole networks: who lies where, in which order operators run, and what in-place operators may do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from random_network import random_network
from single_op import check

from firmware_export import planner, schedule
from firmware_export.graph import Graph, Op, Tensor
from firmware_export.ops import OPS
from firmware_export.packing import ALIGNMENT
from firmware_export.passes import apply_passes
from firmware_export.planner import Plan, plan_memory
from firmware_export.reader import read_tflite

pytestmark = pytest.mark.slow


def network(seed: int, operators: int = 25) -> Graph:
    return apply_passes(read_tflite(random_network(seed, operators), "net.tflite"))


def check_plan(graph: Graph, plan: Plan) -> None:
    """Runs the plan as a list of writes and reads: whoever reads finds the bytes that were written for it."""
    assert sorted(op.index for op in plan.ops) == [op.index for op in graph.ops]
    owner: dict[int, int] = {}
    root = {t.index: t.index for t in graph.tensors}
    for step, op in enumerate(plan.ops):
        if OPS[op.type].alias:
            root[op.outputs[0]] = root[op.inputs[0]]
            continue
        for index in op.inputs:
            check_held(graph, plan, owner, root[index])
        if step in plan.scratch:
            own(owner, plan.scratch[step], OPS[op.type].scratch_bytes(graph.node(op)), -1 - step, plan)
            for index in op.inputs:
                check_held(graph, plan, owner, root[index])
        for index in op.outputs:
            if plan.places[index].kind == "arena":
                own(owner, plan.places[index].number, graph.tensors[index].size_bytes, index, plan)
        for number, index in enumerate(op.inputs):
            if OPS[op.type].overlap(graph.node(op), number) is None:
                check_held(graph, plan, owner, root[index])
    for index in graph.outputs:
        check_held(graph, plan, owner, root[index])


def own(owner: dict[int, int], start: int, size: int, key: int, plan: Plan) -> None:
    assert start % ALIGNMENT == 0
    assert 0 <= start <= start + size <= plan.arena_bytes
    owner.update(dict.fromkeys(range(start, start + size), key))


def check_held(graph: Graph, plan: Plan, owner: dict[int, int], index: int) -> None:
    """The arena holds tensor `index`, if that is its place."""
    place = plan.places.get(index)
    if place is not None and place.kind == "arena":
        size = graph.tensors[index].size_bytes
        assert {owner.get(at) for at in range(place.number, place.number + size)} == {index}


def test_nobody_reads_what_was_overwritten() -> None:
    reordered = 0
    for seed in range(80):
        graph = network(seed)
        plan = plan_memory(graph)
        check_plan(graph, plan)
        reordered += plan.ops != graph.ops
    assert reordered > 20


def test_scratch_memory_is_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    with_scratch = {**OPS, "CONV_2D": replace(OPS["CONV_2D"], scratch_bytes=lambda node: node.need(0).size // 3 + 1)}
    monkeypatch.setattr(planner, "OPS", with_scratch)
    monkeypatch.setitem(check_plan.__globals__, "OPS", with_scratch)
    for seed in range(30):
        graph = network(seed)
        plan = plan_memory(graph)
        wanting = [step for step, op in enumerate(plan.ops) if with_scratch[op.type].scratch_bytes(graph.node(op))]
        assert sorted(plan.scratch) == wanting
        check_plan(graph, plan)


def test_another_order_is_taken_only_when_it_needs_less(monkeypatch: pytest.MonkeyPatch) -> None:
    better = 0
    for seed in range(40):
        graph = network(seed)
        plan = plan_memory(graph)
        with monkeypatch.context() as patch:
            patch.setattr(schedule, "MOST_OPERATORS", 0)
            given = plan_memory(graph)
        assert given.ops == graph.ops
        assert plan.arena_bytes <= given.arena_bytes
        assert (plan.arena_bytes < given.arena_bytes) == (plan.ops != graph.ops)
        better += plan.arena_bytes < given.arena_bytes
    assert better > 10


def test_the_c_runs_in_the_order_of_the_plan(tmp_path: Path, compiler: str) -> None:
    data = random_network(34, 30)
    graph = apply_passes(read_tflite(data, "net.tflite"))
    assert plan_memory(graph).ops != graph.ops
    check(data, tmp_path, compiler)


def test_operators_with_variables_keep_their_order() -> None:
    """Tensor 9 is a variable: read, assigned, read again. What is independent of it may move."""
    ops = [
        Op(0, "READ", (9,), (1,), {}),
        Op(1, "BIG", (0,), (2,), {}),
        Op(2, "ASSIGN", (9, 0), (9,), {}),
        Op(3, "READ", (9,), (3,), {}),
        Op(4, "SMALL", (2,), (4,), {}),
        Op(5, "JOIN", (1, 3, 4), (5,), {}),
    ]
    sizes = {1: 8, 2: 100, 3: 8, 4: 4}
    costs = [
        schedule.Cost(frozenset(i for i in op.inputs if i in sizes), {i: sizes[i] for i in op.outputs if i in sizes})
        for op in ops
    ]
    found = list(schedule.orders(ops, costs, frozenset({9})))
    assert found[0] == tuple(range(6))
    assert len(found) == 2
    order = found[1]
    assert order.index(4) == order.index(1) + 1, "the big tensor should not stay"
    assert order.index(0) < order.index(2) < order.index(3)


def test_a_network_without_a_choice_has_one_order() -> None:
    ops = [Op(i, "X", (i,), (i + 1,), {}) for i in range(5)]
    assert list(schedule.orders(ops, [schedule.Cost()] * 5, frozenset())) == [tuple(range(5))]


def test_outputs_may_begin_before_an_input_that_dies(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a kernel that reads its input faster than it writes: 8 bytes before suffice."""
    shifted = {**OPS, "ADD": replace(OPS["ADD"], overlap=lambda node, number: 8)}
    monkeypatch.setattr(planner, "OPS", shifted)
    tensors = tuple(Tensor(i, f"t{i}", "int8", (1, 100)) for i in range(4))
    ops = (Op(0, "RELU", (0,), (1,), {}), Op(1, "ADD", (1, 1), (2,), {}), Op(2, "RELU", (2,), (3,), {}))
    plan = plan_memory(Graph("g", "", tensors, ops, (0,), (3,)))
    assert plan.arena_bytes == 108
    assert (plan.places[2].number, plan.places[1].number) == (0, 8)


def test_long_networks_take_no_more_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """2,000 operators, half of which could always be next: the search ends after as many looks as for 1,000."""
    count, looks = 1000, list[int]()
    ops = [Op(i, "RELU", (0,), (i + 1,), {}) for i in range(count)]
    ops += [Op(count + i, "ADD", (i + 1, count + i), (count + i + 1,), {}) for i in range(count)]
    costs = [schedule.Cost(frozenset(op.inputs) - {0}, {op.outputs[0]: 4}) for op in ops]
    append = schedule._Search._append

    def counted(self: schedule._Search, beginning: schedule._Beginning, place: int, step: int) -> schedule._Beginning:
        looks.append(step)
        return append(self, beginning, place, step)

    monkeypatch.setattr(schedule._Search, "_append", counted)
    found = list(schedule.orders(ops, costs, frozenset()))
    assert sorted(found[-1]) == list(range(2 * count))
    assert len(looks) <= schedule.MOST_LOOKS
