"""Antenna elements of 3GPP TR 38.901 clause 7.3, as Sionna has them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

PATTERNS = ("omni", "38.901", "38.901-handheld")


@dataclass(frozen=True)
class Antenna:
    """One element.

    Attributes:
        pattern: "omni", "38.901" (table 7.3-1: 8 dBi, 65 degrees) or "38.901-handheld" (table
            7.3-2: 5.3 dBi, 125 degrees).
        slant_deg: Slant of the polarisation, 0 for vertical and 90 for horizontal.

    Raises:
        ValueError: When the pattern is unknown or the slant no angle.
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
        """Field in the directions of theta and phi (equations 7.3-4 and 7.3-5), amplitude.

        Args:
            theta: [...] zenith angles in radians.
            phi: [...] azimuths from the boresight in radians.

        Returns:
            [..., 2].

        >>> Antenna().field(np.zeros(1), np.zeros(1))
        array([[1., 0.]])
        """
        slant = math.radians(self.slant_deg)
        if self.pattern == "omni":
            gain = np.ones_like(theta)
        else:
            # Importing Sionna seeds torch's global generator, which is not ours to touch.
            state = torch.random.get_rng_state()
            from sionna.phy.channel.tr38901 import AntennaElement

            torch.random.set_rng_state(state)
            element = AntennaElement(self.pattern, precision="double", device="cpu")
            wrapped = np.angle(np.exp(1j * phi))
            gain = element.field(torch.tensor(theta), torch.tensor(wrapped))[0].numpy()
        return np.stack([gain * math.cos(slant), gain * math.sin(slant)], -1)
