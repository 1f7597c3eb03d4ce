"""One HTML page that shows what a check found: no other file, no network, light and dark, phone and desk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgenet import __version__, pictures
from edgenet.check_result import CheckResult, Flip, signed, size_text, verdict
from edgenet.errors import MissingExtraError
from edgenet.stats import Rate
from firmware_export.files import page_mark

if TYPE_CHECKING:
    from edgenet.data import Dataset

PAGE = page_mark("edgenet report")
"""Stands in the head of the page."""
MOST_IN_GALLERY = 60
KIND_ORDER = {"worse": 0, "better": 1, "both wrong": 2}


@dataclass(frozen=True)
class Section:
    """A further part of the page, such as the C export, the proof or a run on a device.

    Attributes:
        title: its heading.
        rows: pairs of a name and a value, shown as a table.
        note: a sentence above the table.
        picture: a PNG file's bytes.
        picture_alt: what the picture shows, for who can't see it.
    """

    title: str
    rows: Sequence[tuple[str, str]] = ()
    note: str = ""
    picture: bytes | None = None
    picture_alt: str = ""


def render_report(
    check: CheckResult,
    dataset: Dataset,
    history: dict[str, Any] | None = None,
    sections: Sequence[Section] = (),
    *,
    title: str = "",
) -> str:
    """The page as text: the same input gives the same text.

    Args:
        check: what edgenet.check.check found on dataset.
        dataset: the pictures that were checked; the flipped ones are shown.
        history: what history.json holds: "preset", "epochs", "best_epoch"; None leaves the training part out.
        sections: further parts, shown at the end in this order.
        title: the model's name; default: the recipe's name in history, or the int8 file's.

    Raises:
        MissingExtraError: jinja2 or matplotlib is not installed.
    """
    history = history if history and history.get("epochs") else None
    name = title or (history or {}).get("recipe") or Path(check.int8_file.name).stem
    template = _environment().get_template("report.html")
    page: str = template.render(
        title=name,
        check=check,
        terms=dataset.terms,
        preset=(history or {}).get("preset", ""),
        history=history,
        cards=_cards(check),
        charts=_charts(check, history),
        gallery=_gallery(check, dataset),
        sections=sections,
        version=__version__,
    )
    return page


def _environment() -> Any:
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise MissingExtraError("the report needs jinja2: pip install 'edgenet[train]'") from error
    environment = Environment(
        loader=PackageLoader("edgenet"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"signed": signed, "size": size_text, "data_uri": pictures.data_uri, "span": _span}
    environment.globals["verdict"] = verdict
    return environment


@dataclass(frozen=True)
class _Card:
    """A key figure: what it is, the figure, a line below it, and "good", "bad" or "" for its colour."""

    name: str
    figure: str
    note: str
    tone: str = ""


def _cards(check: CheckResult) -> list[_Card]:
    worse = check.drop > 0 and check.mcnemar_p < 0.05
    counts = ", ".join(f"{count:,} {kind}" for kind, count in check.flip_counts.items() if count)
    sizes = (check.float_file.bytes, check.int8_file.bytes)
    return [
        _Card("int8 accuracy", f"{check.int8_accuracy.percent:.2f} %", _span(check.int8_accuracy)),
        _Card("float accuracy", f"{check.float_accuracy.percent:.2f} %", _span(check.float_accuracy)),
        _Card("change in points", signed(check.drop), verdict(check), "bad" if worse else "good"),
        _Card("agreement", f"{check.agreement.percent:.2f} %", "same class from both networks"),
        _Card("flipped pictures", f"{len(check.flips):,}", counts or f"none of {check.count:,}"),
        _Card("int8 model", size_text(sizes[1]), f"the float file has {size_text(sizes[0])}"),
    ]


def _span(rate: Rate) -> str:
    """A rate's 95 % interval in percent, such as "99.09 to 99.44 %"."""
    low, high = rate.interval
    return f"{100 * low:.2f} to {100 * high:.2f} %"


def _charts(check: CheckResult, history: dict[str, Any] | None) -> dict[str, Any]:
    """Every chart as markup that the template puts in as it is."""
    from markupsafe import Markup

    names = check.class_names
    charts = {
        "interval": pictures.interval_chart(check),
        "classes": pictures.class_chart(check.classes),
        "float_confusion": pictures.confusion_chart(check.float_confusion, names, "Float"),
        "int8_confusion": pictures.confusion_chart(check.int8_confusion, names, "int8"),
    }
    if history is not None:
        charts["loss"] = pictures.training_chart(history, "loss", "Loss")
        charts["accuracy"] = pictures.training_chart(history, "accuracy", "Accuracy")
    return {name: Markup(svg) for name, svg in charts.items()}


def _gallery(check: CheckResult, dataset: Dataset) -> list[tuple[Flip, str]]:
    """The flips to show, what got worse first, each with its picture as a data URI."""
    chosen = sorted(check.flips, key=lambda flip: (KIND_ORDER[flip.kind], flip.index))[:MOST_IN_GALLERY]
    return [(flip, pictures.data_uri(pictures.png(dataset.images[flip.index]))) for flip in chosen]
