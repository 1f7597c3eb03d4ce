"""The certificate as one page of HTML that needs nothing else: no script, no font, no picture from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from string import Template

from firmware_export.evidence import OutputDigests
from firmware_export.proof import DIFFERS, OK, Proof, RuntimeReport

SHORT = 16
"""Digits of a digest that are shown; the rest is in its tooltip and in the JSON."""
NAME_LENGTH = 60


def page(proof: Proof) -> str:
    """The page."""
    template = Template((files(__package__) / "pages" / "certificate.html").read_text(encoding="utf-8"))
    return template.substitute(
        model=escape(proof.model),
        sha256=escape(proof.sha256),
        tool=escape(proof.tool),
        machine=escape(proof.machine),
        verdict=escape(proof.verdict.capitalize()),
        mood="good" if proof.proved else "bad",
        message=escape(proof.message),
        summary=escape(_summary(proof)),
        body="\n".join(_sections(proof)),
    )


def _summary(proof: Proof) -> str:
    shares = f"{proof.informative_share:.1%} of all operators' output values and {proof.informative_output_share:.1%}"
    return (
        f"{proof.values_compared:,} values compared with {proof.oracle}, bit by bit, on {proof.inputs:,} inputs. "
        f"{shares} of the network's are informative: neither the smallest nor the largest of their type, and not the "
        "same for every input."
    )


def _sections(proof: Proof) -> Iterator[str]:
    """The parts below the verdict."""
    yield _heading("Runtimes") + _table(
        ("runtime", "inputs", "operators", "values", "status", "what ran it", "compiled with"),
        [_runtime_row(report) for report in proof.runtimes],
    )
    yield from _differences(proof)
    yield from _costs(proof)
    yield from _remarks(proof)
    yield _heading("Inputs") + _inputs(proof)
    yield _heading("Outputs") + _paragraph(
        f"sha256 of the output values, little-endian, of samples {_numbers(proof.sampling.hashed)} one after another."
    )
    yield _table(("operator", "type", "output", "sha256"), [_digest_row(digests) for digests in proof.digests])


def _runtime_row(report: RuntimeReport) -> list[str]:
    mood = "good" if report.status == OK else "bad" if report.status == DIFFERS else "soft"
    numbers = [_number(n) for n in (report.inputs, report.operators_compared, report.values_compared)]
    status = f'<td class="{mood}">{escape(report.status)}</td>'
    said = report.version or report.reason or report.gap
    return [_cell(report.name, "name"), *numbers, status, _cell(said, "wide"), _code(" ".join(report.flags))]


def _differences(proof: Proof) -> Iterator[str]:
    """Where runtimes differ, and how they broke."""
    for report in proof.runtimes:
        if report.difference is not None:
            rows = [
                [
                    _cell(str(one.sample)),
                    _cell(str(list(one.position))),
                    _cell(f"{one.expected:g}"),
                    _cell(f"{one.got:g}"),
                ]
                for one in report.difference.elements
            ]
            yield _heading(f"{report.name} differs") + _paragraph(str(report.difference))
            yield _table(("sample", "position", "expected", "got"), rows)
        elif report.status == DIFFERS:
            yield _heading(f"{report.name} broke") + _paragraph(report.reason)


def _costs(proof: Proof) -> Iterator[str]:
    """What an inference costs on the cores."""
    rows = [
        [_cell(report.name), *map(_number, (cost.instructions, cost.stack_bytes, cost.code_bytes, cost.weights_bytes,
                                            cost.ram_bytes))]
        for report in proof.runtimes
        if (cost := report.cost) is not None
    ]  # fmt: skip
    if rows:
        names = ("core", "instructions", "stack bytes", "code bytes", "weights bytes", "RAM bytes")
        yield _heading("One inference") + _table(names, rows)


def _remarks(proof: Proof) -> Iterator[str]:
    """What a reader should know beside."""
    remarks = [f"{defect}; another runtime is the oracle there." for defect in proof.defects]
    if proof.agreement is not None:
        remarks.append(f"No part of the verdict: {proof.agreement}.")
    if proof.edited_files:
        remarks.append(f"Edited since it was exported: {', '.join(proof.edited_files)}.")
    remarks += proof.notes
    if remarks:
        yield _heading("Remarks") + "".join(map(_paragraph, remarks))


def _inputs(proof: Proof) -> str:
    sampling = proof.sampling
    given = f", and {sampling.given} that the user gave, behind the first three" if sampling.given else ""
    text = (
        f"{sampling.generated} generated with seed {sampling.seed}: all zero point, all minimum, all maximum, then "
        f"uniform noise and soft noise in turn{given}."
    )
    over = f"over samples {_numbers(sampling.hashed)}"
    digests = "".join(
        f"<p>sha256 of input {number} {over}: <code>{digest}</code></p>\n"
        for number, digest in enumerate(sampling.sha256)
    )
    return _paragraph(text) + digests


def _digest_row(digests: OutputDigests) -> list[str]:
    """One operator; where all runtimes give the same, the digest stands once."""
    groups: dict[str, list[str]] = {}
    for name, digest in digests.sha256.items():
        groups.setdefault(digest, []).append(name)
    if len(groups) == 1:
        ((digest, names),) = groups.items()
        shown = f"{_digest(digest)} in {len(names)} runtimes" if len(names) > 1 else f"{_digest(digest)} in {names[0]}"
    else:
        shown = "<br>".join(f"{_digest(digest)} in {escape(', '.join(names))}" for digest, names in groups.items())
    place = "" if digests.operator is None else str(digests.operator)
    mood = ' class="name"' if len(groups) == 1 else ' class="bad"'
    return [_cell(place), _cell(digests.type), _tensor(digests.tensor), f"<td{mood}>{shown}</td>"]


def _tensor(name: str) -> str:
    """A tensor's name; the converter makes long ones out of all that it fused."""
    short = name if len(name) <= NAME_LENGTH else f"{name[:NAME_LENGTH]}..."
    return f'<td class="wide" title="{escape(name)}">{escape(short)}</td>'


def _digest(digest: str) -> str:
    return f'<code title="{escape(digest)}">{escape(digest[:SHORT])}</code>'


def _numbers(numbers: Sequence[int]) -> str:
    """Numbers in words: ranges where they follow one another."""
    if len(numbers) > 1 and list(numbers) == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(map(str, numbers))


def _heading(text: str) -> str:
    return f"<h2>{escape(text)}</h2>\n"


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>\n"


def _cell(text: str, kind: str = "") -> str:
    return f'<td class="{kind}">{escape(text)}</td>' if kind else f"<td>{escape(text)}</td>"


def _number(value: int) -> str:
    return _cell(f"{value:,}" if value else "-", "number")


def _code(text: str) -> str:
    return f'<td class="wide"><code>{escape(text)}</code></td>'


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    kinds = [' class="number"' if cell.startswith('<td class="number"') else "" for cell in rows[0]] if rows else []
    head = "".join(f"<th{kind}>{escape(name)}</th>" for name, kind in zip(names, kinds, strict=bool(rows)))
    body = "\n".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return f'<div class="panel"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>\n'
