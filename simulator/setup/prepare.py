"""Preparation of a run: opens data, weights, schemes and channel; simulates nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from phy.channel import Channel
from phy.streams import Streams
from semantic.data.dataset import VehicleImages
from semantic.data.opening import open_dataset
from semantic.parts.files import Reading, file_hashes
from semantic.tasks import TaskOutputs
from simulator.catalog import SCHEMES
from simulator.encoded_dataset import EncodedDataset
from simulator.feedback import FeedbackLink
from simulator.freed_memory import keep_freed_memory
from simulator.host_copy import on_host
from simulator.ledger import Ledger
from simulator.link import run_link
from simulator.process_state import settings_left_alone
from simulator.read_only import ReadOnlyInputs
from simulator.scheme import Payload, Scheme
from simulator.setup.channel import channel_arguments, open_channel, open_feedback_link
from simulator.setup.networks import Networks
from simulator.setup.schemes import build_schemes, scheme_arguments
from simulator.spec import RunSpec


@dataclass(frozen=True)
class Prepared:
    """A run with its data, weights, schemes and channel, before the simulation.

    Attributes:
        files: SHA-256 of the files of users' own parts, by scheme and path; those of the channel
            belong to every scheme.
    """

    spec: RunSpec
    dataset: VehicleImages
    networks: Networks
    schemes: dict[str, Scheme]
    channel: Channel
    feedback_link: FeedbackLink
    device: str
    files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def transmit(
        self,
        scheme: Scheme,
        payload: Payload,
        snr_db: float,
        seed: int,
        numbers: np.ndarray,
        encoded: EncodedDataset | None = None,
    ) -> tuple[TaskOutputs, Ledger]:
        """Transmits a batch of images; returns outputs of the tasks on the CPU, and costs.

        The random numbers of an image depend on the law of the run, the SNR, the seed and the
        number of the image alone.

        Args:
            scheme: One of `schemes`, or one that passes its calls on.
            payload: What the scheme has made of the images.
            snr_db: SNR in dB.
            seed: Seed of fading and noise.
            numbers: [batch] int64, numbers of the images.
            encoded: The images, with which received ones are compared if the run wants it.
        """
        spec = self.spec
        slot = spec.slot(snr_db)
        law = f"{spec.channel_law} snr_db={float(slot.snr_db)}"
        outputs, ledger = run_link(
            scheme,
            payload,
            self.channel,
            slot,
            Streams(seed, law, numbers, device=self.device),
            spec.max_transmissions,
            self.feedback_link,
            None
            if encoded is None or not spec.image_quality
            else lambda rows: encoded.pixels(numbers[rows]),
        )
        return on_host(outputs)[0], ledger


def choose_device(device: str) -> str:
    """Returns the torch device, a GPU with its number; "auto" takes the first one if there is one.

    Raises:
        ValueError: For a GPU that does not exist.
    """
    if device == "auto":
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda"):
        index = int(device.partition(":")[2] or 0)
        if index >= torch.cuda.device_count():
            raise ValueError(
                f"device {device} is not there: this machine has {torch.cuda.device_count()} GPUs"
            )
        return f"cuda:{index}"
    return device


def prepare(spec: RunSpec, own_channel: Channel | None = None) -> Prepared:
    """Opens data and weights and builds the schemes, so that every mistake is found before any work.

    Args:
        spec: The run.
        own_channel: A channel object in place of the one that `spec` names.

    Raises:
        ValueError: One line that names the mistake.
    """
    if spec.trainings:
        raise ValueError("several trainings are several runs: simulator.sweeps.trainings runs them")
    parts = f"channel {spec.channel}, data {spec.data}, schemes {', '.join(spec.schemes)}"
    with settings_left_alone(parts):
        return _open(spec, own_channel)


def _open(spec: RunSpec, own_channel: Channel | None) -> Prepared:
    keep_freed_memory()
    device = choose_device(spec.device)
    for snr_db in spec.snr_db:
        spec.slot(snr_db)  # raises if T W is out of range
    with Reading(
        part=f"channel {spec.channel} {dict(spec.channel_args).get('over')}"
    ).active() as read:
        channel = open_channel(spec, own_channel)
        if own_channel is None:
            spec = replace(spec, channel_args=channel_arguments(spec))
    feedback_link = open_feedback_link(spec)
    dataset = open_dataset(spec.data)
    if spec.images is not None:
        dataset = dataset.limit(spec.images, seed=0)
    networks = Networks(spec, device, own_channel)
    _ = networks.encoder  # every scheme needs it: missing weights raise here
    schemes = {
        name: scheme if name in SCHEMES else ReadOnlyInputs(scheme, name)
        for name, scheme in build_schemes(networks).items()
    }
    files = {
        name: file_hashes(sorted({*read.paths, *networks.files[name].paths}))
        for name in spec.schemes
    }
    # What "auto" stands for on this machine, and 2 and "2" where a number is declared.
    spec = replace(spec, precision=networks.precision, scheme_args=scheme_arguments(spec))
    return Prepared(spec, dataset, networks, schemes, channel, feedback_link, device, files)
