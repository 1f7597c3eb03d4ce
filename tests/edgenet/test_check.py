"""check: the ledger against scikit-learn and hand-made scores; the command's output and exit codes."""

import argparse
import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from device.card import InputSpec, ModelCard, OutputSpec, Preprocessing
from device.errors import DeviceError
from edgenet import check as check_module
from edgenet import predict, stats
from edgenet.check import CheckResult, add_check_arguments, check, gate, render_text, run_check
from edgenet.check_result import ModelFile, card_metrics, signed, size_text
from edgenet.data import Dataset
from edgenet.errors import CheckError, DataError

FIXTURES = Path(__file__).parents[1] / "fixtures" / "check"
FLOAT, INT8 = FIXTURES / "tiny_float.tflite", FIXTURES / "tiny_int8.tflite"
NAMES = tuple("0123456789")


@pytest.fixture(scope="module")
def digits() -> Dataset:
    arrays = np.load(FIXTURES / "digits.npz")
    return Dataset("sklearn-digits", arrays["images"], arrays["labels"], NAMES, "the last 597", "CC BY 4.0")


@pytest.fixture(scope="module")
def result(digits: Dataset) -> CheckResult:
    pytest.importorskip("ai_edge_litert")
    return check(FLOAT, INT8, digits)


def by_hand(float_scores: list[list[float]], int8_scores: list[list[int]], labels: list[int]) -> CheckResult:
    """A result from scores alone: three classes, probabilities."""
    data = Dataset("toy", np.zeros((len(labels), 2, 2, 1), np.uint8), np.array(labels), ("a", "b", "c"), "made up", "")
    network = predict.Network("m", "int8", "none", (2, 2, 1), 3, 1 / 256, -128, lambda images: images)
    files = (ModelFile("m.keras", 2048, "0" * 64, "Keras"), ModelFile("m.tflite", 900, "1" * 64, "LiteRT"))
    return check_module._compare(
        files, data, np.array(float_scores, np.float32), np.array(int8_scores, np.int8), network
    )


TOY = by_hand(
    # right/right, float only, int8 only, both wrong and different, both wrong and equal, a tie of int8
    [[0.9, 0.05, 0.05], [0.1, 0.6, 0.3], [0.5, 0.4, 0.1], [0.1, 0.8, 0.1], [0.7, 0.2, 0.1], [0.2, 0.5, 0.3]],
    [[100, -110, -118], [20, -28, -120], [-48, 22, -102], [-100, -100, 72], [60, -80, -108], [-128, 0, 0]],
    [0, 1, 1, 0, 2, 1],
)


def test_ledger_of_hand_made_scores() -> None:
    assert (TOY.float_accuracy.correct, TOY.int8_accuracy.correct, TOY.agreement.correct) == (3, 3, 3)
    assert TOY.mcnemar_p == 1.0
    assert TOY.int8_ties == 1  # and the lower class, the right one, won it
    flips = [(flip.index, flip.label, flip.float_prediction, flip.int8_prediction, flip.kind) for flip in TOY.flips]
    assert flips == [(1, "b", "b", "a", "worse"), (2, "b", "a", "b", "better"), (3, "a", "b", "c", "both wrong")]
    assert TOY.flips[0].float_confidence == pytest.approx(0.6)
    assert TOY.flips[0].int8_confidence == pytest.approx(148 / 256)
    assert TOY.flip_counts == {"better": 1, "worse": 1, "both wrong": 1}
    assert [(row.name, row.total, row.float_correct, row.int8_correct) for row in TOY.classes] == [
        ("a", 2, 1, 1), ("b", 3, 2, 2), ("c", 1, 0, 0),
    ]  # fmt: skip
    assert TOY.float_confusion == ((1, 1, 0), (1, 2, 0), (1, 0, 0))
    assert (TOY.worst.index, TOY.worst.class_name) == (3, "b")
    assert TOY.worst.difference == pytest.approx(0.8 - 28 / 256, abs=1e-6)


def test_logits_become_probabilities() -> None:
    logits = np.array([[4.0, -3.0, 1.0]], np.float32)
    for side in check_module._probabilities(logits, logits):
        np.testing.assert_allclose(side, stats.softmax(logits))
    exact, rounded = np.array([[1.0, 0.0, 0.0]], np.float32), np.array([[0.97, 0.0, 0.0]], np.float32)
    assert check_module._probabilities(exact, rounded)[1] is rounded  # int8 ones need not sum to 1


