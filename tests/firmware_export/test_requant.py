"""Short forms of requantization: exhaustively equal to the exact arithmetic, or not given out at all."""

import json
from dataclasses import replace

import numpy as np
import pytest
from needs import tflite_model

from firmware_export import requant
from firmware_export.ops.arithmetic import requantize
from firmware_export.ops.linear import constant_bias
from firmware_export.reader import read_tflite
from firmware_export.requant import Channels, KappaStaircase, Linear, Staircase, first_residue, take

SCALES = (1, 4, 256)


def channels(multiplier, shift, zero_point=-128, low=-128, high=127, acc_low=-40_000, acc_high=40_000):
    arrays = np.broadcast_arrays(
        *(np.atleast_1d(np.asarray(v, np.int64)) for v in (multiplier, shift, acc_low, acc_high))
    )
    return Channels(arrays[0], arrays[1], zero_point, low, high, arrays[2], arrays[3])


def drawn(rng, zero_point, low, high, shifts, count=6, reach=2**16):
    multipliers = rng.integers(2**30, 2**31, count)
    multipliers[:2] = 2**30, 2**31 - 1
    reaches = rng.integers(1, reach, (2, count))
    return channels(multipliers, rng.integers(*shifts, count), zero_point, low, high, -reaches[0], reaches[1])


def same_everywhere(what, form):
    """(C,) whether the form equals the exact arithmetic at every accumulator in range, one by one, all in Python."""
    return np.array([_same(take(what, [c]), take(form, [c])) for c in range(len(what))], bool)


def _same(what, form):
    acc = np.arange(what.acc_low[0], what.acc_high[0] + 1)[:, None]
    exact = np.clip(requantize(acc, what.multiplier, what.shift) + what.zero_point, what.low, what.high)
    values = instructions(form, acc)
    return np.array_equal(np.clip(values, what.low, what.high) if form.clamps else values, exact)


def instructions(form, acc):
    """What a Cortex-M4 computes, written down once more: registers of 32 bits that wrap."""
    multiplier = int32(form.multiplier)
    if isinstance(form, Linear):
        x = (int32(acc << form.left) * multiplier + 2**31) >> 32
        return np.clip(int32(int32(x + (x >> 31)) + form.constant) >> form.right, -128, 127)
    fine = isinstance(form, KappaStaircase)
    total = int32(form.kappa * acc + form.fine) if fine else int32(form.scale * acc + form.scale * form.offset)
    added = 0 if fine else form.constant
    return np.clip(int32(added + (total * multiplier >> 32)) >> form.shift, -128, 127)


def int32(x):
    return ((x + 2**31) & (2**32 - 1)) - 2**31


def forms_of(what):
    found = {f"scale {scale}": requant.staircase_channels(what, scale) for scale in SCALES}
    return {**found, "kappa": requant.kappa_channels(what), "linear": requant.linear_channels(what)}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("zero_point", "low", "high"),
    [(-128, -128, 127), (-128, -128, 63), (0, 0, 127), (-37, -37, 40), (127, 127, 127), (-100, -60, 90)],
)
def test_every_form_of_a_relu_layer_equals_the_exact_arithmetic_everywhere(seed, zero_point, low, high):
    what = drawn(np.random.default_rng(seed), zero_point, low, high, (-12, -2))
    for name, (form, proved) in forms_of(what).items():
        assert proved.all(), name
        assert same_everywhere(what, form).all(), name


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("zero_point", [-128, -127, -1, 0, 5, 127])
@pytest.mark.parametrize("shifts", [(-12, -2), (-2, 4)])
def test_linear_layers_have_an_exact_form_and_what_else_is_proved_is_exact_too(seed, zero_point, shifts):
    what = drawn(np.random.default_rng(seed), zero_point, -128, 127, shifts)
    for name, (form, proved) in forms_of(what).items():
        assert same_everywhere(take(what, proved), take(form, proved)).all(), name
        assert name != "linear" or proved.all()


def test_a_staircase_of_a_linear_layer_is_refused():
    what = channels(1_500_000_001, -9, zero_point=0)
    assert requant.staircase(what, 1) is None
    assert requant.staircase(what, 256) is None
    assert requant.kappa_staircase(what) is None
    assert requant.linear(what) is not None


