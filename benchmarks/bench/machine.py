"""Rates of this machine, measured on one core: the roof of every entry."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray

from phy.coding import saturating_arithmetic as sat
from phy.kernels.compiled import no_type_check
from semantic.training.products import product
from semantic.weights.precision import packs_products

#: Unsigned indices need no test for negative values, which would prevent vectorization.
U: Any = np.uint64
#: Numbers of an array that stays in the first-level cache together with two others, and passes.
CACHED, PASSES = 4096, 4000


@dataclass(frozen=True)
class Machine:
    """Measured rates.

    Attributes:
        cpu: Name of the processor.
        cores: Cores that this process may use.
        flops: Floating-point operations per second of a large fp32 product on one core, by the
            faster of torch's libraries.
        flops_bf16: The same in bf16.
        copied: Bytes per second, read and written, of a large copy on one core.
        cached: Bytes per second, read and written, of saturating additions of 16-bit integers in
            the first-level cache on one core.
    """

    cpu: str
    cores: int
    flops: float
    flops_bf16: float
    copied: float
    cached: float

    def to_json(self) -> dict[str, str | int | float]:
        """Returns the rates by name."""
        return asdict(self)


@cache
def this_machine() -> Machine:
    """Measures the rates once."""
    a = torch.rand(1024, 1024)
    half = a.bfloat16()
    large, target = torch.rand(1 << 25), torch.empty(1 << 25)
    x, y, z = (np.ones(CACHED, np.int16) for _ in range(3))
    capabilities = torch.cpu.get_capabilities()
    products = [lambda: a @ a, *([lambda: product(a, a)] if packs_products() else [])]
    _add(x, y, z, 1)  # compiles
    return Machine(
        cpu=str(capabilities.get("cpu_name") or platform.processor()),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1,
        flops=2 * 1024**3 / min(_least(work) for work in products),
        flops_bf16=2 * 1024**3 / _least(lambda: half @ half),
        copied=2 * 4 * large.numel() / _least(lambda: target.copy_(large)),
        cached=3 * 2 * CACHED * PASSES / _least(lambda: _add(x, y, z, PASSES)),
    )


@njit(cache=True, boundscheck=False)
@no_type_check
def _add(
    x: NDArray[np.int16], y: NDArray[np.int16], z: NDArray[np.int16], passes: int
) -> None:  # pragma: no cover - compiled
    """Computes z = x + y, saturated, so many times; each time depends on the one before."""
    size = U(len(x))
    for _ in range(passes):
        for i in range(size):
            z[i] = sat.add(x[i], y[i])
        x, z = z, x


def _least(work: Callable[[], object], rounds: int = 8) -> float:
    times = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)
