"""The processor cores that generated C is compiled and emulated for."""

from __future__ import annotations

from dataclasses import dataclass

from firmware_export.errors import ExportError


@dataclass(frozen=True)
class Core:
    """A processor core: its name, how the compiler calls it, how the emulator does, and what it can do.

    Attributes:
        name: as a user types it, e.g. "cortex-m4".
        zig_cpu: the value of `-mcpu=` for `zig cc`.
        unicorn_cpu: the name of the constant in `unicorn.arm_const`.
        dsp: has the SIMD instructions of Armv7E-M (SMLAD, SXTB16, ...).
    """

    name: str
    zig_cpu: str
    unicorn_cpu: str
    dsp: bool


CORES: dict[str, Core] = {
    core.name: core
    for core in (
        Core("cortex-m0", "cortex_m0", "UC_CPU_ARM_CORTEX_M0", dsp=False),
        Core("cortex-m3", "cortex_m3", "UC_CPU_ARM_CORTEX_M3", dsp=False),
        Core("cortex-m4", "cortex_m4", "UC_CPU_ARM_CORTEX_M4", dsp=True),
        Core("cortex-m7", "cortex_m7", "UC_CPU_ARM_CORTEX_M7", dsp=True),
        Core("cortex-m33", "cortex_m33", "UC_CPU_ARM_CORTEX_M33", dsp=True),
    )
}


def find_core(name: str) -> Core:
    """The core of that name.

    Raises:
        ExportError: there is none; the message lists those there are.
    """
    core = CORES.get(name)
    if core is None:
        raise ExportError(f"{name}: no such core. Known: {', '.join(CORES)}.")
    return core
