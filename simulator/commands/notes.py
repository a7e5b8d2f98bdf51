"""What a run's headline says about its weights: images and slots other than those of the training."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from semantic.weights.stored import PRETRAINED, weights_directory
from simulator.setup.prepare import Prepared

ENCODER_FILE = "encoder.safetensors"


def notes(prepared: Prepared) -> Iterator[str]:
    """Yields one line for each way in which a run differs from the training of its weights."""
    yield from _about_data(prepared)
    yield from _about_images(prepared)
    yield from _about_bandwidth(prepared)
    yield from _about_encoders(prepared)


def _about_data(prepared: Prepared) -> Iterator[str]:
    data = prepared.dataset
    unknown = int((~data.known).sum())
    if unknown:
        yield f"the vehicle of {unknown} images is unknown: the ranking ignores them"
    for line in data.contradictions():
        yield f"{line}; are the labels in the order of the files?"
    if data.left_out:
        yield f"files of {data.name} left out: {len(data.left_out)} lines in run.json"


def _about_images(prepared: Prepared) -> Iterator[str]:
    config, data = prepared.networks.encoder.config, prepared.dataset
    if "images_sha256" in config and config["images_sha256"] == data.images_hash():
        yield f"the weights were trained on these very images of {data.name}: this is no test"
    trained_on = config.get("data")
    package = weights_directory(prepared.spec.weights).resolve() == PRETRAINED.resolve()
    if package and prepared.spec.data != "synthetic":
        yield (
            "the weights were trained on rendered vehicles and 754 photographs by two cameras; expect lower "
            f"accuracies if {data.name} holds other photographs (simulate train makes weights for them)"
        )
    elif not package and trained_on is not None and trained_on != data.name:
        yield f"the encoder was trained on images of {trained_on!r}, these are of {data.name!r}"


def _about_bandwidth(prepared: Prepared) -> Iterator[str]:
    spec = prepared.spec
    others: dict[float, list[str]] = {}
    for scheme in spec.schemes:
        for trained_hz in _bandwidths(prepared, scheme) - {spec.bandwidth}:
            others.setdefault(trained_hz, []).append(scheme)
    for trained_hz, schemes in others.items():
        yield (
            f"W is {spec.bandwidth / 1e6:g} MHz, the weights of {', '.join(schemes)} were trained "
            f"for {trained_hz / 1e6:g} MHz (--bandwidth-mhz {trained_hz / 1e6:g})"
        )


def _bandwidths(prepared: Prepared, scheme: str) -> set[float]:
    """W in hertz of the slots that the links of a scheme were trained for."""
    found = (config.get("bandwidth_hz") for config in _configs(prepared, scheme).values())
    return {float(w) for w in found if isinstance(w, int | float)}


def _about_encoders(prepared: Prepared) -> Iterator[str]:
    for scheme in prepared.spec.schemes:
        hashes = prepared.networks.hashes_of(scheme)
        for name, config in _configs(prepared, scheme).items():
            trained, beside = config.get("encoder_sha256"), Path(name).with_name(ENCODER_FILE)
            if trained is not None and trained != hashes.get(str(beside), trained):
                yield f"{name} was trained behind another encoder than the {beside} beside it"


def _configs(prepared: Prepared, scheme: str) -> dict[str, dict[str, Any]]:
    """The settings in each weights file of a scheme; none for what `simulate train` did not make."""
    directory, found = weights_directory(prepared.spec.weights), {}
    for name in prepared.networks.hashes_of(scheme):
        try:
            with safe_open(directory / name, framework="pt") as file:
                config = json.loads((file.metadata() or {})["config"])
        except (OSError, SafetensorError, KeyError, TypeError, ValueError):
            continue
        if isinstance(config, dict):
            found[name] = config
    return found
