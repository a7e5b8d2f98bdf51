"""Trials towards a better HARQ: what are fed-back estimates, the SNR, or more training worth?

    python benchmarks/feedback_trial.py --weights weights --data data/train
    python benchmarks/feedback_trial.py --weights weights --data data/train --feedback
    python benchmarks/feedback_trial.py --weights weights --data data/train --steps 10500

A link of the project's own shape sends B new features a slot, from front to back, and never a
feature twice. It begins where every scheme begins (`link.complete.safetensors` of `simulate train
--out weights`) and is trained on the same batches, SNRs and fading as they are. Three things can be
changed: the number of steps; whether the coder knows the SNR and B (a scale and an offset of its
hidden layer); whether it is told, before each further slot, the receiver's estimates of what it has
sent so far (in full precision, without errors: the most that feedback can give). `--base SCHEME`
evaluates a trained scheme in the same way. Evaluation: the embedded test split, three seeds, a fixed
number of transmissions at each SNR.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from phy.fading import Rician
from semantic.data.dataset import open_dataset
from semantic.losses import channel_mse
from semantic.model import LinkNetwork, MultiTaskNetwork
from semantic.protocol import PROTOCOLS
from semantic.selector import LENGTH, Plan
from semantic.tasks import LEAKY_SLOPE, TaskOutputs
from semantic.training.encoder import one_cycle_rate, retrieval_losses, step_seed
from semantic.training.labels import Labels, training_labels
from semantic.training.round_trip import harq_round_trip, transmit_slot
from semantic.training.sampler import PKSampler
from semantic.weights import read_weights
from simulator.cells import Bench
from simulator.curve import ACCURACIES, point
from simulator.image_rows import image_rows
from simulator.ledger import Ledger
from simulator.prepare import prepare
from simulator.presets import presets
from simulator.spec import RunSpec
from simulator.training import training_channel
from simulator.training_encoder import open_encoder

CHANNEL = training_channel(Rician(), "cpu")
PRESET = presets(1)["synthetic"]
#: (SNR in dB, transmissions) of the evaluation.
POINTS = ((-6.0, 4), (-4.0, 4), (-2.0, 4), (2.0, 2), (8.0, 1))

#: (s, snr_db, B, transmissions, generator) -> (s_hat, outputs).
Trip = Callable[[Tensor, float, int, int, torch.Generator], tuple[Tensor, TaskOutputs]]


class Trial(nn.Module):
    """A link that sends new features only, its coder told what the options say."""

    def __init__(self, encoder: MultiTaskNetwork, knows_snr: bool, feedback: bool) -> None:
        super().__init__()
        performers = encoder.performers
        self.link = LinkNetwork(performers.identities, "combine", None, performers)
        self.knows_snr, self.feedback = knows_snr, feedback
        self.told = nn.Linear(2 * LENGTH, 1024, bias=False)
        self.at_snr = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 2048))
        for layer in (self.told, self.at_snr[2]):  # it begins as the link that it begins from
            for parameter in layer.parameters():
                nn.init.zeros_(parameter)

    def encode(self, s: Tensor, heard: Tensor, snr_db: float, B: int) -> Tensor:
        """f [batch, L] for the next slot."""
        coder = self.link.jsc_encoder
        hidden = coder.hidden(s / self.link.scale)
        if self.feedback:
            hidden = hidden + self.told(heard)
        hidden = coder.norm(hidden)
        if self.knows_snr:
            scale, offset = self.at_snr(torch.tensor([[snr_db / 8, math.log2(B) / 10]])).chunk(2, 1)
            hidden = hidden * (1 + scale) + offset
        f: Tensor = coder.out(functional.leaky_relu(hidden, LEAKY_SLOPE))
        return f

    def trip(
        self, s: Tensor, snr_db: float, B: int, transmissions: int, generator: torch.Generator
    ) -> tuple[Tensor, TaskOutputs]:
        """Sends s in some slots of B new features."""
        buffer, plan = self.link.empty_buffer(len(s)), Plan.empty(len(s))
        order, heard = torch.arange(LENGTH), torch.zeros(len(s), 2 * LENGTH)
        for _ in range(transmissions):
            f = self.encode(s, heard, snr_db, B)
            plan = plan.next(order, None, B)
            buffer, slot = transmit_slot(f, buffer, plan, snr_db, CHANNEL, generator)
            estimate = slot.selection.spread(slot.matched / (1 + slot.weight)).detach()
            here = slot.selection.spread(torch.ones_like(slot.matched))
            heard = heard + torch.cat([estimate, here], 1)
        return self.link.decode(buffer)


def train(trial: Trial, weights: Path, data: str, steps: int) -> None:
    """As `semantic.training.link` trains a scheme."""
    s = torch.from_numpy(np.load(next(weights.glob("s-*.npy"))))
    images = open_dataset(data, "train")
    labels = Labels(*(c.repeat(PRESET.views) for c in training_labels(images).columns))
    recipe, trained = PRESET.link, [p for p in trial.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(trained)
    sampler = PKSampler(
        labels.vehicle.numpy(), recipe.vehicles_per_batch, recipe.images_per_vehicle, recipe.seed
    )
    trial.train()
    low, high = recipe.snr_db
    with click.progressbar(range(steps), label="training", width=40) as bar:
        for number in bar:
            for group in optimizer.param_groups:
                group["lr"] = one_cycle_rate(number, steps, recipe.learning_rate, 0.05)
            generator = torch.Generator().manual_seed(step_seed(recipe.seed, 7, number))
            index = torch.from_numpy(sampler.batch(number))
            snr_db = low + (high - low) * float(torch.rand((), generator=generator))
            free, size, count = torch.rand(3, generator=generator).tolist()
            B = round(16 * 64**size) if free < recipe.free_budget else PRESET.budget(snr_db)
            rounds = 1 + int(count * recipe.max_transmissions)
            optimizer.zero_grad(set_to_none=True)
            s_hat, outputs = trial.trip(s[index], snr_db, B, rounds, generator)
            target = Labels(*(column[index] for column in labels.columns))
            loss = retrieval_losses(outputs, target, 0.1).total(recipe.task_weights)
            (loss + channel_mse(s[index] / trial.link.scale, s_hat)).backward()
            nn.utils.clip_grad_norm_(trained, 5.0)
            optimizer.step()


@torch.inference_mode()
def evaluate(trip: Trip) -> None:
    """Prints the accuracies at `POINTS`, means of three seeds."""
    bench = Bench(prepare(RunSpec(schemes=("perfect",))), lambda what, done, total: None)
    s = bench.sources.features.s
    click.echo(f"| SNR dB | sent | {' | '.join(ACCURACIES)} |\n|{'---|' * (2 + len(ACCURACIES))}")
    for snr_db, rounds in POINTS:
        found = []
        for seed in range(3):
            generator = torch.Generator().manual_seed(seed)
            B = PRESET.budget(snr_db)
            parts = [trip(rows, snr_db, B, rounds, generator)[1] for rows in s.split(256)]
            outputs = TaskOutputs(*(torch.cat(column) for column in zip(*parts, strict=True)))
            table = image_rows(bench.dataset, outputs, Ledger.zeros(len(s)), ("",))
            found.append([point(table, metric)["value"] for metric in ACCURACIES])
        means = " | ".join(f"{value:.1f}" for value in np.mean(found, 0))
        click.echo(f"| {snr_db:g} | {rounds} | {means} |")


@click.command()
@click.option("--weights", type=click.Path(path_type=Path), required=True)
@click.option("--data", help="Training images.")
@click.option("--steps", type=int, default=3500, show_default=True)
@click.option("--snr", "knows_snr", is_flag=True, help="The coder knows the SNR and B.")
@click.option("--feedback", is_flag=True, help="It is told the receiver's estimates.")
@click.option("--base", help="Evaluate this trained scheme instead.")
def main(
    weights: Path, data: str | None, steps: int, knows_snr: bool, feedback: bool, base: str | None
) -> None:
    """Trains one trial and prints what it reaches."""
    torch.set_num_threads(1)
    torch.manual_seed(PRESET.link.seed)
    encoder = open_encoder(weights / "encoder.safetensors", "cpu")
    name = "link.complete" if base is None else base
    state, _ = read_weights(weights / f"{name}.safetensors")
    if base is not None:
        protocol = PROTOCOLS[base]
        performers = encoder.performers
        link = LinkNetwork(performers.identities, "combine", protocol.detector, performers)
        link.load_state_dict(link.state_dict() | state)
        evaluate(lambda *trip: harq_round_trip(link.eval(), protocol, *trip[:4], CHANNEL, trip[4]))
        return
    trial = Trial(encoder, knows_snr, feedback)
    trial.link.load_state_dict(trial.link.state_dict() | state)
    if data is None:
        raise click.UsageError("--data is missing")
    train(trial, weights, data, steps)
    evaluate(trial.eval().trip)


if __name__ == "__main__":
    main()
