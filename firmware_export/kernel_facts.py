"""What a choice of kernels says to people and scripts: which, what they cost, and what a bigger budget would buy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from .kernel_choice import Choice, Offer
from .targets import Target


@dataclass(frozen=True)
class LayerKernel:
    """One operator: its index in the .tflite, what stands for its type, and estimates."""

    index: int
    type: str
    kernels: tuple[str, ...]
    instructions: int
    constant_bytes: int


@dataclass(frozen=True)
class KernelFacts:
    """The kernels of a network. All figures but `arena_bytes` are estimates, from tables of measured kernels.

    `offers` are what was not taken, because it was not worth its flash or not within the budget.
    """

    target: str
    optimize: str
    instructions: int
    flash_bytes: int
    arena_bytes: int
    layers: tuple[LayerKernel, ...]
    offers: tuple[Offer, ...]


def kernel_facts(choice: Choice, target: Target) -> KernelFacts | None:
    """The facts of a choice; None where the target is no core, so that there was none."""
    if target.core is None:
        return None
    layers = tuple(
        LayerKernel(op.index, op.type, tuple(sorted(cost.kernels)), cost.instructions, cost.constant_bytes)
        for op, cost in zip(choice.graph.ops, choice.costs, strict=True)
    )
    return KernelFacts(
        target.core.name,
        target.optimize,
        choice.instructions,
        choice.flash_bytes,
        choice.plan.arena_bytes,
        layers,
        choice.offers,
    )


def choice_lines(facts: KernelFacts) -> Iterator[str]:
    """A few lines."""
    kinds = Counter(kernel for layer in facts.layers for kernel in layer.kernels)
    names = ", ".join(f"{count} {kernel}" for kernel, count in sorted(kinds.items()))
    yield (
        f"for {facts.target}, {facts.optimize}: about {facts.instructions:,} instructions and "
        f"{facts.flash_bytes:,} bytes of flash"
    )
    yield f"kernels: {names}"
    for offer in facts.offers:
        share = offer.saved_instructions / max(1, facts.instructions)
        yield (
            f"{offer.flash_bytes:+,} bytes of flash would save about {offer.saved_instructions:,} instructions "
            f"({share:.0%}): {offer.type} for operators {', '.join(map(str, offer.operators))}"
        )
