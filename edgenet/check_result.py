"""What a check found: frozen results, as JSON and as a table for the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from edgenet.stats import Rate

Matrix = tuple[tuple[int, ...], ...]
FlipKind = Literal["better", "worse", "both wrong"]
SHOWN_FLIPS = 10


@dataclass(frozen=True)
class ModelFile:
    """A model file that was checked: its name without folders, size, sha256 in hex, and what ran it."""

    name: str
    bytes: int
    sha256: str
    engine: str


@dataclass(frozen=True)
class ClassRow:
    """One class: how many pictures it has and how many of them each network got right."""

    name: str
    total: int
    float_correct: int
    int8_correct: int

    @property
    def drop(self) -> float | None:
        """What int8 lost in this class, in percentage points; None for a class without pictures."""
        return 100.0 * (self.float_correct - self.int8_correct) / self.total if self.total else None


@dataclass(frozen=True)
class Flip:
    """A picture that the two networks read differently.

    Attributes:
        index: the picture's place in the data set, from 0.
        label: the true class's name.
        float_prediction: the class that float chose; float_confidence is its probability, 0 to 1.
        int8_prediction: the class that int8 chose; int8_confidence is its probability, 0 to 1.
        kind: "better" (only int8 is right), "worse" (only float is right) or "both wrong".
    """

    index: int
    label: str
    float_prediction: str
    float_confidence: float
    int8_prediction: str
    int8_confidence: float
    kind: FlipKind


@dataclass(frozen=True)
class WorstScore:
    """The score (a probability, 0 to 1) in which float and int8 lie furthest apart: of which picture and class."""

    index: int
    class_name: str
    float_score: float
    int8_score: float

    @property
    def difference(self) -> float:
        """How far apart, 0 to 1."""
        return abs(self.float_score - self.int8_score)


@dataclass(frozen=True)
class CheckResult:
    """What int8 cost a network on one data set.

    Attributes:
        dataset: the data set's name; source is a sentence that says which data was used.
        class_names: in the order of the networks' outputs.
        float_file: the float model; int8_file is the int8 one.
        float_accuracy: right answers of the float network; int8_accuracy those of the int8 one.
        agreement: how often both gave the same class, right or wrong.
        mcnemar_p: chance of such a difference between two equally good networks (exact McNemar test).
        classes: one row per class.
        flips: every picture that the two read differently, by index.
        float_confusion: rows are the truth, columns what float said; int8_confusion the same for int8.
        int8_ties: pictures whose two highest int8 scores are equal; the lowest class wins such a tie.
        worst: where the scores lie furthest apart.
    """

    dataset: str
    source: str
    class_names: tuple[str, ...]
    float_file: ModelFile
    int8_file: ModelFile
    float_accuracy: Rate
    int8_accuracy: Rate
    agreement: Rate
    mcnemar_p: float
    classes: tuple[ClassRow, ...]
    flips: tuple[Flip, ...]
    float_confusion: Matrix
    int8_confusion: Matrix
    int8_ties: int
    worst: WorstScore

    @property
    def count(self) -> int:
        """How many pictures were checked."""
        return self.int8_accuracy.total

    @property
    def drop(self) -> float:
        """What int8 lost, in percentage points; negative where int8 is better. A point estimate."""
        return 100.0 * (self.float_accuracy.correct - self.int8_accuracy.correct) / self.count

    @property
    def flip_counts(self) -> dict[str, int]:
        """How many flips are "better", "worse" and "both wrong"."""
        counts = Counter(flip.kind for flip in self.flips)
        return {"better": counts["better"], "worse": counts["worse"], "both wrong": counts["both wrong"]}

    def to_json(self) -> dict[str, Any]:
        """Everything as plain JSON values, all flips included."""
        rates = {name: getattr(self, name).to_json() for name in ("float_accuracy", "int8_accuracy", "agreement")}
        derived = {"count": self.count, "drop_points": self.drop, "flip_counts": self.flip_counts}
        values = asdict(self) | rates | derived
        values["classes"] = [asdict(row) | {"drop_points": row.drop} for row in self.classes]
        values["worst"] = asdict(self.worst) | {"difference": self.worst.difference}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}


def card_metrics(result: CheckResult, command: str) -> dict[str, Any]:
    """What a model card's "metrics" says of this check; command is the line that prints it again."""
    figures = {"float_accuracy": result.float_accuracy.value, "int8_accuracy": result.int8_accuracy.value}
    figures["agreement"] = result.agreement.value
    return {
        name: {"value": round(value, 6), "data": result.dataset, "samples": result.count, "command": command}
        for name, value in figures.items()
    }


