"""Impairments of a run: imperfect channel knowledge and feedback, for any channel and scheme."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

from semantic.suggest import nearest
from simulator.arguments import Argument

#: Largest |offset| and step of CSIT in dB: as large as the largest SNR of a run.
MOST_DB = 100.0
#: Largest delay of an answer in slots.
MOST_SLOTS = 10**6
#: Types and ranges; csir_error itself is less than 1.
ALLOWED: dict[str, Argument] = {
    one.name: one
    for one in (
        Argument("csir_error", float, 0.0, least=0, most=1),
        Argument("csir_pilot_gain_db", float, None, least=-200, most=200),
        Argument("csit_offset_db", float, 0.0, least=-MOST_DB, most=MOST_DB),
        Argument("csit_step_db", float, 0.0, least=0, most=MOST_DB),
        Argument("feedback_error", float, 0.0, least=0, most=1),
        Argument("feedback_delay", int, 0, least=0, most=MOST_SLOTS),
    )
}


@dataclass(frozen=True)
class Impairments:
    """Channel knowledge at both ends, and the feedback link; perfect by default.

    Attributes:
        csir_error: Variance of the error of the receiver's channel estimate, in [0, 1).
        csir_pilot_gain_db: Instead: SNR of the one pilot observation over that of the data, in dB.
        csit_offset_db: Increase of the SNR since it was measured, in dB; negative for a decrease.
        csit_step_db: The measured SNR is rounded down to a multiple of this, in dB; 0 for exact.
        feedback_error: Probability that a feedback bit is flipped.
        feedback_delay: Slots until an answer arrives.

    Raises:
        ValueError: One line, for a value that is out of range.
    """

    csir_error: float = 0.0
    csir_pilot_gain_db: float | None = None
    csit_offset_db: float = 0.0
    csit_step_db: float = 0.0
    feedback_error: float = 0.0
    feedback_delay: int = 0

    def __post_init__(self) -> None:
        for name, allowed in ALLOWED.items():
            value = getattr(self, name)
            if value is not None or name != "csir_pilot_gain_db":
                object.__setattr__(self, name, allowed.check(value))
        if self.csir_error == 1:
            raise ValueError("csir_error 1 is not allowed, it must be less than 1")

    @classmethod
    def of(cls, arguments: tuple[tuple[str, Any], ...]) -> Impairments:
        """Returns the impairments of (name, value) pairs.

        Raises:
            ValueError: One line with the nearest valid name, or the value that is out of range.

        >>> Impairments.of((("csit_step_db", 3),)).reported_snr_db(-4.0)
        -6.0
        """
        known = [f.name for f in fields(cls)]
        for name, _ in arguments:
            if name not in known:
                raise ValueError(f"unknown impairment {name!r}: {nearest(name, known)}")
        return cls(**dict(arguments))

    def reported_snr_db(self, snr_db: float) -> float:
        """Returns the SNR in dB that is reported to the transmitter if the true one is `snr_db`."""
        measured = snr_db - self.csit_offset_db
        if self.csit_step_db == 0:
            return measured
        # A value on the grid stays there, whatever the rounding of the quotient.
        return float(math.floor(measured / self.csit_step_db + 1e-9) * self.csit_step_db)
