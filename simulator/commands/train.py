"""`simulate train`: encoder and link."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.command("train")
@click.option(
    "--preset", type=click.Choice(["synthetic", "paper"]), default="synthetic", show_default=True
)
@click.option(
    "--scheme",
    default="semharq",
    show_default=True,
    metavar="A[,B...]",
    help="Schemes to train behind the encoder.",
)
@click.option("--data", "data_spec", required=True, metavar="DIR|veri:DIR", help="Training images.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Weights, checkpoints and log.",
)
@click.option(
    "--imagenet", metavar="FILE|URL", help="ImageNet weights of DenseNet-121 to begin with."
)
@click.option(
    "--backbone",
    default="densenet121",
    show_default=True,
    metavar="densenet121|timm:NAME",
    help="The encoder; timm needs the extra [backbones].",
)
@click.option(
    "--snr-db", type=float, metavar="DB", help="Train for one SNR instead of the whole range."
)
@click.option(
    "--tasks",
    metavar="reid,color,type",
    help="Train for these tasks alone: the losses of the others weigh nothing [all three].",
)
@click.option(
    "--buffer",
    metavar="combine|concatenate",
    help="What the receiver keeps between transmissions [the preset's].",
)
@click.option(
    "--link-steps",
    type=click.IntRange(min=1),
    metavar="N",
    help="Steps of each scheme by its own protocol [the preset's].",
)
@click.option(
    "--validation",
    metavar="DATA",
    help="Test images, as --data of a run names them, on which to show the accuracies now and then.",
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--device", default="auto", show_default=True)
@click.option("--quiet", is_flag=True, help="No bar.")
def train(**options: Any) -> None:
    """Train encoder and link; run again after a kill, it goes on where it was."""
    from simulator.training.command import train_from_options

    train_from_options(**options)
