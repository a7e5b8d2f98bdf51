"""TDL and CDL against Sionna's own, which draws its random numbers and sums its paths itself.

CDL: the very same channels, ray by ray, when Sionna is given our angles, phases and velocities.
TDL, and CDL's powers: the same moments and correlations, each within 4 standard errors of two means.
"""

import math
from typing import Any

import numpy as np
import pytest
import torch
from sionna_blocks import sionna_on_the_cpu

from phy.ofdm.antenna import Antenna
from phy.ofdm.cdl import RAY_OFFSETS, RAYS, CdlPaths, cdl, ray_angles
from phy.ofdm.paths import response
from phy.ofdm.tdl import TdlPaths
from phy.ofdm.tr38901 import delay_profile
from phy.streams import Streams
from simulator.catalog import CHANNELS, construct

SPREAD_S, CARRIER_HZ, SPEED_MPS = 300e-9, 5.9e9, 20.0
DOPPLER_HZ = SPEED_MPS * CARRIER_HZ / 299_792_458.0
TIMES, STEP_S = 4, 0.4e-3
OFFSETS_HZ = np.array([0.0, 1e5, 4e5, 1.5e6])


@pytest.fixture(scope="module")
def sionna() -> Any:
    return sionna_on_the_cpu("channel")


def set_seed(seed: int) -> None:
    """Of Sionna's own generators."""
    from sionna.phy import config

    config.seed = seed


def ours(paths: TdlPaths | CdlPaths, rays: torch.Tensor) -> np.ndarray:
    """h [images, times, frequencies]."""
    elements = TIMES * len(OFFSETS_HZ)
    h = response(rays, paths.delays_s, STEP_S, OFFSETS_HZ, elements)
    return h.unflatten(1, (TIMES, -1)).numpy()


def theirs(sionna: Any, a: torch.Tensor, tau: torch.Tensor) -> np.ndarray:
    """h [images, times, frequencies] of a single-antenna impulse response."""
    h = sionna.cir_to_ofdm_channel(torch.tensor(OFFSETS_HZ, dtype=torch.float32), a, tau)
    return np.asarray(h[:, 0, 0, 0, 0].numpy())


