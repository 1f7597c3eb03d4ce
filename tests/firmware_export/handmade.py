"""A network of two operators and C for it, written by hand: small enough to see what the tools should answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from firmware_export.cproject import CProject, read_project
from firmware_export.graph import Array, Graph, Op, Quant, Tensor

SIZE = 64
WEIGHTS = np.arange(SIZE) % 7 - 3

HEADER = """
#include <stddef.h>
#include <stdint.h>
#define HAND_ARENA_BYTES 64
void hand_run(const int8_t *input, int8_t *output);
#ifdef HAND_TAP
void hand_tap(int op, const void *data, size_t bytes);
#endif
"""
SOURCE = """
#include "hand.h"
#include <string.h>
extern const int8_t hand_weights[64];
static int8_t arena[HAND_ARENA_BYTES];
static int64_t divide(int64_t a, int64_t b) { return a / b; }
void hand_run(const int8_t *input, int8_t *output)
{
    int32_t sum = 0;
    int i;
    volatile int8_t scratch[STACK];
    for (i = 0; i < STACK; i++) {
        scratch[i] = 1;
    }
    memcpy(arena, input, sizeof arena);
    for (i = 0; i < 64; i++) {
        sum += arena[i] * hand_weights[i];
        arena[i] = (int8_t)(input[i] < 0 ? -(input[i] + 1) : input[i]);
    }
#ifdef HAND_TAP
    hand_tap(0, arena, sizeof arena);
#endif
    output[0] = (int8_t)divide((int64_t)sum * scratch[0], 1000);
    output[1] = arena[63];
#ifdef HAND_TAP
    hand_tap(1, output, 2);
#endif
    EXTRA
}
"""


def hand_graph() -> Graph:
    """int8 (1, 64) -> |x| -> (1, 2)."""
    quant = Quant((1.0,), (0,))
    tensors = [Tensor(i, name, "int8", (1, n), quant) for i, (name, n) in enumerate((("x", 64), ("a", 64), ("y", 2)))]
    ops = (Op(0, "ABS", (0,), (1,), {}), Op(1, "CUSTOM", (1,), (2,), {}))
    return Graph("hand.tflite", "0" * 64, tuple(tensors), ops, (0,), (2,))


def hand_project(folder: Path, *, stack: int = 64, extra: str = "") -> CProject:
    """The C project; `extra` is a statement at the end of hand_run."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hand.h").write_text(HEADER, encoding="utf-8")
    (folder / "hand.c").write_text(SOURCE.replace("STACK", str(stack)).replace("EXTRA", extra), encoding="utf-8")
    values = ", ".join(map(str, WEIGHTS))
    declaration = "extern const int8_t hand_weights[64];"
    weights = f'#include "hand.h"\n{declaration}\nconst int8_t hand_weights[64] = {{{values}}};\n'
    (folder / "hand_weights.c").write_text(weights, encoding="utf-8")
    (folder / "hand_selftest.c").write_text("int main(void) { return 0; }\n", encoding="utf-8")
    return read_project(folder)


def hand_samples(count: int) -> Array:
    """Noise (count, 1, 64) int8."""
    return np.random.default_rng(0).integers(-128, 128, (count, 1, SIZE)).astype(np.int8)


def hand_expected(samples: Array) -> tuple[Array, Array]:
    """What operators 0 (N, 64) and 1 (N, 2) should give."""
    x = samples.reshape(-1, SIZE).astype(np.int64)
    folded = np.where(x < 0, -(x + 1), x)
    quotient = np.trunc((x * WEIGHTS).sum(1) / 1000)
    return folded.astype(np.int8), np.stack([quotient, folded[:, 63]], 1).astype(np.int8)
