"""The allowed values of a channel's parameters, declared once in the signature and checked here.

A parameter is annotated as `Annotated[float, Domain(0, 20)]`. The channel checks it when it is
built, and whoever reads arguments as text reads the same declaration.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Domain:
    """The values that a parameter may have.

    Attributes:
        least: Smallest number.
        most: Largest number.
        open_ends: Whether `least` and `most` themselves are not allowed.
        choices: The only words that are allowed, for a parameter that is a word.
    """

    least: float = -math.inf
    most: float = math.inf
    open_ends: bool = False
    choices: tuple[str, ...] = ()

    @property
    def rule(self) -> str:
        """The range in words, the end of "it must be ...".

        >>> Domain(0, 1, open_ends=True).rule, Domain(0, 1e12).rule
        ('above 0 and below 1', 'from 0 to 1e+12')
        """
        if self.open_ends:
            return f"above {self.least:g} and below {self.most:g}"
        return f"from {self.least:g} to {self.most:g}"

    def allows(self, number: float) -> bool:
        """Returns whether a number is within the range.

        >>> Domain(0, 20).allows(20), Domain(0, 20).allows(math.nan)
        (True, False)
        """
        if self.open_ends:
            return self.least < number < self.most
        return self.least <= number <= self.most


#: Parameters of several channels. The limits are far beyond any radio link; within them the phases
#: of the fading keep at least six digits.
SPEED = Domain(0, 299_792_458.0)  # up to that of light
CARRIER = Domain(0, 1e13, open_ends=True)
BANDWIDTH = Domain(0, 1e13, open_ends=True)
INTERVAL = Domain(0, 1e6, open_ends=True)


def checked(channel: str, name: str, value: object, domain: Domain) -> float:
    """Returns a finite number that is within its range.

    Args:
        channel: Name of the channel in the message.
        name: Name of the parameter in the message.
        value: Given value.
        domain: The allowed values.

    Returns:
        The value as a float.

    Raises:
        ValueError: When the value is not a finite number in the range; one line with channel,
            parameter, value and rule.

    >>> checked("rician", "k_factor", 2, Domain(0, 1e12))
    2.0
    """
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (number and domain.allows(value)):  # type: ignore[arg-type]
        raise ValueError(
            f"channel {channel}: {name} {value} is not allowed, it must be {domain.rule}"
        )
    return float(value)  # type: ignore[arg-type]


def checked_word(channel: str, name: str, value: object, domain: Domain) -> None:
    """Refuses a word that is not one of the choices.

    Args:
        channel: Name of the channel in the message.
        name: Name of the parameter in the message.
        value: Given value.
        domain: The allowed words.

    Raises:
        ValueError: When the word is not allowed; one line with channel, parameter and value.
    """
    if value not in domain.choices:
        raise ValueError(
            f"channel {channel}: {name} {value!r} is not one of {', '.join(domain.choices)}"
        )