def alike(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two means of independent samples may be of one law, part by part."""
    a, b = a.astype(np.complex128), b.astype(np.complex128)
    gap = a.mean() - b.mean()
    error = [
        np.hypot(part(a).std() / np.sqrt(len(a)), part(b).std() / np.sqrt(len(b)))
        for part in (np.real, np.imag)
    ]
    return bool(abs(gap.real) <= 4 * error[0] + 1e-6 and abs(gap.imag) <= 4 * error[1] + 1e-6)


@pytest.mark.parametrize("model", "abcde")
def test_tdl_has_the_moments_and_correlations_of_sionnas(sionna: Any, model: str) -> None:
    images = 2000
    paths = TdlPaths(model, SPREAD_S, DOPPLER_HZ)
    mine = ours(paths, paths.draw(Streams(0, "sionna", np.arange(images))))
    set_seed(7)
    generator = sionna.tr38901.TDL(model.upper(), SPREAD_S, CARRIER_HZ, min_speed=SPEED_MPS)
    other = theirs(sionna, *generator(images, TIMES, 1 / STEP_S))
    assert alike(np.abs(mine[:, 0, 0]) ** 2, np.abs(other[:, 0, 0]) ** 2)
    assert alike(np.abs(mine[:, 0, 0]) ** 4, np.abs(other[:, 0, 0]) ** 4)
    for time in range(TIMES):
        for offset in range(len(OFFSETS_HZ)):
            products = [h[:, time, offset] * h[:, 0, 0].conj() for h in (mine, other)]
            assert alike(*products), (time, offset)


def sionnas_cdl(sionna: Any, model: str, tx: Antenna, rx: Antenna) -> Any:
    def panel(antenna: Antenna) -> Any:
        return sionna.tr38901.PanelArray(
            1, 1, "single", "V" if antenna.slant_deg == 0 else "H", antenna.pattern, CARRIER_HZ
        )

    return sionna.tr38901.CDL(
        model.upper(), SPREAD_S, CARRIER_HZ, ut_array=panel(rx), bs_array=panel(tx),
        min_speed=SPEED_MPS, max_speed=SPEED_MPS, precision="single",
    )  # fmt: skip


def replay(generator: Any, model: str, streams: Streams) -> tuple[torch.Tensor, torch.Tensor]:
    """Sionna's impulse response for the couplings, phases and velocities that are drawn here."""
    from sionna.phy.channel.tr38901 import Rays

    profile, images = delay_profile("cdl", model), len(streams)
    skip = int(profile.line_of_sight)
    u = streams.uniform(7 * RAYS * profile.taps + 1)
    travel = 2 * math.pi * u[:, 0]
    u = u[:, 1:].reshape(images, 7, RAYS, profile.taps)[..., skip:].transpose(2, 3)
    order = {"zoa": u[:, 0].argsort(-1), "zod": u[:, 1].argsort(-1), "aod": u[:, 2].argsort(-1)}
    angles = {}
    for name in ("aoa", "zoa", "aod", "zod"):
        table = torch.from_numpy(ray_angles(profile, name)[skip:]).float().expand(images, -1, -1)
        angles[name] = (table.gather(2, order[name]) if name in order else table)[:, None, None]
    velocity = SPEED_MPS * torch.stack([travel.cos(), travel.sin(), 0 * travel], 1)
    rays = generator._create_rays(images)
    rays = Rays(delays=rays.delays, powers=rays.powers, xpr=rays.xpr, **angles)
    rays.phases = 2 * math.pi * u[:, 3:].permute(0, 2, 3, 1)[:, None, None]
    h, delays = generator._cir_gen(
        num_time_samples=TIMES,
        sampling_frequency=1 / STEP_S,
        k_factor=generator._get_k_factor(images),
        rays=rays,
        topology=generator._create_topology(images, velocity),
    )
    return h.permute(0, 2, 4, 1, 5, 3, 6), delays.permute(0, 2, 1, 3)


@pytest.mark.parametrize("tx", [Antenna(), Antenna("38.901"), Antenna("38.901", 90.0)])
@pytest.mark.parametrize("rx", [Antenna(), Antenna("38.901-handheld", 90.0)])
@pytest.mark.parametrize("model", ["a", "c", "d", "e"])
def test_cdl_is_sionnas_ray_by_ray(sionna: Any, model: str, tx: Antenna, rx: Antenna) -> None:
    paths = CdlPaths(model, tx, rx, SPREAD_S, DOPPLER_HZ)
    streams = [Streams(0, "sionna", np.arange(20)) for _ in range(3)]
    rays = paths.draw(streams[0])
    if paths.line_of_sight:  # Sionna's has a length of 0: take our phase back
        taps = len(paths.powers)
        u = streams[1].uniform(7 * RAYS * taps + 1)[:, 1:].reshape(-1, 7, RAYS, taps)
        turn = torch.exp(-2j * math.pi * u[:, 3, 0, 0])
        specular = torch.complex(rays[:, 0, 0, 0], rays[:, 1, 0, 0]) * turn
        rays[:, 0, 0, 0], rays[:, 1, 0, 0] = specular.real, specular.imag
    mine = ours(paths, rays) * math.sqrt(paths.antenna_gain)
    other = theirs(sionna, *replay(sionnas_cdl(sionna, model, tx, rx), model, streams[2]))
    scale = np.abs(other).max()
    assert scale > 0
    assert np.abs(mine - other).max() < 3e-4 * scale


@pytest.mark.parametrize("model", ["b", "d"])
def test_antenna_gain_is_the_mean_power_of_sionnas(sionna: Any, model: str) -> None:
    tx, rx, images = Antenna("38.901"), Antenna("38.901-handheld", 90.0), 2000
    set_seed(3)
    a, _ = sionnas_cdl(sionna, model, tx, rx)(images, 1, 1.0)
    power = a.abs().square().sum(5).flatten().numpy()  # paths are uncorrelated
    paths = CdlPaths(model, tx, rx, SPREAD_S, DOPPLER_HZ)
    assert abs(power.mean() - paths.antenna_gain) < 4 * power.std() / np.sqrt(images)


def test_the_offsets_of_rays_are_sionnas(sionna: Any) -> None:
    generator = sionnas_cdl(sionna, "a", Antenna(), Antenna())
    drawn = generator._generate_rays(torch.zeros(1), torch.ones(1))[0].numpy()
    assert pytest.approx(drawn) == RAY_OFFSETS
    assert np.square(RAY_OFFSETS).mean() == pytest.approx(1, abs=0.01)  # a spread of 1 degree


def test_antennas_leave_our_random_numbers_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    Antenna("38.901").field(np.ones(2), np.ones(2))
    assert torch.equal(torch.rand(3), expected)


def test_the_pattern_of_the_command_line_may_be_a_number() -> None:
    by_number = construct("channel", "cdl-a", CHANNELS, {"tx_pattern": 38.901})
    by_name, omni = cdl("a", tx_pattern="38.901"), cdl("a")
    h, other, flat = (
        made.draw(Streams(0, "c", np.arange(2)), 5, None)[0] for made in (by_number, by_name, omni)
    )
    assert torch.equal(h, other)
    assert not torch.allclose(h, flat)
