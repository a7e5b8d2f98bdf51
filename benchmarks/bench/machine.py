"""Rates of this machine, measured on one core: the roof of every entry."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache

import torch


@dataclass(frozen=True)
class Machine:
    """Measured rates.

    Attributes:
        cpu: Name of the processor.
        cores: Cores that this process may use.
        flops: Floating-point operations per second of a large fp32 product on one core.
        flops_bf16: The same in bf16.
        copied: Bytes per second, read and written, of a large copy on one core.
    """

    cpu: str
    cores: int
    flops: float
    flops_bf16: float
    copied: float

    def to_json(self) -> dict[str, str | int | float]:
        """Returns the rates by name."""
        return asdict(self)


@cache
def this_machine() -> Machine:
    """Measures the rates once."""
    a = torch.rand(1024, 1024)
    half = a.bfloat16()
    large, target = torch.rand(1 << 25), torch.empty(1 << 25)
    capabilities = torch.cpu.get_capabilities()
    return Machine(
        cpu=str(capabilities.get("cpu_name") or platform.processor()),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1,
        flops=2 * 1024**3 / _least(lambda: a @ a),
        flops_bf16=2 * 1024**3 / _least(lambda: half @ half),
        copied=2 * 4 * large.numel() / _least(lambda: target.copy_(large)),
    )


def _least(work: Callable[[], object], rounds: int = 8) -> float:
    times = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)
