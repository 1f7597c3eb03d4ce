"""Writes a C project: the generated files, the kernels that they use, a Makefile, a README and a MANIFEST."""

from __future__ import annotations

import hashlib
import json
import keyword
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from pathlib import Path

from . import __version__, emit, report
from .cwriter import fill
from .errors import ExportError
from .files import is_marked, page_mark, replace_folder, same_place
from .graph import Array, Graph, Tensor
from .kernel_choice import Choice, choose_kernels
from .kernel_facts import KernelFacts, kernel_facts
from .passes import apply_passes
from .program import Program, lower
from .reader import read_tflite
from .targets import ANY_TARGET, Target
from .vectors import golden_vectors

VECTORS = 8
"""Golden vectors in a self-test."""
MANIFEST = "MANIFEST.json"
BUILT = re.compile(r"selftest|__pycache__|lib\w+-[\w.]+-\w+-\d+bit-[0-9a-f]{16}\.(so|dll|dylib)")
"""What `make`, Python and NAME.py build in a project."""
REPORT = page_mark("edgenet memory report")
"""Of a page of `--report`, which may lie in the project."""
_KEYWORDS = """
    auto break case char const continue default do double else enum extern float for goto if inline int long main
    register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
"""
C_KEYWORDS = frozenset(_KEYWORDS.split())
_HEADERS = """
    assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg stdatomic
    stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar wchar wctype
"""
_FILES = "makefile gnumakefile readme manifest labels selftest license"
TAKEN = frozenset((*_FILES.split(), *_HEADERS.split(), *sys.stdlib_module_names, "numpy", *keyword.kwlist))
"""With such a name NAME.c would be made into the Makefile, NAME.h be a header of C, NAME.py hide what it imports."""


@dataclass(frozen=True)
class TensorInfo:
    """An input or output of the network: real = scale * (q - zero_point)."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int


@dataclass(frozen=True)
class OperatorInfo:
    """An operator of the network: its index in the .tflite, its type, its output's name, what it costs."""

    index: int
    type: str
    output: str
    macs: int


@dataclass(frozen=True)
class ExportSummary:
    """What `export_c` wrote. Sizes in bytes: `weights_bytes` of all constant tables, `state_bytes` of the variables.

    `kernels` says which were chosen, where the target is a core.
    """

    out_dir: Path
    name: str
    arena_bytes: int
    weights_bytes: int
    macs: int
    operators: tuple[OperatorInfo, ...]
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    state_bytes: int = 0
    kernels: KernelFacts | None = None


def export_c(
    model_path: Path,
    out_dir: Path,
    *,
    name: str | None = None,
    labels: Sequence[str] | None = None,
    samples: Sequence[Array] | None = None,
    target: Target = ANY_TARGET,
) -> ExportSummary:
    """Writes the network of `model_path` as a C project into `out_dir`.

    Args:
        model_path: an int8 .tflite file.
        out_dir: a folder that does not exist, is empty, or holds an earlier export, which is replaced.
        name: the network's C identifier; by default made from the file name.
        labels: one text for each output value; by default the lines of `labels.txt` beside the model, if it exists.
        samples: one int8 array (N, *shape) for each input of the network, for the self-test.
        target: the core that the kernels are chosen for.

    Raises:
        ExportError: the model can't be read or is not supported, or the folder can't be written.
    """
    check_out_dir(out_dir, model_path)
    graph = read_model(model_path)
    choice = choose_kernels(apply_passes(graph), target)
    program = program_of(choice)
    identifier = c_identifier(model_path) if name is None else checked_identifier(name)
    texts = check_labels(program, read_labels(model_path) if labels is None else list(labels))
    contents = project_files(program, identifier, texts, golden_vectors(graph, samples or (), VECTORS), target=target)
    replace_folder(out_dir, contents)
    return replace(summary(program, out_dir, identifier), kernels=kernel_facts(choice, target))


def compile_graph(graph: Graph, target: Target = ANY_TARGET) -> Program:
    """The program of a network from `read_model`, for a target. Raises ExportError where that is not supported."""
    return program_of(choose_kernels(apply_passes(graph), target))


def program_of(choice: Choice) -> Program:
    """The program of a network whose kernels were chosen."""
    return lower(choice.graph, choice.plan)


