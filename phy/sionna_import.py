"""Imports Sionna, which seeds the global random generators of torch, and undoes that."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import torch


def import_sionna(module: str) -> Any:
    """Imports a module of Sionna and leaves torch's global generators as they were.

    Args:
        module: Its name below "sionna.phy".

    >>> state = torch.random.get_rng_state()
    >>> import_sionna("fec.crc").CRCEncoder.__name__
    'CRCEncoder'
    >>> torch.equal(state, torch.random.get_rng_state())
    True
    """
    # A GPU whose use has not begun has no generator yet.
    gpus = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=[*gpus]):
        return import_module(f"sionna.phy.{module}")
