"""What every flat channel keeps to, whatever its law: one list, every rule over all of it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from phy.channel import Channel
from phy.streams import Streams, training_streams
from simulator.catalog import CHANNELS, construct
from simulator.scheme import take

FLAT: dict[str, dict[str, Any]] = {
    "awgn": {},
    "rician": {"k_factor": 4},
    "rician ": {"fading": "block"},
    "rician  ": {"fading": "jakes", "speed_mps": 300},
    "rician   ": {"power": "printed"},
    "rayleigh": {},
    "rayleigh ": {"fading": "jakes", "bandwidth_hz": 3e6},
    "nakagami": {"m": 0.5},
    "nakagami ": {"fading": "jakes", "m": 3},
    "shadowed": {"sigma_db": 3, "k_factor": 1},
    "shadowed ": {"over": "simo/nakagami", "antennas": 3, "fading": "jakes"},
    "gilbert-elliott": {"interval_s": 1e-6},
    "gilbert-elliott ": {"over": "rayleigh", "good_to_bad": 0.8, "bad_to_good": 0.9},
    "simo": {"antennas": 2, "fading": "block"},
    "simo ": {"over": "gilbert-elliott/rician", "fading": "jakes"},
}
IMAGES = np.array([3, 1, 4, 15, 9, 2, 6])


def build(name: str) -> Channel:
    channel = construct("channel", name.strip(), CHANNELS, FLAT[name])
    assert isinstance(channel, Channel)
    return channel


@pytest.fixture(params=FLAT)
def channel(request: pytest.FixtureRequest) -> Channel:
    return build(request.param)


def walk(channel: Channel, images: np.ndarray, uses: int, slots: int = 3) -> list[torch.Tensor]:
    drawn, state = [], None
    for slot in range(slots):
        streams = Streams(7, "c", images, slot, "/fading")
        h, state = channel.draw(streams, uses, state)
        drawn.append(h.expand(len(images), uses))
    return drawn


@pytest.mark.parametrize("uses", [1, 8, 33, 101])
def test_an_image_alone_meets_what_it_meets_among_others(channel: Channel, uses: int) -> None:
    together = walk(channel, IMAGES, uses)
    for rows in ([4], [6, 0, 2]):
        some = walk(channel, IMAGES[rows], uses)
        assert all(torch.equal(a[rows], b) for a, b in zip(together, some, strict=True))


def test_images_that_leave_disturb_no_other(channel: Channel) -> None:
    together, left = walk(channel, IMAGES, 20), torch.tensor([5, 2, 3])
    _, state = channel.draw(Streams(7, "c", IMAGES, 0, "/fading"), 20, None)
    streams = Streams(7, "c", IMAGES[left.numpy()], 1, "/fading")
    h, _ = channel.draw(streams, 20, take(state, left))
    assert torch.equal(h.expand(3, 20), together[1][left])


def test_a_shorter_burst_meets_the_beginning_and_leaves_the_same_behind(channel: Channel) -> None:
    long, short = walk(channel, IMAGES, 90), walk(channel, IMAGES, 13)
    assert all(torch.equal(a[:, :13], b) for a, b in zip(long, short, strict=True))
    assert channel.draw(Streams(0, "c", IMAGES), 0, None)[0].shape in ((7, 0), (7, 1))


def test_mean_power_and_noise(channel: Channel) -> None:
    """Three standard errors, over independent images."""
    images, no = 4000, 0.3
    streams = Streams(5, "c", np.arange(images))
    h, _ = channel.draw(streams.for_role("fading"), 4, None)
    power = h[:, -1].abs().double().square().numpy()
    error = abs(power.mean() - channel.average_gain)
    assert error <= 3 * power.std() / np.sqrt(images) + 1e-6
    silence = torch.zeros(images, 4, dtype=torch.complex64)
    y = channel.apply(silence, h, no, streams.for_role("noise")).y.numpy().ravel()
    assert abs(np.mean(np.abs(y) ** 2) - no) < 3 * no / np.sqrt(len(y))


def test_training_draws_from_one_generator(channel: Channel) -> None:
    drawn = []
    for _ in range(2):
        streams = training_streams(torch.Generator().manual_seed(1), 5)
        first, state = channel.draw(streams, 6, None)
        second, _ = channel.draw(streams, 6, state)
        assert first.dtype == second.dtype == torch.complex64
        drawn.append(torch.cat([first, second], 1))
    assert torch.equal(*drawn)


def test_the_list_holds_every_flat_channel_of_the_catalog() -> None:
    wide = {name for name in CHANNELS if name.startswith(("tdl", "cdl"))}
    assert {name.strip() for name in FLAT} == set(CHANNELS) - wide


def chain(**arguments: Any) -> Callable[[], Channel]:
    name = arguments.pop("name")
    return lambda: construct("channel", name, CHANNELS, arguments)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            chain(name="nakagami", m=0.4),
            "channel nakagami: m 0.4 is not allowed, it must be 0.5 to 1000",
        ),
        (
            chain(name="nakagami", m=float("nan")),
            "channel nakagami: m nan is not allowed, it must be",
        ),
        (chain(name="nakagami", m="two"), "channel nakagami: m 'two' is not a number"),
        (chain(name="rician", k_factor=-1), "channel rician: k_factor -1 is not allowed, it must"),
        (
            chain(name="rician", fading="slow"),
            "channel rician: fading 'slow' is not allowed, it must be fast, ",
        ),
        (chain(name="rician", speed_mps=30), "channel rician: speed_mps 30.0 is for fading jakes"),
        (
            chain(name="rayleigh", fading="jakes", speed_mps=-3),
            "channel rayleigh: speed_mps -3 is not allowed, it must be 0 to 2.997e+08",
        ),
        (
            chain(name="rayleigh", fading="jakes", carrier_hz=0),
            "channel rayleigh: carrier_hz 0 is not allowed, it must be between 0 and 1e",
        ),
        (chain(name="shadowed", sigma_db=-1), "channel shadowed: sigma_db -1 is not allowed, it"),
        (chain(name="shadowed", over="ricain"), "unknown channel 'ricain': nearest: 'rician'"),
        (chain(name="shadowed", k_factr=1), "channel rician takes no argument 'k_factr'; nearest"),
        (chain(name="shadowed", over="rician/awgn"), "channel rician wraps no other channel"),
        (
            chain(name="gilbert-elliott", good_to_bad=1),
            "channel gilbert-elliott: good_to_bad 1 is not allowed, it must be between 0 and 1, both",
        ),
        (chain(name="gilbert-elliott", bad_db=3), "channel gilbert-elliott: bad_db 3 is not"),
        (chain(name="simo", antennas=0), "channel simo: antennas 0 is not allowed, it must be"),
        (chain(name="simo", antennas=1.5), "channel simo: antennas 1.5 is not a whole number"),
        (chain(name="simo", over="shadowed", k_factor=-2), "channel rician: k_factor -2 is not"),
        (
            chain(name="phy.channels.simo:Simo"),
            "channel phy.channels.simo:Simo wraps another channel: give over=NAME",
        ),
    ],
)
def test_one_line_names_the_channel_and_the_value(
    make: Callable[[], Channel], message: str
) -> None:
    with pytest.raises(ValueError, match=message.split(":")[0]) as caught:
        make()
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_channel_gets_what_the_run_knows_unless_told_otherwise() -> None:
    known = {"bandwidth_hz": 3e6, "interval_s": 2e-3}
    arguments = {"over": "gilbert-elliott/rayleigh", "interval_s": 4e-3}
    channel = construct("channel", "shadowed", CHANNELS, arguments, known)
    assert channel.over.interval_uses == 12_000
    assert channel.over.over.diffuse.jakes.bandwidth_hz == 3e6
    assert channel.over.over.diffuse.jakes.interval_s == 2e-3
