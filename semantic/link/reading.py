"""How the papers are read where they leave a choice: one value, stored with the weights.

A link is trained with a reading and simulated with the same one. docs/readings.md lists the
equations of the papers, what is printed, and the choice that each option makes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from semantic.link.protocol import LearnedScheme, Protocol
from semantic.suggest import nearest

if TYPE_CHECKING:  # `simulate list` reads this module and starts quickly
    from torch import Tensor


@dataclass(frozen=True)
class Option:
    """One option of a reading.

    Attributes:
        name: KEY of `--reading KEY=VALUE`.
        values: Allowed values; the first is the default.
        help: One line.
        source: Equation or section of the papers that leaves the choice.
    """

    name: str
    values: tuple[str, ...]
    help: str
    source: str


def _option(*values: str, help: str, source: str) -> Any:
    return field(default=values[0], metadata={"values": values, "help": help, "source": source})


@dataclass(frozen=True)
class LinkReading:
    """A reading of the papers: the choices that a link's training makes.

    Raises:
        ValueError: One line, for a value that is not allowed or two that contradict each other.

    >>> LinkReading(equalizer="zf").changed
    {'equalizer': 'zf'}
    """

    equalizer: str = _option(
        *("mrc", "zf", "mmse", "none"),
        help="receiver's use of h: gain of each feature, one SNR per transmission, or h taken as 1",
        source="SemHARQ eq. 2: z_hat = h z + n; an equalizer is not mentioned",
    )
    parts: str = _option(
        *("real", "complex"),
        help="parts of z_hat that the JSC-Decoder reads: in-phase, or in-phase and quadrature",
        source="SemHARQ section II-A: z in C^B; Table I: the decoder's layers are real",
    )

    importance: str = _option(
        *("mean", "image"),
        help="order of the features: by their mean importance over the training set, or by each image's",
        source="SemHARQ eq. 13-14, SMSC-FIR eq. 1-2: Ind of an image; an average is not mentioned",
    )
    criterion: str = _option(
        *("abs-gradient", "gradient", "abs-f-gradient", "abs-f"),
        help="importance of a feature of f: its gradient's magnitude, the gradient, |f gradient|, |f|",
        source="SemHARQ eq. 13: the gradient with its sign; Grad-CAM, cited there, multiplies by f",
    )
    positions: str = _option(
        *("header", "free", "destroyed"),
        help="positions with importance=image: in headers that are charged, known for free, or free "
        "and every sent value is 1",
        source="SemHARQ section III-B, SMSC-FIR section 3.2: how the receiver knows them is not said",
    )

    fde: str = _option(
        *("v2", "v1"),
        help="widths of F's first two layers: 1024 and 256, or 256 and 256",
        source="SemHARQ Table I: 256 in version 1 of the paper, 1024 in version 2",
    )
    pairs: str = _option(
        *("features", "s"),
        help="pairs of MINE in F's training: received and sent features, or s_hat and s, multiplied",
        source="SemHARQ eq. 3-7: s and s_hat; how two vectors enter F is not said",
    )
    losses: str = _option(
        *("apart", "printed"),
        help="L_MI for F alone and L_T for all but F, or each of them for all networks",
        source="SemHARQ eq. 23: L_E2E = L_CH + L_MI + L_T, for all parameters in stage 3",
    )
    channel_loss: str = _option(
        *("sum", "mean"),
        help="L_CH of an image: the squared norm of its error of s, or the mean over the features, "
        "each in units of its root mean square",
        source="SemHARQ eq. 21, SMSC-FIR eq. 7: 1/N sum of norm(s_n - s_hat_n)^2; n is not explained",
    )
    retraining: str = _option(
        *("all", "proposed", "none"),
        help="schemes that are trained by their own protocol after the training with all of f sent: "
        "all, all but the baselines, or none (then F alone is trained)",
        source="SMSC-FIR section 4: the same training strategy; SemHARQ section V-B does not say",
    )

    encoder: str = _option(
        *("frozen", "joint"),
        help="the encoder is trained before the link and frozen, or all parameters are trained "
        "with the link; each scheme then has an encoder of its own",
        source="SemHARQ section IV-B, stages 2 and 3: all parameters of the system",
    )
    stage2: str = _option(
        *("slot", "harq"),
        help="training with all of f sent: in one slot, or with the HARQ loop and F",
        source="SemHARQ section IV-B, stage 2: the whole system, with f sent complete",
    )

    def __post_init__(self) -> None:
        for name, option in OPTIONS.items():
            value = getattr(self, name)
            if value not in option.values:
                raise ValueError(
                    f"reading {name} {value!r} is not allowed: {nearest(str(value), option.values)}"
                )
        if self.positions != "header" and self.importance != "image":
            raise ValueError(f"reading positions={self.positions} needs importance=image")

    def own_order(self, protocol: Protocol) -> bool:
        """Whether each image has its own order; one that is sent complete needs none."""
        ranked = protocol.order == "importance" and protocol.transmissions != "all"
        return ranked and self.importance == "image"

    def sent_values(self, f: Tensor, protocol: Protocol) -> Tensor:
        """Returns what is sent of f [batch, L]: f itself, or ones where the values are destroyed."""
        destroyed = self.positions == "destroyed" and self.own_order(protocol)
        return f.new_ones(f.shape) if destroyed else f

    def retrains(self, scheme: LearnedScheme) -> bool:
        """Whether a scheme is trained by its own protocol."""
        return self.retraining == "all" or (self.retraining == "proposed" and not scheme.baseline)

    @classmethod
    def of(cls, given: Mapping[str, str]) -> LinkReading:
        """Returns the reading with some options given, the others at their defaults.

        Raises:
            ValueError: For an unknown option, or a value that is not allowed.
        """
        return LinkReading().given(given)

    def given(self, values: Mapping[str, str]) -> LinkReading:
        """Returns the same reading with some options replaced.

        Raises:
            ValueError: As `of`.
        """
        for name in values:
            if name not in OPTIONS:
                raise ValueError(f"unknown reading {name!r}: {nearest(name, OPTIONS)}")
        return LinkReading(**{name: values.get(name, getattr(self, name)) for name in OPTIONS})

    @property
    def changed(self) -> dict[str, str]:
        """The options that are not at their defaults."""
        found = {name: getattr(self, name) for name in OPTIONS}
        return {name: value for name, value in found.items() if value != OPTIONS[name].values[0]}


#: The options by name.
OPTIONS: dict[str, Option] = {f.name: Option(f.name, **f.metadata) for f in fields(LinkReading)}
