"""pictures: charts are well-formed inline SVG in the page's colours, PNG files decode to the pixels they came from."""

import base64
import re
import xml.etree.ElementTree as ET
import zlib

import numpy as np
import pytest

from edgenet import pictures
from edgenet.check_result import ClassRow

pytest.importorskip("matplotlib")
HISTORY = {
    "preset": "quick",
    "best_epoch": 2,
    "epochs": [
        {"epoch": 1, "loss": 1.5, "accuracy": 0.5, "val_loss": 1.2, "val_accuracy": 0.6},
        {"epoch": 2, "loss": 0.7, "accuracy": 0.8, "val_loss": 0.8, "val_accuracy": 0.75},
    ],
}


def charts() -> dict[str, str]:
    names = ("a", "b<", "$c_")
    rows = [ClassRow(name, 10, 9, 8) for name in names] + [ClassRow("none", 0, 0, 0)]
    return {
        "loss": pictures.training_chart(HISTORY, "loss", "Loss"),
        "confusion": pictures.confusion_chart(((8, 1, 0), (0, 5, 2), (1, 0, 0)), names, "Float"),
        "classes": pictures.class_chart(rows),
    }


@pytest.fixture(scope="module")
def drawn() -> dict[str, str]:
    return charts()


def test_charts_are_well_formed_and_labelled(drawn: dict[str, str]) -> None:
    for svg in drawn.values():
        root = ET.fromstring(svg)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert root.get("role") == "img"
        assert len(root.get("aria-label", "")) > 10
        assert root.get("width") is None
        assert root.get("viewBox")


def test_charts_take_their_colours_from_the_page(drawn: dict[str, str]) -> None:
    for svg in drawn.values():
        assert not re.search(r"#[0-9a-f]{6}", svg), "a colour that would not follow light and dark"
        assert "currentColor" in svg
    assert "var(--good)" in drawn["confusion"]
    assert "var(--bad)" in drawn["confusion"]


def test_charts_ask_nothing_of_the_network(drawn: dict[str, str]) -> None:
    for svg in drawn.values():
        links = re.findall(r'(?:href|src)="([^"]*)"', svg)
        assert all(link.startswith("#") for link in links)


def test_ids_do_not_clash(drawn: dict[str, str]) -> None:
    sets = [set(re.findall(r'\bid="([^"]+)"', svg)) for svg in drawn.values()]
    assert all(sets)
    assert len(set.union(*sets)) == sum(len(ids) for ids in sets)
    for svg in drawn.values():
        assert set(re.findall(r'(?:url\(|href=")#([^)"]+)', svg)) <= set(re.findall(r'\bid="([^"]+)"', svg))


def test_same_data_same_bytes(drawn: dict[str, str]) -> None:
    assert charts() == drawn


def test_texts_are_the_data(drawn: dict[str, str]) -> None:
    texts = [
        "".join(node.itertext()).strip() for node in ET.fromstring(drawn["confusion"]).iter() if "text" in node.tag
    ]
    assert [text for text in texts if text.isdigit()] == ["8", "1", "5", "2", "1"]
    assert {"a", "b<", "$c_", "truth", "answer"} <= set(texts)
    assert "best epoch: 2" in drawn["loss"]
    assert "validation 1.2 to 0.8" in drawn["loss"]
    assert "4 mistakes" in drawn["confusion"]
    assert "none" not in drawn["classes"].replace("fill: none", "").replace("stroke: none", "")


def test_many_classes_with_names_that_no_font_has() -> None:
    names = [f"字{k} with a very long name" for k in range(47)]
    svg = pictures.confusion_chart(tuple(map(tuple, np.eye(47, dtype=int).tolist())), names, "int8")
    ET.fromstring(svg)
    assert len(svg) < 200_000


def test_history_without_validation_or_best_epoch() -> None:
    svg = pictures.training_chart({"epochs": [{"epoch": 1, "loss": 0.5}]}, "loss", "Loss")
    assert "best epoch" not in svg
    assert "val" not in svg


@pytest.mark.parametrize("shape", [(5, 7), (8, 8, 1), (6, 4, 3), (3, 3, 2)])
def test_png_decodes_to_the_same_pixels(shape: tuple[int, ...]) -> None:
    cv2 = pytest.importorskip("cv2")
    image = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    got = cv2.imdecode(np.frombuffer(pictures.png(image), np.uint8), cv2.IMREAD_UNCHANGED)
    expected = image[..., ::-1] if shape[-1] == 3 and len(shape) == 3 else image.reshape(shape[0], shape[1], -1)[..., 0]
    np.testing.assert_array_equal(got, expected)


def test_data_uri() -> None:
    file = pictures.png(np.zeros((2, 2), np.uint8))
    head, body = pictures.data_uri(file).split(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(body) == file
    assert zlib.crc32(file[-8:-4]) == int.from_bytes(file[-4:], "big")
