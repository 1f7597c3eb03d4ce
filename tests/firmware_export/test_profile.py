"""What an inference costs, operator by operator: the counts add up and do not depend on what else is in the network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from needs import need_packages
from single_op import random_int8
from tflite_builder import OpSpec, TensorSpec, build

from firmware_export import ExportError
from firmware_export.emulate import CortexRuntime, Measurement
from firmware_export.profile import Profile, profile
from firmware_export.project import compile_graph, read_model

pytestmark = pytest.mark.slow


def network(folder: Path, operators: int) -> Path:
    """The first of: a convolution, a LOGISTIC, a RESHAPE, a FULLY_CONNECTED."""
    tensors = [
        TensorSpec((1, 6, 5, 3), scale=0.05, zero_point=3),
        TensorSpec((4, 3, 3, 3), scale=0.01, data=random_int8(1, (4, 3, 3, 3))),
        TensorSpec((1, 6, 5, 4), scale=0.1, zero_point=-5),
        TensorSpec((1, 6, 5, 4), scale=1 / 256, zero_point=-128),
        TensorSpec((1, 120), scale=1 / 256, zero_point=-128),
        TensorSpec((9, 120), scale=0.01, data=random_int8(2, (9, 120))),
        TensorSpec((1, 9), scale=0.05),
    ]
    window = {"stride_h": 1, "stride_w": 1, "dilation_h": 1, "dilation_w": 1}
    ops = [
        OpSpec("CONV_2D", (0, 1), (2,), window),
        OpSpec("LOGISTIC", (2,), (3,), {}),
        OpSpec("RESHAPE", (3,), (4,), {}),
        OpSpec("FULLY_CONNECTED", (4, 5), (6,), {}),
    ][:operators]
    last = ops[-1].outputs[0]
    path = folder / f"net{operators}.tflite"
    path.write_bytes(build(tensors[: last + 1], ops, [0], [last]))
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Profile]:
    """A network and its cost on the Cortex-M4."""
    need_packages("ziglang", "unicorn", "elftools")
    path = network(tmp_path_factory.mktemp("profile"), 4)
    return path, profile(path, "cortex-m4")


def test_operators_add_up(whole: tuple[Path, Profile]) -> None:
    path, found = whole
    assert [operator.type for operator in found.operators] == ["CONV_2D", "LOGISTIC", "FULLY_CONNECTED"]
    assert sum(operator.instructions for operator in found.operators) == found.instructions
    assert [operator.macs for operator in found.operators] == [6 * 5 * 4 * 27, 0, 9 * 120]
    assert min(operator.instructions for operator in found.operators) > 120
    assert found.arena_bytes == compile_graph(read_model(path)).plan.arena_bytes
    assert profile(path, "cortex-m4") == found


def test_an_operator_costs_the_same_alone(whole: tuple[Path, Profile], tmp_path: Path) -> None:
    """But for the few instructions that pass its arguments."""
    alone = profile(network(tmp_path, 1), "cortex-m4")
    assert len(alone.operators) == 1
    assert alone.instructions == pytest.approx(whole[1].operators[0].instructions, abs=40)


def test_weights_biases_and_factors_are_no_code(whole: tuple[Path, Profile]) -> None:
    _, found = whole
    weights, channels = 4 * 27 + 9 * 120, 4 + 9
    assert found.constant_bytes == weights + 4 * channels + (4 + 4 + 1) * (4 + 1)
    assert 256 < found.code_bytes < 12_000


def test_calls_that_are_not_all_seen_are_an_error(whole: tuple[Path, Profile], monkeypatch: pytest.MonkeyPatch) -> None:
    measure = CortexRuntime.measure

    def one_less(*args: object, **kwargs: object) -> Measurement:
        found = measure(*args, **kwargs)  # type: ignore[arg-type]
        return replace(found, calls=found.calls[1:])

    monkeypatch.setattr(CortexRuntime, "measure", one_less)
    with pytest.raises(ExportError, match=r"net4.tflite: counted 2 calls of kernels, expected 3"):
        profile(whole[0], "cortex-m4")
