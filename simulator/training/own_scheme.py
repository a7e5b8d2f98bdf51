"""Training of a user's scheme: its own networks and loss, through a channel of the simulator."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from semantic.parts.files import Reading, named_hashes
from semantic.plugins import is_import_string
from semantic.training.checkpoint import hash_of
from semantic.training.labels import Labels
from semantic.training.log import OF_LOG
from semantic.training.loop import LinkData, draw_snr, train_loop
from semantic.weights.deepjscc import DEEPJSCC
from semantic.weights.files import file_hash, read_weights, write_tensors
from simulator.catalog import SCHEMES, find_target
from simulator.learned_scheme import LearnedScheme, TrainingBatch
from simulator.setup.channel import open_channel
from simulator.setup.networks import Networks
from simulator.setup.schemes import build_schemes
from simulator.signatures import methods_problem
from simulator.slots import Slot
from simulator.spec import SLOT_S, RunSpec
from simulator.sweeps.identity import own_code
from simulator.sweeps.imported_code import refuse_edited
from simulator.sweeps.part_code import not_noticed, part_code
from simulator.training.backbone import preset_backbone
from simulator.training.stage import Stage

LOG = logging.getLogger(__name__)
#: Built-in schemes with a loss of their own, which are trained as a user's scheme is.
OWN_LOSS = ("feature-jscc-f",)
#: Largest norm of the gradient, as for the built-in links.
CLIPPED_NORM = 5.0


@dataclass(frozen=True)
class OwnTraining:
    """What the training of users' schemes takes beside the options of all trainings.

    Attributes:
        scheme_args: Arguments of the schemes.
    """

    scheme_args: tuple[tuple[str, Any], ...] = ()

    def spec(self, name: str, stage: Stage) -> RunSpec:
        """Returns a run of the scheme with the weights of the training's directory."""
        return RunSpec(
            schemes=(name,),
            channel=stage.preset.channel,
            channel_args=stage.preset.channel_args,
            scheme_args=self.scheme_args,
            weights=str(stage.out),
            backbone=preset_backbone(stage.preset),
            bandwidth_hz=stage.preset.bandwidth_hz,
            device=stage.device,
        )


def own_training(schemes: str, scheme_args: tuple[tuple[str, Any], ...]) -> OwnTraining:
    """Returns the options of users' schemes, as the command line gives them.

    Raises:
        ValueError: If an argument was given, and no scheme is a user's or deepjscc.
    """
    names = [name.strip() for name in schemes.split(",")]
    if scheme_args and not any(is_own(name) or name == DEEPJSCC for name in names):
        raise ValueError(
            "--scheme-arg is for schemes of your own (module:MyScheme) and deepjscc in a training"
        )
    return OwnTraining(scheme_args)


def is_own(name: str) -> bool:
    """Returns whether a scheme has its own loss: a user's "package.module:MyScheme", or a built-in.

    >>> is_own("my_scheme:MyScheme"), is_own("feature-jscc-f"), is_own("semharq")
    (True, True, False)
    """
    return is_import_string(name) or name in OWN_LOSS


def train_own_scheme(stage: Stage, name: str, options: OwnTraining, data: LinkData) -> None:
    """Trains the networks of a user's scheme, and writes a file for each of them.

    Args:
        stage: Directory, preset and device; the directory has the encoder.
        name: Import string of the scheme.
        options: Arguments of the scheme.
        data: Features and labels of the training images.

    Raises:
        ValueError: One line, if it is no `LearnedScheme`, declares no network, has a loss that is
            not finite or has no gradient, or was trained with other options.
    """
    spec = options.spec(name, stage)
    with Reading().active() as read:
        scheme, own = open_for_training(spec, stage)
        channel = open_channel(spec)
    recipe, label = stage.preset.link, name.replace(":", ".")
    files = {one: stage.out / f"{one}.safetensors" for one in own}
    code = part_code(type(scheme), find_target("scheme", name, SCHEMES).partition(":")[0])
    refuse_edited(code.files)
    about = {
        "scheme": name,
        "scheme_args": dict(options.scheme_args),
        "channel": spec.channel_label,
        "code": {**code.hashes, **own_code(spec)},
        **({"files": named_hashes(read.paths)} if read.paths else {}),
        "data_sha256": hash_of(data.s, *data.labels.columns),
        "encoder_sha256": file_hash(stage.out / "encoder.safetensors"),
        "bandwidth_hz": stage.preset.bandwidth_hz,
        "recipe": asdict(recipe),
    }
    known = [path for path in files.values() if path.exists()]
    for path in known:
        refuse_other_training(path, about)
    if len(known) == len(files):
        return
    if code.computed:
        LOG.warning(not_noticed(code.computed))
    network = nn.ModuleDict(own)

    def step(index: Tensor, generator: torch.Generator, number: int) -> dict[str, float]:
        slot = Slot(draw_snr(recipe, generator), SLOT_S, stage.preset.bandwidth_hz)
        labels = Labels(*(column[index] for column in data.labels.columns))
        batch = TrainingBatch(data.s[index], labels, slot, generator, channel)
        return loss_gradients(scheme, batch, network, f"scheme {name}, step {number}")

    train_loop(
        network,
        recipe,
        label,
        data,
        (recipe.selected_steps,),
        step,
        stage.out / f"{label}.checkpoint.safetensors",
        stage.log(label, recipe.selected_steps),
        {key: about[key] for key in ("channel", "scheme_args", "code", "files") if key in about},
    )
    config = json.dumps({**stage.note, **about}, sort_keys=True)
    for one, path in files.items():
        write_tensors(path, own[one].state_dict(), {"config": config})


