"""deepjscc: joint source-channel coding of the whole image, then the tasks on the received image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from torch import Tensor

from phy.channel import Received
from phy.equalizer import mmse
from phy.power import normalize_power
from semantic.deepjscc.network import DeepJsccNetwork, latent_shape, to_pixels
from semantic.tasks import TaskOutputs
from semantic.tiles import in_tiles
from simulator.encoded_dataset import TILE, EncodedDataset
from simulator.scheme import Burst, Feedback, Payload, Scheme, Shared, no_request
from simulator.schemes.iq_mapping import map_iq
from simulator.slots import Slot


@dataclass(frozen=True)
class RxState:
    """State of the receiver.

    Attributes:
        encoded: The images of the run, whose encoder reads the received ones.
        pixels: [batch, h, w, 3] uint8, the received images; None before the burst.
    """

    encoded: Shared[EncodedDataset]
    pixels: Tensor | None = None


@final
class DeepJscc(Scheme):
    """Deep joint source-channel coding of images (Bourtsoulatze, Kurka and Gunduz 2019).

    ```
    pixels -> 5 convolutions -> c h w / 16 values -> power normalization -> c h w / 32 uses, x
    y -> MMSE equalizer -> 5 transposed convolutions -> pixels -> DenseNet-121, clean-trained -> tasks
    ```

    An image is one burst, whatever the slot; one longer than a slot occupies several. There is no
    retransmission and no feedback.

    Args:
        network: Encoder and decoder; the number of latent channels sets the bandwidth ratio c / 96.
    """

    reasons = ("", "one shot")
    needs_features = False
    open_loop = True

    def __init__(self, network: DeepJsccNetwork) -> None:
        self.network = network

    def transmissions(self, slot: Slot, max_transmissions: int) -> int:
        """One shot."""
        return 1

    def encode(self, encoded: EncodedDataset, index: np.ndarray) -> Payload:
        """Maps the images to bursts, which are the same at every SNR."""
        latent_shape(self.network.channels, encoded.image_size)  # raises if the size does not fit
        pixels = encoded.pixels(encoded.readable.kept[index])
        rows = torch.from_numpy(pixels).to(encoded.device)
        x = in_tiles(lambda tile: to_uses(self.network.latent(tile).flatten(1)), rows, tile=TILE)
        return Payload({"x": x}, {"encoded": Shared(encoded)})

    def start(self, payload: Payload, slot: Slot) -> tuple[Tensor, RxState]:
        """Returns the burst, and the receiver without an image."""
        encoded = payload.objects["encoded"]
        assert isinstance(encoded, Shared)
        return payload.tensors["x"], RxState(encoded)

    def transmit(self, tx: Tensor, feedback: Feedback | None, slot: Slot) -> tuple[Burst, Tensor]:
        """Sends the whole latent map."""
        return Burst(tx, torch.full((len(tx),), tx.shape[1])), tx

    def receive(self, rx: RxState, received: Received, slot: Slot) -> tuple[Feedback, RxState]:
        """Decodes the image."""
        shape = latent_shape(self.network.channels, rx.encoded.value.image_size)
        latent = from_uses(received, int(np.prod(shape))).unflatten(1, shape)
        pixels = in_tiles(lambda tile: to_pixels(self.network.image(tile)), latent, tile=TILE)
        ack = torch.ones(len(pixels), dtype=torch.bool)
        return no_request(ack), replace(rx, pixels=pixels)

    def perform(self, rx: RxState) -> TaskOutputs:
        """Performs the tasks on the received images."""
        assert rx.pixels is not None
        encoded = rx.encoded.value
        s = encoded.encode_pixels(rx.pixels.cpu().numpy())
        return TaskOutputs(*in_tiles(encoded.encoder.network.performers, s))

    def received_images(self, rx: RxState) -> Tensor:
        """Returns the received images."""
        assert rx.pixels is not None
        return rx.pixels


def to_uses(latent: Tensor) -> Tensor:
    """Returns the channel uses of real values: two on a use, power 1 for each image.

    Args:
        latent: [batch, values].

    Returns:
        [batch, ceil(values / 2)] complex64.

    >>> to_uses(torch.tensor([[3.0, 4.0, 0.0, 0.0]])).abs().square().sum().round(decimals=3)
    tensor(2.)
    """
    x = map_iq(latent, 2)
    return normalize_power(x, x.shape[1])


def from_uses(received: Received, values: int) -> Tensor:
    """Returns what the receiver has of the values: MMSE estimates.

    A use that did not arrive (h = 0) gives zeros.

    Args:
        received: Channel output.
        values: Number of real values.

    Returns:
        [batch, values].
    """
    parts = torch.view_as_real(mmse(received).estimate).flatten(1)
    return parts[:, :values].contiguous()
