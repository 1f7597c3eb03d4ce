"""draw_digits(count, seed) -> digits drawn stroke by stroke with a shaky hand; for where no data set is at hand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from device.preprocess import fit_digit

F64 = NDArray[np.float64]
FIELD = 40  # side of the field that a digit is drawn on, pixels

# Strokes as control points (x, y) in 0..1, y downwards; a smooth curve passes near them. "|" parts strokes.
_GLYPHS = (
    ".5,.05 .2,.2 .15,.5 .2,.8 .5,.95 .8,.8 .85,.5 .8,.2 .5,.05",
    ".42,.2 .55,.05 .55,.5 .55,.95",
    ".2,.3 .25,.1 .5,.05 .78,.12 .78,.35 .5,.65 .18,.95 .18,.95 .5,.93 .85,.95",
    ".2,.12 .5,.05 .8,.12 .78,.35 .45,.47 .45,.47 .8,.55 .85,.8 .55,.95 .18,.85",
    ".6,.05 .4,.35 .15,.62 .15,.62 .5,.62 .88,.62 | .68,.35 .67,.65 .65,.95",
    ".8,.07 .5,.07 .28,.07 .28,.07 .25,.25 .22,.45 .22,.45 .5,.38 .8,.5 .82,.75 .55,.95 .18,.88",
    ".65,.05 .35,.3 .2,.65 .3,.92 .6,.95 .8,.75 .65,.55 .4,.55 .23,.72",
    ".15,.1 .5,.08 .85,.08 .85,.08 .6,.45 .45,.7 .38,.95",
    ".5,.48 .25,.35 .25,.12 .5,.05 .75,.12 .75,.35 .5,.48 .2,.65 .2,.88 .5,.95 .8,.88 .8,.65 .5,.48",
    ".75,.3 .6,.48 .35,.48 .22,.3 .3,.1 .55,.05 .75,.15 .76,.35 .7,.65 .58,.95",
)


def draw_digits(count: int, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Digits uint8 (count, 28, 28), bright ink on 0, and their labels int (count,): 0, 1, ... 9, 0, ..."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int64) % 10
    return np.stack([fit_digit(_draw(_GLYPHS[label], rng)) for label in labels]), labels


def _draw(glyph: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """One digit uint8 (40, 40): shaken points, slanted and turned, drawn with a round pen."""
    slant, turn = rng.normal(0.1, 0.15), rng.normal(0, 0.08)
    hand = np.array([[rng.uniform(0.6, 1), -slant], [turn, 1.0]])
    radius = rng.uniform(1.1, 2.4)
    distance = np.full((FIELD, FIELD), np.inf)
    for stroke in glyph.split("|"):
        points = np.array([pair.split(",") for pair in stroke.split()], float)
        corners = np.append(False, (points[1:] == points[:-1]).all(axis=1))
        shake = rng.normal(0, 0.022, points.shape)
        shake[corners] = shake[np.flatnonzero(corners) - 1]
        placed = (points + shake - 0.5) @ hand.T * (FIELD - 12) + FIELD / 2
        distance = np.minimum(distance, _distance(_curve(placed)))
    return np.asarray(np.rint(255 * np.clip(radius + 0.5 - distance, 0, 1)), np.uint8)


def _curve(points: F64, steps: int = 5) -> F64:
    """A smooth line through points (n, 2), with a corner where a point comes twice: (m, 2).

    Source: E. Catmull, R. Rom, "A class of local interpolating splines", 1974.
    """
    before, after = np.vstack([points[:1], points[:-2]]), np.vstack([points[2:], points[-1:]])
    a, b = points[:-1], points[1:]
    t = np.linspace(0, 1, steps)[:, None, None]
    pull_a, pull_b = (b - before) / 2, (after - a) / 2
    line = (2 * t**3 - 3 * t**2 + 1) * a + (t**3 - 2 * t**2 + t) * pull_a
    line = line + (3 * t**2 - 2 * t**3) * b + (t**3 - t**2) * pull_b
    return np.asarray(line.transpose(1, 0, 2).reshape(-1, 2), np.float64)


def _distance(line: F64) -> F64:
    """Distance of each pixel of the field to a polyline (m, 2): (40, 40), in pixels."""
    (x0, y0), (dx, dy) = line[:-1].T, np.diff(line, axis=0).T
    pixels = np.arange(FIELD)
    x, y = pixels[None, :, None] - x0, pixels[:, None, None] - y0
    along = np.clip((x * dx + y * dy) / np.maximum(dx * dx + dy * dy, 1e-12), 0, 1)
    squared = (x - along * dx) ** 2 + (y - along * dy) ** 2
    return np.asarray(np.sqrt(squared.min(axis=2)), np.float64)
