"""Whether a channel keeps the contract of `phy.channel.Channel`, built in or a user's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from phy.channel import Channel, Received, gains
from phy.streams import training_streams
from simulator.catalog import CHANNELS, construct
from simulator.checks.averages import averages
from simulator.checks.laws import independence, one_law
from simulator.checks.part import open_part
from simulator.checks.report import Finding, GlobalGenerators, Report, gather, holds, mean_is
from simulator.checks.sounding import (
    IMAGES,
    LEFT,
    NO,
    USES,
    send,
    sounding_input,
    sounding_streams,
)
from simulator.guard import draw_problem, received_problem
from simulator.scheme import take
from simulator.snapshot import Snapshot
from simulator.spec import RunSpec

#: W and T for channels that ask for them: the default run's.
SLOT = {"bandwidth_hz": RunSpec().bandwidth, "interval_s": RunSpec().slot_s}
#: Images beside the few: a batch as large as those of a run.
BESIDE = 600
#: Points of the curve for the correlation between images.
POINTS = 64


def check_channel(
    channel: Channel | type[Channel] | str, arguments: Mapping[str, Any] | None = None
) -> Report:
    """Looks at everything that a run takes for granted about a channel.

    Statistical checks are two-sided with significance 1e-4 each, on fixed random numbers: the
    same channel always gets the same report.

    Args:
        channel: A channel, its class, a name of the catalog, or "package.module:Class".
        arguments: Of the class, as --channel-arg gives them.

    Returns:
        A report; its `ok` says whether all holds, `print` shows what does not.

    Raises:
        ValueError: One line, for an unknown name or argument.

    Example:
        ```
        from simulator import check_channel

        report = check_channel("my_channel:SlowRayleigh", {"correlation": 0.5})
        assert report.ok, report
        ```
    """
    given = dict(arguments or {})
    subject, made, files = open_part(
        channel,
        Channel,  # type: ignore[type-abstract]
        lambda name: construct("channel", name, CHANNELS, given, SLOT),
        given,
    )
    if isinstance(made, Finding):
        return Report("channel", subject, (made,))
    rules = {
        "shapes": lambda: _shapes(made),
        "same numbers": lambda: _repeats(made),
        "one image among others": lambda: _alone(made),
        "modes": lambda: _modes(made),
        "shorter burst": lambda: _prefix(made),
        "other images": lambda: _uncorrelated(made),
        "averages": lambda: averages(made),
        "training": lambda: _training(made),
        "one law": lambda: one_law(made),
        "independence": lambda: independence(made),
        "device": lambda: _device(made),
    }
    return gather("channel", subject, rules, files)


def _shapes(channel: Channel) -> Iterator[Finding]:
    problem_h, problem_y, changed, shape = None, None, None, ""
    for uses in (0, 1, USES):
        x = sounding_input(len(IMAGES), uses)
        streams = sounding_streams()
        h, state = channel.draw(streams.for_role("fading"), uses, None)
        before = Snapshot(x=x, h=h, state=state)
        problem_h = problem_h or draw_problem(h, len(IMAGES), uses)
        shape = f"complex64 {list(gains(h).shape)}"
        if problem_h is None:
            received = channel.apply(x, h, NO, streams.for_role("noise"))
            problem_y = problem_y or received_problem(received, x)
            channel.draw(streams.for_role("fading"), uses, state)
            changed = changed or before.restore()
    n = len(IMAGES)
    sizes = f"for {n} images and 0, 1 and {USES} uses"
    yield holds("draw: h", f"complex64 [{n}, uses] or [{n}, 1], finite, {sizes}", problem_h, shape)
    if problem_h is None:
        yield holds(
            "apply: y, h, no",
            f"complex64 [{n}, uses] twice, float32 no > 0 that fits, finite, {sizes}",
            problem_y,
        )
        written = None if changed is None else f"{changed} was written to"
        yield holds("inputs x, h, state", "not written to", written, "not written to")
    counts = [channel.pilot_uses(uses) for uses in (1, USES)]
    wrong = [c for c in counts if not isinstance(c, int) or c < 0]
    problem = f"{counts}" if wrong else None
    yield holds("pilot_uses", "whole numbers of at least 0", problem, f"{counts}")


def _repeats(channel: Channel) -> Iterator[Finding]:
    x = sounding_input(len(IMAGES), USES)
    generators = GlobalGenerators()
    first, other = send(channel, sounding_streams(), x), send(channel, sounding_streams(seed=1), x)
    again = send(channel, sounding_streams(), x)
    moved = generators.finding()
    yield holds(
        "same streams twice",
        "h and y equal bit for bit, whatever was drawn in between",
        _difference(first, again),
        "equal",
    )
    same = torch.equal(first[1].y, other[1].y)
    yield holds("another seed", "other noise", "the same y" if same else None, "other noise")
    yield moved


def _alone(channel: Channel) -> Iterator[Finding]:
    """Three slots of all images; then, from the second on, of some of them in another order."""
    x, left = sounding_input(len(IMAGES), USES), torch.from_numpy(LEFT)
    rows = np.arange(len(IMAGES))
    streams = sounding_streams()
    _, _, state = send(channel, streams.rows(rows, 0), x)
    second = send(channel, streams.rows(rows, 1), x, state)
    yield holds(
        "state",
        "a value: a slot leaves the state that it was given as it was",
        _difference(second, send(channel, streams.rows(rows, 1), x, state)),
        "a value",
    )
    third = send(channel, streams.rows(rows, 2), x, second[2])
    part = send(channel, streams.rows(LEFT, 1), x[left], take(state, left))
    problem = _difference(_some(second, left), part)
    last = send(channel, streams.rows(LEFT, 2), x[left], part[2])
    problem = problem or _difference(_some(third, left), last)
    yield holds(
        "an image among others",
        "h and y of later slots equal bit for bit when other images leave or the order changes",
        problem,
        "equal",
    )
    one = send(channel, sounding_streams(IMAGES[2:3]), x[2:3])
    whole = _some(send(channel, sounding_streams(), x), torch.tensor([2]))
    yield holds(
        "an image alone",
        "equal bit for bit to the same in a batch",
        _difference(whole, one),
        "equal",
    )


def _modes(channel: Channel) -> Iterator[Finding]:
    """A run sends large batches without gradients, a training sends with gradients."""
    x = sounding_input(len(IMAGES), USES)
    plain = send(channel, sounding_streams(), x)
    with torch.inference_mode():
        problem = _difference(plain, send(channel, sounding_streams(), x))
    graded = send(channel, sounding_streams(), x.clone().requires_grad_())
    with torch.no_grad():
        problem = problem or _difference(plain, graded)
    same = "h and y equal bit for bit"
    yield holds("a run and a training", f"{same} with and without gradients", problem, "equal")
    many = np.concatenate([IMAGES, np.arange(1000, 1000 + BESIDE)])
    wide = send(channel, sounding_streams(many), torch.cat([x, x.new_zeros(BESIDE, USES)]))
    problem = _difference(plain, _some(wide, torch.arange(len(IMAGES))))
    yield holds("a large batch", f"{same} to those in a small one", problem, "equal")


def _some(sent: tuple[Tensor, Received, Any], rows: Tensor) -> tuple[Tensor, Received, Any]:
    h, received, state = sent
    return h[rows], received._replace(y=received.y[rows]), state


def _difference(a: tuple[Tensor, Received, Any], b: tuple[Tensor, Received, Any]) -> str | None:
    for name, first, second in (("h", a[0], b[0]), ("y", a[1].y, b[1].y)):
        if first.shape != second.shape:
            return f"{name} of shape {list(first.shape)} and {list(second.shape)}"
        differ = (first != second).any(1)
        if bool(differ.any()):
            most = (first - second).abs().max().item()
            return (
                f"{name} differs in {int(differ.sum())} of {len(differ)} rows, by up to {most:.2g}"
            )
    return None


def _prefix(channel: Channel) -> Iterator[Finding]:
    x = sounding_input(len(IMAGES), USES)
    short = USES // 3
    h, received, _ = send(channel, sounding_streams(), x)
    h_short, received_short, _ = send(channel, sounding_streams(), x[:, :short])
    h_error = (h[:, :short] - h_short).abs().max().item()
    y_error = (received.y[:, :short] - received_short.y).abs().max().item()
    worst = max(h_error, y_error)
    yield Finding(
        "a shorter burst",
        "meets the beginning of what a longer one meets, to within 1e-5",
        f"h and y within {worst:.1g}",
        worst <= 1e-5,
    )


def _uncorrelated(channel: Channel) -> Iterator[Finding]:
    """Pairs of images over many points: a part that they share shows in the mean product."""
    images = np.arange(16)
    drawn = [
        gains(channel.draw(sounding_streams(images, seed).for_role("fading"), 1, None)[0])[:, 0]
        for seed in range(POINTS)
    ]
    h = torch.stack(drawn).numpy().astype(np.complex128)  # [points, images]
    for what, values in (("gains", h), ("powers |h|^2", np.abs(h) ** 2)):
        away = values - values.mean()
        power = float(np.mean(np.abs(away) ** 2))
        name = f"correlation of two images' {what}"
        if power < 1e-10:
            yield Finding(name, "0", f"all {what} are the same: no fading", True)
            continue
        pairs = (away[:, 0::2] * away[:, 1::2].conj()).real.mean(1) / power
        yield mean_is(name, pairs, 0.0)


def _training(channel: Channel) -> Iterator[Finding]:
    """As training sends: one generator for the whole batch, and a gradient back to x."""
    streams = training_streams(torch.Generator().manual_seed(0), len(IMAGES))
    state, problem = None, None
    for _ in range(2):
        x = sounding_input(len(IMAGES), USES).requires_grad_()
        h, state = channel.draw(streams, USES, state)
        problem = problem or draw_problem(h, len(IMAGES), USES)
        received = channel.apply(x, h, NO, streams)
        problem = problem or received_problem(received, x)
        if problem is None and not received.y.requires_grad:
            problem = "y has no gradient"
        elif problem is None:
            torch.view_as_real(received.y).square().sum().backward()
            gradient = x.grad
            if gradient is None or not bool(gradient.isfinite().all()):
                problem = "the gradient at x is missing or not finite"
    yield holds(
        "training",
        "two slots from the streams of training, a finite gradient from y to x",
        problem,
    )


def _device(channel: Channel) -> Iterator[Finding]:
    """On a GPU; without one on torch's "meta" device, which has shapes and no numbers."""
    device = "cuda:0" if torch.cuda.is_available() else "meta"
    what, expected = "device", f"h, y and no where the streams put their numbers ({device})"
    try:
        h, received, _ = send(
            channel, sounding_streams(device=device), sounding_input(len(IMAGES), USES).to(device)
        )
    except (NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        if device != "meta":
            raise
        text = " ".join(str(error).split())[:80]
        yield Finding(what, expected, f"this machine has no GPU to tell with: {text}", None)
        return
    places = {"h": h.device, "y": received.y.device, "CSIR": received.h.device}
    strays = [f"{name} is on {place}" for name, place in places.items() if str(place) != device]
    yield holds(what, expected, ", ".join(strays) or None, f"on {device}")
