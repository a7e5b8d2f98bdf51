"""Trains encoder and link together (`--reading encoder=joint`) with the steps of the atlas.

    python -m benchmarks.joint_encoder --encoder weights --data data/train --out joint --device cuda
    simulate --weights joint/semharq --scheme semharq --data data/large --snr=-6,-2,2 --out runs/joint/semharq

The options are those of `simulate train`. The five schemes of the atlas start from the same encoder
and have the same number of steps as the links of the atlas behind a frozen encoder.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from simulator.cli import main as simulate
from simulator.training import command
from simulator.training.presets import Preset, presets

SCHEMES = "semharq,ik-s-harq,rt-s-harq,smsc-fir,smsc-sequential"


def with_steps_of_the_atlas(images: int) -> dict[str, Preset]:
    """Returns the presets; that of the synthetic images has the steps of `atlas.toml`."""
    of = presets(images)
    link = replace(of["synthetic"].link, complete_steps=400, fde_steps=100, selected_steps=600)
    return {**of, "synthetic": replace(of["synthetic"], link=link)}


def main() -> None:
    """Trains the five schemes of the atlas."""
    command.presets = with_steps_of_the_atlas  # type: ignore[attr-defined]
    simulate(["train", "--reading", "encoder=joint", "--scheme", SCHEMES, *sys.argv[1:]])


if __name__ == "__main__":
    main()
