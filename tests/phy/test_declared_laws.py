"""The distributions of |h|^2 that channels declare, against those of `flat_laws` and their means."""

import numpy as np
import pytest
from flat_laws import LAWS
from scipy import integrate

from phy.channel import Channel
from phy.channels.fading import Awgn, Rayleigh, Rician
from phy.channels.gilbert_elliott import GilbertElliott
from phy.channels.imperfect_csir import ImperfectCsir
from phy.channels.nakagami import Nakagami
from phy.channels.shadowing import Shadowed
from phy.channels.simo import Simo

POWER = np.geomspace(1e-4, 30, 400)
DECLARED: list[Channel] = [
    *(Rician(k) for k in (0.0, 2.0, 100.0, 1e4)),
    *(Nakagami(m) for m in (0.5, 1.0, 50.0)),
    *(Rayleigh("jakes"), Awgn(), Shadowed(Rician(3.0), 3.0), ImperfectCsir(Rician(1.0), 0.1)),
    *(GilbertElliott(Rayleigh(), bad_db=-10.0), Shadowed(GilbertElliott(Awgn()), 0.0)),
]


@pytest.mark.parametrize("name", [name for name, law in LAWS.items() if law.cdf is not None])
def test_declared_is_the_closed_form(name: str) -> None:
    law = LAWS[name]
    declared = law.make("fast").gain_cdf(POWER)
    if isinstance(law.make("fast"), Simo):
        assert declared is None
    else:
        assert law.cdf is not None
        assert declared is not None
        np.testing.assert_allclose(declared, law.cdf(POWER), atol=2.5e-3)  # steps of 1/200


@pytest.mark.integration
@pytest.mark.parametrize("channel", DECLARED, ids=lambda c: type(c).__name__)
def test_declared_is_a_distribution_with_the_channel_s_mean(channel: Channel) -> None:
    grid = np.linspace(0, 60, 60_001)
    cdf = channel.gain_cdf(grid)
    assert cdf is not None
    assert (np.diff(cdf) >= -1e-12).all()
    assert cdf[0] == pytest.approx(0, abs=1e-9)
    assert cdf[-1] == pytest.approx(1, abs=1e-4)
    mean = float(integrate.trapezoid(1 - cdf, grid))
    assert mean == pytest.approx(channel.average_gain, abs=0.01)


def test_what_lies_over_an_undeclared_law_declares_none() -> None:
    for over in (Shadowed, GilbertElliott, ImperfectCsir):
        assert over(Simo(Rayleigh())).gain_cdf(POWER) is None