def verdict(result: CheckResult) -> str:
    """What McNemar's test says, in words: could chance alone have made this difference?"""
    return f"{'more than' if result.mcnemar_p < 0.05 else 'within'} chance (McNemar p {p_text(result.mcnemar_p)})"


def p_text(p: float) -> str:
    """A p-value with two digits that matter and its sign, such as "= 0.38" or "< 0.0001"."""
    return "< 0.0001" if p < 0.0001 else f"= {p:.2g}"


def size_text(size_bytes: int) -> str:
    """A size for people: "812 B", "25.8 KiB" (of 1,024 bytes), "1.2 MiB"."""
    for unit, factor in (("MiB", 1024 * 1024), ("KiB", 1024)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.1f} {unit}"
    return f"{size_bytes} B"


def signed(points: float | None) -> str:
    """A drop in points with two decimals, its sign shown as what accuracy did: a loss is "-0.02"; "" for None."""
    if points is None:
        return ""
    change = round(-points, 2)
    return f"{change:+.2f}" if change else "0.00"


# ---- the terminal's table -------------------------------------------------------------------------------------------


def render_text(result: CheckResult, max_drop: float | None = None) -> str:
    """The result as a text for a terminal, lines joined by newlines, no newline at the end.

    Args:
        result: what the check found.
        max_drop: the gate in percentage points; None leaves its line out.
    """
    lines = [f"float against int8 on {result.dataset}: {result.count:,} pictures", f"  {result.source}", ""]
    lines += _accuracy_lines(result)
    lines += ["", *_class_lines(result), "", *_flip_lines(result), *_footer_lines(result)]
    if max_drop is not None:
        state = "met" if result.drop <= max_drop + 1e-9 else "NOT MET"
        lines += ["", f"gate: at most {max_drop:g} points lost: {state} (change {signed(result.drop)} points)"]
    return "\n".join(lines)


def _accuracy_lines(result: CheckResult) -> Iterator[str]:
    yield f"{'':10} {'accuracy':>9}   {'95 % interval':17} {'right':>8}   file"
    sides = (("float", result.float_accuracy, result.float_file), ("int8", result.int8_accuracy, result.int8_file))
    for name, rate, file in sides:
        yield f"{_rate_line(name, rate)}   {file.name}, {size_text(file.bytes)}, {file.engine}"
    yield f"{'change':10} {signed(result.drop):>7}     points, {verdict(result)}"
    yield _rate_line("agreement", result.agreement) + "   same class from both"


def _rate_line(name: str, rate: Rate) -> str:
    low, high = rate.interval
    interval = f"{100 * low:.2f} to {100 * high:.2f} %"
    return f"{name:10} {rate.percent:7.2f} %   {interval:17} {rate.correct:>8,}"


def _class_lines(result: CheckResult) -> Iterator[str]:
    width = max(5, *(len(name) for name in result.class_names))
    yield f"{'class':{width}}  {'n':>6}  {'float':>9}  {'int8':>9}  {'change':>7}"
    for row in result.classes:
        if not row.total:
            yield f"{row.name:{width}}  {0:>6}"
            continue
        shares = (100 * row.float_correct / row.total, 100 * row.int8_correct / row.total)
        yield f"{row.name:{width}}  {row.total:>6,}  {shares[0]:7.2f} %  {shares[1]:7.2f} %  {signed(row.drop):>7}"


def _flip_lines(result: CheckResult) -> Iterator[str]:
    counts = result.flip_counts
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in counts.items())
    yield f"flipped pictures: {len(result.flips):,}" + (f" ({kinds})" if result.flips else "")
    if not result.flips:
        return
    width = max(5, *(len(name) for name in result.class_names))
    yield f"  {'index':>7}  {'label':{width}}  {'float':{width + 6}}  {'int8':{width + 6}}"
    for flip in result.flips[:SHOWN_FLIPS]:
        first = f"{flip.float_prediction:{width}} {flip.float_confidence:5.3f}"
        second = f"{flip.int8_prediction:{width}} {flip.int8_confidence:5.3f}"
        yield f"  {flip.index:>7}  {flip.label:{width}}  {first}  {second}  {flip.kind}"
    if len(result.flips) > SHOWN_FLIPS:
        yield f"  ... and {len(result.flips) - SHOWN_FLIPS:,} more: --json lists all, --html shows them"


def _footer_lines(result: CheckResult) -> Iterator[str]:
    worst = result.worst
    yield (
        f"largest difference of a score: {worst.difference:.3f} (picture {worst.index}, class {worst.class_name}: "
        f"float {worst.float_score:.3f}, int8 {worst.int8_score:.3f})"
    )
    if result.int8_ties:
        yield f"ties: two equal highest int8 scores in {result.int8_ties:,} of the pictures; the lowest class wins"
