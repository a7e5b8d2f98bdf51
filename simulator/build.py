"""Builds schemes from the weights: one function for each name of the catalogue."""

from __future__ import annotations

import inspect
from functools import cached_property

from semantic.data.names import nearest
from semantic.model import LinkNetwork, Loaded, load_encoder, load_link
from simulator.catalog import SCHEMES, resolve
from simulator.image_codecs import ImageCodec
from simulator.scheme import Scheme
from simulator.schemes.conventional import Coding, Conventional
from simulator.schemes.perfect import Perfect
from simulator.schemes.semantic_harq import SemanticHarq
from simulator.slots import Slot
from simulator.spec import RunSpec


class Stack:
    """Networks of one run, each file read once however many schemes share it.

    Attributes:
        spec: The run.
        device: Torch device.
        hashes: SHA-256 of every weights file read so far.
    """

    def __init__(self, spec: RunSpec, device: str) -> None:
        self.spec, self.device = spec, device
        self.hashes: dict[str, str] = {}

    @cached_property
    def encoder(self) -> Loaded:
        """DenseNet-121 and the clean-trained performers."""
        loaded = load_encoder(self.spec.weights, self.device)
        self.hashes |= loaded.hashes
        return loaded

    def link(self, scheme: str) -> LinkNetwork:
        """Everything behind the encoder for one scheme."""
        network, hashes = load_link(scheme, self.spec.weights, self.device)
        self.hashes |= hashes
        return network


def build_schemes(stack: Stack) -> dict[str, Scheme]:
    """The schemes of the run, each with those of the run's arguments that it takes.

    Raises:
        ValueError: When no scheme takes an argument; names the nearest that one does.
    """
    factories = {name: resolve("scheme", name, SCHEMES) for name in stack.spec.schemes}
    taken = {
        name: [p for p in inspect.signature(factory).parameters if p != "stack"]
        for name, factory in factories.items()
    }
    for argument, _ in stack.spec.scheme_args:
        if not any(argument in names for names in taken.values()):
            allowed = sorted({name for names in taken.values() for name in names})
            hint = nearest(argument, allowed) if allowed else "they take none"
            raise ValueError(
                f"schemes {', '.join(factories)} take no argument {argument!r}; {hint}"
            )
    given = dict(stack.spec.scheme_args)
    return {
        name: factory(stack, **{n: given[n] for n in taken[name] if n in given})
        for name, factory in factories.items()
    }


def perfect(stack: Stack) -> Scheme:
    """No channel."""
    return Perfect(stack.encoder.network)


def semharq(stack: Stack, theta_0_db: float = 1.0, features_per_use: int = 1) -> Scheme:
    """SemHARQ with its own weights."""
    encoder, link = stack.encoder.network, stack.link("semharq")
    return SemanticHarq(encoder, link, theta_0_db, features_per_use)


def jpeg_ldpc_bpsk(
    stack: Stack,
    codec: str = "jpeg",
    quality: int | str = "fit",
    rate: float = 0.75,
    on_failure: str = "best-effort",
) -> Scheme:
    """SMSC-FIR's traditional method: one shot."""
    coding = Coding("bpsk", float(rate))
    return _conventional(stack, coding, codec, quality, on_failure, harq=False)


def jpeg_ldpc_16qam_harq(
    stack: Stack,
    codec: str = "jpeg",
    quality: int | str = "fit",
    modulation: str = "16qam",
    rate: float = 0.75,
    base_graph: int = 1,
    rv_order: str = "0231",
    combining: str = "ir",
    iterations: int = 50,
    give_up: int = 1,
    on_failure: str = "best-effort",
) -> Scheme:
    """SemHARQ's traditional type-II HARQ: incremental redundancy until the CRC holds."""
    versions = tuple(int(version) for version in str(rv_order).zfill(4))
    coding = Coding(
        modulation, float(rate), base_graph, versions, combining, iterations, bool(give_up)
    )
    return _conventional(stack, coding, codec, quality, on_failure, harq=True)


def _conventional(
    stack: Stack, coding: Coding, codec: str, quality: int | str, on_failure: str, harq: bool
) -> Scheme:
    if isinstance(quality, str) and quality != "fit":
        raise ValueError(f"quality {quality!r} is not allowed, it must be 1 to 95, or fit")
    source = ImageCodec(codec, quality if isinstance(quality, int) else None)
    uses = Slot(0.0, stack.spec.slot_s, stack.spec.bandwidth).uses
    coding.codec(1)  # what is not allowed shows now
    return Conventional(coding, source, uses, harq, on_failure)
