"""Single-task coding: three networks that share a slot, and know nothing of each other."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from phy.channels.fading import Rician
from phy.streams import Streams
from semantic.conventions import CODED_FEATURES
from semantic.encoder.multitask import MultiTaskNetwork
from semantic.link.network import LinkNetwork
from semantic.link.protocol import PROTOCOLS, SINGLE_TASK_PROTOCOL, single_task_directory
from semantic.losses import TASKS
from semantic.tasks import TaskOutputs
from semantic.weights.stored import EncoderBundle, save_link
from simulator.ledger import Ledger
from simulator.link import run_link
from simulator.scheme import Payload
from simulator.scheme_arguments import SemanticHarqArguments
from simulator.schemes.semantic_harq import SemanticHarq
from simulator.schemes.single_task import SingleTask, SingleTaskNetwork
from simulator.setup.prepare import prepare
from simulator.slots import Slot
from simulator.spec import RunSpec
from simulator.sweeps.sweep import run_spec

pytestmark = pytest.mark.integration

IDENTITIES, IMAGES = 20, 9
SMSC_FIR = PROTOCOLS[SINGLE_TASK_PROTOCOL]


def link_of(seed: int) -> LinkNetwork:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        link = LinkNetwork(IDENTITIES, detector=None).eval().requires_grad_(False)
        link.order.copy_(torch.randperm(CODED_FEATURES))
    return link


@pytest.fixture(scope="module")
def encoder() -> EncoderBundle:
    return EncoderBundle(MultiTaskNetwork(IDENTITIES), {}, {})  # never asked: f is given


def scheme_of(
    encoder: EncoderBundle,
    seeds: tuple[int, int, int],
    share: str = "third",
    features_per_use: int = 1,
) -> SingleTask:
    parts = {
        task: SingleTaskNetwork(
            encoder,
            SemanticHarq(
                encoder.network,
                link_of(seed),
                SMSC_FIR,
                SemanticHarqArguments(features_per_use=features_per_use),
            ),
        )
        for task, seed in zip(TASKS, seeds, strict=True)
    }
    return SingleTask(parts, share)


def send(
    scheme: SingleTask, slot: Slot, rows: np.ndarray | None = None, most: int = 4
) -> tuple[TaskOutputs, Ledger]:
    rows = np.arange(IMAGES) if rows is None else rows
    s = torch.rand(3, IMAGES, 1024, generator=torch.Generator().manual_seed(0))[:, rows]
    f = {
        task: part.link.payload(s[k], rows).tensors["f"]
        for k, (task, part) in enumerate(zip(TASKS, scheme.networks, strict=True))
    }
    return run_link(scheme, Payload(f), Rician(), slot, Streams(0, "cell", rows), most)


@pytest.mark.parametrize("share", ["third", "full"])
@pytest.mark.parametrize("features_per_use", [1, 2])
@pytest.mark.parametrize("snr_db", [-6.0, 0.0, 8.0])
def test_uses_are_shared_or_paid_for(
    snr_db: float, features_per_use: int, share: str, encoder: EncoderBundle
) -> None:
    slot = Slot(snr_db, 1e-3, 20e6)
    _, ledger = send(scheme_of(encoder, (0, 1, 2), share, features_per_use), slot)
    bits = 20e3 * np.log2(1 + 10 ** (snr_db / 10))
    features = int(bits / 64 / (3 if share == "third" else 1))
    assert ledger.channel_uses.unique().tolist() == [3 * -(-features // features_per_use)]
    assert (ledger.transmissions == 1).all()
    assert ledger.energy.tolist() == pytest.approx(ledger.channel_uses.tolist(), rel=1e-4)
    if share == "third":  # never more than SMSC-FIR has, but for what rounding up costs
        assert int(ledger.channel_uses[0]) <= slot.features / features_per_use + 3


def test_equal_uses_admit_a_third_each_in_one_slot(encoder: EncoderBundle) -> None:
    slot = Slot(0.0, 1e-3, 20e6, "uses")
    _, ledger = send(scheme_of(encoder, (0, 1, 2)), slot, most=1)
    assert ledger.channel_uses.unique().tolist() == [312]


@pytest.mark.parametrize("changed", range(3))
def test_each_task_hangs_on_its_own_network_alone(changed: int, encoder: EncoderBundle) -> None:
    slot = Slot(4.0, 1e-3, 5e6)
    seeds = tuple(7 if k == changed else k for k in range(3))
    before, _ = send(scheme_of(encoder, (0, 1, 2)), slot)
    after, _ = send(scheme_of(encoder, seeds), slot)  # type: ignore[arg-type]
    for k, names in enumerate((("embedding", "vehicle"), ("color",), ("type",))):
        for name in names:
            assert torch.equal(getattr(before, name), getattr(after, name)) == (k != changed)


def test_a_network_does_beside_others_what_it_does_alone(encoder: EncoderBundle) -> None:
    """The first of the three meets the fading and noise that SMSC-FIR in its slot meets."""
    slot, scheme = Slot(2.0, 1e-3, 15e6), scheme_of(encoder, (0, 1, 2))
    together, _ = send(scheme, slot)
    s = torch.rand(3, IMAGES, 1024, generator=torch.Generator().manual_seed(0))[0]
    rows, alone = np.arange(IMAGES), scheme.networks[0].link
    streams = Streams(0, "cell", rows)
    found, _ = run_link(alone, alone.payload(s, rows), Rician(), Slot(2.0, 1e-3, 5e6), streams, 1)
    assert torch.equal(found.embedding, together.embedding)


def test_the_same_bits_in_any_company(encoder: EncoderBundle) -> None:
    slot, scheme = Slot(-2.0, 1e-3, 20e6), scheme_of(encoder, (0, 1, 2))
    whole, _ = send(scheme, slot)
    some, _ = send(scheme, slot, np.array([7, 2]))
    for part, values in zip(some, whole, strict=True):
        assert torch.equal(part, values[[7, 2]])


def test_from_images_to_the_record(tiny_weights: Path, folder_data: Path, tmp_path: Path) -> None:
    shutil.copy(tiny_weights / "encoder.safetensors", tmp_path)
    spec = RunSpec(
        schemes=("smsc-stc",),
        snr_db=(0.0,),
        data=str(folder_data),
        weights=str(tmp_path),
        bandwidth_hz=4e6,
        gallery="clean",
        device="cpu",
    )
    with pytest.raises(ValueError, match=r"simulate train --scheme smsc-stc --data DIR --out"):
        prepare(spec)
    for seed, task in enumerate(TASKS):
        own = tmp_path / single_task_directory(task)
        own.mkdir()
        shutil.copy(tiny_weights / "encoder.safetensors", own)
        save_link(own / f"{SINGLE_TASK_PROTOCOL}.safetensors", link_of(seed), {})
    with pytest.raises(ValueError, match=r"smsc-stc: share 'thrd' is not allowed, .*third"):
        prepare(replace(spec, scheme_args=(("share", "thrd"),)))
    result = run_spec(spec)
    names = {
        f"{single_task_directory(t)}/{n}.safetensors"
        for t in TASKS
        for n in ("encoder", "smsc-fir")
    }
    assert result.hashes.keys() == names | {"encoder.safetensors"}
    assert result.images["rank1_hit"].notna().sum() == 8
    assert result.images["stopped_by"].unique().tolist() == ["one shot"]
