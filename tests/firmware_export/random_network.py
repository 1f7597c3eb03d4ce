"""Small random int8 networks with branches, in which passes and the planner find much to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from single_op import random_int8
from tflite_builder import OpSpec, TensorSpec, build

from firmware_export.graph import OptionValue

QUANTS = ((0.05, -128), (0.05, 3), (0.031, 10))
"""Few, so that neighbours often agree and operators can be fused."""
SAME, VALID = 0, 1


class _Maker:
    """Adds operators to a growing network; `values` are the activations (1, H, W, C) that may be read."""

    def __init__(self, seed: int) -> None:
        self.source = np.random.RandomState(seed)
        self.seed = seed
        self.tensors: list[TensorSpec] = []
        self.ops: list[OpSpec] = []
        self.values: list[int] = []
        self.read: set[int] = set()

    def number(self, low: int, high: int) -> int:
        return int(self.source.randint(low, high + 1))

    def add_tensor(self, spec: TensorSpec) -> int:
        self.tensors.append(spec)
        return len(self.tensors) - 1

    def some_quant(self, like: int | None = None) -> tuple[float, int]:
        """The quantization of tensor `like`, mostly, or any."""
        if like is not None and self.number(0, 3):
            return self.quant(like)
        return QUANTS[self.number(0, len(QUANTS) - 1)]

    def quant(self, index: int) -> tuple[float, int]:
        spec = self.tensors[index]
        assert isinstance(spec.scale, float)
        return spec.scale, spec.zero_point

    def pick(self) -> int:
        """A value: mostly the newest."""
        return self.values[-1] if self.number(0, 2) else self.values[self.number(0, len(self.values) - 1)]

    def put(
        self,
        kind: str,
        inputs: tuple[int, ...],
        shape: tuple[int, ...],
        quant: tuple[float, int],
        options: Mapping[str, OptionValue] | None = None,
    ) -> int:
        """Adds an operator and its output, and returns that."""
        out = self.add_tensor(TensorSpec(shape, scale=quant[0], zero_point=quant[1]))
        self.ops.append(OpSpec(kind, inputs, (out,), options or {}))
        self.read.update(inputs)
        self.values.append(out)
        return out

    def shape(self, index: int) -> tuple[int, ...]:
        return tuple(self.tensors[index].shape)

    def unary(self, x: int) -> None:
        kind = ("RELU", "RELU6", "QUANTIZE", "LOGISTIC", "HARD_SWISH", "LEAKY_RELU")[self.number(0, 5)]
        same = self.quant(x) if kind == "RELU6" else self.some_quant(x)  # TFLM's RELU6 does not rescale
        self.put(kind, (x,), self.shape(x), (1 / 256, -128) if kind == "LOGISTIC" else same)

    def pad(self, x: int) -> None:
        top, bottom, left, right = (self.number(0, 2) for _ in range(4))
        data = np.array([(0, 0), (top, bottom), (left, right), (0, 0)], np.int32)
        paddings = self.add_tensor(TensorSpec((4, 2), "int32", None, data=data))
        b, h, w, c = self.shape(x)
        self.put("PAD", (x, paddings), (b, h + top + bottom, w + left + right, c), self.quant(x))

    def padded(self, x: int) -> None:
        """Padding and what may take it in."""
        self.pad(x)
        (self.conv, self.depthwise, self.pool)[self.number(0, 2)](self.values[-1])

    def _extents(self, x: int, size: tuple[int, int], stride: tuple[int, int], padding: int) -> tuple[int, int]:
        pairs = zip(self.shape(x)[1:3], size, stride, strict=True)
        height, width = ((n + s - (1 if padding == SAME else k)) // s for n, k, s in pairs)
        return height, width

    def _window(self, x: int) -> tuple[tuple[int, int], tuple[int, int], int, dict[str, OptionValue]]:
        size = (min(self.number(1, 3), self.shape(x)[1]), min(self.number(1, 3), self.shape(x)[2]))
        stride, padding = (self.number(1, 2), self.number(1, 2)), self.number(0, 1)
        options: dict[str, OptionValue] = {"stride_h": stride[0], "stride_w": stride[1], "padding": padding}
        return size, stride, padding, options

    def conv(self, x: int) -> None:
        size, stride, padding, options = self._window(x)
        depth = self.shape(x)[3]
        channels = self.number(1, 5)
        self._convolution("CONV_2D", x, (channels, *size, depth), channels, (size, stride, padding), options)

    def depthwise(self, x: int) -> None:
        size, stride, padding, options = self._window(x)
        channels = self.shape(x)[3]
        self._convolution("DEPTHWISE_CONV_2D", x, (1, *size, channels), channels, (size, stride, padding), options)

    def _convolution(
        self,
        kind: str,
        x: int,
        filter_shape: tuple[int, ...],
        channels: int,
        window: tuple[tuple[int, int], tuple[int, int], int],
        options: dict[str, OptionValue],
    ) -> None:
        height, width = self._extents(x, *window)
        weights = random_int8(self.seed + len(self.tensors), filter_shape)
        filters = self.add_tensor(TensorSpec(filter_shape, scale=0.01, data=weights))
        options |= {"activation": self.number(0, 3) if self.number(0, 2) == 0 else 0}
        options |= {"dilation_h": 1, "dilation_w": 1, "depth_multiplier": 1}
        self.put(kind, (x, filters), (1, height, width, channels), self.some_quant(), options)

    def pool(self, x: int) -> None:
        size, stride, padding, options = self._window(x)
        kind = ("MAX_POOL_2D", "AVERAGE_POOL_2D")[self.number(0, 1)]
        height, width = self._extents(x, size, stride, padding)
        options |= {"filter_h": size[0], "filter_w": size[1]}
        self.put(kind, (x,), (1, height, width, self.shape(x)[3]), self.quant(x), options)

    def add(self, x: int) -> None:
        """One of five operators with another value of the same shape, or a single constant."""
        kind = ("ADD", "SUB", "MUL", "MINIMUM", "MAXIMUM")[self.number(0, 4)]
        others = [i for i in self.values if self.shape(i) == self.shape(x)]
        other = others[self.number(0, len(others) - 1)]
        if self.number(0, 2) == 0:
            other = self.add_tensor(TensorSpec((1,), scale=0.05, data=random_int8(self.seed, (1,))))
        self.put(kind, (x, other), self.shape(x), self.some_quant())

    def join(self, x: int) -> None:
        """CONCATENATION along the channels, of one tensor or two."""
        same = [i for i in self.values if self.shape(i)[:3] == self.shape(x)[:3] and self.quant(i) == self.quant(x)]
        inputs = (x, same[self.number(0, len(same) - 1)]) if self.number(0, 1) else (x,)
        channels = sum(self.shape(i)[3] for i in inputs)
        self.put("CONCATENATION", inputs, (*self.shape(x)[:3], channels), self.quant(x), {"axis": 3})

    def reshape(self, x: int) -> None:
        b, h, w, c = self.shape(x)
        self.put("RESHAPE", (x,), (b, w, h, c) if self.number(0, 1) else (b, h, w, c), self.quant(x))


def random_network(seed: int, operators: int = 12) -> bytes:
    """A .tflite with one or two inputs and one to three outputs; the same in every run."""
    maker = _Maker(seed)
    for _ in range(maker.number(1, 2)):
        scale, zero = maker.some_quant()
        shape = (1, maker.number(3, 7), maker.number(3, 7), maker.number(1, 4))
        maker.values.append(maker.add_tensor(TensorSpec(shape, scale=scale, zero_point=zero)))
    inputs = list(maker.values)
    kinds: tuple[Callable[[int], None], ...] = (
        *(maker.unary,) * 5, *(maker.padded,) * 3, *(maker.conv,) * 3, *(maker.depthwise,) * 2,
        *(maker.pool,) * 2, *(maker.add,) * 3, *(maker.join,) * 2, maker.reshape, maker.pad,
    )  # fmt: skip
    for _ in range(operators):
        kinds[maker.number(0, len(kinds) - 1)](maker.pick())
    outputs = [i for i in maker.values if i not in maker.read and i not in inputs][-3:]
    return build(maker.tensors, maker.ops, inputs, outputs)
