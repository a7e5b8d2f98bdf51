"""The controls of semharq-plus with random networks: what each sends, and when it stops."""

import numpy as np
import pytest
import torch

from phy.channels.fading import Awgn, Rician
from phy.streams import Streams
from semantic.encoder.multitask import MultiTaskNetwork
from semantic.plus.network import PlusNetwork
from semantic.plus.schedule import LATENT_FEATURES, burst_plan
from semantic.plus.variants import PLUS, VARIANTS
from simulator.budget import energy_per_use
from simulator.catalog import SCHEMES
from simulator.ledger import Ledger
from simulator.link import run_link
from simulator.scheme import Payload
from simulator.schemes.semharq_plus import SemharqPlus
from simulator.slots import Slot
from simulator.spec import RunSpec

G, IMAGES, SLOT = 4, 24, Slot(-4.0, 1e-3, 3e6, budget="uses")


def scheme(name: str = PLUS, max_transmissions: int = G, **arguments: object) -> SemharqPlus:
    """A scheme that never stops early, unless theta_0 is given."""
    defaults = SCHEMES[name].defaults.given({"theta_0_db": 60.0, **arguments})
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = PlusNetwork(20).eval().requires_grad_(False)
    return SemharqPlus(MultiTaskNetwork(20), network, defaults, max_transmissions)


def payload() -> Payload:
    generator = torch.Generator().manual_seed(0)
    return Payload({"c": torch.randn(IMAGES, LATENT_FEATURES, generator=generator)}, {})


def send(plus: SemharqPlus, slot: Slot = SLOT) -> Ledger:
    return run_link(plus, payload(), Rician(), slot, Streams(0, "cell", np.arange(IMAGES)), G)[1]


def test_one_burst_has_all_uses_and_one_answer() -> None:
    ledger = send(scheme("plus-one-burst"))
    assert ledger.channel_uses.unique().tolist() == [G * SLOT.features]
    assert ledger.transmissions.unique().tolist() == [1]
    assert ledger.slots.unique().tolist() == [G]
    assert ledger.feedback_bits.unique().tolist() == [1]  # as every one-shot scheme


@pytest.mark.parametrize("name", ["plus-no-feedback", "plus-ik", "plus-rt"])
def test_controls_feed_back_nothing_but_acknowledgments(name: str) -> None:
    ledger = send(scheme(name))
    assert ledger.channel_uses.unique().tolist() == [G * SLOT.features]
    assert ledger.feedback_bits.unique().tolist() == [G]


def test_new_and_same_features() -> None:
    B = SLOT.features
    for name, first in (("plus-ik", B), ("plus-rt", 0)):
        position = scheme(name).plan(SLOT, 1).position
        assert position.tolist() == [(first + i) % LATENT_FEATURES for i in range(B)]
    over = burst_plan(1.0, (60, 10), 0, "new")
    assert over.position.tolist() == [60, 61, 62, 63, *range(6)]  # and from the first one again


@pytest.mark.parametrize("order", ["planned", "new", "same"])
@pytest.mark.parametrize("per_use", [1, 2])
@pytest.mark.parametrize("bits", [0, 2])
def test_the_error_is_what_the_plan_predicts(order: str, per_use: int, bits: int) -> None:
    """Planned variances are those of the receiver, for every order and both mappings."""
    plus = scheme(order=order, features_per_use=per_use, estimate_bits=bits, bursts_per_slot=1)
    rows, c = np.arange(4096), torch.randn(4096, LATENT_FEATURES)
    (tx, rx), feedback = plus.start(Payload({"c": c}, {}), SLOT), None
    streams = Streams(0, "cell", rows)
    for number in range(3):
        burst, tx = plus.transmit(tx, feedback, SLOT)
        assert energy_per_use(burst.x).mean().item() == pytest.approx(1, rel=1e-4)
        assert burst.x.shape[1] == SLOT.features
        one = torch.ones(1, 1, dtype=torch.complex64)
        noise = streams.rows(rows, number).for_role("noise")
        feedback, rx = plus.receive(rx, Awgn().apply(burst.x, one, SLOT.no, noise), SLOT)
    after = plus.plan(SLOT, 3)  # its innovations are the errors, beside what feedback rounds
    error = (c - rx.belief.fed_back_estimate).square().mean(0)
    variance = after.innovation_deviation.square()
    # Quantized estimates are not Gaussian, and power control depends on the image.
    assert torch.allclose(error, variance, rtol=0.25, atol=0.02)


def test_two_features_on_a_use_give_more_at_high_snr() -> None:
    slot = Slot(8.0, 1e-3, 0.5e6, budget="uses")
    errors = []
    for per_use in (1, 2):
        plus = scheme("plus-one-burst", 1, features_per_use=per_use)
        tx, rx = plus.start(payload(), slot)
        burst, tx = plus.transmit(tx, None, slot)
        rows = Streams(0, "cell", np.arange(IMAGES)).rows(np.arange(IMAGES), 0)
        one = torch.ones(1, 1, dtype=torch.complex64)
        received = Awgn().apply(burst.x, one, slot.no, rows.for_role("noise"))
        _, rx = plus.receive(rx, received, slot)
        errors.append(float((rx.belief.estimate() - payload().tensors["c"]).square().mean()))
    assert errors[1] < 0.75 * errors[0]


def test_a_control_fixes_what_it_is_made_for() -> None:
    for name, variant in VARIANTS.items():
        declared = SCHEMES[name].declared
        assert not {"order", "one_burst"} & declared.keys() or name == PLUS
        assert ("estimate_bits" in declared) == (name == PLUS)
        assert ("theta_0_db" in declared) != variant.one_burst
    assert RunSpec(schemes=(PLUS,), scheme_args=(("order", "new"),)).scheme_args
    with pytest.raises(ValueError, match="order 'old' is not allowed"):
        RunSpec(schemes=(PLUS,), scheme_args=(("order", "old"),))