def read_model(model_path: Path) -> Graph:
    """The graph of the network in `model_path`. Raises ExportError when it can't be read or is not supported."""
    try:
        data = model_path.read_bytes()
    except FileNotFoundError:
        raise ExportError(f"{model_path}: there is no such file.") from None
    except OSError as error:
        raise ExportError(f"{model_path}: can't be read ({(error.strerror or str(error)).lower()}).") from error
    return read_tflite(data, model_path.name)


def check_out_dir(out_dir: Path, model_path: Path | None = None) -> None:
    """Raises ExportError unless `out_dir` is absent, empty, or an earlier export with nothing of the user's in it.

    The model, where there is one already, must not lie in it.
    """
    if not out_dir.exists():
        return
    if not out_dir.is_dir():
        raise ExportError(f"{out_dir}: is a file; choose another folder with --out.")
    if Path.cwd().is_relative_to(out_dir.resolve()):
        raise ExportError(f"{out_dir}: is the folder you are in; choose a folder of its own with --out.")
    if model_path is not None and any(same_place(out_dir, above) for above in model_path.absolute().parents):
        raise ExportError(f"{out_dir}: holds the model, and would be replaced; choose another folder with --out.")
    present = sorted(path.name for path in out_dir.iterdir())
    written = _written_files(out_dir / MANIFEST)
    if not present:
        return
    if not written:
        raise ExportError(f"{out_dir}: holds files that are not an earlier export; choose another folder with --out.")
    for name in present:
        if not _is_ours(out_dir / name, written.get(name)):
            kind = "was edited since it was exported" if name in written else "was not written by the export"
            raise ExportError(
                f"{out_dir}: {name} {kind}, and the folder would be replaced; move it, or choose another folder "
                "with --out."
            )


def _written_files(manifest: Path) -> Mapping[str, str]:
    """File name -> sha256 as an earlier export's manifest says; empty where it is none of ours."""
    try:
        facts = json.loads(manifest.read_text("utf-8"))
        ours = str(facts["tool"]).startswith("edgenet ") and facts["format"] == 1
        return {str(name): str(digest) for name, digest in facts["files"].items()} if ours else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _is_ours(path: Path, digest: str | None) -> bool:
    """Whether a file or folder in a project is as the export wrote it, was built from that, or is a memory report."""
    if path.name == MANIFEST or BUILT.fullmatch(path.name):
        return True
    if not path.is_file():
        return False
    data = path.read_bytes()
    return hashlib.sha256(data).hexdigest() == digest if digest is not None else is_marked(data, REPORT)


def c_identifier(model_path: Path) -> str:
    """A C identifier made from a file name: lower case, everything else an underscore."""
    plain = re.sub(r"[^a-z0-9_]+", "_", model_path.stem.lower()).strip("_")
    if not plain or plain[0].isdigit() or plain in C_KEYWORDS or plain.startswith("edgenet") or is_taken(plain):
        plain = f"model_{plain}".rstrip("_")
    return plain


