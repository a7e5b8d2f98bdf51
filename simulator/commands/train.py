"""`simulate train`: trains the encoder and the links."""

from __future__ import annotations

import re
import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from simulator.commands.number_types import INTEGER, NUMBER, WholeRange
from simulator.commands.part_log import logged_part_errors
from simulator.commands.paths import PATH
from simulator.commands.train_plan import plan_options, train_from_plan
from simulator.files import leftovers, remove_abandoned

#: Value of --encoder for the encoder of the package.
PACKAGE = "package"
#: Weights and checkpoints that are being written, see `semantic.weights.files.write_tensors`.
UNFINISHED = re.compile(r"\..+\.safetensors\.[a-z0-9_]{8}")


def encoder_path(given: Path | None) -> Path | None:
    """Returns the value of --encoder, with the weights of the package for "package".

    >>> encoder_path(Path("weights")).name
    'weights'
    """
    if given is None or given != Path(PACKAGE) or given.exists():
        return given
    from semantic.weights.stored import PRETRAINED

    return PRETRAINED


@click.command("train")
@click.option(
    "--preset",
    type=click.Choice(["synthetic", "paper"]),
    default="synthetic",
    show_default=True,
    help="Settings of the training.",
)
@click.option(
    "--scheme",
    default="semharq",
    show_default=True,
    metavar="A[,B...]",
    help="Schemes whose links are trained; module:MyScheme for one of your own.",
)
@click.option(
    "--scheme-arg",
    "scheme_args",
    multiple=True,
    metavar="NAME=VALUE",
    help="Argument of a scheme of your own, or of deepjscc.",
)
@click.option("--data", "data_spec", required=True, metavar="DIR|veri:DIR", help="Training images.")
@click.option(
    "--out",
    type=PATH,
    required=True,
    metavar="DIR",
    help="Directory of weights, checkpoints and log.",
)
@click.option(
    "--encoder",
    type=PATH,
    callback=lambda context, option, given: encoder_path(given),
    metavar="FILE|DIR|package",
    help="An encoder that was trained before, e.g. the package's; links are trained behind it. If it "
    "was trained on other images, its task performers are fitted to those of --data.",
)
@click.option(
    "--imagenet", metavar="FILE|URL", help="ImageNet weights of DenseNet-121 to start from."
)
@click.option(
    "--backbone",
    default="densenet121",
    show_default=True,
    metavar="densenet121|timm:NAME|module:Class",
    help="Backbone of the encoder; timm needs the extra [backbones].",
)
@click.option(
    "--extra-data",
    metavar="DATA",
    help="A second set of training images, e.g. photographs; its vehicles are new ones.",
)
@click.option(
    "--extra-vehicles",
    type=WholeRange(min=1),
    metavar="N",
    help="Vehicles of each batch of the encoder that are of --extra-data [a quarter].",
)
@click.option(
    "--encoder-steps",
    metavar="N|SIZE:N[,SIZE:N...]",
    help="Training steps of the encoder, in all or for each image size [those of the preset].",
)
@click.option(
    "--batch-size",
    type=WholeRange(min=1),
    metavar="N",
    help="Images in each batch of the encoder, a multiple of 4 [that of the preset].",
)
@click.option(
    "--augmentation",
    type=click.Choice(["light", "strong"]),
    help="Random changes of the encoder's training images [light].",
)
@click.option(
    "--precision",
    type=click.Choice(["auto", "fp32", "bf16"]),
    default="auto",
    show_default=True,
    help="Arithmetic of the encoder's training; auto is bf16 on CUDA devices.",
)
@click.option("--snr-db", type=NUMBER, metavar="DB", help="Train at one SNR instead of a range.")
@click.option(
    "--tasks",
    metavar="reid,color,type",
    help="Train only for these tasks: the other losses have weight 0 [all three].",
)
@click.option(
    "--buffer",
    metavar="combine|average|concatenate|concatenate-raw",
    help="How the receiver buffers transmissions [that of the preset].",
)
@click.option(
    "--reading",
    multiple=True,
    metavar="KEY=VALUE",
    help="Reading of the papers, e.g. equalizer=zf; see `simulate list readings`.",
)
@click.option("--channel", metavar="NAME|module:Class", help="Channel in training [rician].")
@click.option(
    "--channel-arg",
    "channel_args",
    multiple=True,
    metavar="NAME=VALUE",
    help="Argument of the channel, e.g. k_factor=4.",
)
@click.option(
    "--fading",
    metavar="fast|block|jakes",
    help="A gain per channel use, per slot, or of a moving receiver, as in a run [fast].",
)
@click.option(
    "--link-steps",
    type=WholeRange(min=1),
    metavar="N",
    help="Training steps of each scheme with its own protocol [those of the preset].",
)
@click.option(
    "--validation",
    metavar="DATA",
    help="Test images, as in --data of a run, on which accuracies are shown from time to time.",
)
@click.option(
    "--seed", type=INTEGER, default=0, show_default=True, help="Seed of the encoder and the links."
)
@click.option(
    "--link-seed",
    type=INTEGER,
    metavar="N",
    help="Seed of the links alone, for several trainings behind one encoder [that of --seed].",
)
@click.option("--device", default="auto", show_default=True, help="Device of the networks.")
@plan_options
@click.option("--quiet", is_flag=True, help="No progress bar.")
def train(**options: Any) -> None:
    """Train the encoder and the links.

    After an interruption, the same command continues from the last checkpoint. Ctrl-C and SIGTERM
    save one at the end of the step.
    """
    from simulator.commands.options import key_values, texts
    from simulator.commands.terminal import Bar
    from simulator.training.command import train_from_options
    from simulator.training.link_options import LinkOptions
    from simulator.training.own_scheme import own_training

    quiet, out = options.pop("quiet"), options["out"]
    if train_from_plan(options, quiet):
        return
    options["link_options"] = LinkOptions(
        tuple(texts("--reading", options.pop("reading")).items()),
        options.pop("channel"),
        key_values("--channel-arg", options.pop("channel_args")),
        options.pop("fading"),
        options.pop("link_seed"),
    )
    clear_leftovers(out)
    scheme_args = key_values("--scheme-arg", options.pop("scheme_args"))
    own = own_training(options["scheme"], scheme_args)
    # A pipe gets each line at once, and no bar.
    show = (lambda line: None) if quiet else partial(print, flush=True)
    try:
        with logged_part_errors(out), Bar(quiet or not sys.stderr.isatty()) as bar:
            train_from_options(**options, show=show, bar=bar, own=own)
    except KeyboardInterrupt:
        if any(out.rglob("*.checkpoint.safetensors")):
            click.echo(f"{out}: checkpoints are kept; the same command goes on from them", err=True)
        raise


def clear_leftovers(out: Path) -> None:
    """Removes what killed trainings have left in the directory of weights and right below it."""
    for directory in (out, *out.glob("*/")):
        if directory.is_dir():
            remove_abandoned(leftovers(directory, UNFINISHED))
