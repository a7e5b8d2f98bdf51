"""Several trainings of links behind one encoder: their seed is apart from that of the encoder."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from semantic.weights.files import write_tensors
from simulator.training.link_options import LinkOptions, adapted
from simulator.training.other_options import refuse_other_options
from simulator.training.presets import Preset, presets


def preset(seed: int, link_seed: int | None) -> Preset:
    base = presets(1000)["synthetic"]
    return adapted(base, seed, "densenet121", None, None, None, LinkOptions(seed=link_seed))


def stored(path: Path, recipe: object) -> Path:
    config = {"recipe": asdict(recipe)}  # type: ignore[call-overload]
    write_tensors(path, {"x": torch.zeros(1)}, {"config": json.dumps(config)})
    return path


def test_the_seed_of_the_links_is_that_of_the_encoder_unless_it_is_given() -> None:
    assert preset(2, None) == preset(2, 2)
    other = preset(2, 5)
    assert (other.encoder.seed, other.link.seed) == (2, 5)
    assert replace(other, link=replace(other.link, seed=2)) == preset(2, None)


def test_an_encoder_is_taken_up_for_links_of_another_seed(tmp_path: Path) -> None:
    encoder = stored(tmp_path / "encoder.safetensors", preset(0, None).encoder)
    refuse_other_options(encoder, preset(0, 3))
    with pytest.raises(ValueError, match="another --seed: give another --out"):
        refuse_other_options(encoder, preset(3, None))


def test_links_of_another_seed_are_not_mixed_in(tmp_path: Path) -> None:
    link = stored(tmp_path / "smsc-fir.safetensors", preset(0, 3).link)
    refuse_other_options(link, preset(0, 3))
    with pytest.raises(ValueError, match="another --link-seed: give another --out"):
        refuse_other_options(link, preset(0, 4))
