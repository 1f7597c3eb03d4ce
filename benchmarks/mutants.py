"""Damaged .tflite files, the same in every run: real models, changed where the flatbuffer's structure is.

A seed model is walked once along its tables; that gives the `Site`s where offsets, vtables, counts, numbers and texts
lie. A mutant is a seed with one to six changes, most of them at a site: an offset that points elsewhere, a count that
is huge, a shape, a scale or a tensor's number that is another. Which ones is drawn from (seed, number) alone.
"""

from __future__ import annotations

import random
import struct
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "firmware_export"))

import matrix
import numpy as np
from random_network import random_network
from tflite_builder import OpSpec, SubgraphSpec, TensorSpec, build_subgraphs

from firmware_export.ops import OPS
from firmware_export.schema import OPERATORS, OPTIONS

SMALL, MEDIUM = 12_000, 80_000
"""Up to so many bytes a seed is taken often, or now and then; larger ones rarely."""
SHARES = (0.90, 0.085, 0.015)
DRAWN = 3
"""Models of one operator, of each operator."""
NETWORKS = 12

TABLES: Mapping[str, Mapping[int, str]] = {
    "Model": {0: "u32", 1: "[OperatorCode]", 2: "[SubGraph]", 3: "text", 4: "[Buffer]"},
    "OperatorCode": {0: "code8", 1: "text", 2: "i32", 3: "code32"},
    "SubGraph": {0: "[Tensor]", 1: "[i32]", 2: "[i32]", 3: "[Operator]", 4: "text"},
    "Tensor": {0: "[i32]", 1: "u8", 2: "u32", 3: "text", 4: "Quantization", 5: "u8"},
    "Quantization": {0: "[f32]", 1: "[f32]", 2: "[f32]", 3: "[i64]", 6: "i32"},
    "Operator": {0: "u32", 1: "[i32]", 2: "[i32]", 3: "kind", 4: "Options"},
    "Buffer": {0: "data", 1: "u64", 2: "u64"},
}
"""Table of the .tflite schema -> its fields; of Options all fields are numbers."""
FORMS = {"u8": "<B", "u32": "<I", "i32": "<i", "u64": "<Q", "i64": "<q", "f32": "<f", "offset": "<I"}
FORMS |= {"code8": "<B", "code32": "<I", "kind": "<B"}
"""The last three: an operator's code in its older and its newer field, and the kind of its options."""
INTEGERS = (0, 1, 2, 3, 4, 5, 7, 8, 16, 126, 127, 128, 255, 256, 5000, 32767, 65535, 1 << 20, 1 << 30, 2**31 - 1)
FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 1 / 256, 1e-3, 1e-45, 1e-38, 1e-20, 1e20, 3e38, float("inf"), float("nan"))


@dataclass(frozen=True)
class Site:
    """`size` bytes at `at`; `kind` is a key of FORMS, "back" (to the vtable), "vtable", "count", "text" or "data"."""

    kind: str
    at: int
    size: int


@dataclass(frozen=True)
class Seed:
    """A model that is mutated, and where its structure lies."""

    name: str
    data: bytes
    sites: tuple[Site, ...]


@dataclass(frozen=True)
class Mutant:
    """What is tried: `changes` says what was done to the model `seed`."""

    number: int
    seed: str
    data: bytes
    changes: tuple[str, ...]


def walk(data: bytes) -> tuple[Site, ...]:
    """The sites of a model that is not damaged, in the order of its tables."""
    return tuple(dict.fromkeys([Site("offset", 0, 4), *_walk_table(data, _u32(data, 0), "Model")]))


def _u32(data: bytes, at: int) -> int:
    return int(struct.unpack_from("<I", data, at)[0])


