"""Measures what kernels cost on emulated cores and writes firmware_export/kernel_costs.json.

    python benchmarks/kernel_costs.py [--core CORE ...]     measure, and print how far the table's estimates are off
    python benchmarks/kernel_costs.py --update              write the table too

Layers: those of the networks in EDGENET_DATA/tflite and models/digits, and drawn ones of the operators that have
several kernels, each for every kernel that can compute it. For each operator the instructions of its layers are fitted
by rates, none below 0, of the units that `firmware_export.costs.work` counts, so that the relative errors are least.
Code is the .text of a kernel's object. The compiler is arm-none-eabi-gcc -O2.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "tests/firmware_export")]

from matrix import cases
from mcu import default_models

from firmware_export.costs import TABLE, work
from firmware_export.cproject import read_project
from firmware_export.elf import read_elf
from firmware_export.emulate import CortexRuntime, gcc_for
from firmware_export.errors import ExportError
from firmware_export.graph import Graph
from firmware_export.kernel_choice import alternatives
from firmware_export.planner import plan_memory
from firmware_export.profile import ProgramProfile, profile_program
from firmware_export.program import lower
from firmware_export.targets import CORES, Core
from firmware_export.toolchain import C_FLAGS, Compiler, run_tool

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "firmware_export"
DEFAULT_CORES = ("cortex-m0plus", "cortex-m3", "cortex-m4")

