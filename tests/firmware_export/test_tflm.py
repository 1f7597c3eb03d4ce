"""TFLite Micro's interpreter: equal to the goldens, operators readable, memory steady, arena measured."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from needs import need_packages, tflite_model
from tflite_builder import OpSpec, TensorSpec, build

from firmware_export import tflm
from firmware_export.batch import NotAvailableError
from firmware_export.graph import Graph
from firmware_export.prove import prove
from firmware_export.reader import read_tflite
from firmware_export.tables import root

TOPK_V2 = 48
MNIST = "mnist_cnn_emlearn.tflite"


def load(name: str) -> tuple[bytes, Graph]:
    need_packages("tflite_micro")
    path = tflite_model(name)
    data = path.read_bytes()
    return data, read_tflite(data, path.name)


@pytest.mark.parametrize("name", [MNIST, "tflm_hello_world_sine.tflite", "mlperf_tiny_kws_dscnn.tflite"])
def test_equals_the_goldens(name: str) -> None:
    data, graph = load(name)
    path = tflite_model(name)
    with np.load(path.parent / "golden" / f"{path.stem}.npz") as golden:
        batch = tflm.TflmRuntime(data, graph).run([golden["input_0"]], tap=False)
        np.testing.assert_array_equal(batch.outputs[0], golden["output_0"])


def test_operators_are_read() -> None:
    data, graph = load(MNIST)
    noise = np.random.default_rng(0).integers(-128, 128, (3, 1, 28, 28, 1)).astype(np.int8)
    batch = tflm.TflmRuntime(data, graph).run([noise], tap=True)
    assert [values.shape for values in batch.operators.values()] == [
        (3, graph.tensors[op.outputs[0]].size) for op in graph.ops
    ]
    np.testing.assert_array_equal(batch.operators[5], batch.outputs[0].reshape(3, 10))


def test_memory_is_steady() -> None:
    load(MNIST)
    code = f"""
import re, pathlib, numpy as np
from firmware_export import tflm
from firmware_export.reader import read_tflite
data = open({str(tflite_model(MNIST))!r}, "rb").read()
runtime = tflm.TflmRuntime(data, read_tflite(data, "m"))
x = np.zeros((500, 1, 28, 28, 1), np.int8)
def peak():
    status = pathlib.Path(f"/proc/{{runtime._worker._worker._process.pid}}/status").read_text()
    return int(re.search(r"VmHWM:\\s*(\\d+)", status)[1])
runtime.run([x], tap=True)
before = peak()
for _ in range(6):
    runtime.run([x], tap=True)
print(peak() - before)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert int(done.stdout) < 2048, "KiB grown in 3,000 samples; leaked operators would be 5,500"


@pytest.mark.parametrize(("name", "arena_bytes"), [(MNIST, 4544), ("mlperf_tiny_vww_mobilenet_v1_025.tflite", 103680)])
def test_arena(name: str, arena_bytes: int) -> None:
    data, graph = load(name)
    assert tflm.measure_arena(data, graph.name) == arena_bytes


def test_a_model_that_tflm_refuses(capfd: pytest.CaptureFixture[str]) -> None:
    data, graph = load(MNIST)
    with pytest.raises(NotAvailableError, match=r"TFLite Micro refuses mnist_cnn_emlearn\.tflite: .*TOPK_V2"):
        tflm.TflmRuntime(with_operator(data, TOPK_V2), graph)
    assert capfd.readouterr().err == ""


def test_a_crash_of_tflm_ends_only_its_own_process(tmp_path: Path) -> None:
    """Its SOFTMAX aborts the process for 512 equal logits and more."""
    need_packages("tflite_micro")
    logits, shares = TensorSpec((1, 1000), scale=0.1), TensorSpec((1, 1000), scale=1 / 256, zero_point=-128)
    model = tmp_path / "thousand.tflite"
    model.write_bytes(build([logits, shares], [OpSpec("SOFTMAX", (0,), (1,), {"beta": 1.0})], [0], [1]))
    proof = prove(model, count=8, runtimes=("tflm", "numpy"))
    assert proof.verdict == "incomplete"
    assert proof.runtime("tflm").status == "not run"
    assert "TFLite Micro crashed in thousand.tflite, at sample 1 of 8 (signal SIGABRT)" in proof.message


def test_the_workers_end_with_their_runtime() -> None:
    runtime = tflm.TflmRuntime(*load(MNIST))
    process = runtime._worker._worker._process
    assert process.poll() is None
    del runtime
    assert process.poll() is not None


def test_missing_package_is_not_available(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(NotAvailableError, match=r"tflite-micro is not installed .*pip install 'edgenet\[verify\]'"):
        tflm.tflm_version()


def with_operator(data: bytes, code: int) -> bytes:
    """The file with another operator instead of its first."""
    entry = root(data).tables(1)[0]
    changed = bytearray(data)
    changed[entry._field(0)] = code
    if entry._field(3):
        changed[entry._field(3)] = code
    return bytes(changed)