@pytest.mark.parametrize("zero_point", [-128, 0])
@pytest.mark.parametrize("shift", [-8, -1, 0])
def test_ties_round_as_in_tflite(zero_point, shift):
    """With multiplier 2**30 every second accumulator is a tie of one of the two roundings."""
    what = channels(2**30, shift, zero_point, acc_low=-3000, acc_high=3000)
    form = requant.linear(what)
    assert form is not None
    assert same_everywhere(what, form).all()
    if zero_point == -128 and shift < 0:
        found = requant.staircase(what, 256)
        assert found is not None
        assert same_everywhere(what, found).all()


@pytest.mark.parametrize(("acc", "low", "high"), [(0, -128, 127), (-700, -128, 127), (12345, -128, 20), (5, 7, 7)])
def test_a_channel_with_one_accumulator_is_constant(acc, low, high):
    what = channels([1_200_000_000, 0], [-6, 0], -128, low, high, acc, acc)
    for name, (form, proved) in forms_of(what).items():
        assert proved.all(), name
        assert same_everywhere(what, form).all(), name


def test_a_dead_channel_beside_live_ones_does_not_change_their_shift():
    live = drawn(np.random.default_rng(5), -128, -128, 127, (-9, -7))
    dead = channels(1_100_000_000, -30, acc_low=-(2**31), acc_high=-(2**30))
    both = Channels(
        *(np.append(getattr(live, n), getattr(dead, n)) for n in ("multiplier", "shift")),
        -128, -128, 127,
        *(np.append(getattr(live, n), getattr(dead, n)) for n in ("acc_low", "acc_high")),
    )  # fmt: skip
    form, proved = requant.staircase_channels(both, 256)
    assert proved.all()
    assert form.shift == requant.staircase(live, 256).shift


def test_nearly_the_whole_range_of_int32_is_proved_and_sampled():
    """An offset has to fit in as well."""
    bounds = {"acc_low": 2**16 - 2**31, "acc_high": 2**31 - 2**16}
    what = channels([2**30, 2**31 - 1, 1_700_000_003], [-22, -23, -22], **bounds)
    form = requant.staircase(what, 1)
    assert form is not None
    acc = np.random.default_rng(0).integers(what.acc_low[0], what.acc_high[0], (200_000, 3))
    assert (form.values(acc) == what.values(acc)).all()
    assert not requant.linear_channels(what)[1].any()  # nothing left to double


def test_an_accumulator_that_the_scale_drives_out_of_int32_is_not_proved():
    what = channels(1_700_000_003, -16, acc_low=-(2**23) - 1, acc_high=2**23)
    assert requant.staircase(what, 256) is None
    assert requant.staircase(what, 1) is not None


def test_a_left_shift_that_wraps_is_not_proved():
    what = channels(2**30, 8, zero_point=0, acc_low=-(2**24), acc_high=2**23)
    for name, (_, proved) in forms_of(what).items():
        assert not proved.any(), name


def test_tiny_scales_give_one_value_or_a_few_steps():
    what = channels(1_999_999_999, [-31, -30, -25, -20], zero_point=-128, acc_low=-(2**20), acc_high=2**20)
    for name, (form, proved) in forms_of(what).items():
        assert proved.all() or name == "kappa", name  # its bias alone can't reach zero_point / scale
        assert (form.values(what.acc_high) == what.values(what.acc_high))[proved].all()


def test_clamps_says_whether_ssat8_is_enough():
    relu6 = channels(1_200_000_000, -6, high=63)
    assert requant.staircase(relu6, 1).clamps
    assert not requant.staircase(replace(relu6, acc_high=np.array([20_000])), 1).clamps
    assert requant.linear(replace(relu6, zero_point=3, low=3)).clamps
    assert not requant.linear(replace(relu6, zero_point=3, high=127)).clamps
    assert requant.check_linear(relu6, requant.linear(relu6)) == []


def test_kappas_stay_below_the_limit_of_each_channel():
    what = drawn(np.random.default_rng(8), -128, -128, 127, (-9, -7), count=40)
    limit = np.random.default_rng(9).integers(150, 259, 40)
    form, proved = requant.kappa_channels(what, limit=limit)
    assert proved.mean() > 0.9
    assert (form.kappa <= limit).all()
    assert same_everywhere(take(what, proved), take(form, proved)).all()
    for too_small in (0, 128):
        assert not requant.kappa_channels(what, limit=too_small)[1].any()


CORRUPTED = {
    "scale 1": ("multiplier", "constant", "offset"),
    "scale 256": ("multiplier", "constant", "offset"),
    "kappa": ("multiplier", "fine", "kappa"),
    "linear": ("multiplier", "constant"),
}


