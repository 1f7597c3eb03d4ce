"""Imports go from heavy to light, never back; and looking at edgenet costs nothing."""

import importlib.util
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

BLOCK = """
import importlib.abc, importlib, pkgutil, sys
class Block(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ImportError(name + " is off limits here")
sys.meta_path.insert(0, Block())
"""


def run_blocked(code: str, *blocked: str) -> subprocess.CompletedProcess[str]:
    script = BLOCK.format(blocked=set(blocked)) + code
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=False)


IMPORT_ALL = """
package = importlib.import_module({name!r})
count = 0
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
        count += 1
print(count)
"""


@pytest.mark.parametrize(
    ("name", "others"),
    [("device", ("edgenet", "firmware_export", "cv2")), ("firmware_export", ("edgenet", "device", "cv2"))],
)
def test_light_packages_import_without_tensorflow_and_each_other(name: str, others: tuple[str, ...]) -> None:
    done = run_blocked(IMPORT_ALL.format(name=name), "tensorflow", "keras", *others)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 5


def test_every_edgenet_module_imports_without_the_heavy_libraries() -> None:
    done = run_blocked(IMPORT_ALL.format(name="edgenet"), "tensorflow", "keras", "matplotlib", "sklearn", "cv2")
    assert done.returncode == 0, done.stderr


OURS = ("edgenet", "device")
HEAVY = ("tensorflow", "keras", "cv2", "matplotlib", "jinja2", "sklearn", "flatbuffers")
OPTIONAL = ("tflite_micro", "tflite_runtime", "ai_edge_litert", "ziglang", "unicorn", "elftools", "pytest")
ALONE = """
sys.modules.update(dict.fromkeys({missing!r}))
import firmware_export.cli
sys.exit(firmware_export.cli.main({words!r}))
"""
DIGITS = str(ROOT / "models" / "digits" / "model_int8.tflite")


@pytest.mark.slow
def test_firmware_export_works_alone(tmp_path: Path) -> None:
    words = ["export", DIGITS, "--name", "digits", "--out", str(tmp_path / "c")]
    done = run_blocked(ALONE.format(words=words, missing=OPTIONAL), *OURS, *HEAVY)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "c" / "digits.py").is_file()
    words = ["prove", DIGITS, "--project", str(tmp_path / "c"), "--runtimes", "numpy,host", "--count", "6"]
    done = run_blocked(ALONE.format(words=words, missing=OPTIONAL), *OURS, *HEAVY)
    assert "nothing is proved without tflm" in done.stdout, done.stderr
    assert done.stdout.count("  ok  ") == 2


@pytest.mark.slow
def test_firmware_export_proves_with_the_verify_extra_alone() -> None:
    if importlib.util.find_spec("tflite_micro") is None:
        pytest.skip("tflite_micro not installed: pip install 'edgenet[verify]'")
    words = ["prove", DIGITS, "--runtimes", "tflm,numpy,host", "--count", "6"]
    done = run_blocked(ALONE.format(words=words, missing=("ai_edge_litert", "tflite_runtime")), *OURS, *HEAVY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PROVED: 3 runtimes" in done.stdout


def test_edgenet_help_needs_no_tensorflow_and_no_numpy() -> None:
    code = "import edgenet.cli; sys.exit(edgenet.cli.main(['--help']))"
    done = run_blocked(code, "tensorflow", "keras", "numpy", "cv2", "flatbuffers")
    assert done.returncode == 0, done.stderr
    assert "export" in done.stdout


@pytest.mark.parametrize("command", [["-c", "import edgenet"], ["-m", "edgenet", "--help"]])
def test_looking_is_instant(command: list[str]) -> None:
    def seconds() -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, *command], capture_output=True, cwd=ROOT, check=True)
        return time.perf_counter() - began

    assert min(seconds() for _ in range(5)) < 0.3
