"""The networks of one run."""

from __future__ import annotations

import re
from copy import copy, deepcopy
from dataclasses import replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from phy.channel import Channel
from semantic.deepjscc.network import DeepJsccNetwork
from semantic.link.network import LinkNetwork
from semantic.link.protocol import (
    PROTOCOLS,
    SINGLE_TASK,
    SINGLE_TASK_PROTOCOL,
    single_task_directory,
)
from semantic.parts.files import Reading
from semantic.plus.network import PlusNetwork
from semantic.plus.variants import VARIANTS
from semantic.vq.network import VqNetwork
from semantic.weights.deepjscc import load_deepjscc
from semantic.weights.files import WeightsError, file_hash, load_into, read_weights
from semantic.weights.precision import Precision, choose_precision, pack_products, round_products
from semantic.weights.stored import (
    PLUS,
    EncoderBundle,
    load_encoder,
    load_link,
    load_plus,
    weights_directory,
    weights_path,
)
from semantic.weights.vq import VQ, load_vq
from simulator.spec import RunSpec

Network = TypeVar("Network", bound=nn.Module)


def _state_of(file: Path) -> tuple[int, ...]:
    """Returns what differs when a file is written anew."""
    found = file.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


@lru_cache(maxsize=2)
def _kept_encoder(
    file: Path, state: tuple[int, ...], device: str, precision: Precision
) -> EncoderBundle:
    """Opens an encoder once for all runs of a process. No run writes into it."""
    return _open_encoder(file, device, precision)


def _open_encoder(
    file: Path, device: str, precision: Precision, backbone: str | None = None
) -> EncoderBundle:
    with torch.inference_mode(False):  # a later run may want gradients with respect to its inputs
        loaded = load_encoder(str(file), device, backbone).in_precision(precision)
        if precision == "fp32":
            pack_products(loaded.network.performers, device)
    return loaded


