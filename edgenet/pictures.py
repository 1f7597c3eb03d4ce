"""Pictures for the report: charts as inline SVG that takes its colours from the page, samples as PNG data URIs.

Charts are drawn with marker colours, which become CSS variables in the SVG, so that one page is right in light and in
dark. The same data give the same bytes: no dates, no random ids.
"""

from __future__ import annotations

import base64
import html
import io
import re
import struct
import warnings
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgenet.check_result import CheckResult, ClassRow, Matrix
from edgenet.errors import MissingExtraError
from edgenet.stats import Rate

# Marker colours: no chart uses them as they are.
INK, GRID, FLOAT, INT8, GOOD, BAD, SOFT = "#010101", "#020202", "#030303", "#040404", "#050505", "#060606", "#070707"
VARIABLES = {
    INK: "currentColor", GRID: "var(--line)", FLOAT: "var(--float)", INT8: "var(--int8)",
    GOOD: "var(--good)", BAD: "var(--bad)", SOFT: "var(--soft)",
}  # fmt: skip
STYLE = {
    "svg.fonttype": "none", "svg.hashsalt": "edgenet", "text.parse_math": False, "font.size": 11,
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": GRID, "axes.facecolor": "none",
    "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 12, "axes.titlelocation": "left",
    "xtick.color": GRID, "ytick.color": GRID, "xtick.labelcolor": INK, "ytick.labelcolor": INK,
    "axes.grid": True, "grid.color": GRID, "grid.linewidth": 0.6, "axes.axisbelow": True,
    "legend.frameon": False, "lines.linewidth": 1.8, "figure.facecolor": "none", "path.simplify": False,
}  # fmt: skip
MOST_NUMBERED_CLASSES = 20


def training_chart(history: dict[str, Any], key: str, title: str) -> str:
    """One quantity by epoch on training and validation data, the best epoch marked: an <svg> element.

    Args:
        history: "epochs" (one dict per epoch with "epoch", key and "val_" + key) and "best_epoch".
        key: "loss" or "accuracy".
        title: the chart's heading.
    """
    rows, best = history["epochs"], history.get("best_epoch")
    epochs = [row["epoch"] for row in rows]

    def draw(axes: Any) -> None:
        for name, colour, label in ((key, SOFT, "training"), (f"val_{key}", FLOAT, "validation")):
            if any(name in row for row in rows):
                values = [row.get(name, float("nan")) for row in rows]
                axes.plot(epochs, values, color=colour, marker="o", markersize=3, label=label)
        if best in epochs:
            axes.axvline(best, color=INK, linewidth=1, linestyle=(0, (3, 3)), label=f"best epoch: {best}")
        axes.set(title=title, xlabel="epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(loc="best", fontsize=10)

    return _svg(draw, (4.8, 3.1), f"train-{key}", f"{title} by epoch, {_ends(rows, key)}")


def _ends(rows: Sequence[dict[str, Any]], key: str) -> str:
    """First and last value of training and validation, in words."""
    parts = []
    for name, label in ((key, "training"), (f"val_{key}", "validation")):
        values = [row[name] for row in rows if name in row]
        if values:
            parts.append(f"{label} {values[0]:.4g} to {values[-1]:.4g}")
    return "; ".join(parts)


def interval_chart(check: CheckResult) -> str:
    """Float and int8 accuracy as points with their 95 % intervals: an <svg> element."""
    sides: tuple[tuple[str, Rate, str], ...]
    sides = (("int8", check.int8_accuracy, INT8), ("float", check.float_accuracy, FLOAT))

    def draw(axes: Any) -> None:
        for row, (_name, rate, colour) in enumerate(sides):
            low, high = (100 * end for end in rate.interval)
            axes.plot([low, high], [row, row], color=colour, linewidth=5, alpha=0.35, solid_capstyle="round")
            axes.plot([rate.percent], [row], color=colour, marker="o", markersize=9)
            axes.text(rate.percent, row + 0.2, f"{rate.percent:.2f} %", ha="center", va="bottom")
        axes.set(yticks=[0, 1], yticklabels=[side[0] for side in sides], ylim=(-0.5, 1.75))
        axes.set(xlabel="accuracy in %, with 95 % interval")
        axes.margins(x=0.12)
        axes.locator_params(axis="x", nbins=5)
        axes.grid(visible=False, axis="y")

    words = ", ".join(f"{name} {rate.percent:.2f} %" for name, rate, _ in reversed(sides))
    return _svg(draw, (4.8, 2.0), "interval", f"Accuracy with 95 % intervals: {words}")


def confusion_chart(matrix: Matrix, names: Sequence[str], title: str) -> str:
    """A confusion matrix, rows the truth, columns the answers: an <svg> element.

    Right answers are tinted by their share of the row, mistakes by their count next to the most frequent mistake.
    """
    table = np.array(matrix, dtype=np.int64)
    mistakes = int(table.sum() - np.trace(table))

    def draw(axes: Any) -> None:
        _confusion_cells(axes, table)
        ticks = range(len(names)) if len(names) <= MOST_NUMBERED_CLASSES else range(0, len(names), 5)
        labels = [_short(names[k]) for k in ticks]
        turned = 60 if max(len(label) for label in labels) > 3 else 0
        axes.set(xlim=(-0.5, len(names) - 0.5), ylim=(len(names) - 0.5, -0.5), aspect="equal", title=title)
        axes.set(xlabel="answer", ylabel="truth", xticks=ticks, yticks=ticks, yticklabels=labels)
        axes.set_xticklabels(labels, rotation=turned)
        axes.grid(visible=False)
        axes.tick_params(length=0)

    words = f"{title}: confusion matrix of {len(names)} classes, {mistakes} mistakes"
    return _svg(draw, (4.4, 4.4), "confusion-" + re.sub(r"\W+", "-", title), words)


def _confusion_cells(axes: Any, table: npt.NDArray[np.int64]) -> None:
    from matplotlib.patches import Rectangle

    worst = max(1, int((table - np.diag(np.diag(table))).max()))
    for (truth, answer), count in np.ndenumerate(table):
        if not count:
            continue
        share = count / table[truth].sum() if truth == answer else count / worst
        colour = GOOD if truth == answer else BAD
        axes.add_patch(
            Rectangle((answer - 0.5, truth - 0.5), 1, 1, color=colour, alpha=0.12 + 0.5 * share, linewidth=0)
        )
        if len(table) <= MOST_NUMBERED_CLASSES:
            axes.text(answer, truth, f"{count}", ha="center", va="center", fontsize=7 if len(table) > 12 else 8.5)


def class_chart(rows: Sequence[ClassRow]) -> str:
    """Accuracy of each class, float beside int8, joined by a line: an <svg> element."""
    shown = [row for row in rows if row.total]

    def draw(axes: Any) -> None:
        for place, row in enumerate(shown):
            pair = (100 * row.float_correct / row.total, 100 * row.int8_correct / row.total)
            axes.plot(pair, (place, place), color=INK, linewidth=1, alpha=0.5)
            axes.plot(
                pair[0], place, color=FLOAT, marker="o", markersize=8, linestyle="", label="" if place else "float"
            )
            axes.plot(pair[1], place, color=INT8, marker="D", markersize=5, linestyle="", label="" if place else "int8")
        axes.set(yticks=range(len(shown)), yticklabels=[_short(row.name) for row in shown])
        axes.set(xlabel="right answers in %", ylim=(len(shown) - 0.5, -0.5))
        axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, fontsize=10)

    height = max(2.4, 1.0 + 0.26 * len(shown))
    return _svg(draw, (4.8, height), "classes", "Accuracy by class, float and int8; the table gives the numbers")


