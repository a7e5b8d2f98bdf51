"""Channels whose law differs with what a check may not have looked at."""

from typing import Any

import torch
from broken_parts import Drawn, Good
from torch import Tensor

from phy.channel import Received, multiply
from phy.streams import Streams


class OtherInARun(Good):
    """Weaker where nothing is recorded for gradients, as in a run."""

    def draw(self, streams: Any, uses: int, state: Any) -> Drawn:
        h, state = super().draw(streams, uses, state)
        return (h * 0.5 if torch.is_inference_mode_enabled() else h), state


class EasyTraining(Good):
    """Hardly any noise where a gradient is wanted."""

    def apply(self, x: Tensor, h: Tensor, no: float, streams: Streams) -> Received:
        return super().apply(x, h, no * 0.01 if x.requires_grad else no, streams)


class OtherInLargeBatches(Good):
    def draw(self, streams: Any, uses: int, state: Any) -> Drawn:
        h, state = super().draw(streams, uses, state)
        return (h.conj().resolve_conj() if len(streams) > 100 else h), state


class QuietAtHighSnr(Good):
    """No noise from 15 dB on, without a word to the receiver."""

    def apply(self, x: Tensor, h: Tensor, no: float, streams: Streams) -> Received:
        received = super().apply(x, h, no, streams)
        return received if no > 10**-1.5 else received._replace(y=multiply(h, x))
