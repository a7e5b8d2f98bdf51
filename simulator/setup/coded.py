"""Builders of the schemes that send coded bits; each makes one scheme for names of the catalog."""

from __future__ import annotations

from semantic.quantizer import Quantizer
from simulator.codecs.image_codecs import ImageCodec
from simulator.scheme import Scheme
from simulator.scheme_arguments import (
    CodingArguments,
    DigitalFeaturesArguments,
    DigitalVqArguments,
    ImageFileArguments,
)
from simulator.schemes.adaptive_coding import AdaptiveCoding
from simulator.schemes.coding import Coding, CodingRule
from simulator.schemes.conventional import Conventional
from simulator.schemes.digital_features import DigitalFeatures
from simulator.schemes.digital_vq import DigitalVq
from simulator.schemes.vq_planner import Planner
from simulator.setup.channel import open_channel
from simulator.setup.networks import Networks


def image_file(networks: Networks, name: str, arguments: ImageFileArguments) -> Scheme:
    """Builds a conventional chain: a fixed modulation and rate, or adaptive ones."""
    quality = arguments.quality if isinstance(arguments.quality, int) else None
    return Conventional(
        _coding_rule(networks, arguments),
        ImageCodec(arguments.codec, quality),
        arguments.harq,
        arguments.on_failure,
        arguments.groups if arguments.retransmission == "group" else 1,
    )


def digital_features(networks: Networks, name: str, arguments: DigitalFeaturesArguments) -> Scheme:
    """Builds the separate source and channel coding of SemHARQ's features."""
    return DigitalFeatures(
        networks.link("semharq"),
        Quantizer(arguments.bits, arguments.quantizer),
        _coding_rule(networks, arguments),
        networks.spec.max_transmissions if arguments.fill == "budget" else 1,
    )


def digital_vq(networks: Networks, name: str, arguments: DigitalVqArguments) -> Scheme:
    """Builds the vector quantizer of task vectors with short codes."""
    network = networks.vq()
    planner = Planner(
        open_channel(networks.spec),
        arguments,
        network.stage_bits,
        tuple(network.accuracy.tolist()),
        networks.spec.max_transmissions,
    )
    return DigitalVq(network, planner)


def _coding_rule(networks: Networks, arguments: CodingArguments) -> CodingRule:
    """Returns the coding, or the rule that adapts it to the run's channel as receivers see it."""
    coding = Coding.of(arguments, networks.device)
    if not arguments.adaptive:
        return coding
    return AdaptiveCoding(
        coding, open_channel(networks.spec, networks.channel), arguments.target_bler
    )
