"""Trains encoder and link together at 128 x 128 pixels (`--reading encoder=joint`), on a GPU.

    python -m benchmarks.joint_encoder --data data/train --out joint --device cuda
    simulate --weights joint/semharq --scheme semharq --data data/large --snr=-6,-2,2 --out runs/joint/semharq

The options are those of `simulate train`. The recipe is shorter than the preset's, and all five
schemes have the same one: an encoder from scratch, then `RECIPE` for the link and the encoder.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from semantic.training.loop import LinkRecipe
from simulator.cli import main as simulate
from simulator.training import command
from simulator.training.presets import Preset, presets

EDGE = 128
RECIPE = LinkRecipe(complete_steps=400, fde_steps=100, selected_steps=600)
SCHEMES = "semharq,ik-s-harq,rt-s-harq,smsc-fir,smsc-sequential"


def at_size(images: int) -> dict[str, Preset]:
    """Returns the presets; that of the synthetic images has another size and recipe."""
    of = presets(images)
    encoder = replace(of["synthetic"].encoder, phases=((64, 1500), (EDGE, 700)))
    changed = replace(of["synthetic"], image_size=EDGE, encoder=encoder, link=RECIPE)
    return {**of, "synthetic": changed}


def main() -> None:
    """Trains the five schemes of the atlas."""
    command.presets = at_size  # type: ignore[attr-defined]
    simulate(["train", "--reading", "encoder=joint", "--scheme", SCHEMES, *sys.argv[1:]])


if __name__ == "__main__":
    main()
