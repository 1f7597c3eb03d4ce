"""benchmarks/mcu.py: its table, its baseline, and what it calls a regression. The figures themselves are its own."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
DIGITS = ROOT / "models" / "digits" / "model_int8.tflite"
sys.path.insert(0, str(ROOT / "tests" / "firmware_export"))

from needs import need_packages  # noqa: E402
from test_profile import network  # noqa: E402


@pytest.fixture(scope="module")
def mcu() -> ModuleType:
    """The benchmark as a module."""
    spec = importlib.util.spec_from_file_location("mcu", ROOT / "benchmarks" / "mcu.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["mcu"] = module
    spec.loader.exec_module(module)
    return module


def run(
    mcu: ModuleType, capsys: pytest.CaptureFixture[str], model: Path, baseline: Path, *more: str
) -> tuple[int, str, str]:
    arguments = ["--models", str(model), "--build", "cortex-m4", "--compiler", "zig", "--baseline", str(baseline)]
    code = mcu.main([*arguments, *more])
    done = capsys.readouterr()
    return code, done.out, done.err


def test_figures_are_kept_and_compared(mcu: ModuleType, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    need_packages("ziglang", "unicorn", "elftools")
    model, baseline = network(tmp_path, 4), tmp_path / "baseline.json"
    code, out, err = run(mcu, capsys, model, baseline, "--json", "--check")
    assert code == 1
    assert "net4 on cortex-m4: no baseline for zig cc" in err
    (row,) = json.loads(out)
    code, out, err = run(mcu, capsys, model, baseline, "--update", "--check", "--layers")
    assert code == 0
    assert "1 of 1 within 1 % of the baseline" in err
    instructions = row["profile"]["instructions"]
    assert f"{instructions:,}" in out
    assert out.count("FULLY_CONNECTED") == 1
    kept = json.loads(baseline.read_text())
    figures = next(iter(kept[row["sha256"]]["figures"].values()))["cortex-m4"]
    assert figures["instructions"] == instructions
    figures["instructions"] = int(instructions / 1.02)
    baseline.write_text(json.dumps(kept))
    code, out, err = run(mcu, capsys, model, baseline, "--check")
    assert code == 1
    assert f"net4 on cortex-m4: instructions {figures['instructions']:,} -> {instructions:,} (+2.0 %)" in err


def test_a_missing_model_is_one_line(mcu: ModuleType, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    need_packages("ziglang", "unicorn", "elftools")
    code, _, err = run(mcu, capsys, tmp_path / "none.tflite", tmp_path / "baseline.json")
    assert code == 1
    assert "none.tflite" in err.splitlines()[-1]


def test_committed_files_belong_together(mcu: ModuleType) -> None:
    baseline: dict[str, Any] = json.loads((ROOT / "benchmarks" / "baseline_mcu.json").read_text())
    reference = json.loads((ROOT / "benchmarks" / "reference" / "tflm_mcu.json").read_text())
    known = {model["sha256"] for model in reference["models"].values() if model["sha256"]}
    assert known <= set(baseline)
    for entry in baseline.values():
        for cores in entry["figures"].values():
            assert set(cores) >= set(mcu.DEFAULT_BUILDS)
            assert all(set(figures) == set(mcu.CHECKED) for figures in cores.values())
    assert reference["models"]["mlperf_tiny_ic_resnet8"]["reference_kernels"]["cortex-m4"] == 107_487_169


def committed(name: str, build: str) -> dict[str, int]:
    """The figures of a reference network with gcc."""
    baseline = json.loads((ROOT / "benchmarks" / "baseline_mcu.json").read_text())
    models = json.loads((ROOT / "benchmarks" / "reference" / "tflm_mcu.json").read_text())["models"]
    builds = baseline[models[name]["sha256"]]["figures"]
    figures: dict[str, int] = next(builds[key] for key in builds if "gcc" in key)[build]
    return figures


def test_goals_of_plain_c_hold_by_the_committed_figures(mcu: ModuleType) -> None:
    """3 times fewer instructions than TFLM's reference kernels (2.5 for the autoencoder), and at most 12 KB of code."""
    baseline = json.loads((ROOT / "benchmarks" / "baseline_mcu.json").read_text())
    reference = json.loads((ROOT / "benchmarks" / "reference" / "tflm_mcu.json").read_text())["models"]
    tried = 0
    for name, model in reference.items():
        for compiler, builds in baseline.get(model["sha256"], {"figures": {}})["figures"].items():
            figures = builds["cortex-m4"]
            least = 2.5 if "autoencoder" in name else 2.0 if "hello_world" in name else 3.0
            assert model["reference_kernels"]["cortex-m4"] >= least * figures["instructions"], (name, compiler)
            assert figures["code_bytes"] <= 12 * 1024 or "zig" in compiler, (name, compiler)
            tried += 1
    assert tried >= 14


@pytest.mark.parametrize(
    ("name", "speed", "arena", "m3", "m0plus"),
    [
        ("mlperf_tiny_ic_resnet8", 8.5e6, 40_960, 30e6, 85e6),
        ("mlperf_tiny_kws_dscnn", 2.7e6, 10_240, 7.5e6, 21e6),
        ("mlperf_tiny_vww_mobilenet_v1_025", 4.8e6, 40_960, 14e6, 36e6),
        ("mlperf_tiny_ad_autoencoder", 0.29e6, 2_150, 0.65e6, 1.4e6),
    ],
)
def test_goals_of_each_core_hold_by_the_committed_figures(
    name: str, speed: float, arena: int, m3: float, m0plus: float
) -> None:
    fast = committed(name, "cortex-m4/speed")
    assert fast["instructions"] <= speed
    assert fast["arena_bytes"] <= arena
    assert committed(name, "cortex-m3/speed")["instructions"] <= m3
    assert committed(name, "cortex-m0plus/speed")["instructions"] <= m0plus