def _walk_table(data: bytes, at: int, table: str) -> Iterator[Site]:
    """The sites of one table and of all that it refers to."""
    yield Site("back", at, 4)
    vtable = at - int(struct.unpack_from("<i", data, at)[0])
    slots = struct.unpack_from("<H", data, vtable)[0] // 2
    for number in range(slots):
        yield Site("vtable", vtable + 2 * number, 2)
        offset = struct.unpack_from("<H", data, vtable + 2 * number)[0] if number >= 2 else 0
        kind = TABLES[table].get(number - 2, "u8") if table in TABLES else "i32"
        if offset:
            yield from _walk_field(data, at + offset, kind)


def _walk_field(data: bytes, at: int, kind: str) -> Iterator[Site]:
    """The sites of one field."""
    if kind in FORMS:
        yield Site(kind, at, struct.calcsize(FORMS[kind]))
        return
    yield Site("offset", at, 4)
    start = at + _u32(data, at)
    if not kind.startswith("[") and kind not in ("text", "data"):
        yield from _walk_table(data, start, kind)
        return
    yield Site("count", start, 4)
    count, item = _u32(data, start), kind.strip("[]")
    if item in ("text", "data"):
        yield Site(item, start + 4, count)
    elif item in FORMS:
        size = struct.calcsize(FORMS[item])
        yield from (Site(item, start + 4 + size * i, size) for i in range(count))
    else:
        for place in range(start + 4, start + 4 + 4 * count, 4):
            yield Site("offset", place, 4)
            yield from _walk_table(data, place + _u32(data, place), item)


class Mutator:
    """Draws mutants of a corpus."""

    def __init__(self, corpus: Mapping[str, bytes], seed: int) -> None:
        """Walks all models of the corpus (name -> bytes) once."""
        self._seed = seed
        seeds = [Seed(name, data, walk(data)) for name, data in corpus.items()]
        sizes = (0, SMALL, MEDIUM, 1 << 40)
        groups = [[s for s in seeds if low <= len(s.data) < high] for low, high in pairwise(sizes)]
        self._groups = [(group, share) for group, share in zip(groups, SHARES, strict=True) if group]

    def mutant(self, number: int) -> Mutant:
        """The mutant with this number: always the same for the same seed and corpus."""
        rng = random.Random(f"{self._seed}/{number}")
        seed, other = self._pick(rng), self._pick(rng)
        data, changes = bytearray(seed.data), []
        for _ in range(rng.choice((1, 1, 1, 1, 2, 2, 3, 6))):
            change = rng.choices(CHANGES, WEIGHTS)[0]
            changes.append(change(rng, data, seed, other))
        return Mutant(number, seed.name, bytes(data), tuple(changes))

    def _pick(self, rng: random.Random) -> Seed:
        groups = [group for group, _ in self._groups]
        return rng.choice(rng.choices(groups, [share for _, share in self._groups])[0])


def _write(data: bytearray, site: Site, raw: bytes) -> str:
    """Puts bytes at a site, as far as the file still reaches; what that did."""
    end = min(site.at + len(raw), len(data))
    if site.at < end:
        data[site.at : end] = raw[: end - site.at]
    return f"{site.kind} at {site.at} = {raw.hex()}"


def _site(rng: random.Random, seed: Seed, *kinds: str) -> Site:
    """Any site of these kinds; each kind is equally likely, since there are far more offsets than scales."""
    present = [kind for kind in kinds if any(site.kind == kind for site in seed.sites)]
    kind = rng.choice(present or ["offset"])
    return rng.choice([site for site in seed.sites if site.kind == kind])


