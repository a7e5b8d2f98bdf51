"""Sionna, whose blocks compute on the GPU where there is one, on the CPU."""

from typing import Any

import pytest
import torch


def sionna_on_the_cpu(module: str) -> Any:
    """Imports a module of Sionna, or skips the test where it is not installed."""
    with torch.random.fork_rng(devices=[]):  # importing it seeds torch's global generator
        found = pytest.importorskip(module)
        from sionna.phy import config
    config.device = "cpu"
    return found
