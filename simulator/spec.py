"""The specification of a run: one frozen value, written into every result file."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from semantic.suggest import nearest
from simulator.catalog import CHANNELS, SCHEMES, find_target
from simulator.files import read_json
from simulator.impairments import Impairments
from simulator.number_text import argument_text, decimal
from simulator.renamed import RENAMED, warn_renamed
from simulator.scheme_catalog import read_arguments
from simulator.slots import Slot
from simulator.spec_fields import check_seeds, read_field
from simulator.stop_rule import MAX_SEEDS, StopRule

#: T in seconds, for the slots of both papers (docs/model.md).
SLOT_S = 1e-3
#: W in hertz, for every data set but the embedded one.
BANDWIDTH_HZ = 20e6
#: W in hertz, for the embedded data set, chosen by measurement (docs/model.md): with 20 MHz its
#: curve is flat.
SYNTHETIC_BANDWIDTH_HZ = 3e6

#: Entries of a run.json beside its spec that have the name of a field.
RECORDED = ("bandwidth_hz", "images")


@dataclass(frozen=True)
class RunSpec:
    """All that a result depends on, besides code and weights.

    Attributes:
        schemes: Names of the catalog or "package.module:factory".
        snr_db: Average Es/N0 per channel use of each point, in dB.
        channel: Name or "package.module:Class".
        channel_args: Arguments of the channel.
        data: "synthetic", a directory, or "veri:" and a directory.
        images: Approximate number of images (whole vehicles); None for all.
        max_transmissions: G_max, at least 1.
        budget: Limit that all schemes share: "slots", G_max slots of T W channel uses, or "uses",
            G_max B channel uses.
        gallery: "received", gallery images cross the link as queries do, or "clean", the server
            holds them.
        image_quality: Whether to measure PSNR and SSIM of received images.
        seed: First seed of fading and noise.
        seeds: Number of seeds, counted up from `seed`.
        until: Stop rule that adds seeds to a point, "ci=1.0" or "errors=100"; None for no rule.
        max_seeds: Most seeds of a point under a stop rule.
        slot_s: T in seconds.
        bandwidth_hz: W in hertz; None takes the preset of the data set.
        impairments: Imperfect channel knowledge and feedback, by name.
        scheme_args: Arguments for those of the schemes that take them, e.g. theta_0_db. Those of
            built-in schemes are read in their declared types (`simulator.scheme_arguments`).
        weights: Directory or file; None takes those of the package.
        backbone: "package.module:Class" of the user's own network that `weights` are of; None for a
            built-in one, which the weights name themselves.
        trainings: Directories of several trainings, each simulated with the same images and seeds;
            `weights` is then not used.
        batch_size: Images that are simulated together; changes no number. None for the scheme's own.
        device: "auto", "cpu" or "cuda[:i]".
        precision: "fp32", "bf16", or "auto": bf16 where the device multiplies bf16 faster.

    Raises:
        ValueError: One line, for a value that is not allowed.
    """

    schemes: tuple[str, ...] = ("semharq",)
    snr_db: tuple[float, ...] = (-6.0, -4.0, -2.0, 0.0, 2.0, 4.0, 6.0, 8.0)
    channel: str = "rician"
    channel_args: tuple[tuple[str, Any], ...] = ()
    data: str = "synthetic"
    images: int | None = None
    max_transmissions: int = 4
    budget: str = "slots"
    gallery: str = "received"
    image_quality: bool = False
    seed: int = 0
    seeds: int = 1
    until: str | None = None
    max_seeds: int = MAX_SEEDS
    slot_s: float = SLOT_S
    bandwidth_hz: float | None = None
    impairments: tuple[tuple[str, Any], ...] = ()
    scheme_args: tuple[tuple[str, Any], ...] = ()
    weights: str | None = None
    backbone: str | None = None
    trainings: tuple[str, ...] = ()
    batch_size: int | None = None
    device: str = "auto"
    precision: str = "fp32"

    def __post_init__(self) -> None:
        if isinstance(self.budget, str) and self.budget in RENAMED["budget"]:
            object.__setattr__(self, "budget", warn_renamed("budget", self.budget))
        for name in (f.name for f in fields(self)):
            object.__setattr__(self, name, read_field(name, getattr(self, name)))
        check_seeds(self.seed, self.seeds)
        if self.until is not None and self.max_seeds < self.seeds:
            raise ValueError(f"max_seeds is {self.max_seeds}, it must be at least {self.seeds}")
        for scheme in self.schemes:
            find_target("scheme", scheme, SCHEMES)
        find_target("channel", self.channel, CHANNELS)
        impaired = Impairments.of(self.impairments)
        typed = tuple((name, getattr(impaired, name)) for name, _ in self.impairments)
        object.__setattr__(self, "impairments", typed)
        arguments = read_arguments(self.schemes, self.scheme_args)
        object.__setattr__(self, "scheme_args", arguments)
        if self.until is not None:
            StopRule.parse(self.until)

    @property
    def bandwidth(self) -> float:
        """W in hertz: the given value, or the preset of the data set."""
        if self.bandwidth_hz is not None:
            return self.bandwidth_hz
        return SYNTHETIC_BANDWIDTH_HZ if self.data == "synthetic" else BANDWIDTH_HZ

    def slot(self, snr_db: float) -> Slot:
        """Returns the slot at one SNR in dB.

        Raises:
            ValueError: If T W is out of range.
        """
        reported = self.impaired.reported_snr_db(snr_db)
        return Slot(snr_db, self.slot_s, self.bandwidth, self.budget, reported)

    @property
    def impaired(self) -> Impairments:
        """The impairments as a value."""
        return Impairments.of(self.impairments)

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON object that `from_json` reads."""
        found = asdict(self)
        if self.backbone is None:  # absent: records of runs with built-in networks do not change
            del found["backbone"]
        return {
            **found,
            "channel_args": dict(self.channel_args),
            "impairments": dict(self.impairments),
            "scheme_args": dict(self.scheme_args),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> RunSpec:
        """Returns the spec of a JSON object.

        Raises:
            ValueError: For an unknown field, with the nearest valid name, or a wrong type.
        """
        if not isinstance(value, dict):
            raise ValueError(f"a spec is a JSON object, this is a {type(value).__name__}")
        known = [f.name for f in fields(cls)]
        for name in value:
            if name not in known:
                raise ValueError(f"unknown field {name!r} in the spec: {nearest(name, known)}")
        return cls(**value)

    @classmethod
    def read(cls, path: Path) -> RunSpec:
        """Returns the spec of a run.json, or of a file that holds the spec alone.

        Raises:
            ValueError: If the file is missing or is no such file.
        """
        try:
            value = read_json(path)
        except (OSError, ValueError, RecursionError) as error:
            raise ValueError(f"spec file {path} cannot be read: {error}") from None
        if not isinstance(value, dict):
            raise ValueError(f"spec file {path} holds no JSON object")
        if "spec" not in value:
            return cls.from_json(value)
        for name in (f.name for f in fields(cls) if f.name not in RECORDED):
            if name in value:
                raise ValueError(f"spec file {path}: {name} is beside the spec, it must be inside")
        return cls.from_json(value["spec"])

    def with_fading(self, fading: str) -> RunSpec:
        """Returns the same run with "fast", "block" or "jakes" fading."""
        return replace(
            self, channel_args=tuple(sorted({**dict(self.channel_args), "fading": fading}.items()))
        )

    @property
    def channel_label(self) -> str:
        """The channel with its arguments and impairments, as in every result row."""
        return "+".join([self.channel_law, *_texts(self.impairments)])

    @property
    def channel_law(self) -> str:
        """The channel with its arguments; impairments do not change the fading."""
        arguments = ",".join(_texts(self.channel_args))
        return f"{self.channel}({arguments})" if arguments else self.channel


def _texts(arguments: tuple[tuple[str, Any], ...]) -> list[str]:
    """NAME=VALUE of each argument; 2 and 2.0 are one law, so that they name the same streams."""
    return [f"{name}={argument_text(value)}" for name, value in arguments]


def parse_snr(text: str) -> tuple[float, ...]:
    """Returns SNRs in dB of "-6:8:2" (start:stop:step, end included) or "-6,0,6".

    Raises:
        ValueError: For any other text.

    >>> parse_snr("-6:8:2")
    (-6.0, -4.0, -2.0, 0.0, 2.0, 4.0, 6.0, 8.0)
    >>> parse_snr("-6,0,6")
    (-6.0, 0.0, 6.0)
    """
    problem = f"SNR range {text!r} is not allowed: give START:STOP:STEP such as -6:8:2, or -6,0,6"
    try:
        if ":" not in text:
            values = [decimal(part.strip()) for part in text.split(",")]
        else:
            start, stop, *rest = (decimal(part.strip()) for part in text.split(":"))
            step = rest[0] if rest else 1.0
            if len(rest) > 1 or step <= 0 or stop < start or (stop - start) / step > 10_000:
                raise ValueError
            count = math.floor((stop - start) / step + 1e-9) + 1
            values = [round(start + i * step, 9) for i in range(count)]
    except (ValueError, OverflowError):
        raise ValueError(problem) from None
    if not all(math.isfinite(value) for value in values):
        raise ValueError(problem)
    return tuple(value + 0.0 for value in values)  # -0 is 0: it gets the same noise
