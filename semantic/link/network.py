"""The learned stack of one scheme, and where its weights are."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from semantic.conventions import CODED_FEATURES, SEMANTIC_FEATURES
from semantic.distortion.network import FdeNetwork
from semantic.link.buffer import BUFFERS, Buffer
from semantic.link.jsc import JscDecoder, JscEncoder
from semantic.link.protocol import TRAINED_DETECTORS, Detector
from semantic.tasks import TaskOutputs, TaskPerformers

#: Where z_hat is clipped before the FDE network reads it; sent features have unit power.
CLIP = 6.0

#: Shares of a retransmission slot for which thresholds are calibrated (v2, Table II).
RATIOS = (0.25, 0.5, 0.75)


class LinkNetwork(nn.Module):
    """Everything behind the encoder: coder, decoder, performers, distortion evaluation, order.

    ```
    s -> JSC-Encoder -> f  ~channel~>  buffer -> JSC-Decoder -> s_hat -> task performers
                                         |
                                         +-> z_hat -> FDE -> d >= t -> features asked for again
    ```

    Args:
        identities: Classes of the re-identification head.
        buffer: "combine" or "concatenate".
        detector: How distortion is found; None for schemes that never ask.
        clean: The encoder's own performers, to be shared; None for performers of its own.
        thresholds: SNRs at which t is calibrated.

    Attributes:
        order: [L] int64, positions of f in descending importance (FIR), known to both ends.
        scale: [N], root mean square of each feature of s over the training set.
        threshold_snr_db: [points], average SNRs at which t of eq. 8 is calibrated.
        threshold: [ratios, points], t at which `RATIOS` of a retransmission slot are asked for again.
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
    ) -> None:
        super().__init__()
        self.buffer_name, self.detector = buffer, detector
        self.shares_performers = clean is not None
        self.jsc_encoder = JscEncoder()
        self.jsc_decoder = JscDecoder(BUFFERS[buffer].inputs)
        self.performers = TaskPerformers(identities) if clean is None else clean
        inputs = 2 * CODED_FEATURES if detector == "fde-csi" else CODED_FEATURES
        self.fde = FdeNetwork(inputs=inputs) if detector in TRAINED_DETECTORS else None
        self.register_buffer("order", torch.arange(CODED_FEATURES))
        self.register_buffer("scale", torch.ones(SEMANTIC_FEATURES))
        self.register_buffer("threshold_snr_db", torch.linspace(-6, 8, thresholds))
        self.register_buffer("threshold", torch.full((len(RATIOS), thresholds), 0.5))

    def encode(self, s: Tensor) -> Tensor:
        """f [batch, L] of s [batch, N]."""
        f: Tensor = self.jsc_encoder(s / self.scale)
        return f

    def decode(self, buffer: Buffer) -> tuple[Tensor, TaskOutputs]:
        """(s_hat [batch, N] in units of `scale`, the tasks' outputs)."""
        s_hat = self.jsc_decoder(buffer)
        return s_hat, self.performers(s_hat * self.scale)

    def empty_buffer(self, batch: int) -> Buffer:
        """The receiver's buffer before the first transmission."""
        return BUFFERS[self.buffer_name].empty(batch, self.order.device)

    def fde_input(self, buffer: Buffer) -> Tensor:
        """What the FDE network sees: z_hat [batch, L], outliers of deep fades clipped.

        For "fde-csi" the reliability of each feature beside it, [batch, 2 L].
        """
        z_hat = buffer.received().clamp(-CLIP, CLIP)
        return torch.cat([z_hat, buffer.reliability()], 1) if self.detector == "fde-csi" else z_hat

    def distortion(self, buffer: Buffer, sent: Tensor | None = None) -> Tensor:
        """d [batch, L] in (0, 1), how distorted the receiver finds each received feature.

        Args:
            buffer: What has been received.
            sent: What was sent, in units of the received features; for the genie alone.
        """
        if self.fde is not None:
            d: Tensor = self.fde.distortion(self.fde_input(buffer))
            return d
        if self.detector == "received":
            return buffer.received().sigmoid()
        if self.detector is None or sent is None:
            raise ValueError("this link has nothing to find distortion with")
        error = (buffer.received() - sent).square()
        return error / (1 + error)

    def threshold_at(self, snr_db: float, ratio: float = 0.5) -> float:
        """t at an average SNR that asks for a share `ratio` of a slot again, linear in between."""
        from numpy import interp

        points = self.threshold_snr_db.cpu()
        at_snr = [float(interp(snr_db, points, t.cpu())) for t in self.threshold]
        return float(interp(ratio, RATIOS, at_snr))
