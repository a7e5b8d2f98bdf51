"""What is not perfect in a run: options that apply to any channel and any scheme."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

from semantic.suggest import nearest

#: Largest |offset| and step of CSIT in dB: beyond it no SNR of a run is left.
MOST_DB = 100.0


@dataclass(frozen=True)
class Impairments:
    """Channel knowledge at both ends, and the feedback link; nothing by default.

    Attributes:
        csir_error: Variance of the error of the receiver's channel estimate, in [0, 1).
        csir_pilot_gain_db: Instead: SNR of the estimate's one observation over the data's, in dB.
        csit_offset_db: How much the SNR has risen since it was measured (fallen: negative).
        csit_step_db: The measured SNR is reported rounded down to a multiple of this; 0 for exact.
        feedback_error: Probability that a feedback bit is flipped.
        feedback_delay: Slots that an answer takes.

    Raises:
        ValueError: One line with what is out of range.
    """

    csir_error: float = 0.0
    csir_pilot_gain_db: float | None = None
    csit_offset_db: float = 0.0
    csit_step_db: float = 0.0
    feedback_error: float = 0.0
    feedback_delay: int = 0

    def __post_init__(self) -> None:
        for name, least in (("csit_offset_db", -MOST_DB), ("csit_step_db", 0.0)):
            value = getattr(self, name)
            number = isinstance(value, (int, float)) and math.isfinite(value)
            if not (number and least <= value <= MOST_DB):
                raise ValueError(f"{name} is {value!r}, it must be from {least:g} to {MOST_DB:g}")

    @classmethod
    def of(cls, arguments: tuple[tuple[str, Any], ...]) -> Impairments:
        """The impairments of (name, value) pairs.

        Raises:
            ValueError: One line with the nearest valid name, or what is out of range.

        >>> Impairments.of((("csit_step_db", 3),)).reported_snr_db(-4.0)
        -6.0
        """
        known = [f.name for f in fields(cls)]
        for name, _ in arguments:
            if name not in known:
                raise ValueError(f"unknown impairment {name!r}: {nearest(name, known)}")
        return cls(**dict(arguments))

    def reported_snr_db(self, snr_db: float) -> float:
        """The SNR that the transmitter is told when the true one is `snr_db`."""
        measured = snr_db - self.csit_offset_db
        if self.csit_step_db == 0:
            return measured
        # A value on the grid stays where it is, whatever the last bit of the quotient says.
        return float(math.floor(measured / self.csit_step_db + 1e-9) * self.csit_step_db)