def change_structure(rng: random.Random, data: bytearray, seed: Seed, other: Seed) -> str:
    """An offset, a vtable entry or a count that is another."""
    site = _site(rng, seed, "offset", "vtable", "count", "back")
    old = int.from_bytes(data[site.at : site.at + site.size], "little")
    limit = 1 << (8 * site.size)
    target = rng.choice(seed.sites).at - site.at
    near = old + rng.choice((-64, -8, -4, -2, -1, 1, 2, 4, 8, 64))
    many = rng.choice((100, 3000)) if site.kind == "count" else rng.randrange(limit)
    new = rng.choice((near, near, target, target, 0, limit - 1, limit // 2, len(data), many))
    return _write(data, site, (new % limit).to_bytes(site.size, "little"))


def change_number(rng: random.Random, data: bytearray, seed: Seed, other: Seed) -> str:
    """A number that is another: an extent, a tensor's or a buffer's, a type, an option, a scale, a zero point."""
    site = _site(rng, seed, "u8", "u32", "i32", "i64", "f32", "u64", "kind", "i32", "i32", "f32", "i64")
    return _write(data, site, _another(rng, bytes(data[site.at : site.at + site.size]), site))


def change_everywhere(rng: random.Random, data: bytearray, seed: Seed, other: Seed) -> str:
    """A number that is another wherever it stands: an extent of several shapes, the scale of several tensors."""
    site = _site(rng, seed, "i32", "i32", "f32", "i64", "u8")
    old = bytes(data[site.at : site.at + site.size])
    new = _another(rng, old, site)
    same = [s for s in seed.sites if s.kind == site.kind and data[s.at : s.at + s.size] == old]
    for place in same:
        _write(data, place, new)
    return f"{site.kind} {old.hex()} = {new.hex()} at {len(same)} places"


def _another(rng: random.Random, old: bytes, site: Site) -> bytes:
    """Bytes for a site that holds the number `old`."""
    raw = old.ljust(site.size, b"\0")
    if site.kind == "f32":
        real = struct.unpack("<f", raw)[0]
        return struct.pack("<f", _as_float32(rng.choice((*FLOATS, real * 2, real / 3, real * 1.01, real * 0.9))))
    value, few = int.from_bytes(raw, "little"), rng.randrange(0, 12)
    some = rng.choice(INTEGERS)
    new = rng.choice((few, few, few, value + 1, value + 1, value - 1, some, -some, rng.randrange(1 << 31)))
    return int(new % (1 << 8 * site.size)).to_bytes(site.size, "little")


def _as_float32(value: float) -> float:
    """`value`, which may be too large, as a float that a float32 holds."""
    with np.errstate(over="ignore"):
        return float(np.float32(value))


def change_operator(rng: random.Random, data: bytearray, seed: Seed, other: Seed) -> str:
    """Another operator of those that exist here, mostly with the kind of options that it has."""
    name = rng.choice(sorted(OPS.keys() & set(OPERATORS)))
    number = OPERATORS.index(name)
    old, new = ([s for s in seed.sites if s.kind == kind] for kind in ("code8", "code32"))
    which = rng.randrange(max(len(old), 1))
    changes = [_write(data, s, bytes([min(number, 127)])) for s in old[which : which + 1]]
    changes += [_write(data, s, struct.pack("<I", number)) for s in new[which : which + 1]]
    if rng.random() < 0.8:
        kind = OPTIONS.get(name, 0)
        changes += [_write(data, s, bytes([kind])) for s in seed.sites if s.kind == "kind"]
    return f"{name}: {', '.join(changes)}"


def swap_numbers(rng: random.Random, data: bytearray, seed: Seed, other: Seed) -> str:
    """Two sites of one kind change their values: operators that read other tensors, shapes that are turned round."""
    kind = rng.choice(("i32", "i32", "i32", "u32", "u8", "f32", "i64", "offset"))
    first, second = _site(rng, seed, kind), _site(rng, seed, kind)
    values = [bytes(data[s.at : s.at + s.size]) for s in (first, second)]
    return f"{_write(data, first, values[1])}, {_write(data, second, values[0])}"


def change_text(rng: random.Random, data: bytearray, seed: Seed, other: Seed) -> str:
    """A name with what may end a comment, a string or a line."""
    site = _site(rng, seed, "text")
    nasty = rng.choice(
        (b"*/ int x;", b"??/\n", b'"\\\n', b"/*", b"\xff\xfe", b"\xe2\x80\xae", b"\0", b"*\\", b"%s%n", b"`|<b>")
    )
    return _write(data, Site("text", site.at, site.size), nasty[: max(site.size, 1)])


def change_data(rng: random.Random, data: bytearray, seed: Seed, other: Seed) -> str:
    """Some bytes of a constant."""
    site = _site(rng, seed, "data")
    at = site.at + rng.randrange(max(site.size, 1))
    return _write(data, Site("data", at, 4), rng.choice((bytes(4), b"\xff" * 4, b"\x80" * 4, rng.randbytes(4))))


def flip_bytes(rng: random.Random, data: bytearray, seed: Seed, other: Seed) -> str:
    """Any bytes at all."""
    places = [rng.randrange(max(len(data), 1)) for _ in range(rng.choice((1, 2, 8)))]
    return ", ".join(_write(data, Site("byte", at, 1), rng.randbytes(1)) for at in places)


def cut(rng: random.Random, data: bytearray, seed: Seed, other: Seed) -> str:
    """The end of the file is missing, or a piece of it, or there is more."""
    anywhere = rng.randrange(16), rng.randrange(len(seed.data)), rng.choice(seed.sites).at, rng.choice(seed.sites).at
    at = rng.choice(anywhere)
    kind = rng.choice(("end", "piece", "more"))
    if kind == "end":
        del data[at:]
    elif kind == "piece":
        del data[at : at + rng.choice((1, 2, 4, 16, 64))]
    else:
        data[at:at] = rng.randbytes(rng.choice((1, 2, 4, 16, 64)))
    return f"{kind} at {at}"


def another_vector(rng: random.Random, data: bytearray, seed: Seed, other: Seed) -> str:
    """A vector of equal numbers, or of one table again and again, behind the file; something refers to it instead."""
    site = _site(rng, seed, "offset")
    data += bytes(-len(data) % 4)
    count, start, number = rng.choice((0, 1, 2, 4, 9, 100, 3000)), len(data), rng.randrange(6)
    old = site.at + int.from_bytes(data[site.at : site.at + 4], "little")
    first = old + 4 + int.from_bytes(data[old + 4 : old + 8], "little")
    tables = rng.random() < 0.5
    items = [first - (start + 4 + 4 * i) if tables else number for i in range(count)]
    data += struct.pack(f"<{count + 1}I", count, *(item % (1 << 32) for item in items))
    place = struct.pack("<I", (start - site.at) % (1 << 32))
    return f"{count} times {'a table' if tables else number}: {_write(data, site, place)}"


def splice(rng: random.Random, data: bytearray, seed: Seed, other: Seed) -> str:
    """A piece of this or of another model in place of a piece."""
    size = rng.choice((4, 8, 16, 32, 64, 256))
    source = rng.choice((seed.data, other.data))
    start = rng.randrange(max(len(source) - size, 1)) & ~3
    at = rng.choice(seed.sites).at
    return _write(data, Site("piece", at, size), source[start : start + size])


CHANGES: tuple[Callable[[random.Random, bytearray, Seed, Seed], str], ...] = (
    change_structure, change_number, change_everywhere, change_operator, swap_numbers, change_text, change_data,
    another_vector, flip_bytes, cut, splice,
)  # fmt: skip
WEIGHTS = (16, 32, 14, 8, 12, 4, 4, 5, 4, 2, 4)


def build_corpus(folders: Sequence[Path]) -> dict[str, bytes]:
    """Name -> bytes: the .tflite files of the folders, models of one operator, random networks, variables."""
    corpus = {path.name: path.read_bytes() for folder in folders for path in sorted(folder.rglob("*.tflite"))}
    for operator, draw in matrix.DRAW.items():
        for number in range(DRAWN):
            rng = np.random.default_rng([matrix.SEED, zlib.crc32(operator.encode()), number])
            corpus[f"{operator.lower()}-{number}"] = draw(operator, rng)
    corpus.update((f"network-{number}", random_network(number, 8)) for number in range(NETWORKS))
    corpus |= {f"variables-{number}": variables() for number in range(DRAWN)}
    return corpus | {"shapes": shapes(), "behind": behind()}


def behind() -> bytes:
    """A FULLY_CONNECTED whose weights lie behind the flatbuffer."""
    weights = TensorSpec((3, 4), scale=0.02, data=np.arange(-6, 6, dtype=np.int8).reshape(3, 4))
    bias = TensorSpec((3,), "int32", 0.001, data=np.array([100, -100, 7], np.int32))
    tensors = [TensorSpec((2, 4), scale=0.05), weights, bias, TensorSpec((2, 3), scale=0.1)]
    ops = [OpSpec("FULLY_CONNECTED", (0, 1, 2), (3,), {})]
    return build_subgraphs([SubgraphSpec(tensors, ops, [0], [3])], behind=True)


def shapes() -> bytes:
    """The shape of a RESHAPE, computed as Keras does it; and the operators of which no models are drawn."""
    numbers = [TensorSpec((1,), "int32", None, data=np.array([n], np.int32)) for n in (0, 1, 1)]
    scalar, row, q = TensorSpec((), "int32", None), TensorSpec((1, 12), scale=0.05), {"scale": 0.05, "zero_point": 3}
    tensors = [TensorSpec((1, 2, 3), **q), TensorSpec((3,), "int32", None), *numbers, scalar]  # 0 to 5
    tensors += [TensorSpec((), "int32", None, data=np.array(6, np.int32)), TensorSpec((2,), "int32", None)]
    tensors += [TensorSpec((1, 6), **q), TensorSpec((2,), "int32", None, data=np.array([1, 2], np.int32))]
    tensors += [TensorSpec((1, 12), **q), TensorSpec((2,), "int32", None, data=np.array([1, 12], np.int32))]
    tensors += [TensorSpec((), scale=0.05, data=np.array(9, np.int8)), *[row] * 3, TensorSpec((1, 12), "int32", None)]
    ops = [OpSpec("SHAPE", (0,), (1,), {}), OpSpec("STRIDED_SLICE", (1, 2, 3, 4), (5,), {"shrink_axis_mask": 1})]
    ops += [OpSpec("PACK", (5, 6), (7,), {"values_count": 2}), OpSpec("RESHAPE", (0, 7), (8,), {})]
    ops += [OpSpec("TILE", (8, 9), (10,), {}), OpSpec("FILL", (11, 12), (13,), {}), OpSpec("ADD", (10, 13), (14,), {})]
    ops += [OpSpec("RELU_N1_TO_1", (14,), (15,), {}), OpSpec("CAST", (15,), (16,), {})]
    return build_subgraphs([SubgraphSpec(tensors, ops, [0], [16, 14])])


def variables() -> bytes:
    """A network with two variables and the subgraph that gives them their first values."""
    x, handle = TensorSpec((1, 6), scale=0.05), TensorSpec((), "resource", None)
    names = [{"container": "", "shared_name": name} for name in ("a", "b")]
    ops = [OpSpec("CALL_ONCE", (), (), {"init_subgraph_index": 1})]
    ops += [OpSpec("VAR_HANDLE", (), (1,), names[0]), OpSpec("VAR_HANDLE", (), (3,), names[1])]
    ops += [OpSpec("READ_VARIABLE", (1,), (2,), {}), OpSpec("READ_VARIABLE", (3,), (4,), {})]
    ops += [OpSpec("ADD", (2, 0), (5,), {}), OpSpec("ASSIGN_VARIABLE", (1, 4), (), {})]
    ops += [OpSpec("ASSIGN_VARIABLE", (3, 5), (), {}), OpSpec("RELU", (4,), (6,), {})]
    first = [handle, TensorSpec((1, 6), scale=0.05, data=np.arange(6, dtype=np.int8))]
    once = [OpSpec("VAR_HANDLE", (), (0,), names[1]), OpSpec("ASSIGN_VARIABLE", (0, 1), (), {})]
    return build_subgraphs([SubgraphSpec([x, handle, x, handle, x, x, x], ops, [0], [6, 2]), SubgraphSpec(first, once)])
