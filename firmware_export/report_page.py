"""A memory report as one page of HTML that needs nothing else: no script, no font, no picture from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from string import Template

from .plan_picture import colours, plan_picture, short_name
from .report import ElsewhereFacts, LayerFacts, RemovedFacts, Report

KINDS = {
    "input": "Inputs, in buffers of the caller",
    "output": "Outputs, in buffers of the caller",
    "state": "Variables",
}


def page(report: Report) -> str:
    """The page."""
    template = Template((files(__package__) / "pages" / "report.html").read_text(encoding="utf-8"))
    return template.substitute(
        model=escape(report.model),
        sha256=escape(report.sha256),
        tool=escape(report.tool),
        cards="\n".join(_cards(report)),
        picture=plan_picture(report) if report.buffers else "<p>This network needs no arena.</p>",
        legend="\n".join(_legend(report)),
        elsewhere="\n".join(_elsewhere(report)),
        layers="\n".join(_layer_rows(report)),
        totals=_totals(report),
        constants="\n".join(_constant_rows(report)),
        constant_count=f"{len(report.constants)}",
        removed="\n".join(_removed(report)),
    )


def _cards(report: Report) -> Iterator[str]:
    """The key figures."""
    peak = next((layer for layer in report.layers if layer.is_peak), None)
    where = f"fullest in operator {peak.index} {peak.type}" if peak else "nothing lies in it"
    yield _card("RAM: arena", f"{report.arena_bytes:,}", f"bytes; {where}")
    if report.state_bytes:
        yield _card("RAM: state", f"{report.state_bytes:,}", "bytes of variables, kept from run to run")
    yield _card("Flash: constants", f"{report.constant_bytes:,}", "bytes of weights, biases and tables")
    if report.code is None:
        yield _card("Flash: code", "not measured", "install arm-none-eabi-gcc")
    else:
        yield _card("Flash: code", f"{report.code.code_bytes:,}", f"bytes on a Cortex-M4; {report.code.compiler}")
    yield _card("Work", f"{report.macs:,}", f"multiply-accumulates in {len(report.layers)} operators")


def _card(name: str, figure: str, note: str) -> str:
    kind = "figure" if figure[0].isdigit() else "figure soft"
    return (
        f'<div class="card"><dt>{escape(name)}</dt><dd class="{kind}">{escape(figure)}</dd>'
        f'<dd class="note">{escape(note)}</dd></div>'
    )


def _legend(report: Report) -> Iterator[str]:
    """What the colours mean."""
    for kind, number in colours(report).items():
        yield f'<li><span class="swatch s{number}"></span>{escape(kind)}</li>'
    if any(not buffer.name for buffer in report.buffers):
        yield '<li><span class="swatch scratched"></span>scratch memory</li>'
    if any(layer.is_peak for layer in report.layers):
        yield '<li><span class="swatch peaked"></span>the arena is fullest</li>'


def _elsewhere(report: Report) -> Iterator[str]:
    """What lies beside the arena."""
    for kind, title in KINDS.items():
        items = [item for item in report.elsewhere if item.kind == kind]
        if items:
            rows = "".join(map(_elsewhere_row, items))
            yield f"<h3>{escape(title)}</h3>\n<table><tbody>{rows}</tbody></table>"
    rows = f"<tr><td>{len(report.constants)} tables, listed below</td>{_number(report.constant_bytes)}</tr>"
    yield f"<h3>Constants, in flash</h3>\n<table><tbody>{rows}</tbody></table>"


def _elsewhere_row(item: ElsewhereFacts) -> str:
    what = f"{item.dtype} {list(item.shape)}"
    name = f"{escape(short_name(item.name))}<br><span class='soft'>{escape(what)}</span>"
    return f'<tr><td title="{escape(item.name)}">{name}</td>{_number(item.bytes)}</tr>'


def _layer_rows(report: Report) -> Iterator[str]:
    """One row for each operator, in the order in which they run."""
    most_constants = max((layer.constant_bytes for layer in report.layers), default=0)
    most_macs = max((layer.macs for layer in report.layers), default=0)
    for layer in report.layers:
        cells = [
            f"<td>{layer.index}</td>",
            f'<td class="name">{escape(layer.type)}</td>',
            f'<td class="tensor" title="{escape(layer.output)}">{escape(short_name(layer.output))}</td>',
            f'<td class="name">{escape(layer.dtype)} {"×".join(map(str, layer.shape)) or "1"}</td>',
            _number(layer.macs, most_macs),
            _number(layer.constant_bytes, most_constants),
            _number(layer.arena_bytes, report.arena_bytes),
            _number(layer.scratch_bytes),
        ]
        yield f"<tr{_row_class(layer)}>{''.join(cells)}</tr>"


def _row_class(layer: LayerFacts) -> str:
    return ' class="at-peak"' if layer.is_peak else ""


def _totals(report: Report) -> str:
    numbers: Sequence[int] = (report.macs, report.constant_bytes, report.arena_bytes)
    most_scratch = max((layer.scratch_bytes for layer in report.layers), default=0)
    cells = "".join(map(_number, (*numbers, most_scratch)))
    return f'<tr><th colspan="4">In all; of the arena and of scratch memory, the most at once</th>{cells}</tr>'


def _constant_rows(report: Report) -> Iterator[str]:
    for constant in sorted(report.constants, key=lambda constant: -constant.bytes):
        name = f'<td class="name"><code>{escape(constant.name)}</code></td>'
        yield f'<tr>{name}<td class="tensor">{escape(constant.what)}</td>{_number(constant.bytes)}</tr>'


def _removed(report: Report) -> Iterator[str]:
    """The channels that were removed, with a heading; nothing where there are none."""
    if not report.removed:
        return
    macs, size = (sum(getattr(part, key) for part in report.removed) for key in ("macs", "weight_bytes"))
    yield "<h2>Removed channels</h2>"
    yield (
        "<p>These channels are not computed. That changes no bit of any output: they hold one value whatever the "
        "inputs are, which went into the bias of what reads them, or nothing reads them. Intervals of all values, in "
        "exact integers, prove it. Without them the network takes "
        f"{macs:,} of {macs + report.macs:,} multiply-accumulates less, and {size:,} bytes of filters and biases.</p>"
    )
    heads = ("no.", "type", "output", "channels left", "why that is safe")
    row = "".join(f"<th>{head}</th>" for head in heads)
    row += '<th class="number">MACs saved</th><th class="number">bytes saved</th>'
    body = "\n".join(map(_removed_row, report.removed))
    yield f'<div class="panel"><table>\n<thead><tr>{row}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'


def _removed_row(part: RemovedFacts) -> str:
    cells = [
        f"<td>{part.operator}</td>",
        f'<td class="name">{escape(part.type)}</td>',
        f'<td class="tensor" title="{escape(part.output)}">{escape(short_name(part.output))}</td>',
        f'<td class="name" title="{_ranges(part.kept)}">{len(part.kept):,} of {part.channels:,}</td>',
        f'<td class="tensor">{escape(part.why)}</td>',
        _number(part.macs),
        _number(part.weight_bytes),
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _ranges(numbers: Sequence[int]) -> str:
    """Ascending numbers, neighbours joined: "0-2, 5"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ", ".join("-".join(map(str, run)) for run in runs)


def _number(value: int, most: int = 0) -> str:
    """A cell with a number, and a bar where it is compared with the largest."""
    bar = f' style="--share:{100 * value / most:.1f}%"' if most and value else ""
    kind = "number bar" if bar else "number"
    return f'<td class="{kind}"{bar}>{value:,}</td>' if value else '<td class="number soft">-</td>'
