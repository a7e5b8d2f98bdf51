"""The encoder of a run with the hashes of its code, if its network is a user's own."""

from __future__ import annotations

from dataclasses import replace

from semantic.plugins import load
from semantic.weights.stored import EncoderBundle
from simulator.setup.prepare import Prepared
from simulator.sweeps.part_code import module_code


def encoder_of(prepared: Prepared) -> EncoderBundle:
    """Returns the encoder of a run.

    Its outputs are cached. With other code, a user's own network is another encoder.
    """
    encoder, name = prepared.networks.encoder, prepared.spec.backbone
    if name is None:
        return encoder
    return replace(encoder, code=module_code(load("backbone", name, name), name.partition(":")[0]))
