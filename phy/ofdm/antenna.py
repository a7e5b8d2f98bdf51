"""Antenna elements of 3GPP TR 38.901 clause 7.3, with the patterns of Sionna."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

PATTERNS = ("omni", "38.901", "38.901-handheld")


@dataclass(frozen=True)
class Antenna:
    """One antenna element.

    Attributes:
        pattern: "omni", "38.901" (table 7.3-1: 8 dBi, 65 degrees) or "38.901-handheld" (table
            7.3-2: 5.3 dBi, 125 degrees).
        slant_deg: Polarization slant in degrees from -180 to 180: 0 for vertical, 90 for
            horizontal.

    Raises:
        ValueError: When the pattern is unknown or the slant is out of range.
    """

    pattern: str = "omni"
    slant_deg: float = 0.0

    def __post_init__(self) -> None:
        if self.pattern not in PATTERNS:
            raise ValueError(f"pattern {self.pattern!r} is not one of {', '.join(PATTERNS)}")
        slant = self.slant_deg
        if not (isinstance(slant, (int, float)) and math.isfinite(slant) and abs(slant) <= 180):
            raise ValueError(f"slant_deg is {slant!r}, it must be from -180 to 180")

    def field(self, theta: NDArray[np.float64], phi: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the field components of some directions.

        Source: TR 38.901 equations 7.3-4 and 7.3-5.

        Args:
            theta: [...] zenith angles in radians.
            phi: [...] azimuth angles from the boresight in radians.

        Returns:
            [..., 2] amplitudes in the zenith and in the azimuth direction.

        >>> Antenna().field(np.zeros(1), np.zeros(1))
        array([[1., 0.]])
        """
        slant = math.radians(self.slant_deg)
        if self.pattern == "omni":
            gain = np.ones_like(theta)
        else:
            from phy.sionna_import import import_sionna

            make = import_sionna("channel.tr38901").AntennaElement
            element = make(self.pattern, precision="double", device="cpu")
            wrapped = np.angle(np.exp(1j * phi))
            gain = element.field(torch.tensor(theta), torch.tensor(wrapped))[0].numpy()
        return np.stack([gain * math.cos(slant), gain * math.sin(slant)], -1)
