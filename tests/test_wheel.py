"""The wheel carries the released models and runs outside the repository without tensorflow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheel")]

BLOCK = """
import importlib.abc, sys
class Block(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("tensorflow", "keras", "sklearn", "matplotlib"):
            raise ImportError(name + " is not installed here")
sys.meta_path.insert(0, Block())
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but what the wheel installs, on a machine without the train extra."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    (folder / "site" / "sitecustomize.py").write_text(BLOCK)
    return folder / "site"


def run(site: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "EDGENET_DATA"}
    environment |= {"PYTHONPATH": str(site), "PYTHONSAFEPATH": "1", "XDG_CACHE_HOME": str(cwd), "HOME": str(cwd)}
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("package", ["edgenet", "device"])
def test_sim_runs_from_the_wheel_alone(site: Path, tmp_path: Path, package: str) -> None:
    done = run(site, tmp_path, package, "run", "digits", "--source", "sim", "--frames", "20", "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["frames"] == 20
    assert summary["score"]["recall"] > 0.8  # digits that the program draws itself: no data set is here


def test_the_wheel_exports_and_is_the_code_in_use(site: Path, tmp_path: Path) -> None:
    done = run(site, tmp_path, "edgenet", "export", "digits", "--out", "c", "--json")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "c" / "MANIFEST.json").is_file()
    where = (
        "import edgenet, device, firmware_export; print(edgenet.__file__, device.__file__, firmware_export.__file__)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", where], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(site)}, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert shown.stdout.count(str(site)) == 3


def test_what_needs_training_packages_says_which_line_installs_them(site: Path, tmp_path: Path) -> None:
    done = run(site, tmp_path, "edgenet", "train", "digits")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "pip install 'edgenet[train]'" in done.stderr
