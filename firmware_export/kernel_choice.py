"""Which kernel computes an operator on a target: internal operators take the place of the file's own.

An internal operator that `replaces` another has the same bits; only its kernel, its constants and its scratch memory
differ. So the planner, the program and the emitter need not know of targets.

The choice begins with the file's own operators, whose kernels are plain C, and takes what saves most instructions for
a byte of flash, one operator or all that a kernel suits at a time, as long as a kilobyte buys enough (`WORTH`) and the
budgets hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from .costs import Cost, code_bytes, cost_of
from .errors import ExportError
from .graph import Graph, Node, Op
from .intervals import analyse
from .ops import OPS
from .planner import Plan, plan_memory
from .targets import Core, Target

WORTH: Mapping[str, float] = {"speed": 0.0, "balanced": 0.01, "size": 0.06}
"""The share of all instructions that a kilobyte of flash has to save."""
KILOBYTE = 1024


@dataclass(frozen=True)
class Offer:
    """What was not taken: kernels for some operators, and what they would cost and save."""

    type: str
    operators: tuple[int, ...]
    flash_bytes: int
    saved_instructions: int


@dataclass(frozen=True)
class Choice:
    """The network with its kernels, its memory plan, and what that costs, about.

    `costs` are the operators' in the graph's order; empty where the target is no core. `offers` are what a bigger
    budget would buy.
    """

    graph: Graph
    plan: Plan
    costs: tuple[Cost, ...] = ()
    flash_bytes: int = 0
    offers: tuple[Offer, ...] = ()

    @property
    def instructions(self) -> int:
        """Of one inference."""
        return sum(cost.instructions for cost in self.costs)


def choose_kernels(graph: Graph, target: Target) -> Choice:
    """`graph`, as the passes leave it, with each operator as the one whose kernel is best on `target`.

    Raises:
        ExportError: a budget can't be met; the message says what can be reached.
    """
    graph = with_bounds(graph)
    if target.core is None:
        plan = plan_memory(graph)
        _check_ram(graph, plan.arena_bytes + plan.state_bytes, target)
        return Choice(graph, plan)
    menu = _Menu(graph, target.core, target.take)
    picks = _upgraded(menu, [0] * len(graph.ops), target)
    if target.max_flash is not None and menu.flash(picks) > target.max_flash:
        raise ExportError(
            f"{graph.name}: --max-flash {target.max_flash:,}: the least that can be reached is about "
            f"{menu.flash(picks):,} bytes."
        )
    picks, plan = _within_ram(menu, picks, target)
    costs = tuple(menu.cost(i, pick) for i, pick in enumerate(picks))
    return Choice(menu.graph(picks), plan, costs, menu.flash(picks), tuple(_offers(menu, picks)))


def with_bounds(graph: Graph) -> Graph:
    """`graph` with what the accumulators of linear operators can reach, in their options acc_low and acc_high."""
    bounds = analyse(graph).accumulators

    def bounded(op: Op) -> Op:
        if op.index not in bounds:
            return op
        low, high = (tuple(int(value) for value in side) for side in bounds[op.index])
        return replace(op, options={**op.options, "acc_low": low, "acc_high": high})

    return replace(graph, ops=tuple(map(bounded, graph.ops)))


def alternatives(graph: Graph, op: Op, core: Core) -> tuple[Op, ...]:
    """`op` as it is, and as the internal operators that may take its place on a core."""
    others = (
        replace(op, type=kind)
        for kind, operator in OPS.items()
        if operator.replaces == op.type and (core.dsp or not operator.dsp)
    )
    return (op, *(other for other in others if fits(graph.node(other))))


def fits(node: Node) -> bool:
    """Whether an internal operator can compute `node`."""
    return not any(rule(node) for rule in OPS[node.op.type].constraints)


class _Menu:
    """The alternatives of every operator, with their costs; picks are one number for each operator."""

    def __init__(self, graph: Graph, core: Core, take: frozenset[str]) -> None:
        self._graph, self._core = graph, core
        everything = [alternatives(graph, op, core) for op in graph.ops]
        self.choices = [tuple(op for op in ops if op.type in take)[:1] or ops for ops in everything]
        self._costs = [[cost_of(graph.node(op), core) for op in choices] for choices in self.choices]

    def cost(self, operator: int, pick: int) -> Cost:
        return self._costs[operator][pick]

    def graph(self, picks: Sequence[int]) -> Graph:
        """The network with these picks."""
        return replace(self._graph, ops=tuple(self.choices[i][pick] for i, pick in enumerate(picks)))

    def instructions(self, picks: Sequence[int]) -> int:
        return sum(self.cost(i, pick).instructions for i, pick in enumerate(picks))

    def flash(self, picks: Sequence[int]) -> int:
        """Bytes of constants and code."""
        costs = [self.cost(i, pick) for i, pick in enumerate(picks)]
        kernels = frozenset().union(*(cost.kernels for cost in costs))
        calls = sum(len(cost.kernels) for cost in costs)
        return sum(cost.constant_bytes for cost in costs) + code_bytes(kernels, calls, self._core)

    def better(self, picks: Sequence[int]) -> Iterator[tuple[int, int]]:
        """(operator, pick) of all alternatives that take fewer instructions."""
        for i, pick in enumerate(picks):
            for other in range(len(self.choices[i])):
                if self.cost(i, other).instructions < self.cost(i, pick).instructions:
                    yield i, other

    def upgrades(self, picks: Sequence[int]) -> Iterator[list[int]]:
        """Other picks: one operator changed, or all that a kernel makes faster."""
        together: dict[str, list[int]] = {}
        for i, other in self.better(picks):
            one = [*picks]
            one[i] = other
            yield one
            group = together.setdefault(self.choices[i][other].type, [*picks])
            group[i] = other
        yield from together.values()


def _upgraded(menu: _Menu, picks: list[int], target: Target) -> list[int]:
    """`picks` with the upgrades that are worth their flash and fit into the budget, the best one first."""
    while True:
        now, flash = menu.instructions(picks), menu.flash(picks)
        best, best_gain = None, WORTH[target.optimize]
        for other in menu.upgrades(picks):
            more = menu.flash(other) - flash
            if target.max_flash is not None and flash + more > target.max_flash and more > 0:
                continue
            saved = (now - menu.instructions(other)) / max(1, now)
            gain = saved * KILOBYTE / more if more > 0 else float("inf")
            if gain > best_gain:
                best, best_gain = other, gain
        if best is None:
            return picks
        picks = best


def _within_ram(menu: _Menu, picks: list[int], target: Target) -> tuple[list[int], Plan]:
    """`picks`, or others that need less memory where the budget asks for it; and their plan."""
    plan = plan_memory(menu.graph(picks))
    if target.max_ram is None:
        return picks, plan
    while _ram(plan) > target.max_ram:
        found = _leaner(menu, picks, plan)
        if found is None:
            _check_ram(menu.graph(picks), _ram(plan), target)
            break
        picks, plan = found
    return picks, plan


def _leaner(menu: _Menu, picks: Sequence[int], plan: Plan) -> tuple[list[int], Plan] | None:
    """The picks with one operator changed that need the least memory, and their plan; None where none needs less."""
    best: tuple[list[int], Plan] | None = None
    for i, pick in enumerate(picks):
        for other in range(len(menu.choices[i])):
            if other == pick:
                continue
            trial = [*picks]
            trial[i] = other
            trial_plan = plan_memory(menu.graph(trial))
            if _ram(trial_plan) < _ram(best[1] if best else plan):
                best = trial, trial_plan
    return best


def _ram(plan: Plan) -> int:
    return plan.arena_bytes + plan.state_bytes


def _check_ram(graph: Graph, reached: int, target: Target) -> None:
    if target.max_ram is not None and reached > target.max_ram:
        raise ExportError(
            f"{graph.name}: --max-ram {target.max_ram:,}: the least that can be reached is {reached:,} bytes."
        )


def _offers(menu: _Menu, picks: Sequence[int]) -> Iterator[Offer]:
    """For each kernel that would make operators faster: which, for how much flash."""
    now, flash = menu.instructions(picks), menu.flash(picks)
    changed: dict[str, list[int]] = {}
    for i, other in menu.better(picks):
        group = changed.setdefault(menu.choices[i][other].type, [*picks])
        group[i] = other
    for kind, other_picks in changed.items():
        operators = tuple(menu.choices[i][0].index for i, pick in enumerate(other_picks) if pick != picks[i])
        yield Offer(kind, operators, menu.flash(other_picks) - flash, now - menu.instructions(other_picks))
