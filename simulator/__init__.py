"""Link-level simulation of task-oriented semantic communication, from Python.

`open_link` sends images of your own, `simulate` computes curves, `load_run`, `compare` and `plot`
read them back, and `check_channel`, `check_scheme`, `check_dataset`, `check_codec` and
`check_encoder` test parts of your own. docs/python.md shows all of them.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from simulator.hidden_packages import find_own_packages

find_own_packages()  # before anything is imported from phy

from phy.old_paths import OldPaths  # noqa: E402
from simulator.environment import prepare_environment  # noqa: E402
from simulator.old_paths import MODULES, NAMES, REMOVED  # noqa: E402

if TYPE_CHECKING:
    from simulator.api import compare as compare
    from simulator.api import simulate as simulate
    from simulator.checks.channel import check_channel as check_channel
    from simulator.checks.codec import check_codec as check_codec
    from simulator.checks.dataset import check_dataset as check_dataset
    from simulator.checks.encoder import check_encoder as check_encoder
    from simulator.checks.scheme import check_scheme as check_scheme
    from simulator.interactive.opened_link import open_link as open_link
    from simulator.interactive.plotting import plot as plot
    from simulator.interactive.saved_run import load_run as load_run
    from simulator.sweeps.engines import Engine as Engine

prepare_environment()
sys.meta_path.insert(0, OldPaths(MODULES, NAMES, REMOVED))

#: Names for scripts, and their modules; imported on demand, because torch takes seconds.
EXPORTS = {
    "Engine": "simulator.sweeps.engines",
    "check_channel": "simulator.checks.channel",
    "check_codec": "simulator.checks.codec",
    "check_dataset": "simulator.checks.dataset",
    "check_encoder": "simulator.checks.encoder",
    "check_scheme": "simulator.checks.scheme",
    "compare": "simulator.api",
    "load_run": "simulator.interactive.saved_run",
    "open_link": "simulator.interactive.opened_link",
    "plot": "simulator.interactive.plotting",
    "simulate": "simulator.api",
}
__all__ = [*EXPORTS]  # noqa: PLE0604, RUF100 -- the list stands in one place


def __dir__() -> list[str]:
    return sorted(EXPORTS)


def __getattr__(name: str) -> Any:
    if name in EXPORTS:
        return getattr(import_module(EXPORTS[name]), name)
    raise AttributeError(f"module 'simulator' has no attribute {name!r}")
