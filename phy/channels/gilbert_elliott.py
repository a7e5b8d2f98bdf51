"""Burst errors: the two-state Markov channel of Gilbert and Elliott over any channel."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple, final

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Bool, Complex
from torch import Tensor

from phy.channel import Channel, gains, scale
from phy.channels.diffuse import BANDWIDTH_HZ, INTERVAL_S
from phy.channels.parameters import BANDWIDTH, INTERVAL, Domain, checked
from phy.channels.wrapper import Wrapper
from phy.streams import Streams

PROBABILITY = Domain(0, 1, open_ends=True)
BAD_DB = Domain(-100, 0)

_Floats = npt.NDArray[np.float64]
_Bools = npt.NDArray[np.bool_]


class MarkovState(NamedTuple):
    """The state of the Markov chain of each image and the state of the wrapped channel.

    Attributes:
        bad: [batch, 1] bool, whether the next transmission begins in the bad state.
        over: State of the wrapped channel.
    """

    bad: Bool[Tensor, "batch 1"]
    over: Any


@final
class GilbertElliott(Wrapper):
    """A Markov chain over the channel uses with a good and a bad state: h = a(s) h', E a^2 = 1.

    The chain is stationary and continues between transmissions: `interval_s` W uses lie between the
    starts of two transmissions. The state at the next start is drawn first, and then the path
    towards it (a Markov bridge). So later states do not depend on the length of a burst.

    The receiver knows the state s as it knows h'. It could not estimate s from pilots, because s
    changes between them; a wrapped channel that is estimated from pilots is refused.

    In the channel of Gilbert and Elliott a state has a bit error probability; here it has a gain.

    Source: Gilbert, "Capacity of a burst-noise channel", Bell Syst. Tech. J. 39, 1960; Elliott,
    "Estimates of error rates for codes on burst-noise channels", Bell Syst. Tech. J. 42, 1963.

    Args:
        over: Wrapped channel h', known to the receiver.
        good_to_bad: Transition probability per channel use, in (0, 1).
        bad_to_good: Transition probability per channel use, in (0, 1). The mean sojourn time in the
            bad state is 1 / bad_to_good uses.
        bad_db: Power gain of the bad state relative to the good one, from -100 to 0 dB.
        bandwidth_hz: Bandwidth W in hertz; a channel use takes 1 / W.
        interval_s: Time in seconds from the start of one transmission to the start of the next. In
            a burst that is longer than the interval, the states behind the interval do not depend
            on those of the next burst.

    Raises:
        ValueError: When a parameter is not allowed; one line with the channel and the value.
    """

    def __init__(
        self,
        over: Channel,
        good_to_bad: Annotated[float, PROBABILITY] = 0.01,
        bad_to_good: Annotated[float, PROBABILITY] = 0.1,
        bad_db: Annotated[float, BAD_DB] = -20.0,
        bandwidth_hz: Annotated[float, BANDWIDTH] = BANDWIDTH_HZ,
        interval_s: Annotated[float, INTERVAL] = INTERVAL_S,
    ) -> None:
        name = "gilbert-elliott"
        super().__init__(name, over)
        if over.pilot_uses(1):
            raise ValueError(
                f"channel {name}: over a channel that is estimated from pilots is not allowed, "
                "the state changes between them: take csi=perfect"
            )
        self.good_to_bad = checked(name, "good_to_bad", good_to_bad, PROBABILITY)
        self.bad_to_good = checked(name, "bad_to_good", bad_to_good, PROBABILITY)
        bad_db = checked(name, "bad_db", bad_db, BAD_DB)
        seconds = checked(name, "interval_s", interval_s, INTERVAL)
        self.interval_uses = max(
            1, round(seconds * checked(name, "bandwidth_hz", bandwidth_hz, BANDWIDTH))
        )
        #: Stationary probability of the bad state.
        self.bad_share = self.good_to_bad / (self.good_to_bad + self.bad_to_good)
        #: Power gains of the good and of the bad state, 1 in the mean.
        good = 1 / (1 - self.bad_share + self.bad_share * 10 ** (bad_db / 10))
        self.power_gains = (good, good * 10 ** (bad_db / 10))

    def draw(
        self, streams: Streams, uses: int, state: MarkovState | None
    ) -> tuple[Complex[Tensor, "batch {uses}"], MarkovState]:
        """Draws h [batch, uses]; see `Channel.draw`."""
        fading, under = self.over.draw(
            streams.for_role("over"), uses, None if state is None else state.over
        )
        u = streams.for_role("bursts").uniform(2 + max(uses - 1, 0)).double().cpu().numpy()
        begin = u[:, :1] < self.bad_share if state is None else state.bad.cpu().numpy()
        end = u[:, 1:2] < self._reach(self.interval_uses)[begin.astype(int)]
        bad = self._path(begin, end, u[:, 2:])[:, :uses]
        amplitude = np.sqrt(np.array(self.power_gains, np.float32))[bad.astype(int)]
        h = gains(fading)
        gain = torch.from_numpy(amplitude).to(h.device)
        return scale(h, gain), MarkovState(torch.from_numpy(end).to(h.device), under)

    def gain_cdf(self, power: _Floats) -> _Floats | None:
        """Returns P(|h|^2 <= power): the other channel's law, mixed over both states."""
        good, bad = (self.over.gain_cdf(power / gain) for gain in self.power_gains)
        if good is None or bad is None:
            return None
        return (1 - self.bad_share) * good + self.bad_share * bad

    def _reach(self, steps: int | npt.NDArray[np.int64]) -> _Floats:
        """Returns the probabilities of the bad state some uses after good and bad, [2, *steps]."""
        memory = (1 - self.good_to_bad - self.bad_to_good) ** np.asarray(steps)
        share = self.bad_share
        return np.stack([share - share * memory, share + (1 - share) * memory])

    def _path(self, begin: _Bools, end: _Bools, u: _Floats) -> _Bools:
        """Returns the states [batch, 1 + steps] from `begin` on, given `end` after the interval.

        Let p and q be the probabilities of "bad" after good and after bad. A step with
        u < min(p, q) leads to bad and a step with u >= max(p, q) to good, from either state. Any
        other step keeps the state if p <= q and changes it otherwise. So a state follows from the
        last step of the first two kinds.
        """
        p, q = self._towards(end, u.shape[1])
        to_bad, to_good = u < np.minimum(p, q), u >= np.maximum(p, q)
        place = np.arange(1 + u.shape[1])
        known = np.concatenate([np.ones_like(begin), to_bad | to_good], axis=1)
        last = np.maximum.accumulate(np.where(known, place, 0), axis=1)
        states = np.take_along_axis(np.concatenate([begin, to_bad], axis=1), last, axis=1)
        alternates = self.good_to_bad > 1 - self.bad_to_good  # p > q in every step
        return states ^ ((place - last) % 2 == 1) if alternates else states

    def _towards(self, end: _Bools, steps: int) -> tuple[_Floats, _Floats]:
        """Returns p and q of every step given the end state (Bayes' rule), each [batch, steps]."""
        left = self.interval_uses - 1 - np.arange(steps)  # uses to the end after the step
        after_good, after_bad = self._reach(np.maximum(left, 0))
        tables = []
        for prior in (self.good_to_bad, 1 - self.bad_to_good):
            ends_bad = prior * after_bad / (prior * after_bad + (1 - prior) * after_good)
            good, bad = 1 - after_good, 1 - after_bad
            ends_good = prior * bad / (prior * bad + (1 - prior) * good)
            bridge = np.stack([ends_good, ends_bad])  # beyond the end: the chain as it is
            tables.append(np.where(left >= 0, bridge, prior)[end[:, 0].astype(int)])
        return tables[0], tables[1]
