"""--impair: names and values, the transmitter's SNR, and every wrapper over every flat channel."""

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from phy.channel import Received
from phy.channels.imperfect_csir import ImperfectCsir
from phy.streams import Streams
from semantic.encoder.multitask import MultiTaskNetwork
from semantic.link.network import LinkNetwork
from semantic.link.protocol import PROTOCOLS
from semantic.tasks import TaskOutputs
from simulator.catalog import CHANNELS, IMPAIRMENTS
from simulator.encoded_dataset import EncodedDataset
from simulator.guard import Guarded
from simulator.impairments import Impairments
from simulator.ledger import Ledger
from simulator.link import run_link
from simulator.scheme import Burst, Feedback, Payload, Scheme, no_request
from simulator.scheme_arguments import SemanticHarqArguments
from simulator.schemes.iq_mapping import demap_iq, map_iq
from simulator.schemes.semantic_harq import SemanticHarq
from simulator.setup.channel import open_channel, open_feedback_link
from simulator.slots import Slot
from simulator.spec import RunSpec

IMAGES, G = 40, 3
#: Of the catalog, those that draw one flat gain a use; OFDM has tests of its own.
FLAT = [name for name in CHANNELS if not name.startswith(("tdl", "cdl"))]
SINGLY = [
    {"csir_error": 0.3},
    {"csir_pilot_gain_db": 0.0},
    {"csit_offset_db": 3.0},
    {"csit_step_db": 4.0},
    {"feedback_error": 0.3},
    {"feedback_delay": 2},
]


def spec_of(channel: str = "rician", **impairments: float) -> RunSpec:
    return RunSpec(
        channel=channel, impairments=tuple(sorted(impairments.items())), bandwidth_hz=20e6
    )


def test_the_list_names_every_option() -> None:
    assert list(IMPAIRMENTS) == [f.name for f in fields(Impairments)]
    assert {name for one in SINGLY for name in one} == set(IMPAIRMENTS)