def checked_identifier(name: str) -> str:
    """`name`. Raises ExportError when it can't be a C identifier, belongs to edgenet's kernels, or is taken."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) or name in C_KEYWORDS or name.startswith("edgenet"):
        raise ExportError(f"--name {name}: is not a free C identifier; use letters, digits and underscores.")
    if is_taken(name):
        raise ExportError(
            f"--name {name}: a file of the project, a header of C or a module of Python has this name; choose another, "
            f"model_{name} for example."
        )
    return name


def is_taken(name: str) -> bool:
    """Whether files called `name` would be in the way of others, also where upper case counts as lower case."""
    kernels = {Path(file.name).stem for file in (files(__package__) / "c" / "kernels").iterdir()}
    return name.lower() in {word.lower() for word in (*TAKEN, *kernels)}


def read_labels(model_path: Path) -> list[str]:
    """The lines of labels.txt beside the model; none when there is no such file."""
    path = model_path.with_name("labels.txt")
    try:
        return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    except (OSError, UnicodeDecodeError) as error:
        raise ExportError(f"{path}: can't be read as UTF-8 text ({error}).") from error


def check_labels(program: Program, labels: list[str]) -> list[str]:
    """`labels`. Raises ExportError unless there are none, or one for each value of the first output."""
    size = program.outputs[0].size
    if labels and len(labels) != size:
        raise ExportError(f"{program.graph.name}: {len(labels)} labels for {size} output values; correct labels.txt.")
    return labels


def project_files(
    program: Program,
    name: str,
    labels: Sequence[str],
    vectors: Sequence[emit.Vector],
    *,
    target: Target = ANY_TARGET,
) -> Mapping[str, bytes]:
    """File name -> bytes of the whole project."""
    generated = emit.emit(program, name, labels, vectors)
    generated["README.md"] = _readme(program, name)
    if labels:
        generated["labels.txt"] = "".join(f"{label}\n" for label in labels)
    contents = {key: text.encode() for key, text in generated.items()}
    contents.update(emit.kernel_files(program))
    contents["Makefile"] = (files(__package__) / "c" / "projects" / "host" / "Makefile").read_bytes()
    contents[MANIFEST] = _manifest(program, name, labels, contents, target).encode()
    return dict(sorted(contents.items()))


def _manifest(program: Program, name: str, labels: Sequence[str], contents: Mapping[str, bytes], target: Target) -> str:
    facts = {
        "format": 1,
        "tool": f"edgenet {__version__}",
        "model": {"file": program.graph.name, "sha256": program.graph.sha256},
        "options": {
            "name": name,
            "format": "c",
            "labels": len(labels),
            "target": target.name,
            "optimize": target.optimize,
            "max_flash": target.max_flash,
            "max_ram": target.max_ram,
        },
        "arena_bytes": program.plan.arena_bytes,
        "state_bytes": program.plan.state_bytes,
        "weights_bytes": program.weights_bytes,
        "macs": program.macs,
        "operators": [asdict(info) for info in _operators(program)],
        "removed": [asdict(facts) for facts in report.removed_facts(program)],
        "inputs": [asdict(tensor_info(t)) for t in program.inputs],
        "outputs": [asdict(tensor_info(t)) for t in program.outputs],
        "files": {key: hashlib.sha256(data).hexdigest() for key, data in sorted(contents.items())},
    }
    return json.dumps(facts, indent=2) + "\n"


def _readme(program: Program, name: str) -> str:
    text = (files(__package__) / "c" / "skeletons" / "README.md").read_text(encoding="utf-8")
    rows = "\n".join(
        f"| {kind} | `{_cell(t.name)}` | {t.shape} | {t.scale:.9g} | {t.zero_point} |"
        for kind, tensors in (("input", program.inputs), ("output", program.outputs))
        for t in tensors
    )
    slots = {
        "name": name,
        "macro": name.upper(),
        "model": _cell(program.graph.name),
        "sha256": program.graph.sha256,
        "version": __version__,
        "arena_bytes": f"{program.plan.arena_bytes:,}",
        "state_row": f"\n| state (RAM) | {program.plan.state_bytes:,} bytes, another static buffer |"
        * bool(program.resets),
        "state": _state_note(name) if program.resets else "",
        "weights_bytes": f"{program.weights_bytes:,}",
        "macs": f"{program.macs:,}",
        "tensors": rows,
    }
    return fill(text, slots)


def _cell(text: str) -> str:
    """`text` as code in a cell of a Markdown table."""
    return "".join("?" if c in "`|" or not c.isprintable() else c for c in text)


def _state_note(name: str) -> str:
    return (
        "\n\nThe network remembers: what a run computes depends on the inputs of the runs before it. "
        f"`{name}_reset()` makes\nit forget, so that the next run is like the first one."
    )


def _operators(program: Program) -> tuple[OperatorInfo, ...]:
    return tuple(OperatorInfo(s.node.op.index, s.node.op.type, s.node.output.name, s.macs) for s in program.steps)


def tensor_info(tensor: Tensor) -> TensorInfo:
    """What a user has to know of a tensor."""
    return TensorInfo(tensor.name, tensor.shape, tensor.dtype, tensor.scale, tensor.zero_point)


def summary(program: Program, out_dir: Path, name: str) -> ExportSummary:
    """What `program`, written to `out_dir` as `name`, amounts to."""
    return ExportSummary(
        out_dir=out_dir,
        name=name,
        arena_bytes=program.plan.arena_bytes,
        weights_bytes=program.weights_bytes,
        macs=program.macs,
        operators=_operators(program),
        inputs=tuple(tensor_info(t) for t in program.inputs),
        outputs=tuple(tensor_info(t) for t in program.outputs),
        state_bytes=program.plan.state_bytes,
    )
