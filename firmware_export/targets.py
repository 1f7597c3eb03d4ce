"""The processor cores that generated C is compiled and emulated for."""

from __future__ import annotations

from dataclasses import dataclass

from firmware_export.errors import ExportError

HOST = "host"
"""The name of the target that is no particular core."""
OPTIMIZE = ("speed", "balanced", "size")


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


@dataclass(frozen=True)
class Target:
    """What generated C is made for.

    Attributes:
        core: its core; None for plain C, which is good on all.
        optimize: "speed", "balanced" or "size".
        max_flash: bytes of code and constants; None where that is no matter.
        max_ram: bytes of arena and state; likewise.
        take: internal operators that are taken wherever they fit, whatever they cost: for tests and measurements.
    """

    core: Core | None = None
    optimize: str = "balanced"
    max_flash: int | None = None
    max_ram: int | None = None
    take: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """As a user types it."""
        return HOST if self.core is None else self.core.name

    @property
    def dsp(self) -> bool:
        """Whether kernels may count on the SIMD instructions of Armv7E-M."""
        return self.core is not None and self.core.dsp


ANY_TARGET = Target()


CORES: dict[str, Core] = {
    core.name: core
    for core in (
        Core("cortex-m0", "cortex_m0", "UC_CPU_ARM_CORTEX_M0", dsp=False),
        Core("cortex-m0plus", "cortex_m0plus", "UC_CPU_ARM_CORTEX_M0", dsp=False),
        Core("cortex-m3", "cortex_m3", "UC_CPU_ARM_CORTEX_M3", dsp=False),
        Core("cortex-m4", "cortex_m4", "UC_CPU_ARM_CORTEX_M4", dsp=True),
        Core("cortex-m7", "cortex_m7", "UC_CPU_ARM_CORTEX_M7", dsp=True),
        Core("cortex-m33", "cortex_m33+dsp", "UC_CPU_ARM_CORTEX_M33", dsp=True),
    )
}


def find_target(
    name: str, optimize: str = "balanced", max_flash: int | None = None, max_ram: int | None = None
) -> Target:
    """The target with a core of that name, or without one for "host".

    Raises:
        ExportError: there is no such core; the message lists those there are.
    """
    if name != HOST and name not in CORES:
        raise ExportError(f"{name}: no such target. Known: {', '.join((HOST, *CORES))}.")
    return Target(CORES.get(name), optimize, max_flash, max_ram)


def find_core(name: str) -> Core:
    """The core of that name.

    Raises:
        ExportError: there is none; the message lists those there are.
    """
    core = CORES.get(name)
    if core is None:
        raise ExportError(f"{name}: no such core. Known: {', '.join(CORES)}.")
    return core
