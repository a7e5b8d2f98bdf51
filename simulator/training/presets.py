"""Presets of `simulate train`: one for the embedded data set, one for the papers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from semantic.link.network import DEFAULT_READING
from semantic.link.reading import LinkReading
from semantic.losses import TaskWeights
from semantic.training.encoder import EncoderRecipe
from semantic.training.loop import LinkRecipe
from semantic.training.performers import PerformersRecipe
from simulator.slots import Slot
from simulator.spec import BANDWIDTH_HZ, SLOT_S, SYNTHETIC_BANDWIDTH_HZ, RunSpec

#: The reading of the preset of the papers: what is printed, see docs/readings.md.
PRINTED = LinkReading(
    equalizer="none", criterion="gradient", pairs="s", losses="printed", channel_loss="mean"
)


@dataclass(frozen=True)
class Preset:
    """Options of training.

    Attributes:
        image_size: Edge in pixels at which images are stored and evaluated.
        bandwidth_hz: W of the slots of stage 3.
        buffer: Receiver buffer.
        encoder: Recipe of the encoder.
        performers: Recipe of the refit of the clean performers.
        link: Recipe of everything behind the encoder.
        share_performers: Whether links use the encoder's performers unchanged.
        views: Views of each image of which s is computed: 1, unchanged, or 2, also mirrored.
        extra_views: Further views of each image of the extra data for the links, randomly changed as
            in the encoder's training with strong augmentation: these images are few.
        reading: Reading of the papers of the links.
        channel: Channel in the training of the links, as in a run.
        channel_args: Its arguments.
    """

    image_size: int
    bandwidth_hz: float
    buffer: str
    encoder: EncoderRecipe
    performers: PerformersRecipe
    link: LinkRecipe
    share_performers: bool = False
    views: int = 2
    extra_views: int = 7
    reading: LinkReading = DEFAULT_READING
    channel: str = RunSpec.channel
    channel_args: tuple[tuple[str, Any], ...] = ()

    @property
    def changed(self) -> dict[str, Any]:
        """Reading and channel where they are not the defaults, as weights record them."""
        found: dict[str, Any] = {}
        if self.reading.changed:
            found["reading"] = self.reading.changed
        if (self.channel, self.channel_args) != (RunSpec.channel, ()):
            found["channel"] = self.channel_spec.channel_law
        return found

    @property
    def channel_spec(self) -> RunSpec:
        """A run over the channel of the training."""
        return RunSpec(
            channel=self.channel, channel_args=self.channel_args, bandwidth_hz=self.bandwidth_hz
        )

    def budget(self, snr_db: float) -> int:
        """Returns B of a slot at an SNR in dB."""
        return Slot(snr_db, SLOT_S, self.bandwidth_hz).features

    def only(self, tasks: Collection[str]) -> Preset:
        """Returns the same options for some tasks: the losses of the others have weight 0.

        Raises:
            ValueError: Without a task, or for an unknown one.
        """
        encoder, performers, link = self.encoder, self.performers, self.link
        return replace(
            self,
            encoder=replace(encoder, task_weights=encoder.task_weights.only(tasks)),
            performers=replace(performers, task_weights=performers.task_weights.only(tasks)),
            link=replace(link, task_weights=link.task_weights.only(tasks)),
        )


def presets(images: int) -> dict[str, Preset]:
    """Returns the presets; that of the papers counts epochs of 32 images, so it needs their number."""
    epoch = -(-images // 32)
    return {
        "synthetic": Preset(
            96,
            SYNTHETIC_BANDWIDTH_HZ,
            "combine",
            EncoderRecipe(),
            PerformersRecipe(),
            LinkRecipe(),
            share_performers=True,
        ),
        "paper": Preset(
            256,
            BANDWIDTH_HZ,
            "concatenate-raw",
            EncoderRecipe(
                phases=((256, 40 * epoch),), learning_rate=1e-4, task_weights=TaskWeights()
            ),
            PerformersRecipe(steps=0),
            LinkRecipe(
                fde_steps=30 * epoch,
                complete_steps=40 * epoch,
                selected_steps=65 * epoch,
                learning_rate=1e-4,
                vehicles_per_batch=8,
                task_weights=TaskWeights(),
            ),
            reading=PRINTED,
        ),
    }
