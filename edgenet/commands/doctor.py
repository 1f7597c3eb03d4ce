"""`edgenet doctor`: what is installed here, and what is missing for which verb."""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
from dataclasses import asdict, dataclass

from edgenet.data import cache_folder, load_split
from edgenet.errors import DataError

# extra -> (what it is for, ((import name, distribution names that provide it), ...))
EXTRAS: dict[str, tuple[str, tuple[tuple[str, tuple[str, ...]], ...]]] = {
    "train": (
        "train, quantize, check, build",
        (
            ("keras", ("keras",)),
            ("tensorflow", ("tensorflow-cpu", "tensorflow")),
            ("ai_edge_litert", ("ai-edge-litert",)),
            ("cv2", ("opencv-python-headless", "opencv-python")),
            ("sklearn", ("scikit-learn",)),
            ("matplotlib", ("matplotlib",)),
            ("jinja2", ("jinja2",)),
        ),
    ),
    "verify": (
        "prove",
        (
            ("tflite_micro", ("tflite-micro",)),
            ("yaml", ("pyyaml",)),
            ("ziglang", ("ziglang",)),
            ("unicorn", ("unicorn",)),
            ("elftools", ("pyelftools",)),
        ),
    ),
    "device": (
        "run",
        (
            ("cv2", ("opencv-python-headless", "opencv-python")),
            ("ai_edge_litert|tflite_runtime", ("ai-edge-litert", "tflite-runtime")),
        ),
    ),
}


@dataclass(frozen=True)
class Extra:
    """One optional extra: complete when nothing is missing."""

    name: str
    verbs: str
    installed: dict[str, str]
    missing: tuple[str, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb has no options of its own."""


def run(args: argparse.Namespace) -> int:
    """Prints what is here; exit code 1 if an extra is incomplete."""
    extras = [inspect_extra(name) for name in EXTRAS]
    compilers = [name for name in ("gcc", "clang", "cc") if shutil.which(name)]
    places = {"EDGENET_DATA": os.environ.get("EDGENET_DATA", "not set"), "cache folder": str(cache_folder())}
    places["digits"] = _digits()
    if args.json:
        print(json.dumps({"extras": [asdict(e) for e in extras], "compilers": compilers, "data": places}, indent=2))
    else:
        print(f"Python {platform.python_version()} on {platform.system()} {platform.machine()}")
        for extra in extras:
            print(_words(extra))
        print(f"host C compilers: {', '.join(compilers) or 'none; ziglang from the verify extra serves'}")
        print("data: " + ", ".join(f"{name}: {value}" for name, value in places.items()))
    return 1 if any(extra.missing for extra in extras) else 0


def _digits() -> str:
    """Which digits `--data mnist` and the simulated camera would show; downloads nothing."""
    try:
        return load_split("mnist", "test", download=False).source
    except DataError as error:
        return str(error)


def inspect_extra(name: str) -> Extra:
    """What of an extra is installed, by version, and what is missing."""
    verbs, modules = EXTRAS[name]
    installed: dict[str, str] = {}
    missing: list[str] = []
    for module, distributions in modules:
        if any(importlib.util.find_spec(choice) for choice in module.split("|")):
            installed |= _versions(distributions)
        else:
            missing.append(distributions[0])
    return Extra(name, verbs, installed, tuple(missing))


def _versions(distributions: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for distribution in distributions:
        try:
            found[distribution] = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _words(extra: Extra) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in extra.installed.items()) or "nothing installed"
    if not extra.missing:
        return f"{extra.name} ({extra.verbs}): ok: {versions}"
    return (
        f"{extra.name} ({extra.verbs}): {', '.join(extra.missing)} missing; pip install 'edgenet[{extra.name}]' "
        f"({versions})"
    )
