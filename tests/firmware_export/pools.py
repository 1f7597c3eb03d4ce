"""Shapes that pools are tried over."""

from __future__ import annotations

from dataclasses import dataclass, replace

from single_op import Single
from tflite_builder import TensorSpec

SAME, VALID = 0, 1


@dataclass(frozen=True)
class Case:
    """A pool; each pair is (height, width)."""

    size: tuple[int, int] = (7, 6)
    kernel: tuple[int, int] = (2, 2)
    stride: tuple[int, int] = (2, 2)
    padding: int = SAME
    activation: int = 0
    batch: int = 1
    channels: int = 3
    scales: tuple[float, float] = (0.1, 0.1)
    zeros: tuple[int, int] = (-4, -4)


PLAIN = Case()
CASES = [
    PLAIN,
    replace(PLAIN, padding=VALID),
    replace(PLAIN, kernel=(3, 2), stride=(1, 2)),
    replace(PLAIN, kernel=(3, 3), stride=(2, 1), padding=VALID, size=(7, 8)),
    replace(PLAIN, kernel=(7, 6), padding=VALID),
    replace(PLAIN, kernel=(7, 6), stride=(1, 1)),
    replace(PLAIN, kernel=(9, 11), stride=(1, 1)),
    replace(PLAIN, kernel=(9, 11), stride=(4, 5)),
    replace(PLAIN, kernel=(20, 1), stride=(3, 1)),
    replace(PLAIN, kernel=(1, 1), stride=(3, 4)),
    replace(PLAIN, kernel=(2, 1), stride=(3, 4), padding=VALID),
    replace(PLAIN, kernel=(1, 1), stride=(1, 1), size=(1, 1)),
    replace(PLAIN, batch=3, size=(5, 4)),
    replace(PLAIN, channels=1, kernel=(3, 3)),
    replace(PLAIN, channels=17),
    replace(PLAIN, scales=(0.1, 0.1000005)),
    replace(PLAIN, scales=(2e-7, 1.1e-6)),
    *(replace(PLAIN, activation=code, scales=(0.03, 0.03)) for code in (1, 2, 3)),
    *(replace(PLAIN, kernel=(3, 3), zeros=(zero, zero)) for zero in (-128, 127)),
]


def pool(kind: str, case: Case) -> Single:
    out = []
    for size, kernel, stride in zip(case.size, case.kernel, case.stride, strict=True):
        out.append((size + stride - (1 if case.padding == SAME else kernel)) // stride)
    sizes = (case.size, out)
    tensors = [
        TensorSpec((case.batch, *hw, case.channels), scale=scale, zero_point=zero)
        for hw, scale, zero in zip(sizes, case.scales, case.zeros, strict=True)
    ]
    options = {"padding": case.padding, "stride_h": case.stride[0], "stride_w": case.stride[1]}
    options |= {"activation": case.activation, "filter_h": case.kernel[0], "filter_w": case.kernel[1]}
    return Single(kind, tensors[:1], tensors[1:], options)
