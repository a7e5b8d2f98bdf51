"""The fields of a run as keyword arguments of Python functions: those of `RunSpec`, and `fading`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any, TypedDict, TypeVar, get_type_hints

from phy.channel import Channel
from semantic.suggest import nearest
from simulator.given_values import given_names, one_or_several, plain
from simulator.spec import RunSpec, parse_snr

Function = TypeVar("Function", bound=Callable[..., Any])


class RunFields(TypedDict, total=False):
    """Keyword arguments that make a `RunSpec`; its docstring says what each means.

    A test compares this list with the fields of `RunSpec`: type checkers and editors read it, while
    the checks and default values are those of `RunSpec`. `fading="block"` is short for the channel's
    argument of that name, as --fading on the command line.
    """

    schemes: Iterable[str]
    snr_db: Iterable[float]
    channel: str | Channel
    channel_args: Mapping[str, Any]
    fading: str
    data: str
    images: int | None
    max_transmissions: int
    budget: str
    gallery: str
    image_quality: bool
    seed: int
    seeds: int
    until: str | None
    max_seeds: int
    slot_s: float
    bandwidth_hz: float | None
    impairments: Mapping[str, Any]
    scheme_args: Mapping[str, Any]
    weights: str | None
    backbone: str | None
    trainings: Iterable[str]
    batch_size: int | None
    device: str
    precision: str


def with_run_fields(function: Function) -> Function:
    """Shows the fields of a run in the signature of a function, for help and tab completion.

    The fields stand in place of its `**fields`, each with its default; those that it has as
    parameters of its own stay what they are.
    """
    given = inspect.signature(function)
    own = {n: p for n, p in given.parameters.items() if p.kind is not p.VAR_KEYWORD}
    hints, kind = get_type_hints(RunFields), inspect.Parameter.KEYWORD_ONLY
    defaults = {f.name: f.default for f in fields(RunSpec)} | {"fading": None}
    more = [
        inspect.Parameter(name, kind, default=defaults[name], annotation=hints[name])
        for name in hints
        if name not in own
    ]
    function.__signature__ = given.replace(parameters=[*own.values(), *more])  # type: ignore[attr-defined]
    return function


def with_fields(
    base: RunSpec,
    scheme: str | Iterable[str] | None,
    snr: str | float | Iterable[float] | None,
    given: Mapping[str, Any],
) -> RunSpec:
    """Returns a spec with some of its fields changed.

    Args:
        base: The spec.
        scheme: Names, "a,b" or a list; None for those of `given` or `base`.
        snr: In dB: "-6:8:2", a number, a list, a range or an array; None as above.
        given: Keyword arguments as `RunFields` lists them.

    Raises:
        ValueError: One line, for an unknown field or a value that is not allowed.

    >>> with_fields(RunSpec(), "perfect", "-6:8:7", {"fading": "block"}).channel_label
    'rician(fading=block)'
    """
    changes = {name: plain(value) for name, value in given.items()}
    fading = changes.pop("fading", None)
    if isinstance(changes.get("channel"), Channel):
        name = type(changes["channel"]).__name__
        raise ValueError(
            f"channel is an object of {name}: a run needs its name, e.g. channel='my_channel:{name}'"
        )
    known = [*(f.name for f in fields(RunSpec)), "fading"]
    for name in changes:
        if name not in known:
            raise ValueError(f"unknown field {name!r} in the spec: {nearest(name, known)}")
    if "channel" in changes and changes["channel"] != base.channel:
        changes.setdefault("channel_args", {})  # those of another channel do not fit this one
    if scheme is not None:
        changes["schemes"] = given_names("scheme", scheme)
    if snr is not None:
        changes["snr_db"] = snr
    if "snr_db" in changes:
        changes["snr_db"] = listed_snrs(changes["snr_db"])
    spec = RunSpec.from_json(base.to_json() | changes)
    if "max_seeds" in changes and spec.until is None:
        raise ValueError("max_seeds needs a stop rule: until='ci=POINTS' or until='errors=N'")
    return spec if fading is None else spec.with_fading(fading)


def listed_snrs(snr: str | float | Iterable[float]) -> Iterable[float]:
    """Returns SNRs in dB as a list.

    >>> listed_snrs(0), listed_snrs("0:4:2")
    ([0], (0.0, 2.0, 4.0))
    """
    if isinstance(snr, str):
        return parse_snr(snr)
    return one_or_several(snr)[0]
