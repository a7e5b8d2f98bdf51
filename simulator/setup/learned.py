"""Builders of the learned schemes; each makes one scheme for names of the catalog."""

from __future__ import annotations

from semantic.link.protocol import CONTROLS, PROTOCOLS, SINGLE_TASK_PROTOCOL
from semantic.losses import TASKS
from semantic.plus.output_feedback import OutputFeedbackNetwork
from simulator.plus_arguments import FeatureJsccFArguments, PlusHybridArguments
from simulator.scheme import Scheme
from simulator.scheme_arguments import (
    OWN_LINK,
    DeepJsccArguments,
    NoArguments,
    SemanticHarqArguments,
    SemharqPlusArguments,
    SingleTaskArguments,
)
from simulator.schemes.deepjscc import DeepJscc
from simulator.schemes.feature_jscc_f import FeatureJsccF
from simulator.schemes.hybrid_state import Plans
from simulator.schemes.perfect import Perfect
from simulator.schemes.plus_hybrid import PlusHybrid
from simulator.schemes.semantic_harq import SemanticHarq
from simulator.schemes.semharq_plus import SemharqPlus
from simulator.schemes.single_task import SingleTask, SingleTaskNetwork
from simulator.setup.channel import open_channel
from simulator.setup.networks import Networks


def perfect(networks: Networks, name: str, arguments: NoArguments) -> Scheme:
    """Builds the scheme without a channel."""
    return Perfect(networks.encoder.network)


def semantic_harq(networks: Networks, name: str, arguments: SemanticHarqArguments) -> Scheme:
    """Builds a scheme of `semantic.link.protocol.LEARNED`."""
    link = networks.link(name if arguments.link == OWN_LINK else arguments.link)
    return SemanticHarq(networks.encoder.network, link, PROTOCOLS[name], arguments)


def control(networks: Networks, name: str, arguments: SemanticHarqArguments) -> Scheme:
    """Builds a scheme of `semantic.link.protocol.CONTROLS`."""
    scheme = CONTROLS[name]
    assert scheme.weights is not None
    link = networks.link(scheme.weights)
    link.fde, link.detector = None, scheme.protocol.detector
    return SemanticHarq(networks.encoder.network, link, scheme.protocol, arguments)


def semharq_plus(networks: Networks, name: str, arguments: SemharqPlusArguments) -> Scheme:
    """Builds a scheme of the semharq-plus family, which has weights of its own."""
    most = networks.spec.max_transmissions
    return SemharqPlus(networks.encoder.network, networks.plus(name), arguments, most)


def plus_hybrid(networks: Networks, name: str, arguments: PlusHybridArguments) -> Scheme:
    """Builds the hybrid of coded bits and analog values."""
    network = networks.plus(name)
    assert network.quantizer is not None
    plans = Plans(
        open_channel(networks.spec, networks.channel),
        network.quantizer.variances.double().cpu().numpy(),
        networks.spec.max_transmissions,
        arguments.blocks,
        arguments.bursts_per_block,
    )
    return PlusHybrid(networks.encoder.network, network, plans, arguments)


def feature_jscc_f(networks: Networks, name: str, arguments: FeatureJsccFArguments) -> Scheme:
    """Builds the learned scheme with channel-output feedback."""
    network = networks.trained(OutputFeedbackNetwork(), name)
    return FeatureJsccF(network, networks.encoder.network.performers, arguments)


def deepjscc(networks: Networks, name: str, arguments: DeepJsccArguments) -> Scheme:
    """Builds the joint source-channel coding of whole images."""
    return DeepJscc(networks.deepjscc(arguments.channels))


def single_task(networks: Networks, name: str, arguments: SingleTaskArguments) -> Scheme:
    """Builds SMSC-FIR with three single-task networks."""
    own = SemanticHarqArguments(
        features_per_use=arguments.features_per_use, equalizer=arguments.equalizer
    )
    systems = {}
    for task in TASKS:
        encoder, link = networks.single_task(task)
        scheme = SemanticHarq(encoder.network, link, PROTOCOLS[SINGLE_TASK_PROTOCOL], own)
        systems[task] = SingleTaskNetwork(encoder, scheme)
    return SingleTask(systems, arguments.share)