@pytest.mark.parametrize(
    ("impairments", "problem"),
    [
        ({"csir_eror": 0.1}, "unknown impairment 'csir_eror': nearest: 'csir_error'"),
        ({"csit_step_db": -1}, "csit_step_db -1 is not allowed, it must be 0 to 100"),
        (
            {"csit_offset_db": float("nan")},
            "csit_offset_db nan is not allowed, it must be -100 to 100",
        ),
        ({"csit_offset_db": "up"}, "csit_offset_db 'up' is not a number"),
        ({"csit_offset_db": True}, "csit_offset_db True is not a number"),
        ({"csir_error": [0.1]}, r"csir_error \[0.1\] is not a number, it must be 0 to 1"),
        ({"csir_error": 1}, "csir_error 1 is not allowed, it must be less than 1"),
        ({"csir_pilot_gain_db": "10"}, "csir_pilot_gain_db '10' is not a number"),
        ({"feedback_error": float("inf")}, "feedback_error inf is not allowed, it must be 0 to 1"),
        ({"feedback_delay": True}, "feedback_delay True is not a whole number"),
        (
            {"feedback_delay": 10**30},
            "feedback_delay 10{30} is not allowed, it must be 0 to 1000000",
        ),
    ],
)
def test_what_is_not_allowed_is_named(impairments: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        spec_of(**impairments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("snr_db", [-6.0, -1.3, 0.0, 7.9])
def test_reported_snr(snr_db: float) -> None:
    assert Impairments().reported_snr_db(snr_db) == snr_db
    assert Impairments(csit_offset_db=2.5).reported_snr_db(snr_db) == snr_db - 2.5
    for step in (0.1, 1.0, 3.0):
        reported = Impairments(csit_step_db=step).reported_snr_db(snr_db)
        assert snr_db - step < reported <= snr_db + 1e-8
        assert reported / step == pytest.approx(round(reported / step))
        assert Impairments(csit_step_db=step).reported_snr_db(reported) == pytest.approx(reported)


def test_features_follow_the_reported_snr_and_noise_the_true_one() -> None:
    true, reported = Slot(2.0, 1e-3, 20e6), Slot(-4.0, 1e-3, 20e6)
    stale = spec_of(csit_offset_db=6.0).slot(2.0)
    assert stale.features == reported.features == 151
    assert stale.no == true.no
    assert stale.snr == true.snr
    assert stale.reported_snr_db == -4.0
    assert stale.uses == true.uses  # T W is not a matter of SNR
    assert spec_of(csit_step_db=4.0).slot(-1.0).features == reported.features
    assert spec_of().slot(2.0).features == true.features


def test_a_run_names_its_impairments_and_keeps_its_fading() -> None:
    spec = spec_of(csir_error=0.05, feedback_error=0.01)
    assert spec.channel_label == "rician+csir_error=0.05+feedback_error=0.01"
    assert spec.channel_law == RunSpec().channel_law == RunSpec().channel_label == "rician"
    assert RunSpec.from_json(spec.to_json()) == spec


def test_a_perfect_run_has_no_wrapper() -> None:
    assert isinstance(open_channel(spec_of()), Guarded)
    assert isinstance(open_channel(spec_of(feedback_error=0.1)), Guarded)
    assert isinstance(open_channel(spec_of(csir_error=0.1)), ImperfectCsir)


class Pilots(Scheme):
    """Sends B ones; its receiver is content when what it heard, equalized, is near to one."""

    def encode(self, encoded: EncodedDataset, index: np.ndarray) -> Payload:
        raise NotImplementedError

    def start(self, payload: Payload, slot: Slot) -> tuple[Tensor, Tensor]:
        zero = torch.zeros(len(payload.tensors["row"]), 2)
        return zero, zero

    def transmit(self, tx: Tensor, feedback: Feedback | None, slot: Slot) -> tuple[Burst, Tensor]:
        x = torch.ones(len(tx), slot.features, dtype=torch.complex64)
        return Burst(x, torch.full((len(tx),), slot.features)), tx

    def receive(self, rx: Tensor, received: Received, slot: Slot) -> tuple[Feedback, Tensor]:
        matched, weight = demap_iq(received, slot.features, 1)
        rx = rx + torch.stack([matched.sum(1), weight.sum(1)], 1)
        return no_request((rx[:, 0] / rx[:, 1] - 1).abs() < 0.04), rx

    def perform(self, rx: Tensor) -> TaskOutputs:
        return TaskOutputs(rx, rx, rx, rx)


def walk(spec: RunSpec, rows: np.ndarray) -> tuple[Tensor, Ledger]:
    channel = open_channel(spec)
    payload = Payload({"row": torch.from_numpy(rows)})
    streams = Streams(0, f"{spec.channel_law} 0", rows)
    slot, link = spec.slot(0.0), open_feedback_link(spec)
    outputs, ledger = run_link(Pilots(), payload, channel, slot, streams, G, link)
    return outputs.embedding, ledger


@pytest.mark.parametrize("channel", FLAT)
def test_every_impairment_over_every_flat_channel(channel: str) -> None:
    plain, costs = walk(spec_of(channel), np.arange(IMAGES))
    for one in SINGLY:
        spec = spec_of(channel, **one)
        heard, ledger = walk(spec, np.arange(IMAGES))
        assert heard.isfinite().all()
        # It matters: another number for somebody, in what is heard or in what it costs ...
        same = torch.equal(heard, plain) and torch.equal(ledger.latency_s, costs.latency_s)
        assert same == (one == {"csit_step_db": 4.0})  # 0 dB stands on this grid
        # ... and nobody's numbers hang on the others'.
        mine, own = walk(spec, np.array([17]))
        assert torch.equal(mine[0], heard[17])
        assert own.channel_uses[0] == ledger.channel_uses[17]


@pytest.mark.parametrize("channel", FLAT)
def test_impairments_of_nothing_change_no_number(channel: str) -> None:
    nothing = {name: 0 for name in IMPAIRMENTS if name != "csir_pilot_gain_db"}
    (heard, ledger), (plain, costs) = (
        walk(spec, np.arange(IMAGES)) for spec in (spec_of(channel, **nothing), spec_of(channel))
    )
    assert torch.equal(heard, plain)
    for name, values in vars(costs).items():
        assert torch.equal(getattr(ledger, name), values), name


def semharq(equalizer: str, features_per_use: int = 1) -> SemanticHarq:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        link = LinkNetwork(20).eval().requires_grad_(False)
        return SemanticHarq(
            MultiTaskNetwork(20),
            link,
            PROTOCOLS["semharq"],
            SemanticHarqArguments(60.0, features_per_use, equalizer=equalizer),
        )


@pytest.mark.parametrize("features_per_use", [1, 2])
@pytest.mark.parametrize("equalizer", ["none", "zf", "mmse", "mrc"])
def test_semharq_hears_its_features_through_any_equalizer(
    equalizer: str, features_per_use: int
) -> None:
    """Without noise what is heard is the feature itself, in units of unit power."""
    B, no = 7, 1e-6
    f = torch.randn(200, B, generator=torch.Generator().manual_seed(1))
    x = map_iq(f / features_per_use**0.5, features_per_use)
    h = torch.ones_like(x) if equalizer == "none" else torch.exp(1j * torch.angle(x)) * 0.7
    received = Received(h * x, h, torch.full((1, 1), no))
    matched, weight = demap_iq(received, B, features_per_use, equalizer)
    assert matched.shape == weight.shape == f.shape
    assert torch.allclose(matched / weight, f, atol=1e-4)
    gain = float(h.abs().square().mean())
    snr = torch.full_like(weight, 2 * gain / no / features_per_use)
    assert torch.allclose(weight, snr, rtol=1e-3)


def test_semharq_loses_least_with_its_own_weights() -> None:
    rows, slot, channel = np.arange(12), spec_of().slot(0.0), open_channel(spec_of("rayleigh"))
    s = torch.rand(12, 1024, generator=torch.Generator().manual_seed(0))
    errors = {}
    for name in ("none", "zf", "mmse", "mrc"):
        scheme, streams = semharq(name), Streams(0, "cell", rows)
        tx, rx = scheme.start(scheme.payload(s, rows), slot)
        burst, tx = scheme.transmit(tx, None, slot)
        h, _ = channel.draw(streams.for_role("fading"), burst.x.shape[1], None)
        received = channel.apply(burst.x, h, slot.no, streams.for_role("noise"))
        _, rx = scheme.receive(rx, received, slot)
        sent, here = (tx.plan.selection.spread(v) for v in (burst.x.real, burst.x.real != 0))
        estimate = rx.buffer.matched / (1 + rx.buffer.weight)
        errors[name] = float((estimate - sent)[here].square().mean())
    assert errors["mrc"] < min(errors["zf"], errors["none"])
    # after one slot both estimates are MMSE, only the reliability beside them differs
    assert errors["mmse"] == pytest.approx(errors["mrc"], rel=1e-5)
    # of unit power sent, E 1 / (1 + 2 |h|^2 / no) is left: e^(1/2) E1(1/2) / 2 for no = 1
    assert errors["mrc"] == pytest.approx(0.4615, rel=0.1)
    assert errors["none"] > 1  # worse than not listening


def test_an_unknown_equalizer_is_named() -> None:
    with pytest.raises(ValueError, match=r"equalizer 'mrcc' is not allowed, .*nearest: 'mrc'"):
        semharq("mrcc")