def _short(name: str) -> str:
    return name if len(name) <= 14 else name[:13] + "…"


def _svg(draw: Callable[[Any], None], size_inches: tuple[float, float], name: str, words: str) -> str:
    """What draw puts on matplotlib axes, as an <svg> with a text for screen readers and CSS colours."""
    try:
        from matplotlib import rc_context
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("the report's charts need matplotlib: pip install 'edgenet[train]'") from error
    out = io.StringIO()
    with rc_context(STYLE), warnings.catch_warnings():  # type: ignore[arg-type, unused-ignore]
        warnings.filterwarnings("ignore", message="Glyph")  # the browser's font draws the text, not matplotlib's
        figure = Figure(figsize=size_inches, layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure.add_subplot())
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(out, format="svg", metadata=nothing)
    return _as_inline(out.getvalue(), name, words)


def _as_inline(svg: str, name: str, words: str) -> str:
    """A file's SVG as an element: no prologue, ids of its own, CSS colours, any width, a label."""
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    for marker, variable in VARIABLES.items():
        svg = svg.replace(marker, variable)
    head, rest = svg.split(">", 1)
    head = re.sub(r' (width|height|version)="[^"]*"', "", head)
    return f'{head} role="img" aria-label="{html.escape(words)}">{rest}'


# ---- samples --------------------------------------------------------------------------------------------------------


def png(image: npt.NDArray[np.uint8]) -> bytes:
    """A picture as a PNG file: uint8 (H, W), (H, W, 1) grey or (H, W, 3) RGB; of other channels the first is shown.

    Source: W3C, "Portable Network Graphics (PNG) Specification (Third Edition)".
    """
    if image.ndim == 3 and image.shape[2] != 3:
        image = image[..., 0]
    height, width = image.shape[:2]
    colour_type = 2 if image.ndim == 3 else 0
    rows = np.ascontiguousarray(image).reshape(height, -1)
    filtered = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1)  # filter 0: bytes as they are
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(filtered.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def data_uri(png_bytes: bytes) -> str:
    """A PNG file as a data URI for <img src>."""
    return "data:image/png;base64," + base64.b64encode(png_bytes).decode("ascii")
