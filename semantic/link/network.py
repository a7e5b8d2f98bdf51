"""The learned networks of one scheme behind the semantic encoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from semantic.columns import SkipsColumns
from semantic.conventions import CODED_FEATURES, SEMANTIC_FEATURES
from semantic.distortion.network import HIDDEN, FdeNetwork
from semantic.link.buffer import BUFFERS, Buffer
from semantic.link.jsc import JscDecoder, JscEncoder
from semantic.link.protocol import TRAINED_DETECTORS, Detector
from semantic.link.quadrature import Quadrature
from semantic.link.reading import LinkReading
from semantic.tasks import TaskOutputs, TaskPerformers

#: Limit to which z_hat is clipped before the FDE network; sent features have unit power.
CLIP = 6.0

#: Shares of a slot for whose retransmission thresholds are calibrated (SemHARQ v2, Table II).
RATIOS = (0.25, 0.5, 0.75)

#: Detectors that read z_hat alone and are not trained. The noise makes the low digits of z_hat uniform:
#: a coin that needs no random numbers of its own.
UNTRAINED_DETECTORS: dict[Detector | None, Callable[[Tensor], Tensor]] = {
    "received": torch.sigmoid,
    "magnitude": lambda z_hat: z_hat.square() / (1 + z_hat.square()),
    "coin": lambda z_hat: (z_hat * 64).frac().abs(),
}

#: Reading of the papers unless another one is given.
DEFAULT_READING = LinkReading()


class LinkNetwork(nn.Module):
    """All networks behind the semantic encoder: JSC coder, performers, distortion evaluation.

    ```
    s -> JSC-Encoder -> f  ~channel~>  buffer -> JSC-Decoder -> s_hat -> task performers
                                         |
                                         +-> z_hat -> FDE -> d >= t -> retransmission request
    ```

    Args:
        identities: Number of classes of the re-identification head.
        buffer: A name in `semantic.link.buffer.BUFFERS`.
        detector: Distortion measure; None for schemes without retransmission requests.
        clean: The encoder's own performers, to be shared; None for performers of its own.
        thresholds: Number of SNRs at which t is calibrated.
        reading: Reading of the papers with which the link is trained and used.

    Attributes:
        order: Positions of f in descending importance (FIR), known to both ends; [L] int64.
        scale: Root mean square of each feature of s over the training set, [N].
        threshold_snr_db: Average SNRs at which t of eq. 8 is calibrated, [points].
        threshold: Threshold t at which the shares `RATIOS` of a slot are requested again,
            [ratios, points].
    """

    order: Tensor
    scale: Tensor
    threshold_snr_db: Tensor
    threshold: Tensor

    def __init__(
        self,
        identities: int,
        buffer: str = "combine",
        detector: Detector | None = "fde",
        clean: TaskPerformers | None = None,
        thresholds: int = 8,
        reading: LinkReading = DEFAULT_READING,
    ) -> None:
        super().__init__()
        self.buffer_name, self.detector, self.reading = buffer, detector, reading
        self.shares_performers = clean is not None
        self.jsc_encoder = JscEncoder()
        parts = 2 if reading.parts == "complex" else 1
        self.jsc_decoder = JscDecoder(parts * BUFFERS[buffer].inputs)
        self.performers = TaskPerformers(identities) if clean is None else clean
        inputs = 2 * CODED_FEATURES if detector == "fde-csi" else CODED_FEATURES
        self.fde = None
        if detector in TRAINED_DETECTORS:
            self.fde = FdeNetwork(hidden=HIDDEN[reading.fde], inputs=inputs)
            if reading.pairs == "s":  # the score itself is MINE's statistic, not `pair_scores`
                self.fde.statistic.reset_parameters()
        # On the CPU even in a network without storage: there torch imports sympy for ranges.
        self.register_buffer("order", torch.arange(CODED_FEATURES, device="cpu"))
        self.register_buffer("scale", torch.ones(SEMANTIC_FEATURES))
        self.register_buffer("threshold_snr_db", torch.linspace(-6, 8, thresholds, device="cpu"))
        self.register_buffer("threshold", torch.full((len(RATIOS), thresholds), 0.5))

    @property
    def settings(self) -> dict[str, Any]:
        """Buffer, and reading if it is not the default: what checkpoints and weights must share."""
        changed = self.reading.changed
        return {"buffer": self.buffer_name, **({"reading": changed} if changed else {})}

    def encode(self, s: Float[Tensor, "batch N"]) -> Float[Tensor, "batch L"]:
        """Returns the coded features f of s."""
        f: Tensor = self.jsc_encoder(s / self.scale)
        return f

    @property
    def skips_columns(self) -> bool:
        """Whether the networks can leave out features that no image of a batch has received."""
        first = (self.jsc_decoder.hidden, *([] if self.fde is None else [self.fde.compress[0]]))
        combines = self.buffer_name == "combine" and self.reading.parts == "real"
        return combines and all(isinstance(layer, SkipsColumns) for layer in first)

    def decode(
        self, buffer: Buffer, columns: Int[Tensor, " some"] | None = None
    ) -> tuple[Float[Tensor, "batch N"], TaskOutputs]:
        """Returns s_hat in units of `scale`, and the outputs of the tasks.

        Args:
            buffer: Received features.
            columns: Positions, ascending, of the only features that the buffer holds, as
                `Combining.columns` returns it; None for all of f. Allowed where `skips_columns`.
        """
        s_hat = self.jsc_decoder(buffer, columns)
        return s_hat, self.performers(s_hat * self.scale)

    def empty_buffer(self, batch: int) -> Buffer:
        """Returns the receiver's buffer before the first transmission."""
        empty = BUFFERS[self.buffer_name].empty(batch, self.order.device)
        return Quadrature(empty, empty) if self.reading.parts == "complex" else empty

    def fde_input(self, buffer: Buffer) -> Float[Tensor, "batch inputs"]:
        """Returns the input of the FDE network: z_hat [batch, L], clipped after deep fades.

        For the detector "fde-csi" the reliability of each feature follows, [batch, 2 L].
        """
        z_hat = buffer.received().clamp(-CLIP, CLIP)
        return torch.cat([z_hat, buffer.reliability()], 1) if self.detector == "fde-csi" else z_hat

    def distortion(
        self, buffer: Buffer, sent: Float[Tensor, "batch L"] | None = None
    ) -> Float[Tensor, "batch L"]:
        """Returns the distortion d of each received feature, in (0, 1).

        Args:
            buffer: Received features.
            sent: Sent features, in units of the received ones; read by the genie "oracle" alone.

        Raises:
            ValueError: The network has no detector, or the genie is not given the sent features.
        """
        if self.fde is not None:
            d: Tensor = self.fde.distortion(self.fde_input(buffer))
            return d
        z_hat = buffer.received()
        if self.detector in UNTRAINED_DETECTORS:
            return UNTRAINED_DETECTORS[self.detector](z_hat)
        if self.detector is None or sent is None:
            raise ValueError(
                f"distortion needs a detector, and the genie the sent features, got {self.detector!r}"
            )
        error = (z_hat - sent).square()
        return error / (1 + error)

    def threshold_at(self, snr_db: float, ratio: float = 0.5) -> float:
        """Returns t at an average SNR and a requested share of a slot, interpolated linearly.

        >>> LinkNetwork(20, detector=None).threshold_at(3.0)  # not calibrated
        0.5
        """
        points, *thresholds = torch.cat([self.threshold_snr_db[None], self.threshold]).cpu()
        at_snr = [float(np.interp(snr_db, points, t)) for t in thresholds]
        return float(np.interp(ratio, RATIOS, at_snr))
