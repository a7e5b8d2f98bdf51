"""TDL and CDL over OFDM against closed forms.

Means of independent images lie within 3.9 standard errors of the closed form: a right channel fails
one comparison with a probability of 1e-4. Mean powers are held to 3 standard errors.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import j0

from phy.channel import Channel, gains
from phy.ofdm.antenna import Antenna
from phy.ofdm.cdl import CdlPaths, cdl
from phy.ofdm.channel import OfdmChannel
from phy.ofdm.paths import PathModel, advance, response
from phy.ofdm.tdl import TdlPaths, tdl
from phy.ofdm.tr38901 import delay_profile
from phy.streams import Streams, training_streams
from simulator.catalog import CHANNELS, construct

MODELS = [f"{family}-{model}" for family in ("tdl", "cdl") for model in "abcde"]
CSI = ["perfect", "ls", "lmmse"]
SPREAD_S, DOPPLER_HZ = 100e-9, 200.0
ERRORS = 3.9


def paths(name: str) -> PathModel:
    family, _, model = name.partition("-")
    if family == "tdl":
        return TdlPaths(model, SPREAD_S, DOPPLER_HZ)
    return CdlPaths(model, Antenna(), Antenna(), SPREAD_S, DOPPLER_HZ)


def channel(name: str, **arguments: Any) -> Channel:
    made = construct("channel", name, CHANNELS, {"bandwidth_hz": 3e6, **arguments})
    assert isinstance(made, Channel)
    return made


def streams(images: int, transmission: int = 0, point: str = "c") -> Streams:
    return Streams(0, point, np.arange(images), transmission)


def agrees(samples: np.ndarray, expected: complex, errors: float = ERRORS) -> bool:
    """Whether a mean over independent images is what it should be, in both parts."""
    gaps = samples.mean() - expected
    spread = samples.astype(np.complex128)
    error = np.array([spread.real.std(), spread.imag.std()]) / np.sqrt(len(samples))
    return bool((np.abs([gaps.real, gaps.imag]) <= errors * error + 1e-6).all())


@pytest.mark.parametrize("family", ["tdl", "cdl"])
def test_tables_are_normalized_to_a_delay_spread_of_one(family: str) -> None:
    for model in "abcde":
        profile = delay_profile(family, model)
        mean = (profile.powers * profile.delays).sum()
        spread = np.sqrt((profile.powers * profile.delays**2).sum() - mean**2)
        assert spread == pytest.approx(1, abs=0.02)
        assert profile.powers.sum() == pytest.approx(1)


@pytest.mark.parametrize("name", MODELS)
def test_mean_power_and_frequency_correlation(name: str) -> None:
    model = paths(name)
    offsets_hz = np.array([0.0, 2e5, 1e6, 3e6, 9e6])
    rays = model.draw(streams(2000, point=name))
    h = response(rays, model.delays_s, 1.0, offsets_hz, 5).numpy().astype(np.complex128)
    assert agrees(np.abs(h[:, 2]) ** 2, 1.0, errors=3)
    profile = delay_profile(*name.split("-"))
    for i, offset_hz in enumerate(offsets_hz):
        turns = np.exp(-2j * np.pi * offset_hz * profile.delays * SPREAD_S)
        expected = (profile.powers * turns).sum()
        assert agrees(h[:, i] * h[:, 0].conj(), expected), offset_hz
        assert model.covariance(np.zeros(1), offsets_hz)[0, i] == pytest.approx(expected)


@pytest.mark.parametrize("name", MODELS)
def test_time_correlation(name: str) -> None:
    model, symbol_s, symbols = paths(name), 0.5e-3, 7
    rays = model.draw(streams(2000, point=f"{name} in time"))
    h = response(rays, model.delays_s, symbol_s, np.zeros(1), symbols).numpy()
    for i in range(symbols):
        if name in ("tdl-a", "tdl-b", "tdl-c"):
            expected = complex(j0(2 * np.pi * DOPPLER_HZ * i * symbol_s))
        elif name in ("tdl-d", "tdl-e"):
            specular = delay_profile(*name.split("-")).powers[0]
            turn = 2 * np.pi * DOPPLER_HZ * i * symbol_s
            expected = specular * np.exp(0.7j * turn) + (1 - specular) * j0(turn)
        else:
            expected = model.covariance(np.array([i * symbol_s]), np.zeros(1))[0, 0]
        assert agrees(h[:, i] * h[:, 0].conj(), expected), i


@pytest.mark.parametrize(("name", "k_factor_db"), [("tdl-d", 13.3), ("tdl-e", 22.0)])
def test_line_of_sight(name: str, k_factor_db: float) -> None:
    """K of the first path (tables 7.7.2-4, -5), and the fourth moment that a constant leaves."""
    model = paths(name)
    k = model.powers[0] / model.powers[1]
    assert 10 * np.log10(k) == pytest.approx(k_factor_db, abs=0.03)
    rays = model.draw(streams(4000, point=name))
    h = response(rays, model.delays_s, 1.0, np.zeros(1), 1).numpy()[:, 0]
    specular = torch.complex(rays[:, 0, :, 0].sum(1), rays[:, 1, :, 0].sum(1)).numpy()
    assert np.allclose(np.abs(specular) ** 2, model.powers[0], rtol=1e-5)
    # E|h|^4 = s^2 + 4 s (1 - s) + 2 (1 - s)^2 for a constant of power s and a Gaussian rest; 20
    # sinusoids are Gaussian but for a part of sum p^2 / 20 of it, far below the resolution here
    s = model.powers[0]
    assert agrees(np.abs(h) ** 4, s**2 + 4 * s * (1 - s) + 2 * (1 - s) ** 2)


def test_bpsk_on_tdl_a_is_bpsk_on_rayleigh() -> None:
    """Uncoded, perfect CSI: P = (1 - sqrt(snr / (1 + snr))) / 2, one use of each of many images."""
    made, images = channel("tdl-a"), 8_000
    gains, _ = made.draw(streams(images), 1, None)
    for snr_db in (0.0, 6.0):
        snr, row = 10 ** (snr_db / 10), streams(images, point=f"ber {snr_db}")
        bits = row.for_role("bits").uniform(1) < 0.5
        x = torch.where(bits, 1.0, -1.0).to(torch.complex64)
        y, h, _ = made.apply(x, gains, 1 / snr, row.for_role("noise"))
        errors = int((((h.conj() * y).real > 0) != bits).sum())
        expected = 0.5 * (1 - np.sqrt(snr / (1 + snr)))
        assert stats.binomtest(errors, images, expected).pvalue > 1e-3


@pytest.mark.parametrize("name", MODELS)
def test_fading_goes_on_from_slot_to_slot(name: str) -> None:
    """Two bursts an interval of seven symbols apart are two parts of one long burst."""
    grid_symbol_s = 1e-3 / 14
    made = channel(name, interval_s=7 * grid_symbol_s, subcarriers=12)
    h, state = made.draw(streams(20), 12 * 9, None)
    later, after = made.draw(streams(20, transmission=1), 12 * 2, state)
    assert state.shape[0] == 20
    assert state.shape == after.shape
    assert torch.allclose(later, h[:, 12 * 7 :], atol=2e-5)
    assert not torch.allclose(later, h[:, : 12 * 2], atol=1e-2)
    rays = paths(name).draw(streams(4))
    twice = advance(advance(rays, 1e-3), 2e-3)
    assert torch.allclose(twice, advance(rays, 3e-3), atol=1e-4)


def burst(made: Channel, row: Streams, uses: int) -> list[torch.Tensor]:
    """Everything of two slots that anybody could see."""
    seen, state = [], None
    for slot in range(2):
        now = row.rows(np.arange(len(row)), slot)
        x = torch.ones(len(row), uses, dtype=torch.complex64)
        h, state = made.draw(now.for_role("fading"), uses, state)
        seen += [gains(h), *made.apply(x, h, 0.3, now.for_role("noise"))]
    return seen


@pytest.mark.parametrize("csi", CSI)
@pytest.mark.parametrize("name", ["tdl-c", "tdl-e", "cdl-a", "cdl-d"])
def test_neither_batch_nor_length_of_a_burst_changes_a_number(name: str, csi: str) -> None:
    made = channel(name, csi=csi, subcarriers=48)
    whole = burst(made, streams(7), 130)
    for rows in ([0], [3], [5, 6], [0, 1, 2, 3, 4]):
        part = burst(made, Streams(0, "c", np.array(rows)), 130)
        for a, b in zip(whole, part, strict=True):
            assert torch.equal(a[rows] if len(a) > 1 else a, b)
    for uses in (1, 40, 129):
        for a, b in zip(whole, burst(made, streams(7), uses), strict=True):
            assert torch.equal(a[:, :uses] if a.shape[1] > 1 else a, b)


@pytest.mark.parametrize("csi", CSI)
@pytest.mark.parametrize("name", MODELS)
def test_training_draws_from_one_generator(name: str, csi: str) -> None:
    row = training_streams(torch.Generator().manual_seed(0), 5)
    made = channel(name, csi=csi, subcarriers=24)
    h, _ = made.draw(row, 50, None)
    x = torch.ones(5, 50, dtype=torch.complex64)
    y, h_hat, no = made.apply(x, h, 0.1, row)
    assert y.shape == h_hat.shape == (5, 50)
    assert y.isfinite().all()
    assert (no >= 0.1).all()


def test_gains_lie_on_the_grid_in_their_order() -> None:
    """Use i of a burst has the response at its subcarrier and at its symbol's time."""
    made = channel("tdl-c", subcarriers=20)
    assert isinstance(made, OfdmChannel)
    h, _ = made.draw(streams(3), 70, None)
    rays = made.paths.draw(streams(3)).double()
    c = torch.complex(rays[:, 0], rays[:, 1])
    for use in (0, 19, 20, 69):
        t, f = (use // 20) * 1e-3 / 14, (use % 20 - 10) * 15e3
        turns = torch.exp(2j * np.pi * (rays[:, 2] * t))
        delays = torch.exp(-2j * np.pi * f * torch.from_numpy(made.paths.delays_s))
        assert torch.allclose((c * turns * delays).sum((1, 2)), h[:, use].cdouble(), atol=1e-5)


def test_images_fade_independently() -> None:
    h, _ = channel("cdl-c").draw(streams(4000), 1, None)
    pairs = h[0::2, 0].numpy() * h[1::2, 0].numpy().conj()
    assert agrees(pairs, 0.0)


@pytest.mark.parametrize("make", [tdl, cdl])
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"delay_spread_ns": -1}, ["delay_spread_ns", "-1"]),
        ({"delay_spread_ns": float("nan")}, ["delay_spread_ns", "nan"]),
        ({"delay_spread_ns": "long"}, ["delay_spread_ns", "long"]),
        ({"delay_spread_ns": 5000}, ["last path", "cyclic prefix", "4688"]),
        ({"speed_mps": -3}, ["speed_mps", "-3"]),
        ({"speed_mps": 300}, ["Doppler", "5904", "827"]),
        ({"carrier_hz": 0}, ["carrier_hz", "0"]),
        ({"subcarriers": 0}, ["subcarriers", "0"]),
        ({"subcarriers": 3301}, ["subcarriers", "3301", "3300"]),
        ({"subcarriers": 2.5}, ["subcarriers", "2.5"]),
        ({"subcarrier_khz": 0}, ["subcarrier_khz", "0"]),
        ({"cyclic_prefix": "long"}, ["cyclic_prefix", "long", "extended"]),
        ({"csi": "mmse"}, ["csi", "mmse", "lmmse"]),
        ({"csi": "ls", "pilot_spacing": 1}, ["pilot_spacing", "1"]),
        ({"csi": "ls", "subcarriers": 12, "pilot_spacing": 12}, ["pilot_spacing", "12"]),
        ({"interval_s": 0}, ["interval_s", "0"]),
        ({"bandwidth_hz": -1}, ["bandwidth_hz", "-1"]),
    ],
)
def test_what_is_not_allowed_is_named(
    make: Callable[..., Channel], arguments: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(ValueError, match=f"channel {make.__name__}-b: ") as caught:
        make("b", **arguments)
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in words), message


def test_unknown_models_and_antennas_are_named() -> None:
    with pytest.raises(ValueError, match=r"channel tdl-f: .*tdl-a\.\.tdl-e"):
        tdl("f")
    with pytest.raises(ValueError, match=r"channel cdl-a: pattern 'dipole' is not one of omni"):
        cdl("a", tx_pattern="dipole")
    with pytest.raises(ValueError, match="channel cdl-a: slant_deg is nan"):
        cdl("a", rx_slant_deg=float("nan"))


def test_limits_are_where_they_are_said_to_be() -> None:
    """The largest spread is that whose last path, at 9.6586 spreads, meets the prefix's end."""
    limit_ns = 144 / 30.72e6 / 9.6586 * 1e9
    tdl("a", delay_spread_ns=limit_ns - 0.1)
    with pytest.raises(ValueError, match="cyclic prefix"):
        tdl("a", delay_spread_ns=limit_ns + 0.1)
    tdl("a", delay_spread_ns=limit_ns * 3, cyclic_prefix="extended")
    tdl("a", delay_spread_ns=30, speed_mps=300, subcarrier_khz=120)
