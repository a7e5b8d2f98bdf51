"""Sionna, whose blocks compute on the GPU where there is one, on the CPU."""

from typing import Any

import pytest

from phy.sionna_import import import_sionna


def sionna_on_the_cpu(module: str) -> Any:
    """Imports a module below sionna.phy, or skips the test where it is not installed."""
    pytest.importorskip("sionna")
    import_sionna("config").config.device = "cpu"
    return import_sionna(module)
