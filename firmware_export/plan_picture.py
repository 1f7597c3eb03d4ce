"""The plan of the arena as an SVG picture: a column for each step, upwards the address, a rectangle for each buffer."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import pairwise

from .report import BufferFacts, Report

COLUMNS_WIDTH = 900
NARROWEST, WIDEST = 18, 110
"""Of a column, in pixels; with many steps the picture becomes wider than the page."""
SMALLEST = 0.7
"""So much smaller a narrow page shows the picture; on a still narrower one it can be scrolled."""
HEIGHT, TOP, LEFT, RIGHT = 420, 28, 92, 12
COLOURS = 8
CHARACTER = 6.8
"""Width of a letter, about."""
LINE = 13


def plan_picture(report: Report) -> str:
    """The picture as an SVG element; its colours are the CSS variables --c0 to --c7."""
    picture = _Picture(report)
    return "\n".join(picture.draw())


def colours(report: Report) -> dict[str, int]:
    """Operator type -> number of its colour; the most frequent types first."""
    counts: dict[str, int] = {}
    for buffer in report.buffers:
        if buffer.name:
            kind = report.layers[buffer.first].type
            counts[kind] = counts.get(kind, 0) + 1
    return {kind: number % COLOURS for number, kind in enumerate(sorted(counts, key=lambda kind: -counts[kind]))}


def short_name(name: str, length: int = 40) -> str:
    """The telling end of a tensor's name: the converter joins the names of all that it fused."""
    last = name.split(";")[0]
    return last if len(last) <= length else f"...{last[3 - length :]}"


