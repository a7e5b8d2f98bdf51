"""How `simulate train` trains: one preset for the embedded set, one for the papers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from semantic.losses import TaskWeights
from semantic.training.encoder import EncoderRecipe
from semantic.training.loop import LinkRecipe
from semantic.training.performers import PerformersRecipe
from simulator.slots import Slot
from simulator.spec import BANDWIDTH_HZ, SLOT_S, SYNTHETIC_BANDWIDTH_HZ


@dataclass(frozen=True)
class Preset:
    """How one preset is trained.

    Attributes:
        image_size: Edge in pixels at which images are stored and evaluated.
        bandwidth_hz: W of the slots of stage 3.
        buffer: Receiver buffer.
        encoder: Recipe of the encoder.
        performers: Recipe of the refit of the clean performers.
        link: Recipe of everything behind the encoder.
        share_performers: Whether links leave the tasks to the encoder's performers, as they are.
        views: s is computed of this many views of each image: as it is, and mirrored.
    """

    image_size: int
    bandwidth_hz: float
    buffer: str
    encoder: EncoderRecipe
    performers: PerformersRecipe
    link: LinkRecipe
    share_performers: bool = False
    views: int = 2

    def budget(self, snr_db: float) -> int:
        """B of a slot at an SNR."""
        return Slot(snr_db, SLOT_S, self.bandwidth_hz).features

    def only(self, tasks: Collection[str]) -> Preset:
        """The same for some of the tasks: the losses of the others weigh nothing anywhere.

        Raises:
            ValueError: When there is no task, or one that is none.
        """
        encoder, performers, link = self.encoder, self.performers, self.link
        return replace(
            self,
            encoder=replace(encoder, task_weights=encoder.task_weights.only(tasks)),
            performers=replace(performers, task_weights=performers.task_weights.only(tasks)),
            link=replace(link, task_weights=link.task_weights.only(tasks)),
        )


def presets(images: int) -> dict[str, Preset]:
    """The presets; the paper's counts epochs of batches of 32, so it needs the number of images."""
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
            "concatenate",
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
        ),
    }