def refuse_other_training(path: Path, about: dict[str, Any]) -> None:
    """Checks that existing weights of a user's scheme are of the same training.

    Args:
        path: Existing weights.
        about: Everything that the training depends on, as the file stores it.

    Raises:
        ValueError: If something was different; names it.
    """
    _, made = read_weights(path)
    wanted = json.loads(json.dumps(about))
    other = [key for key, value in wanted.items() if made.get(key) != value]
    if other:
        raise ValueError(f"{path} was trained with another {', '.join(other)}: give another --out")


def open_for_training(spec: RunSpec, stage: Stage) -> tuple[LearnedScheme, dict[str, nn.Module]]:
    """Returns a scheme with new networks, and these networks by name."""
    networks = Networks(spec, stage.device)
    networks.in_training = {}
    torch.manual_seed(stage.preset.link.seed)
    (name,) = spec.schemes
    scheme = build_schemes(networks)[name]
    if not isinstance(scheme, LearnedScheme):
        raise ValueError(
            f"scheme {name!r} is a {type(scheme).__name__}, it must be a "
            "simulator.learned_scheme.LearnedScheme to be trained"
        )
    problem = methods_problem(scheme, LearnedScheme)
    if problem is not None:
        raise ValueError(f"scheme {name!r}: {problem}")
    if not any(p.requires_grad for one in networks.in_training.values() for p in one.parameters()):
        raise ValueError(
            f"scheme {name!r} declares no network with parameters: networks.trained(module, name) "
            "does"
        )
    return scheme, networks.in_training


def loss_gradients(
    scheme: LearnedScheme, batch: TrainingBatch, network: nn.Module, where: str
) -> dict[str, float]:
    """Computes the gradients of a batch.

    Args:
        scheme: The scheme.
        batch: The batch.
        network: The networks that are trained.
        where: Scheme and step, for a message.

    Returns:
        The terms of the loss by name.

    Raises:
        ValueError: One line, if a term is no finite real scalar, or if the networks get no gradient
            or one that is not finite.
    """
    terms = loss_terms(scheme.training_loss(batch), where)
    total = torch.stack([*terms.values()]).sum()
    if not total.requires_grad:
        raise ValueError(f"{where}: the loss has no gradient; was it detached?")
    total.backward()
    if all(p.grad is None for p in network.parameters()):
        raise ValueError(f"{where}: the loss has no gradient in the networks of the scheme")
    norm = nn.utils.clip_grad_norm_(network.parameters(), CLIPPED_NORM)
    if not bool(torch.isfinite(norm)):
        raise ValueError(
            f"{where}: the loss is finite, but its gradient is {norm.item():g}, as that of sqrt at 0"
        )
    return {name: float(value.detach()) for name, value in terms.items()}


def loss_terms(found: object, where: str) -> dict[str, Tensor]:
    """Returns the terms of a loss by name.

    Args:
        found: What a user's `training_loss` has returned.
        where: Scheme and step, for a message.

    Raises:
        ValueError: One line, if it is not a finite real scalar, or several by name.
    """
    terms = {"loss": found} if isinstance(found, Tensor) else found
    if not isinstance(terms, Mapping) or not terms:
        raise ValueError(
            f"{where}: training_loss returned {one_line(found)}, it must return a scalar tensor, or "
            "several by name"
        )
    for name, value in terms.items():
        if not isinstance(name, str) or name in OF_LOG:
            raise ValueError(
                f"{where}: a term of the loss is named {one_line(name)}, it must be a text other "
                f"than {' and '.join(OF_LOG)}, which the log has"
            )
        if not isinstance(value, Tensor) or value.ndim or value.is_complex():
            what = f"{value.dtype} {list(value.shape)}" if isinstance(value, Tensor) else None
            raise ValueError(
                f"{where}: {name} is {what or one_line(value)}, it must be a real scalar tensor"
            )
        if not bool(torch.isfinite(value)):
            raise ValueError(f"{where}: {name} is {value.item():g}, a loss must be finite")
    return dict(terms)


def one_line(value: object) -> str:
    """Returns the start of a value's text.

    >>> one_line(1.5)
    '1.5'
    """
    return " ".join(repr(value).split())[:80]