def test_result_equals_sklearn(digits: Dataset, result: CheckResult) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    said = predict.predict_int8(INT8, digits.images).argmax(axis=1)
    float_said = predict.predict_float(FLOAT, digits.images).argmax(axis=1)
    assert result.int8_accuracy.value == pytest.approx(metrics.accuracy_score(digits.labels, said))
    assert result.float_accuracy.value == pytest.approx(metrics.accuracy_score(digits.labels, float_said))
    np.testing.assert_array_equal(result.int8_confusion, metrics.confusion_matrix(digits.labels, said))
    np.testing.assert_array_equal(result.float_confusion, metrics.confusion_matrix(digits.labels, float_said))
    assert [flip.index for flip in result.flips] == list(np.flatnonzero(said != float_said))
    assert len(result.flips) == result.count - result.agreement.correct


def test_files_are_named_by_their_digest(result: CheckResult) -> None:
    assert result.int8_file.sha256 == hashlib.sha256(INT8.read_bytes()).hexdigest()
    assert (result.int8_file.name, result.int8_file.bytes) == (INT8.name, INT8.stat().st_size)


def test_two_checks_are_equal(digits: Dataset, result: CheckResult) -> None:
    assert check(FLOAT, INT8, digits) == result


def test_json_holds_every_flip(result: CheckResult) -> None:
    values = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert values["count"] == 597
    assert values["source"] == "the last 597"
    assert len(values["flips"]) == len(result.flips)
    assert values["drop_points"] == pytest.approx(
        100 * (values["float_accuracy"]["value"] - values["int8_accuracy"]["value"])
    )
    assert set(json.loads(json.dumps(TOY.to_json()))["flips"][0]) == {
        "index", "label", "float_prediction", "float_confidence", "int8_prediction", "int8_confidence", "kind",
    }  # fmt: skip


def test_progress_names_both_sides(digits: Dataset) -> None:
    seen = []
    check(FLOAT, INT8, digits.take(slice(0, 10)), on_progress=lambda *news: seen.append(news))
    assert seen == [("float", 10, 10), ("int8", 10, 10)]


def dropped(points: int) -> CheckResult:
    """A result that lost so many of 1,000 pictures, tenths of a point each."""
    return replace(TOY, float_accuracy=stats.Rate(900, 1000), int8_accuracy=stats.Rate(900 - points, 1000))


def test_gate_uses_the_point_estimate() -> None:
    assert gate(dropped(300), None)
    assert gate(dropped(5), 0.5)
    assert not gate(dropped(6), 0.5)
    assert gate(dropped(0), 0.0)
    assert gate(dropped(-7), 0.0)
    assert not gate(dropped(1), 0.0)
    # the same decimals whatever binary fractions make of them
    assert all(gate(dropped(points), points / 10) for points in range(100))


def test_text_says_what_matters() -> None:
    text = render_text(TOY, 1.0)
    for part in ["toy: 6 pictures", "made up", "50.00 %", "flipped pictures: 3 (1 better, 1 worse, 1 both wrong)",
                 "within chance (McNemar p = 1)", "ties: two equal", "at most 1 points lost: met"]:  # fmt: skip
        assert part in text
    assert max(len(line) for line in text.splitlines()) <= 110
    assert "NOT MET (change -0.60 points)" in render_text(dropped(6), 0.5)
    assert "gate" not in render_text(TOY)


def test_text_shortens_many_flips_and_skips_empty_classes() -> None:
    text = render_text(replace(TOY, flips=TOY.flips * 5, classes=(*TOY.classes, replace(TOY.classes[0], total=0))))
    assert "... and 5 more" in text
    assert signed(None) == ""
    assert [signed(drop) for drop in (0.004, -0.004, 0.25, -1.5)] == ["0.00", "0.00", "-0.25", "+1.50"]
    assert [size_text(size) for size in (812, 26419, 2 * 1024 * 1024)] == ["812 B", "25.8 KiB", "2.0 MiB"]


def test_card_metrics() -> None:
    metrics = card_metrics(TOY, "edgenet check toy")
    assert metrics["int8_accuracy"] == {"value": 0.5, "data": "toy", "samples": 6, "command": "edgenet check toy"}
    assert set(metrics) == {"float_accuracy", "int8_accuracy", "agreement"}


# ---- mistakes -------------------------------------------------------------------------------------------------------


def test_data_that_does_not_fit(digits: Dataset) -> None:
    pytest.importorskip("ai_edge_litert")
    cases = [
        (digits.take(slice(0, 0)), "has no pictures"),
        (replace(digits, class_names=NAMES[:7]), "tells 10 classes apart, the data sklearn-digits has 7"),
        (replace(digits, labels=digits.labels + 1), "labels must be 0 to 9, got 1 to 10"),
        (replace(digits, labels=digits.labels[:-1]), "597 pictures but 596 labels"),
        (replace(digits, images=digits.images[:, :7]), "takes pictures of 8 x 8 x 1"),
    ]
    for data, words in cases:
        with pytest.raises(CheckError, match=words):
            check(FLOAT, INT8, data)


