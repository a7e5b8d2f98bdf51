"""A run refuses what a user's own scheme or channel must not return: one line, no number."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from broken_schemes import Sound

from phy.channel import Channel, Received
from phy.channels.fading import Rician
from phy.streams import Streams
from simulator.guard import Guarded
from simulator.link import run_link
from simulator.read_only import ReadOnlyInputs
from simulator.scheme import Payload, Scheme
from simulator.setup.channel import open_channel
from simulator.slots import Slot
from simulator.spec import RunSpec

IMAGES = 6
#: A number that a scheme or channel returns in place of the right value.
Change = Callable[[Any], Any]


class Sent(Sound):
    """A sound scheme with images of its own, and one wrong result or attribute.

    Args:
        call: The call or attribute that is wrong; "" for none.
        change: Right result -> wrong one.
    """

    def __init__(self, call: str = "", change: Change = lambda value: value) -> None:
        if call and not callable(getattr(self, call)):
            setattr(self, call, change(None))
        elif call:
            right = getattr(self, call)
            setattr(self, call, lambda *inputs: change(right(*inputs)))


def send(scheme: Sent, channel: Channel | None = None) -> None:
    s = torch.rand(IMAGES, 16, generator=torch.Generator().manual_seed(0))
    streams = Streams(0, "a test", np.arange(IMAGES))
    slot = Slot(0.0, 1e-3, 1e5)
    run_link(
        ReadOnlyInputs(scheme, "mine"), Payload({"s": s}), channel or Rician(), slot, streams, 3
    )


def test_a_sound_scheme_passes() -> None:
    send(Sent())


def burst(**changed: Change) -> Change:
    return lambda result: (
        result[0]._replace(**{k: c(getattr(result[0], k)) for k, c in changed.items()}),
        result[1],
    )


@pytest.mark.parametrize(
    ("call", "change", "problem"),
    [
        ("side_information_bits", lambda _: -3, "side_information_bits is -3, it must be"),
        ("side_information_bits", lambda _: 1.5, "side_information_bits is 1.5"),
        ("batch_size", lambda _: 0, "batch_size is 0, it must be a whole number from 1"),
        ("reasons", lambda _: "ab", "reasons is 'ab', it must be a tuple"),
        ("reasons", lambda _: (), "reasons is ()"),
        ("open_loop", lambda _: "no", "open_loop is 'no'"),
        ("transmissions", lambda _: 0, "transmissions is 0, it must be a whole number from 1"),
        ("transmissions", lambda _: 1.5, "transmissions is 1.5"),
        ("start", lambda _: None, "start gave a NoneType, it must be two values"),
        ("transmit", lambda result: result[0], "transmit gave a Burst, it must be two values"),
        ("transmit", burst(uses=lambda u: u.int()), "uses is torch.int32"),
        ("transmit", burst(uses=lambda u: u + 9), "uses are 17 to 17, x has 8"),
        ("transmit", burst(uses=lambda u: -u), "uses are -8 to -8"),
        ("transmit", burst(x=lambda x: x[:1]), "x has 1 rows, uses 6"),
        ("transmit", burst(header=lambda _: torch.ones(1, 3).bool()), "header has 1 rows for 6"),
        ("transmit", burst(header=lambda _: torch.full((6, 3), 2)), "header is torch.int64 [6, 3]"),
        ("receive", burst(ack=lambda ack: ack[:1]), "ack is torch.bool [1] for 6 images"),
        ("receive", burst(ack=lambda ack: ack.float()), "ack is torch.float32"),
        ("receive", burst(request_bits=lambda b: b - 100), "smallest of request_bits is -100"),
        ("receive", burst(request_bits=lambda b: b + 10**12), "largest of request_bits"),
        ("receive", burst(reason=lambda r: r * 0 - 1), "reason -1, there are 2 reasons"),
        ("receive", lambda r: (r[0], torch.cat([r[1], r[1]])), "it has 12 rows for 6 images"),
        ("receive", lambda r: (r[0], {"y": r[1]}), "it is a dict, which has no rows"),
        ("perform", lambda o: o._replace(color=o.color[:, :2]), "color has 2 classes"),
        ("perform", lambda o: o._replace(embedding=o.embedding[:1]), "embedding has 1 rows for"),
        ("perform", lambda o: o._replace(embedding=o.embedding[:, :0]), "embedding has no columns"),
        ("perform", lambda o: tuple(o), "a tuple instead of TaskOutputs"),
    ],
)
def test_a_wrong_result_is_refused(call: str, change: Change, problem: str) -> None:
    with pytest.raises(ValueError, match=r"^scheme mine: ") as caught:
        send(Sent(call, change))
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


class Own(Channel):
    """Rayleigh fading with one wrong result."""

    def __init__(self, state: Any = None, pilots: Any = 0) -> None:
        self.state, self.pilots = state, pilots

    def draw(self, streams: Streams, uses: int, state: Any) -> tuple[torch.Tensor, Any]:
        return streams.complex_normal(uses), self.state

    def pilot_uses(self, uses: int) -> Any:
        return self.pilots


class Buffered(Own):
    """Gains in one buffer, which every transmission overwrites."""

    buffer = torch.zeros(IMAGES, 8, dtype=torch.complex64)

    def draw(self, streams: Streams, uses: int, state: Any) -> tuple[torch.Tensor, Any]:
        h = self.buffer[: len(streams), :uses]
        h.copy_(streams.complex_normal(uses))
        return h, None


@pytest.mark.parametrize(
    ("channel", "problem"),
    [
        (Own(state={"h": 1}), "draw gave a wrong state: state is a dict, which has no rows"),
        (Own(state=torch.zeros(1)), "state has 1 rows for 6 images"),
        (Own(state=(None, torch.zeros(7, 2))), "state[1] has 7 rows for 6 images"),
        (Own(state=torch.tensor(1.0)), "state has no rows for 6 images"),
        (Own(pilots=-5), "pilot_uses (8) is -5, it must be a whole number from 0"),
        (Own(pilots=10**30), "pilot_uses (8) is 1000000000"),
        (Own(pilots=2.0), "pilot_uses (8) is 2.0"),
        (Buffered(), "draw overwrites the gains that it returned before; return new tensors"),
    ],
)
def test_a_wrong_result_of_a_channel_is_refused(channel: Channel, problem: str) -> None:
    with pytest.raises(ValueError, match=r"^channel own: ") as caught:
        send(Sent(), Guarded(channel, "own"))
    assert problem in str(caught.value)


class OwnNumbers(Own):
    """Numbers of one call that are not those of the streams of each image."""

    def __init__(self, verb: str, numbers: Callable[[Streams, int], torch.Tensor]) -> None:
        super().__init__()
        self.verb, self.numbers = verb, numbers

    def draw(self, streams: Streams, uses: int, state: Any) -> tuple[torch.Tensor, Any]:
        return (self.numbers if self.verb == "draw" else Streams.complex_normal)(
            streams, uses
        ), None

    def apply(self, x: torch.Tensor, h: torch.Tensor, no: float, streams: Streams) -> Received:
        received = super().apply(x, h, no, streams)
        if self.verb == "draw" or not x.shape[1]:
            return received
        return received._replace(y=received.y + self.numbers(streams, x.shape[1]))


def generated(rng: np.random.Generator, streams: Streams, uses: int) -> torch.Tensor:
    """Numbers of a generator for all images of the batch."""
    return torch.from_numpy(rng.normal(size=(len(streams), uses))).to(torch.complex64)


ONE_GENERATOR = np.random.default_rng(0)
#: Numbers that depend on earlier calls, or on the other images of the batch.
OTHER_NUMBERS: list[Callable[[Streams, int], torch.Tensor]] = [
    lambda streams, uses: generated(ONE_GENERATOR, streams, uses),
    lambda streams, uses: generated(np.random.default_rng(streams.seed), streams, uses),
    lambda streams, uses: streams.complex_normal(uses).cumsum(0),
]


@pytest.mark.parametrize("verb", ["draw", "apply"])
@pytest.mark.parametrize("numbers", OTHER_NUMBERS)
def test_a_run_refuses_numbers_that_are_not_of_the_streams_of_an_image(
    verb: str, numbers: Callable[[Streams, int], torch.Tensor]
) -> None:
    problem = f"^channel own: {verb} gave an image other numbers in another order of the images"
    with pytest.raises(ValueError, match=problem):
        send(Sent(), Guarded(OwnNumbers(verb, numbers), "own"))
    send(Sent(), Guarded(OwnNumbers(verb, Streams.complex_normal), "own"))
    send(Sent(), Guarded(OwnNumbers(verb, numbers), "built-in", own=False))  # tests cover these


@pytest.mark.parametrize("gain", [float("nan"), 0, -1.0, "2", None])
def test_an_average_gain_is_a_positive_number(gain: Any) -> None:
    channel = Own()
    channel.average_gain = gain
    with pytest.raises(
        ValueError, match=r"channel own: average_gain is .* a finite number above 0"
    ):
        Guarded(channel, "own")


METHODS = [name for name, _ in inspect.getmembers(Scheme, inspect.isfunction) if name[0] != "_"]
CHANNEL_METHODS = ["apply", "draw", "gain_cdf", "pilot_uses"]


@pytest.mark.parametrize("name", METHODS)
def test_a_method_of_a_scheme_with_other_parameters_is_one_line(name: str) -> None:
    scheme = Sent()
    setattr(scheme, name, lambda one, two, three, four: None)
    with pytest.raises(
        ValueError, match=rf"^scheme mine: {name}\(one, .*\) must take \([a-z_, ]+\)$"
    ):
        ReadOnlyInputs(scheme, "mine")
    setattr(scheme, name, 3)
    with pytest.raises(ValueError, match=f"^scheme mine: {name} is 3, it must be a method$"):
        ReadOnlyInputs(scheme, "mine")
    setattr(scheme, name, lambda *values, more=2: None)  # takes what the contract gives
    ReadOnlyInputs(scheme, "mine")


@pytest.mark.parametrize("name", CHANNEL_METHODS)
def test_a_method_of_a_channel_with_other_parameters_is_one_line(name: str) -> None:
    channel = Rician()
    setattr(channel, name, lambda: None)
    spec = RunSpec(("perfect",), (0.0,))
    with pytest.raises(
        ValueError, match=rf"^channel 'rician': {name}\(\) must take \([a-z_, ]+\)$"
    ):
        open_channel(spec, channel)