class Networks:
    """Networks of one run; a file is read once, even if several schemes share it.

    Attributes:
        spec: The run.
        device: Torch device.
        precision: Precision of the products, "fp32" or "bf16".
        hashes: SHA-256 of every weights file read so far.
        files: Files of the users' own parts of each scheme.
        own: Hashes of the files that one scheme has read, see `apart`.
        in_training: The networks of users' schemes that a training makes, by name; None in a run.
        channel: A channel object in place of the one that the run names; None for no such object.
    """

    def __init__(self, spec: RunSpec, device: str, channel: Channel | None = None) -> None:
        self.spec, self.device, self.channel = spec, device, channel
        self.precision = choose_precision(spec.precision, device)
        self.hashes: dict[str, str] = {}
        codec = dict(spec.scheme_args).get("codec", "")
        self.files = {name: Reading(part=f"scheme {name} {codec}") for name in spec.schemes}
        self.own: dict[str, str] = {}
        self.in_training: dict[str, nn.Module] | None = None
        self._parts: dict[str, Networks] = {}

    def apart(self, scheme: str, copied: bool = False) -> Networks:
        """Returns the same networks for one scheme, which record the files that this scheme reads.

        Args:
            scheme: Name of the scheme.
            copied: Whether the scheme gets an encoder of its own. What a user's scheme writes into
                its networks then changes no number of other schemes.
        """
        own = dict(self.encoder.hashes)  # loaded before the copy, so that both have it
        part = copy(self)
        part.own = own
        if copied:
            part.encoder = replace(self.encoder, network=deepcopy(self.encoder.network))
        self._parts[scheme] = part
        return part

    def hashes_of(self, scheme: str) -> dict[str, str]:
        """Returns SHA-256 of the weights files of a built scheme."""
        return self._parts[scheme].own

    def _count(self, hashes: dict[str, str]) -> None:
        self.hashes.update(hashes)  # in place: the parts share it
        self.own.update(hashes)

    @cached_property
    def encoder(self) -> EncoderBundle:
        """DenseNet-121 and the clean-trained performers."""
        loaded = self._load_encoder(self.spec.weights)
        self._count(loaded.hashes)
        return loaded

    def _load_encoder(self, weights: str | None) -> EncoderBundle:
        file = weights_path(weights, "encoder")
        if self.spec.backbone is not None:  # a user's own network may keep what it has seen
            return _open_encoder(file, self.device, self.precision, self.spec.backbone)
        return _kept_encoder(file, _state_of(file), self.device, self.precision)

    def _rounded(self, network: Network) -> Network:
        if self.precision == "bf16":
            round_products(network)
        else:
            pack_products(network, self.device)
        return network

    def link(self, scheme: str) -> LinkNetwork:
        """Returns the networks behind the encoder for one scheme."""
        network, hashes = load_link(
            scheme, self.encoder.network.performers, self.spec.weights, self.device
        )
        self._count(hashes)
        return self._rounded(network)

    def plus(self, name: str = PLUS) -> PlusNetwork:
        """Returns the networks behind the encoder for a scheme of the semharq-plus family."""
        network, hashes = load_plus(
            self.encoder.network.performers, self.spec.weights, self.device, name
        )
        self._count(hashes)
        return self._rounded(network)

    def vq(self) -> VqNetwork:
        """Returns the quantizer of digital-vq with the encoder's performers."""
        network, hashes = load_vq(self.encoder.network.performers, self.spec.weights, self.device)
        self._count(hashes)
        return network

    def deepjscc(self, channels: int) -> DeepJsccNetwork:
        """Returns the networks of deepjscc with so many latent channels."""
        network, hashes = load_deepjscc(channels, self.spec.weights, self.device)
        self._count(hashes)
        return network

    def trained(self, network: Network, name: str) -> Network:
        """Returns a network of a user's scheme, with the weights of its file.

        `simulate train` makes the file; while it does, the network keeps its initial values.

        Args:
            network: The network.
            name: Name of the file without ".safetensors", e.g. that of the scheme.

        Returns:
            The same network on the device of the run, in evaluation mode.

        Raises:
            WeightsError: If the file is missing, damaged or of another network.
            ValueError: If the name is not allowed or, in a training, that of another network.
        """
        taken = {"encoder", "link", *PROTOCOLS, *VARIANTS, VQ}
        if not re.fullmatch(r"[A-Za-z0-9][\w-]*", name) or name in taken:
            raise ValueError(
                f"weights {name!r} are not allowed, the name must be letters, digits, - and _, and "
                "none of a built-in network"
            )
        network.to(self.device)
        if self.in_training is not None:
            if self.in_training.setdefault(name, network) is not network:
                raise ValueError(f"two networks of a scheme are named {name!r}: name them apart")
            return network
        path = weights_directory(self.spec.weights) / f"{name}.safetensors"
        if not path.exists():
            raise WeightsError(
                f"no weights {name!r}: {path} does not exist; `simulate train --scheme "
                f"{','.join(self.spec.schemes)} --data DIR --out {path.parent}` makes it"
            )
        state, config = read_weights(path)
        load_into(network, state, str(path))
        (here,) = self.encoder.hashes.values()
        if config.get("encoder_sha256") != here:
            raise WeightsError(f"{path} was trained behind another encoder than the one beside it")
        self._count({path.name: file_hash(path)})
        return self._rounded(network.requires_grad_(False).eval())

    def single_task(self, task: str) -> tuple[EncoderBundle, LinkNetwork]:
        """Returns (encoder, link) that were trained for one task alone.

        Raises:
            WeightsError: If their files are missing; names the command that makes them.
        """
        above = weights_directory(self.spec.weights)
        directory = above / single_task_directory(task)
        for name in ("encoder", SINGLE_TASK_PROTOCOL):
            path = directory / f"{name}.safetensors"
            if not path.exists():
                raise WeightsError(
                    f"no weights for {SINGLE_TASK!r}: {path} does not exist; "
                    f"`simulate train --scheme {SINGLE_TASK} --data DIR --out {above}` makes it"
                )
        encoder = self._load_encoder(str(directory))
        link, hashes = load_link(
            SINGLE_TASK_PROTOCOL, encoder.network.performers, str(directory), self.device
        )
        both = {**encoder.hashes, **hashes}
        self._count({f"{directory.name}/{name}": value for name, value in both.items()})
        return encoder, self._rounded(link)