class _Picture:
    """Draws one report."""

    def __init__(self, report: Report) -> None:
        self._report = report
        steps = max(len(report.layers), 1)
        self._column = min(max(COLUMNS_WIDTH / steps, NARROWEST), WIDEST)
        self._bytes = max(report.arena_bytes, 1)
        self._width = LEFT + self._column * steps + RIGHT
        self._colours = colours(report)

    def draw(self) -> Iterator[str]:
        """The lines of the element."""
        letters = max((len(f"{layer.index} {layer.type}") for layer in self._report.layers), default=0)
        height = TOP + HEIGHT + CHARACTER * (letters + 3)
        label = f"Plan of the arena, {self._report.arena_bytes:,} bytes, over {len(self._report.layers)} steps"
        size = f'viewBox="0 0 {self._width:.0f} {height:.0f}" width="{self._width:.0f}" height="{height:.0f}"'
        least = f'style="min-width: {SMALLEST * self._width:.0f}px"'
        yield f'<svg class="plan" {size} {least} role="img" aria-label="{escape(label)}">'
        yield (
            '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
            'patternTransform="rotate(45)"><rect class="scratch" width="6" height="6"/>'
            '<line class="stripe" x1="0" y1="0" x2="0" y2="6"/></pattern></defs>'
        )
        yield from self._grid()
        for buffer in self._report.buffers:
            yield from self._rectangle(buffer)
        yield from self._peaks()
        for buffer in self._report.buffers:
            yield from self._label(buffer)
        yield from self._steps()
        yield "</svg>"

    def _x(self, step: float) -> float:
        return LEFT + step * self._column

    def _y(self, address: float) -> float:
        return TOP + HEIGHT * (1 - address / self._bytes)

    def _peaks(self) -> Iterator[str]:
        """A frame around every step in which the arena is fullest."""
        for step, layer in enumerate(self._report.layers):
            if layer.is_peak:
                x, middle = self._x(step), self._x(step + 0.5)
                size = f'x="{x:.1f}" y="{TOP}" width="{self._column:.1f}" height="{HEIGHT}"'
                yield f'<rect class="peak" {size}/>'
                yield f'<text class="axis strong" x="{middle:.1f}" y="{TOP - 8}" text-anchor="middle">peak</text>'

    def _grid(self) -> Iterator[str]:
        """Lines at round addresses, and the arena's end."""
        step = _round_step(self._bytes)
        for address in range(0, self._bytes, step):
            y = self._y(address)
            yield f'<line class="grid" x1="{LEFT}" x2="{self._width - RIGHT:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
            if y > TOP + 12:
                yield f'<text class="axis" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{address:,}</text>'
        yield f'<line class="top" x1="{LEFT}" x2="{self._width - RIGHT:.1f}" y1="{TOP}" y2="{TOP}"/>'
        yield f'<text class="axis strong" x="{LEFT - 8}" y="{TOP + 4}" text-anchor="end">{self._bytes:,}</text>'
        middle = f"translate(14 {TOP + HEIGHT / 2}) rotate(-90)"
        yield f'<text class="axis" transform="{middle}" text-anchor="middle">address in the arena, bytes</text>'

    def _box(self, buffer: BufferFacts) -> tuple[float, float, float, float]:
        """(x, y, width, height) of a buffer's rectangle."""
        left, right = self._x(buffer.first + self._begins(buffer)), self._x(buffer.last + 1 - self._ends(buffer))
        top, bottom = self._y(buffer.offset + buffer.bytes), self._y(buffer.offset)
        return left + 0.5, top + 0.5, max(right - left - 1, 1.5), max(bottom - top - 1, 1.5)

    def _rectangle(self, buffer: BufferFacts) -> Iterator[str]:
        """A rectangle with a tooltip."""
        x, y, width, height = self._box(buffer)
        colour = f"c{self._colours[self._report.layers[buffer.first].type]}" if buffer.name else "hatched"
        size = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
        title = f"<title>{escape(self._tooltip(buffer))}</title>"
        yield f'<g class="buffer">{title}<rect class="{colour}" {size} rx="2"/></g>'

    def _label(self, buffer: BufferFacts) -> Iterator[str]:
        """What fits of a buffer's name and size, cut off where its rectangle ends or the frame of a peak crosses it."""
        left, y, whole, height = self._box(buffer)
        x, width = self._clear(left, whole)
        texts = list(_texts(short_name(buffer.name, 200) or "scratch", f"{buffer.bytes:,}", width, height))
        if texts:
            yield f'<svg x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}">'
            for place, text in texts:
                yield f'<text class="in" transform="{place}">{escape(text)}</text>'
            yield "</svg>"

    def _clear(self, x: float, width: float) -> tuple[float, float]:
        """(x, width) of the widest part of a rectangle that no side of a peak's frame crosses."""
        peaks = [step for step, layer in enumerate(self._report.layers) if layer.is_peak]
        sides = {self._x(side) for step in peaks for side in (step, step + 1)}
        ends = [x, *sorted(side for side in sides if x < side < x + width), x + width]
        return max(((a, b - a) for a, b in pairwise(ends)), key=lambda part: part[1])

    def _begins(self, buffer: BufferFacts) -> float:
        """0.5 for a buffer that lies over one that ends in its first step."""
        return 0.5 if any(_meet(buffer, other) for other in self._report.buffers if other.last == buffer.first) else 0.0

    def _ends(self, buffer: BufferFacts) -> float:
        """0.5 for a buffer that another one is written over in its last step."""
        return 0.5 if any(_meet(buffer, other) for other in self._report.buffers if other.first == buffer.last) else 0.0

    def _tooltip(self, buffer: BufferFacts) -> str:
        first, last = self._report.layers[buffer.first], self._report.layers[buffer.last]
        place = f"bytes {buffer.offset:,} to {buffer.offset + buffer.bytes - 1:,} of the arena"
        if not buffer.name:
            return f"scratch memory of operator {first.index} {first.type}\n{buffer.bytes:,} bytes\n{place}"
        return (
            f"{buffer.name}\n{buffer.dtype} {list(buffer.shape)}, {buffer.bytes:,} bytes\n{place}\n"
            f"written by operator {first.index} {first.type}, last needed by operator {last.index} {last.type}"
        )

    def _steps(self) -> Iterator[str]:
        """Below each column its operator."""
        for step, layer in enumerate(self._report.layers):
            x, y = self._x(step + 0.5) + 4, TOP + HEIGHT + 8
            kind = "axis strong" if layer.is_peak else "axis"
            yield (
                f'<text class="{kind}" transform="translate({x:.1f} {y}) rotate(-90)" text-anchor="end">'
                f"{layer.index} {escape(layer.type)}</text>"
            )


def _meet(one: BufferFacts, other: BufferFacts) -> bool:
    """Whether two buffers share bytes of the arena."""
    return one is not other and one.offset < other.offset + other.bytes and other.offset < one.offset + one.bytes


def _texts(name: str, size: str, width: float, height: float) -> Iterator[tuple[str, str]]:
    """(transformation, text) of what a rectangle has room for: its size, and its name; upwards where it is narrow."""
    across, upwards = int((width - 8) / CHARACTER), int((height - 8) / CHARACTER)
    lines = [size] if height < 2 * LINE + 4 else [_fitted(name, across), size]
    if len(size) <= across and height >= LINE + 1:
        for number, line in enumerate(filter(None, lines)):
            yield f"translate(5 {LINE * (number + 1)})", line
    elif len(size) <= upwards and width >= LINE - 1:
        rest = _fitted(name, upwards - len(size) - 2)
        text = f"{rest}, {size}" if rest else size
        yield f"translate({width / 2 + 4:.1f} {height - 5:.1f}) rotate(-90)", text


def _fitted(text: str, letters: int) -> str:
    """`text`, its end, or nothing where that would not tell much, in so many letters."""
    if len(text) <= letters:
        return text
    return f"…{text[1 - letters :]}" if letters >= 12 else ""


def _round_step(size: int) -> int:
    """A power of two, at least 4, that divides `size` into at most eight."""
    step = 4
    while size > 8 * step:
        step *= 2
    return step
