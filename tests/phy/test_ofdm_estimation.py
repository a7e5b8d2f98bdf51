"""Pilot-aided estimation against the errors that theory gives it.

Mean errors lie within 3.9 standard errors over independent images of their closed form.
"""

import numpy as np
import pytest
import torch

from phy.channel import Channel, Fading, gains, scale_fading
from phy.channels.gilbert_elliott import GilbertElliott
from phy.channels.shadowing import Shadowed
from phy.channels.simo import Simo
from phy.ofdm.estimation import linear, wiener
from phy.ofdm.grid import OfdmGrid
from phy.ofdm.receiver import PilotAided
from phy.ofdm.tdl import TdlPaths, tdl
from phy.streams import Streams
from simulator import check_channel

IMAGES, SUBCARRIERS = 800, 60


def estimator(csi: str, model: str = "c", **arguments: object) -> PilotAided:
    made = tdl(model, csi=csi, subcarriers=SUBCARRIERS, **arguments)  # type: ignore[arg-type]
    assert isinstance(made, PilotAided)
    return made


def errors(channel: Channel, uses: int, no: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(h - h_hat, h_hat), each [images, uses], and the error variance that the receiver states."""
    row = Streams(0, f"estimation {no}", np.arange(IMAGES))
    h, _ = channel.draw(row.for_role("fading"), uses, None)
    x = torch.ones(IMAGES, uses, dtype=torch.complex64)
    y, h_hat, total = channel.apply(x, h, no, row.for_role("noise"))
    assert y.shape == h_hat.shape == total.shape == x.shape
    return (gains(h) - h_hat).numpy(), h_hat.numpy(), (total - no).numpy()[0]


def agree(squares: np.ndarray, expected: np.ndarray) -> bool:
    """[images, places] against [places], averaged over the places of an image."""
    gap = (squares - expected).mean(1)
    return bool(abs(gap.mean()) <= 3.9 * gap.std() / np.sqrt(len(gap)))


@pytest.mark.parametrize("no", [0.05, 1.0])
def test_ls_error_of_a_flat_channel_is_the_noise_that_passes(no: float) -> None:
    """At distance d of s from a pilot: no ((1 - d/s)^2 + (d/s)^2), and no at the pilot itself."""
    made = estimator("ls", delay_spread_ns=0, speed_mps=0)
    data = made.over.grid.data
    left = data - data % 12
    right = np.minimum(left + 12, SUBCARRIERS - 1)
    share = (data - left) / (right - left)
    expected = no * ((1 - share) ** 2 + share**2)
    error, _, stated = errors(made, len(data), no)
    assert stated == pytest.approx(expected, rel=1e-4)
    assert agree(np.abs(error) ** 2, expected)
    for place in (0, 5, len(data) - 1):
        assert agree(np.abs(error[:, [place]]) ** 2, expected[[place]])


def test_ls_at_a_pilot_has_the_noise_of_one_use() -> None:
    """With a pilot at every other element an estimate's two pilots are read back one by one."""
    no, made = 0.4, estimator("ls", pilot_spacing=2, delay_spread_ns=0, speed_mps=0)
    error, _, _ = errors(made, 29, no)  # one symbol: e_i = (w_i + w_(i+1)) / 2
    # neighbors share a pilot, others none: E[e_i e_(i+1)*] = no / 4, E|e_i|^2 = no / 2
    assert agree(np.abs(error) ** 2, np.full(29, no / 2))
    assert agree((error[:, :-1] * error[:, 1:].conj()).real, np.full(28, no / 4))
    assert agree((error[:, :-2] * error[:, 2:].conj()).real, np.zeros(27))


@pytest.mark.parametrize("no", [0.01, 0.5])
@pytest.mark.parametrize("model", ["c", "d"])
def test_ls_error_of_a_selective_channel(model: str, no: float) -> None:
    """E|h - w h_p|^2 = 1 - 2 Re(w r*) + w R w^H, and no |w|^2: r and R from the delay profile."""
    made = estimator("ls", model, delay_spread_ns=300)
    grid, paths = made.over.grid, made.over.paths
    law = linear(grid, no)

    def r(offset: np.ndarray) -> np.ndarray:
        turns = np.exp(-2j * np.pi * 15e3 * offset[..., None] * paths.delays_s)
        return np.asarray((paths.powers * turns).sum(-1))

    at, weight = grid.pilots[law.pilot], law.weight
    cross = r(grid.data[:, None] - at)
    between = r(at[:, :, None] - at[:, None, :])
    expected = (
        1
        - 2 * (weight * cross.conj()).sum(1).real
        + np.einsum("di,dij,dj->d", weight, between, weight.conj()).real
        + no * np.square(np.abs(weight)).sum(1)
    )
    error, _, _ = errors(made, len(grid.data), no)
    assert agree(np.abs(error) ** 2, expected)


@pytest.mark.parametrize("no", [0.01, 0.3, 4.0])
@pytest.mark.parametrize("model", ["a", "e"])
def test_lmmse_states_its_error_and_is_never_worse_than_ls(model: str, no: float) -> None:
    arguments = {"delay_spread_ns": 200, "speed_mps": 30}
    lmmse, ls = estimator("lmmse", model, **arguments), estimator("ls", model, **arguments)
    uses = 5 * len(lmmse.over.grid.data) + 7  # six symbols, of which four look back in full
    error, h_hat, stated = errors(lmmse, uses, no)
    worse, _, _ = errors(ls, uses, no)
    assert agree(np.abs(error) ** 2, stated)
    # what is left of a linear MMSE estimate's error does not show in the estimate
    assert agree((error * h_hat.conj()).real, np.zeros(uses))
    assert agree((error * h_hat.conj()).imag, np.zeros(uses))
    assert (np.abs(error) ** 2).mean() < (np.abs(worse) ** 2).mean()


@pytest.mark.parametrize("no", [1e-3, 0.1, 3.0])
@pytest.mark.parametrize("model", "abcde")
def test_lmmse_error_is_at_most_that_of_ls_at_every_element(model: str, no: float) -> None:
    grid, paths = OfdmGrid(48, pilot_spacing=8), TdlPaths(model, 300e-9, 300.0)
    ls = linear(grid, no)  # its own weights, in the covariance of the law
    offsets = np.arange(-47, 48) * grid.subcarrier_hz
    covariance = paths.covariance(np.zeros(1), offsets)[0]
    at = grid.pilots[ls.pilot]
    of_ls = (
        1
        - 2 * (ls.weight * covariance[47 + grid.data[:, None] - at].conj()).sum(1).real
        + np.einsum(
            "di,dij,dj->d",
            ls.weight,
            covariance[47 + at[:, :, None] - at[:, None, :]],
            ls.weight.conj(),
        ).real
        + ls.error_variance
    )
    best = np.full(len(grid.data), np.inf)
    for symbols in (1, 2, 3, 4):  # the more is looked at, the smaller the error
        variance = wiener(grid, paths, no, symbols).error_variance
        assert (variance <= best + 1e-9).all()
        best = variance
        assert (variance <= of_ls + 1e-9).all()


def test_lmmse_weighs_no_pilot_before_it_is_sent() -> None:
    grid, paths = OfdmGrid(60, pilot_spacing=12), TdlPaths("b", 300e-9, 200.0)
    law = wiener(grid, paths, 0.1, 3)
    later = (grid.pilots[law.pilot] > grid.data[:, None] + 12) & (law.lag == 0)
    assert later.any()
    assert (law.weight[later] == 0).all()
    assert (law.weight[:, law.lag == 2] != 0).all()


def test_pilots_are_counted() -> None:
    made = estimator("ls")  # 60 subcarriers: pilots at 0, 12, 24, 36, 48 and 59
    assert [made.pilot_uses(uses) for uses in (1, 11, 12, 54, 55)] == [2, 2, 3, 6, 8]
    assert tdl("c").pilot_uses(100) == 0


def test_gains_without_their_pilots_are_refused() -> None:
    made = estimator("lmmse")
    row = Streams(0, "c", np.arange(2))
    h, _ = made.draw(row, 10, None)
    x = torch.ones(2, 10, dtype=torch.complex64)
    for bare in (h.h, 1.0 * gains(h)):
        with pytest.raises(ValueError, match="csi=lmmse needs the gains of the pilots, h is a Ten"):
            made.apply(x, bare, 0.1, row)
    with pytest.raises(TypeError):
        2 * h


def test_scaled_fading_has_scaled_pilots() -> None:
    h, _ = estimator("ls").draw(Streams(0, "c", np.arange(3)), 10, None)
    gain = torch.tensor([[0.5], [2.0], [-1.0]])
    scaled = scale_fading(h, gain)
    assert isinstance(scaled, Fading)
    for part, whole in ((scaled.h, h.h), (scaled.pilots, h.pilots)):
        assert torch.equal(part, whole * gain)


def test_pilots_stand_in_the_shadow_of_their_data() -> None:
    """Without noise a flat channel is known exactly, shadow and all; a double shadow likewise."""
    under = estimator("ls", delay_spread_ns=0, speed_mps=0)
    for made in (Shadowed(under, 8.0), Shadowed(Shadowed(under, 5.0), 3.0)):
        row = Streams(0, "c", np.arange(20))
        fading, _ = made.draw(row, 90, None)
        assert isinstance(fading, Fading)
        h = fading.h
        assert np.ptp(np.log10(np.abs(h.numpy()[:, 0]))) > 0.5
        x = torch.ones(20, 90, dtype=torch.complex64)
        y, h_hat, _ = made.apply(x, fading, 1e-12, row)
        np.testing.assert_allclose(h_hat.numpy(), h.numpy(), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(y.numpy(), h.numpy(), rtol=1e-4, atol=1e-5)
        assert made.pilot_uses(90) == under.pilot_uses(90)


@pytest.mark.parametrize("csi", ["ls", "lmmse"])
def test_the_error_that_is_stated_holds_under_shadowing(csi: str) -> None:
    """In the mean over shadows: E|h|^2 = 1, and a linear estimate depends on no other moment."""
    made = Shadowed(estimator(csi, delay_spread_ns=30), 6.0)  # type: ignore[arg-type]
    error, h_hat, stated = errors(made, 3 * len(made.over.over.grid.data), 0.3)
    assert agree(np.abs(error) ** 2, stated)
    if csi == "lmmse":  # orthogonal to the estimate, which has the rest of the power
        assert agree((error * h_hat.conj()).real, np.zeros(error.shape[1]))
        assert agree(np.abs(h_hat) ** 2, 1 - stated)


def test_a_shadow_over_estimated_gains_keeps_the_contract() -> None:
    for csi in ("ls", "lmmse"):
        report = check_channel("shadowed", {"over": "tdl-c", "csi": csi, "sigma_db": 3})
        assert report.ok, str(report)


def test_bursts_and_arrays_over_estimated_gains_are_refused_at_once() -> None:
    for over in (estimator("ls"), Shadowed(estimator("lmmse"), 3.0)):
        with pytest.raises(
            ValueError, match=r"^channel gilbert-elliott: over a channel that is es"
        ):
            GilbertElliott(over)
        with pytest.raises(ValueError, match=r"^channel simo: over .* must be flat and known"):
            Simo(over)