@pytest.mark.parametrize("change", [-(2**14), -1, 1, 2**14])
@pytest.mark.parametrize(("name", "field"), [(name, field) for name, fields in CORRUPTED.items() for field in fields])
def test_the_proof_agrees_with_brute_force_on_corrupted_forms(name, field, change):
    what = drawn(np.random.default_rng(11), -128, -128, 127, (-7, -2), count=24)
    form, _ = forms_of(what)[name]
    wrong = replace(form, **{field: getattr(form, field) + change})
    check = requant.check_linear if name == "linear" else requant.check_staircase
    assert check(what, form) == []
    by_proof = {int(sentence.split()[1]) for sentence in check(what, wrong)}
    by_force = set(np.flatnonzero(~same_everywhere(what, wrong)).tolist())
    assert by_proof == by_force
    assert by_force or abs(change) == 1  # slack of one there may be, not of 2**14


def test_a_form_without_the_clamp_that_it_needs_is_refused():
    what = channels(1_200_000_000, -6, high=63)
    form = requant.staircase(what, 1)
    assert requant.check_staircase(what, replace(form, clamps=False)) == ["channel 0 of 1: the output differs"]


def test_a_range_that_is_none_is_refused():
    what = channels(1_200_000_000, -8)
    form = requant.staircase(what, 1)
    assert requant.check_staircase(replace(what, acc_low=what.acc_high + 1), form) != []
    assert requant.check_staircase(replace(what, acc_high=np.array([2**31])), form) != []


def test_the_verdicts_are_json():
    what = channels([1_200_000_000, 1_300_000_000], -8)
    good = requant.staircase(what, 1)
    bad = replace(good, constant=np.add(good.constant, [0, 1 << good.shift]))
    first, second = requant.prove_requant([("conv 1", what, good), ("conv 2", what, bad)])
    assert first.proved
    assert first.thresholds > 100
    assert json.loads(json.dumps(second.as_json())) == {
        "layer": "conv 2",
        "form": "Staircase",
        "channels": 2,
        "thresholds": first.thresholds,
        "proved": False,
        "failures": ["channel 1 of 2: the output differs"],
    }


def test_first_residue_is_the_smallest():
    for modulus in (1, 2, 7, 12, 30):
        for step in range(-modulus, modulus + 1):
            for start in range(modulus):
                for width in range(1, modulus + 1):
                    hits = [k for k in range(modulus) if (start + k * step) % modulus < width]
                    assert first_residue(step, start, modulus, width) == (hits[0] if hits else None)


def accumulator_bounds(node):
    """(C,) bounds of the accumulators with bias, from the signs of the weights."""
    weights, zero_point = node.constant(1).astype(np.int64), node.need(0).zero_point
    if node.op.type == "DEPTHWISE_CONV_2D":
        weights = np.moveaxis(weights, 3, 0)
    ends = np.stack([weights * (x - zero_point) for x in (-128, 127)]).reshape(2, len(weights), -1)
    return ends.min(axis=0).sum(axis=1) + constant_bias(node), ends.max(axis=0).sum(axis=1) + constant_bias(node)


def layers(name):
    graph = read_tflite(tflite_model(name).read_bytes(), name)
    for op in graph.ops:
        if op.type in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            node = graph.node(op)
            yield op.type == "DEPTHWISE_CONV_2D", requant.channels_of(node, *accumulator_bounds(node))


@pytest.mark.parametrize(
    ("name", "relu", "others"),
    [
        ("mlperf_tiny_ic_resnet8.tflite", 128, 218),
        ("mlperf_tiny_kws_dscnn.tflite", 576, 12),
        ("mlperf_tiny_vww_mobilenet_v1_025.tflite", 2736, 2),
        ("mlperf_tiny_ad_autoencoder.tflite", 1032, 640),
    ],
)
def test_all_channels_of_the_mlperf_tiny_networks_are_proved(name, relu, others):
    counted = {"relu": 0, "others": 0}
    kappa_misses = 0
    for depthwise, what in layers(name):
        is_relu = what.low >= what.zero_point
        counted["relu" if is_relu else "others"] += len(what)
        assert requant.linear(what) is not None
        for scale in SCALES if is_relu else ():
            assert isinstance(requant.staircase(what, scale), Staircase)
        if is_relu and depthwise:
            kappa_misses += np.count_nonzero(~requant.kappa_channels(what)[1])
    assert counted == {"relu": relu, "others": others}
    assert kappa_misses <= 1  # VWW's operator 23 has a dead channel whose bias, times kappa, leaves int32
