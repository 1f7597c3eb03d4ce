"""report: one page that stands alone, escapes what it is given, and says what the check found."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from edgenet import pictures, stats
from edgenet.check_result import CheckResult, ClassRow, Flip, ModelFile, WorstScore
from edgenet.data import Dataset
from edgenet.report import MOST_IN_GALLERY, Section, render_report

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")
VOID = {"meta", "link", "img", "br"}
EPOCHS = [
    {"epoch": k, "loss": 1 / k, "accuracy": 1 - 0.5 / k, "val_loss": 1.1 / k, "val_accuracy": 0.9} for k in (1, 2, 3)
]
HISTORY = {"recipe": "digits", "preset": "quick", "best_epoch": 3, "epochs": EPOCHS, "train_samples": 1200}
FLIPS = (
    Flip(0, "a", "b", 0.5, "a", 0.6, "better"),
    Flip(1, "b", "b", 0.5, "a", 0.6, "worse"),
    Flip(2, "a", "b", 0.5, "b<script>", 0.6, "both wrong"),
)
DATA = Dataset(
    "toy", np.arange(100 * 4, dtype=np.uint32).astype(np.uint8).reshape(100, 2, 2, 1),
    np.arange(100, dtype=np.int64) % 2, ("a", "b"), "made up & small", "free",
)  # fmt: skip
CHECK = CheckResult(
    dataset="toy", source=DATA.source, class_names=DATA.class_names,
    float_file=ModelFile("model.keras", 40960, "f" * 64, "Keras 3"),
    int8_file=ModelFile("m.tflite", 999, "1" * 64, "LiteRT"),
    float_accuracy=stats.Rate(90, 100), int8_accuracy=stats.Rate(89, 100), agreement=stats.Rate(97, 100),
    mcnemar_p=1.0, classes=(ClassRow("a", 50, 45, 45), ClassRow("b", 50, 45, 44)), flips=FLIPS,
    float_confusion=((45, 5), (5, 45)), int8_confusion=((45, 5), (6, 44)), int8_ties=2,
    worst=WorstScore(7, "a", 0.5, 0.25),
)  # fmt: skip


class Page(HTMLParser):
    """What a browser would meet: tags in balance, ids, links, images, headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.found if name == tag]


@pytest.fixture(scope="module")
def text() -> str:
    picture = pictures.png(np.zeros((4, 4), np.uint8))
    sections = (
        Section("Export <C>", (("flash", "31 KB"), ("ram", "a < b")), "What a chip gets."),
        Section("Device", picture=picture, picture_alt="frames of a camera"),
    )
    return render_report(CHECK, DATA, HISTORY, sections)


def test_page_stands_alone_and_is_well_formed(text: str) -> None:
    page = Page(text)
    assert page.open == []
    for tag, attrs in page.found:
        for name in ("src", "href", "xlink:href"):
            assert (attrs.get(name) or "#").startswith(("#", "data:")), (tag, attrs)
    assert not re.search(r"@import|url\((?!#)", text)
    assert not page.all("script")


def test_page_is_accessible(text: str) -> None:
    page = Page(text)
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("h1")) == 1
    assert all(image.get("alt") for image in page.all("img"))
    assert all(svg.get("aria-label") for svg in page.all("svg"))
    ids = [attrs["id"] for _, attrs in page.found if attrs.get("id")]
    assert len(ids) == len(set(ids))
    assert {attrs["aria-labelledby"] for attrs in page.all("section")} <= set(ids)
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text


def test_page_escapes_what_it_is_given(text: str) -> None:
    assert "b&lt;script&gt;" in text
    assert "<script" not in text
    assert "made up &amp; small" in text
    assert "Export &lt;C&gt;" in text
    assert "a &lt; b" in text


def test_page_says_what_the_check_found(text: str) -> None:
    for part in ("digits: what int8 cost", "89.00 %", "90.00 %", "82.56 to 94.48 %", "-1.00", "1 got worse", "f" * 64,
                 "within chance (McNemar p = 1)", "1,200", "frames of a camera", "best epoch: 3"):  # fmt: skip
        assert part in text, part


def test_quick_preset_is_said_only_where_it_is_so(text: str) -> None:
    assert "Quick preset." in text
    assert "Quick preset." not in render_report(CHECK, DATA, HISTORY | {"preset": "full"})


def test_gallery_shows_what_got_worse_first(text: str) -> None:
    alts = [str(image["alt"]) for image in Page(text).all("img")]
    assert [alt.split(":")[0] for alt in alts[:3]] == ["Picture 1", "Picture 0", "Picture 2"]
    sources = [str(image["src"]) for image in Page(text).all("img")]
    assert sources[0] == pictures.data_uri(pictures.png(DATA.images[1]))


def test_gallery_ends_but_counts_all() -> None:
    many = replace(CHECK, flips=tuple(replace(FLIPS[1], index=k) for k in range(80)))
    text = render_report(many, DATA)
    assert len(Page(text).all("img")) == MOST_IN_GALLERY
    assert "<strong>80</strong>" in text
    assert f"The first {MOST_IN_GALLERY} are shown" in text


def test_page_without_flips_history_or_sections() -> None:
    text = render_report(replace(CHECK, flips=()), DATA, title="mine")
    assert "None: both networks give every picture the same class." in text
    assert "Training" not in text
    assert "mine: what int8 cost" in text
    assert "m: what int8 cost" in render_report(CHECK, DATA, {"epochs": []})


def test_same_input_same_page(text: str) -> None:
    assert render_report(CHECK, DATA, HISTORY) == render_report(CHECK, DATA, HISTORY)
