"""Checks of a channel's results during a run: one line that names the channel and the value.

`simulate check` uses the same rules.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from phy.channel import Channel, Fading, Received, gains
from phy.streams import Streams
from semantic.metrics.finite import all_finite
from simulator.process_state import generator_states
from simulator.scheme import take
from simulator.scheme_results import MOST_COUNT, count_problem, rows_problem
from simulator.snapshot import Snapshot, unchanged


def draw_problem(h: object, batch: int, uses: int) -> str | None:
    """Returns the problem of the fading that `Channel.draw` gave; None for no problem.

    Args:
        h: Should be complex64 [batch, uses] or [batch, 1], or a `Fading` that has such gains.
        batch: Images in the batch.
        uses: Channel uses of the burst.
    """
    if isinstance(h, Fading):
        pilots = h.pilots.shape[-1] if isinstance(h.pilots, Tensor) and h.pilots.ndim else 0
        problem = _tensor_problem("pilots", h.pilots, torch.complex64, {(batch, pilots)})
        return draw_problem(h.h, batch, uses) or problem
    return _tensor_problem("h", h, torch.complex64, {(batch, uses), (batch, 1)})


def received_problem(received: object, x: Tensor) -> str | None:
    """Returns the problem of the output of `Channel.apply` for x [batch, uses]; None for no problem."""
    if not (isinstance(received, tuple) and len(received) == 3):
        return f"gave a {type(received).__name__}, it must be a phy.channel.Received (y, h, no)"
    y, h, no = received
    batch, uses = x.shape
    problem = (
        _tensor_problem("y", y, torch.complex64, {(batch, uses)})
        or _tensor_problem("h", h, torch.complex64, {(batch, uses)})
        or _tensor_problem("no", no, torch.float32, {(batch, uses), (batch, 1), (1, 1)})
    )
    if problem is None and not bool((no > 0).all()):
        row, use = (~(no > 0)).nonzero()[0].tolist()
        problem = f"gave no = {no[row, use].item():g} in row {row}, use {use}; it must be positive"
    return problem


def _tensor_problem(
    name: str, value: object, dtype: torch.dtype, shapes: set[tuple[int, int]]
) -> str | None:
    if not isinstance(value, Tensor):
        return f"gave {name} as a {type(value).__name__}, it must be a torch tensor"
    if tuple(value.shape) not in shapes:
        allowed = " or ".join(str(list(shape)) for shape in sorted(shapes, reverse=True))
        return f"gave {name} of shape {list(value.shape)}, it must be {allowed}"
    if value.dtype != dtype:
        return f"gave {name} of type {value.dtype}, it must be {dtype}"
    if not all_finite(value):
        row, use = (~value.isfinite()).nonzero()[0].tolist()
        found = value[row, use].item()
        return f"gave {name} = {found} in row {row}, use {use}; it must be finite"
    return None


#: Results of one image may differ by this share of the largest one: rounding.
ROUNDING = 1e-3


@final
class Guarded(Channel):
    """A channel whose results are all checked.

    Args:
        channel: The channel.
        name: Its name in messages.
        own: Whether the channel, or one that it wraps, is a user's own. Then its inputs are copied
            and compared as well, which takes milliseconds per slot, and its first `draw` and
            `apply` are made twice. Tests cover the built-in ones.

    Raises:
        ValueError: One line, if the channel's average gain is no positive number.
    """

    def __init__(self, channel: Channel, name: str, own: bool = True) -> None:
        self.channel, self.name, self.own = channel, name, own
        gain: object = channel.average_gain
        if not (isinstance(gain, int | float) and math.isfinite(gain) and gain > 0):
            raise ValueError(
                f"channel {name}: average_gain is {gain!r:.80}, it must be a finite number above 0"
            )
        self.average_gain = float(gain)
        self._returned = Snapshot()  # the gains that the channel returned last
        self._repeated: set[str] = set()

    def draw(self, streams: Streams, uses: int, state: Any) -> tuple[Tensor | Fading, Any]:
        """Returns the channel's own fading.

        Raises:
            ValueError: One line, if it is not finite, its shape or type is wrong, or the channel
                has written into an input or does not take its numbers from the streams.
        """
        turned = self._turned("draw", streams, uses) if state is None else None
        with self._unchanged("draw", state=state):
            drawn = self._drawn(streams, uses, state)
        if not (isinstance(drawn, tuple) and len(drawn) == 2):
            raise ValueError(
                f"channel {self.name}: draw gave a {type(drawn).__name__}, it must be (h, state)"
            )
        h, after = drawn
        self._refuse("draw", draw_problem(h, len(streams), uses))
        if self.own:
            problem = rows_problem("state", after, len(streams))
            self._refuse("draw", None if problem is None else f"gave a wrong state: {problem}")
            self._returned = Snapshot(h=h)
            if turned is not None:
                self._same("draw", h, lambda: self._drawn(turned, uses, None)[0])
        return h, after

    def apply(self, x: Tensor, h: Any, no: float, streams: Streams) -> Received:
        """Returns the channel's own output.

        Raises:
            ValueError: One line, if it is not finite, its shape or type is wrong, or the channel
                has written into an input or does not take its numbers from the streams.
        """
        turned = self._turned("apply", streams, x.shape[1])
        with self._unchanged("apply", x=x, h=h):
            received = self.channel.apply(x, h, no, streams)
        self._refuse("apply", received_problem(received, x))
        if turned is not None:
            order = torch.arange(len(x), device=x.device).flip(0)
            inputs = take(x, order), take(h, order), no, turned
            self._same("apply", received.y, lambda: self.channel.apply(*inputs).y)
        return received

    def pilot_uses(self, uses: int) -> int:
        """Returns the channel's own pilots."""
        pilots: object = self.channel.pilot_uses(uses)
        problem = count_problem(f"({uses})", pilots, 0, MOST_COUNT)
        self._refuse("pilot_uses", problem)
        return int(pilots)  # type: ignore[call-overload, no-any-return]

    def _drawn(self, streams: Streams, uses: int, state: Any) -> Any:
        """What the channel draws, if it leaves the gains of its last call alone."""
        drawn = self.channel.draw(streams, uses, state)
        kept = self._returned.restore() is None
        problem = "overwrites the gains that it returned before; return new tensors"
        self._refuse("draw", None if kept else problem)
        return drawn

    def _turned(self, verb: str, streams: Streams, uses: int) -> Streams | None:
        """Streams of the same numbers in another order of the images; for the first burst alone."""
        if not self.own or verb in self._repeated or len(streams) < 2 or not uses:
            return None
        self._repeated.add(verb)
        return streams.again(np.arange(len(streams))[::-1])

    def _same(self, verb: str, first: Any, call: Callable[[], Any]) -> None:
        """Refuses a second call whose rows, turned back, are not those of the first one.

        A generator of the channel's own, or what it keeps of earlier calls, shows here: numbers
        would depend on batch size, workers and what ran before.
        """
        before = generator_states()
        second = call()
        if generator_states() != before:
            return  # the run names the global generator
        ours, theirs = gains(first), gains(second)
        same = ours.shape == theirs.shape and bool(
            (ours - theirs.flip(0)).abs().max() <= ROUNDING * ours.abs().max()
        )
        problem = (
            "gave an image other numbers in another order of the images, from the same streams; "
            "draw all random numbers from `streams`, and keep nothing in `self`"
        )
        self._refuse(verb, None if same else problem)

    def _unchanged(self, verb: str, **inputs: Any) -> AbstractContextManager[None]:
        """Refuses writes into the inputs of a user's own channel."""
        return unchanged(f"channel {self.name}", verb, **inputs) if self.own else nullcontext()

    def _refuse(self, verb: str, problem: str | None) -> None:
        if problem is not None:
            raise ValueError(f"channel {self.name}: {verb} {problem}")
