"""What a run is: one frozen value, written into every result file."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from semantic.suggest import nearest
from simulator.catalog import CHANNELS, SCHEMES, find_target
from simulator.files import read_text
from simulator.impairments import Impairments
from simulator.slots import BUDGETS, Slot
from simulator.spec_types import check_types
from simulator.stop_rule import MAX_SEEDS, StopRule

#: T of both papers' slots, decided in docs/model.md.
SLOT_S = 1e-3
#: W for every data set but the embedded one.
BANDWIDTH_HZ = 20e6
#: What queries are compared with.
GALLERIES = ("received", "clean")
#: W for the embedded set, chosen by measurement (docs/model.md): with 20 MHz its curve is flat.
SYNTHETIC_BANDWIDTH_HZ = 3e6


@dataclass(frozen=True)
class RunSpec:
    """Everything that a result depends on, besides code and weights.

    Attributes:
        schemes: Names from the catalog or "package.module:factory".
        snr_db: Average Es/N0 per channel use of each point.
        channel: Name or "package.module:Class".
        channel_args: Its arguments.
        data: "synthetic", a directory, or "veri:" and a directory.
        images: About how many images to take (whole vehicles); None for all.
        max_transmissions: G_max, at least 1.
        budget: "slots", the same G_max slots of T W channel uses for all, or "uses", the same
            G_max B channel uses.
        gallery: "received", gallery images have crossed the link as queries have, or "clean", a
            server holds them.
        seed: First seed of fading and noise.
        seeds: How many seeds, counted up from `seed`.
        until: Stop rule that adds seeds to a point, "ci=1.0" or "errors=100"; None for none.
        max_seeds: Most seeds that it takes.
        slot_s: T.
        bandwidth_hz: W; None takes the data set's preset.
        impairments: Channel knowledge and feedback that are not perfect, by option name.
        scheme_args: Arguments for those of the schemes that take them, e.g. theta_0_db.
        weights: Directory or file; None takes the package's.
        batch_size: Images that travel together; changes no number.
        device: "auto", "cpu" or "cuda[:i]".
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
    seed: int = 0
    seeds: int = 1
    until: str | None = None
    max_seeds: int = MAX_SEEDS
    slot_s: float = SLOT_S
    bandwidth_hz: float | None = None
    impairments: tuple[tuple[str, Any], ...] = ()
    scheme_args: tuple[tuple[str, Any], ...] = ()
    weights: str | None = None
    batch_size: int = 256
    device: str = "auto"

    def __post_init__(self) -> None:
        if not self.schemes:
            raise ValueError("no scheme was given")
        for kind, names, known in (
            ("scheme", self.schemes, SCHEMES),
            ("channel", (self.channel,), CHANNELS),
        ):
            for name in names:
                find_target(kind, name, known)
        for field, least in (
            ("max_transmissions", 1),
            ("seeds", 1),
            ("max_seeds", 1 if self.until is None else self.seeds),
            ("batch_size", 1),
            ("seed", 0),
            ("images", 1),
        ):
            number = getattr(self, field)
            if number is None and field == "images":
                continue
            if not isinstance(number, int) or number < least:
                raise ValueError(
                    f"{field} is {number!r}, it must be a whole number of at least {least}"
                )
        if not self.snr_db:
            raise ValueError("no SNR was given")
        for snr_db in self.snr_db:
            if not (math.isfinite(snr_db) and abs(snr_db) <= 100):
                raise ValueError(f"SNR {snr_db} dB is not allowed, it must be from -100 to 100 dB")
        for what, given in (("scheme", self.schemes), ("SNR", self.snr_db)):
            twice = [value for value, count in Counter(given).items() if count > 1]
            if twice:
                raise ValueError(f"{what} {twice[0]} is given twice")
        Impairments.of(self.impairments)
        if self.until is not None:
            StopRule.parse(self.until)
        for name, value in (("slot length T", self.slot_s), ("bandwidth W", self.bandwidth_hz)):
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} is {value}, it must be positive")
        for field, choices in (("budget", BUDGETS), ("gallery", GALLERIES)):
            word = getattr(self, field)
            if word not in choices:
                raise ValueError(f"unknown {field} {word!r}: {nearest(str(word), choices)}")
        if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", self.device):
            raise ValueError(
                f"unknown device {self.device!r}: allowed are auto, cpu, cuda, cuda:0, ..."
            )

    @property
    def bandwidth(self) -> float:
        """W in hertz: what was given, or the data set's preset."""
        if self.bandwidth_hz is not None:
            return self.bandwidth_hz
        return SYNTHETIC_BANDWIDTH_HZ if self.data == "synthetic" else BANDWIDTH_HZ

    def slot(self, snr_db: float) -> Slot:
        """The run's slot at one SNR.

        Raises:
            ValueError: When T W is no slot.
        """
        reported = self.impaired.reported_snr_db(snr_db)
        return Slot(snr_db, self.slot_s, self.bandwidth, self.budget, reported)

    @property
    def impaired(self) -> Impairments:
        """The impairments as a value."""
        return Impairments.of(self.impairments)

    def to_json(self) -> dict[str, Any]:
        """A JSON object that `from_json` reads back."""
        return {
            **asdict(self),
            "channel_args": dict(self.channel_args),
            "impairments": dict(self.impairments),
            "scheme_args": dict(self.scheme_args),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> RunSpec:
        """The spec of a JSON object.

        Raises:
            ValueError: Naming an unknown field and its nearest valid name, or a wrong type.
        """
        if not isinstance(value, dict):
            raise ValueError(f"a spec is a JSON object, this is a {type(value).__name__}")
        known = [f.name for f in fields(cls)]
        for name in value:
            if name not in known:
                raise ValueError(f"unknown field {name!r} in the spec: {nearest(name, known)}")
        check_types(value)
        spec = dict(value)
        try:
            for name, kind in (("schemes", str), ("snr_db", float)):
                if name in spec:
                    spec[name] = tuple(kind(item) for item in spec[name])
            for name in ("channel_args", "impairments", "scheme_args"):
                spec[name] = tuple(sorted(dict(spec.get(name, {})).items()))
            return cls(**spec)
        except TypeError as error:
            raise ValueError(f"a value of the spec has the wrong type: {error}") from None

    @classmethod
    def read(cls, path: Path) -> RunSpec:
        """The spec of a run.json, or of a file that holds the spec alone.

        Raises:
            ValueError: When the file is missing or is no such file.
        """
        try:
            value = json.loads(read_text(path))
        except (OSError, ValueError, RecursionError) as error:
            raise ValueError(f"spec file {path} cannot be read: {error}") from None
        if not isinstance(value, dict):
            raise ValueError(f"spec file {path} holds no JSON object")
        return cls.from_json(value.get("spec", value))

    def with_fading(self, fading: str) -> RunSpec:
        """The same run over "fast", "block" or "jakes" fading."""
        return replace(
            self, channel_args=tuple(sorted({**dict(self.channel_args), "fading": fading}.items()))
        )

    @property
    def channel_label(self) -> str:
        """The channel with its arguments and impairments, as it stands in every result row."""
        return "+".join([self.channel_law, *(f"{n}={v}" for n, v in self.impairments)])

    @property
    def channel_law(self) -> str:
        """The channel with its arguments: with and without impairments, fading is the same."""
        arguments = ",".join(f"{name}={value}" for name, value in self.channel_args)
        return f"{self.channel}({arguments})" if arguments else self.channel


def parse_snr(text: str) -> tuple[float, ...]:
    """SNRs in dB from "-6:8:2" (start:stop:step, the end included) or "-6,0,6".

    Raises:
        ValueError: With what is allowed.

    >>> parse_snr("-6:8:2")
    (-6.0, -4.0, -2.0, 0.0, 2.0, 4.0, 6.0, 8.0)
    >>> parse_snr("-6,0,6")
    (-6.0, 0.0, 6.0)
    """
    problem = f"SNR range {text!r} is not allowed: give START:STOP:STEP such as -6:8:2, or -6,0,6"
    try:
        if ":" not in text:
            values = [float(part) for part in text.split(",")]
        else:
            start, stop, *rest = (float(part) for part in text.split(":"))
            step = rest[0] if rest else 1.0
            if len(rest) > 1 or step <= 0 or stop < start or (stop - start) / step > 10_000:
                raise ValueError
            count = math.floor((stop - start) / step + 1e-9) + 1
            values = [round(start + i * step, 9) for i in range(count)]
    except (ValueError, OverflowError):
        raise ValueError(problem) from None
    if not all(math.isfinite(value) for value in values):
        raise ValueError(problem)
    return tuple(value + 0.0 for value in values)  # -0 is 0, and meets the same noise
