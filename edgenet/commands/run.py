"""`edgenet run digits`: the device's own command, where the simulated camera shows digits of the data set."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from edgenet.data import load_split
from edgenet.errors import DataMissingError

if TYPE_CHECKING:
    from device.digit_sets import DigitSet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the verb: those of the device."""
    from device.arguments import add_run_arguments

    add_run_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Reads digits until the source ends."""
    from device.run import run_digits

    simulated = args.source in ("sim", "auto") and args.digits is None
    return run_digits(args, data_set_digits() if simulated else None)


def data_set_digits() -> DigitSet | None:
    """The test part of MNIST or its stand-in for the simulated camera; None where neither is on this machine.

    Raises:
        DataError: a file of the data set is damaged.
    """
    from device.digit_sets import DigitSet

    try:
        dataset = load_split("mnist", "test", download=False)
    except DataMissingError:  # no scikit-learn: the device draws its own
        return None
    return DigitSet(dataset.images[..., 0], dataset.labels, dataset.source)
