"""The channel of a run and its feedback link, with the impairments of the run."""

from __future__ import annotations

from typing import Any

from phy.channel import Channel
from phy.channels.imperfect_csir import ImperfectCsir
from simulator.catalog import CHANNELS, chosen_arguments, construct
from simulator.feedback import FeedbackLink
from simulator.guard import Guarded
from simulator.signatures import methods_problem
from simulator.spec import RunSpec


def open_channel(spec: RunSpec, own: Channel | None = None) -> Channel:
    """Returns the channel of a run: checked, with the receiver's channel knowledge.

    A channel with the parameters bandwidth_hz and interval_s gets the run's W and T.

    Args:
        spec: The run.
        own: A channel object that stands for the one that the run names; None makes that one.

    Raises:
        ValueError: One line, for a failed import, an unknown argument, an object of another type, or a
            method with other parameters.
    """
    channel = own
    if channel is None:
        channel = construct("channel", spec.channel, CHANNELS, dict(spec.channel_args), _slot(spec))
    if not isinstance(channel, Channel):
        raise ValueError(
            f"channel {spec.channel!r} is a {type(channel).__name__}, "
            "it must be a phy.channel.Channel"
        )
    problem = methods_problem(channel, Channel)
    if problem is not None:
        raise ValueError(f"channel {spec.channel!r}: {problem}")
    guarded, seen = Guarded(channel, spec.channel_label, _has_own_part(spec)), spec.impaired
    if seen.csir_error == 0 and seen.csir_pilot_gain_db is None:
        return guarded
    return ImperfectCsir(guarded, seen.csir_error, seen.csir_pilot_gain_db)


def channel_arguments(spec: RunSpec) -> tuple[tuple[str, Any], ...]:
    """Returns the channel's arguments in their declared types, without those that are the defaults.

    One channel has one identity. W and T stay: without them the channel takes those of the run.
    """
    given = dict(spec.channel_args)
    found = chosen_arguments("channel", spec.channel, CHANNELS, given, _slot(spec))
    return tuple(sorted(found.items()))


def _slot(spec: RunSpec) -> dict[str, float]:
    """W in hertz and T in seconds, under the names of the parameters that get them."""
    return {"bandwidth_hz": spec.bandwidth, "interval_s": spec.slot_s}


def _has_own_part(spec: RunSpec) -> bool:
    """Whether the channel, or one that it wraps, is none of the built-in ones."""
    over = dict(spec.channel_args).get("over")
    names = [*spec.channel.split("/"), *([] if over is None else str(over).split("/"))]
    return not set(names) <= {*CHANNELS}


def open_feedback_link(spec: RunSpec) -> FeedbackLink:
    """Returns the feedback link of a run.

    Raises:
        ValueError: One line, for a value that is out of range.
    """
    return FeedbackLink(spec.impaired.feedback_error, spec.impaired.feedback_delay)
