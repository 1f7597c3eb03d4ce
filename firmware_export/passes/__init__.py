"""Graph -> Graph, one file for each pass. None changes a bit of any output.

An operator that two or more were fused into keeps the index of the last one, whose output it computes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from ..graph import Graph
from ..verify import check_constraints, check_wiring
from .activation import fuse_activations
from .constant_channels import remove_constant_channels
from .constants import fold_constants
from .copies import forward_copies
from .dead_code import drop_dead_code, forget_stated_shapes
from .padding import fold_padding
from .tables import merge_tables

__all__ = [
    "PASSES",
    "apply_passes",
    "correct_shapes",
    "drop_dead_code",
    "fold_constants",
    "optimize",
    "remove_constant_channels",
    "simplify",
]

Pass: TypeAlias = Callable[[Graph], Graph]
NEEDED: tuple[Pass, ...] = (
    forget_stated_shapes,
    drop_dead_code,
    fold_constants,
    forget_stated_shapes,
    drop_dead_code,
)
"""Without these some networks could not become C."""
PASSES: tuple[Pass, ...] = (forward_copies, fold_padding, fuse_activations, merge_tables, drop_dead_code)
"""These make less of the network; they are repeated as long as that helps."""
MOST_ROUNDS = 8


def apply_passes(graph: Graph) -> Graph:
    """`graph` after every pass; checked after each. Applying it twice changes nothing.

    Raises:
        ExportError: an operator is not supported or breaks one of its constraints.
    """
    return optimize(simplify(graph))


def simplify(graph: Graph) -> Graph:
    """`graph` with constants where only constants feed an operator, and without what nothing needs.

    What is left are the file's own operators: the numpy reference runs these, so that it does not depend on `PASSES`.

    Raises:
        ExportError: an operator is not supported or breaks one of its constraints.
    """
    graph = _apply(graph, NEEDED)
    check_constraints(graph)
    return graph


def correct_shapes(graph: Graph) -> Graph:
    """`graph`, the file's operators as they are, with the shapes that `simplify` finds.

    Raises:
        ExportError: as `simplify`.
    """
    pairs = zip(graph.tensors, simplify(graph).tensors, strict=True)
    return replace(graph, tensors=tuple(old if old.shape == new.shape else new for old, new in pairs))


def optimize(graph: Graph) -> Graph:
    """`graph`, as `simplify` gives it, in fewer operators, and these with fewer channels.

    Raises:
        ExportError: a pass made what it must not make.
    """
    graph = _repeat(graph)
    smaller = _apply(graph, (remove_constant_channels,))
    if smaller is not graph:  # what is left may be simpler: a constant with one value only
        graph = _repeat(smaller)
    check_constraints(graph)
    return graph


def _repeat(graph: Graph) -> Graph:
    """`graph` after `PASSES`, as often as that helps."""
    for _ in range(MOST_ROUNDS):
        before, graph = graph, _apply(graph, PASSES)
        if graph.ops == before.ops:
            break
    return graph


def _apply(graph: Graph, passes: tuple[Pass, ...]) -> Graph:
    for one in passes:
        graph = one(graph)
        check_wiring(graph)
    return graph
