"""Delay profiles of 3GPP TR 38.901, clauses 7.7.1 (CDL) and 7.7.2 (TDL).

The tables are read from the data files of Sionna, without importing Sionna.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MODELS = ("a", "b", "c", "d", "e")


@dataclass(frozen=True, eq=False)
class DelayProfile:
    """A delay profile with one row per tap.

    In a line-of-sight model the first row is the specular path alone.

    Attributes:
        delays: [taps] delays in units of the RMS delay spread, the first one 0.
        powers: [taps] linear powers, which sum to 1.
        line_of_sight: Whether the first row is specular.
        angles_deg: Mean angles [taps] in degrees by name: "aod", "aoa", "zod" and "zoa" (azimuth
            or zenith angle of departure or arrival); empty for TDL.
        spreads_deg: Angular spread of the rays of a cluster in degrees, by the same names; empty
            for TDL.
        xpr: Cross-polarization power ratio, linear; 1 for TDL, which has no polarization.
    """

    delays: NDArray[np.float64]
    powers: NDArray[np.float64]
    line_of_sight: bool
    angles_deg: dict[str, NDArray[np.float64]]
    spreads_deg: dict[str, float]
    xpr: float

    @property
    def taps(self) -> int:
        """Number of taps."""
        return len(self.powers)


@lru_cache(maxsize=10)
def delay_profile(family: str, model: str) -> DelayProfile:
    """Reads a delay profile of TR 38.901.

    Args:
        family: "tdl" (tables 7.7.2-1 to 7.7.2-5) or "cdl" (7.7.1-1 to 7.7.1-5).
        model: "a" to "e".

    Returns:
        The profile; its arrays are shared between calls.

    Raises:
        ValueError: When there is no such table.

    >>> import math
    >>> profile = delay_profile("tdl", "d")
    >>> k_factor = profile.powers[0] / profile.powers[1]
    >>> profile.line_of_sight, round(10 * math.log10(k_factor), 1)
    (True, 13.3)
    """
    if family not in ("tdl", "cdl") or model not in MODELS:
        raise ValueError(f"profile {family}-{model} is not one of tdl-a..tdl-e, cdl-a..cdl-e")
    table = json.loads(_data_file(f"{family.upper()}-{model.upper()}.json").read_text("utf-8"))
    powers = 10.0 ** (_column(table, "powers") / 10)
    angles = ("aod", "aoa", "zod", "zoa") if family == "cdl" else ()
    return DelayProfile(
        delays=_column(table, "delays"),
        powers=powers / powers.sum(),
        line_of_sight=bool(table["los"]),
        angles_deg={name: _column(table, name) for name in angles},
        spreads_deg={name: float(table[f"c{_SPREADS[name]}"]) for name in angles},
        xpr=float(10 ** (table["xpr"] / 10)) if angles else 1.0,
    )


#: Angle -> name of its spread in the table.
_SPREADS = {"aod": "ASD", "aoa": "ASA", "zod": "ZSD", "zoa": "ZSA"}


def _column(table: dict[str, Any], name: str) -> NDArray[np.float64]:
    return np.array(table[name], np.float64)


def _data_file(name: str) -> Path:
    # find_spec does not import Sionna, which takes seconds and seeds torch.
    package = find_spec("sionna")
    for folder in (package.submodule_search_locations if package else None) or []:
        file = Path(folder) / "phy" / "channel" / "tr38901" / "models" / "v19_2" / name
        if file.is_file():
            return file
    raise ModuleNotFoundError(
        "the delay profiles are read from Sionna 2.2, which was not found: pip install sionna-no-rt"
    )