def test_sides_swapped(digits: Dataset) -> None:
    pytest.importorskip("ai_edge_litert")
    with pytest.raises(CheckError, match=r"tiny_int8\.tflite: expected float32"):
        check(INT8, FLOAT, digits)


def test_networks_of_different_classes() -> None:
    network = predict.open_int8(INT8)
    data = Dataset("d", np.zeros((1, 8, 8, 1), np.uint8), np.zeros(1, np.int64), NAMES, "", "")
    with pytest.raises(CheckError, match="not the same network"):
        check_module._require_fit(replace(network, classes=4), network, data)


def test_nan_is_not_an_answer() -> None:
    network = predict.open_int8(INT8)
    with pytest.raises(CheckError, match="NaN or infinity for picture 1"):
        check_module._require_finite(network, np.array([[0, 1], [np.nan, 0]], np.float32))


# ---- the command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model folder with a card; its float side is the .tflite, so that keras stays out of the quick tests."""
    pytest.importorskip("ai_edge_litert")
    folder = tmp_path / "tiny"
    folder.mkdir()
    shutil.copyfile(INT8, folder / "model_int8.tflite")
    shutil.copyfile(FIXTURES / "digits.npz", folder / "digits.npz")
    network = predict.open_int8(INT8)
    card = ModelCard(
        name="tiny", task="classification", model="model_int8.tflite", labels=NAMES, licence="Apache-2.0",
        sha256=hashlib.sha256(INT8.read_bytes()).hexdigest(), data={"name": str(folder / "digits.npz")},
        input=InputSpec((1, 8, 8, 1), "int8", 0.003921568859368563, -128, "NHWC", "gray"),
        output=OutputSpec((1, 10), "int8", network.scale, network.zero_point, "probabilities"),
        preprocessing=Preprocessing("resize", 255.0),
    )  # fmt: skip
    (folder / "card.json").write_text(json.dumps(card.to_json()))
    return folder


def run(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    add_check_arguments(parser)
    return run_check(parser.parse_args([str(argument) for argument in arguments]))


def test_command_prints_a_table(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(model, "--float", FLOAT, "--max-drop", "5") == 0
    out, err = capsys.readouterr()
    assert "float against int8 on digits" in out
    assert "gate: at most 5 points lost: met" in out
    assert "int8:" in err


def test_command_prints_json_of_the_first_pictures(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run(model, "--float", FLOAT, "--data", model / "digits.npz", "--split", "train", "--limit", 40, "--json") == 0
    )
    values = json.loads(capsys.readouterr().out)
    assert values["count"] == 40
    assert values["source"].endswith("only the first 40")
    assert values["gate"] == {"max_drop_points": None, "met": True}


def test_command_fails_where_the_gate_is_not_met(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check_module, "check", lambda *_, **__: dropped(6))
    assert run(model, "--float", FLOAT, "--max-drop", "0.5") == 1
    assert "NOT MET" in capsys.readouterr().out


def test_command_refuses_a_model_that_is_not_the_cards(model: Path) -> None:
    content = bytearray(INT8.read_bytes())
    content[-1] ^= 1
    (model / "model_int8.tflite").write_bytes(content)
    with pytest.raises(DeviceError, match="do not belong together"):
        run(model, "--float", FLOAT)
    assert run(model, "--float", FLOAT, "--int8", INT8) == 0


def test_command_names_what_is_missing(model: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckError, match=r"model\.keras: no such file"):
        run(model)
    card = json.loads((model / "card.json").read_text())
    (model / "card.json").write_text(json.dumps(card | {"data": {}}))
    with pytest.raises(DataError, match="names no data set"):
        run(model, "--float", FLOAT)


@pytest.mark.parametrize("wrong", [("--max-drop", "-1"), ("--max-drop", "nan"), ("--limit", "0"), ("--split", "x")])
def test_usage_errors_exit_with_2(wrong: tuple[str, str]) -> None:
    with pytest.raises(SystemExit) as stop:
        run("m", *wrong)
    assert stop.value.code == 2


@pytest.mark.slow
def test_command_with_keras_and_a_page(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("keras")
    shutil.copyfile(FIXTURES / "tiny.keras", model / "model.keras")
    assert run(model, "--html", tmp_path / "page.html") == 0
    assert "Keras 3" in capsys.readouterr().out
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!doctype html>")
