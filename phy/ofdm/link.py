"""Construction of an OFDM channel from the parameters of a mobile link."""

from __future__ import annotations

from collections.abc import Callable

from phy.channel import Channel
from phy.channels.jakes import SPEED_OF_LIGHT_MPS
from phy.channels.parameters import (
    BANDWIDTH,
    CARRIER,
    INTERVAL,
    SPEED,
    Domain,
    checked,
    checked_word,
)
from phy.ofdm.channel import OfdmChannel
from phy.ofdm.estimation import ESTIMATORS
from phy.ofdm.grid import CYCLIC_PREFIXES, MAX_SUBCARRIERS, OfdmGrid, whole_blocks
from phy.ofdm.paths import PathModel
from phy.ofdm.receiver import PilotAided

CSI = ("perfect", *ESTIMATORS)
#: Allowed values of the parameters of `mobile_channel`.
DELAY_SPREAD = Domain(0, 1e9)
SUBCARRIERS = Domain(1, MAX_SUBCARRIERS)
SUBCARRIER_KHZ = Domain(0, 1e6, open_ends=True)
PREFIX = Domain(choices=tuple(CYCLIC_PREFIXES))
CSI_CHOICE = Domain(choices=CSI)
PILOT_SPACING = Domain(2, MAX_SUBCARRIERS - 1)


def mobile_channel(
    name: str,
    paths: Callable[[float, float], PathModel],
    delay_spread_ns: float,
    speed_mps: float,
    carrier_hz: float,
    bandwidth_hz: float,
    subcarriers: int | None,
    subcarrier_khz: float,
    cyclic_prefix: str,
    csi: str,
    pilot_spacing: int,
    interval_s: float,
) -> Channel:
    """Builds an OFDM channel from a path model, a grid and a receiver.

    With perfect CSI there are no pilots, and every subcarrier carries data.

    Args:
        name: Name of the channel in messages.
        paths: Function of the RMS delay spread in seconds and the largest Doppler shift in hertz
            that returns the path model.
        delay_spread_ns: See `phy.ofdm.tdl.tdl`, also for the arguments below.
        speed_mps: Speed.
        carrier_hz: Carrier frequency.
        bandwidth_hz: Bandwidth W.
        subcarriers: Number of subcarriers.
        subcarrier_khz: Subcarrier spacing.
        cyclic_prefix: Kind of cyclic prefix.
        csi: Channel knowledge of the receiver.
        pilot_spacing: Spacing of the pilots.
        interval_s: Time between transmissions.

    Returns:
        An `OfdmChannel` for perfect CSI, else a `PilotAided` channel over one.

    Raises:
        ValueError: When a parameter is not allowed; one line with the channel and the value.
    """
    spread_ns = checked(name, "delay_spread_ns", delay_spread_ns, DELAY_SPREAD)
    speed_mps = checked(name, "speed_mps", speed_mps, SPEED)
    doppler_hz = speed_mps * checked(name, "carrier_hz", carrier_hz, CARRIER) / SPEED_OF_LIGHT_MPS
    spacing_hz = 1e3 * checked(name, "subcarrier_khz", subcarrier_khz, SUBCARRIER_KHZ)
    if subcarriers is None:
        whole_hz = checked(name, "bandwidth_hz", bandwidth_hz, BANDWIDTH)
        subcarriers = whole_blocks(whole_hz, spacing_hz)
    interval_s = checked(name, "interval_s", interval_s, INTERVAL)
    checked_word(name, "csi", csi, CSI_CHOICE)
    checked(name, "pilot_spacing", pilot_spacing, PILOT_SPACING)
    try:
        spacing = None if csi == "perfect" else pilot_spacing
        grid = OfdmGrid(subcarriers, spacing_hz, cyclic_prefix, spacing)
        channel = OfdmChannel(paths(spread_ns * 1e-9, doppler_hz), grid, interval_s)
    except ValueError as error:
        raise ValueError(f"channel {name}: {error}") from None
    return channel if csi == "perfect" else PilotAided(channel, csi)
