"""The learned stack of one scheme, and where its weights are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from semantic.backbone import DenseNet121
from semantic.buffer import BUFFERS, Buffer
from semantic.fde import FdeNetwork
from semantic.jsc import JscDecoder, JscEncoder
from semantic.selector import LENGTH
from semantic.tasks import TaskOutputs, TaskPerformers
from semantic.weights import WeightsError, file_hash, load_into, read_weights

#: Where z_hat is clipped before the FDE network reads it; sent features have unit power.
CLIP = 6.0

#: The weights that come with the package, made by `simulate train --preset synthetic`.
PRETRAINED = Path(__file__).parent / "pretrained"


class MultiTaskNetwork(nn.Module):
    """The clean-trained multi-task network: images -> s -> tasks, no channel in between.

    ```
    x -> DenseNet-121 -> s -> task performers
    ```
    """

    def __init__(self, identities: int) -> None:
        super().__init__()
        self.encoder = DenseNet121()
        self.performers = TaskPerformers(identities)

    def forward(self, x: Tensor) -> Tensor:
        """Normalised images [batch, 3, h, w] -> s [batch, 1024]."""
        s: Tensor = self.encoder(x)
        return s


class LinkNetwork(nn.Module):
    """Everything behind the encoder: coder, decoder, performers, distortion evaluation, order.

    ```
    s -> JSC-Encoder -> f  ~channel~>  buffer -> JSC-Decoder -> s_hat -> task performers
                                         |
                                         +-> z_hat -> FDE -> d >= t -> features asked for again
    ```

    Attributes:
        order: [L] int64, positions of f in descending importance (FIR), known to both ends.
        scale: [N], root mean square of each feature of s over the training set.
        threshold_snr_db, threshold: [points], t of eq. 8 against the average SNR, calibrated so
            that half of a retransmission slot is asked for again.
    """

    order: Tensor
    scale: Tensor
    threshold_snr_db: Tensor
    threshold: Tensor

    def __init__(
        self, identities: int, buffer: str = "combine", thresholds: int = 8, use_fde: bool = True
    ) -> None:
        super().__init__()
        self.buffer_name = buffer
        self.jsc_encoder = JscEncoder()
        self.jsc_decoder = JscDecoder(BUFFERS[buffer].inputs)
        self.performers = TaskPerformers(identities)
        self.fde = FdeNetwork() if use_fde else None
        self.register_buffer("order", torch.arange(LENGTH))
        self.register_buffer("scale", torch.ones(1024))
        self.register_buffer("threshold_snr_db", torch.linspace(-6, 8, thresholds))
        self.register_buffer("threshold", torch.full((thresholds,), 0.5))

    def start_from(self, clean: TaskPerformers) -> None:
        """Copies the clean performers: on s / scale they then do what those do on s."""
        self.performers.load_state_dict(clean.state_dict())
        with torch.no_grad():
            for decoder in self.performers.decoders:
                assert isinstance(decoder, nn.Linear)
                decoder.weight.mul_(self.scale)

    def encode(self, s: Tensor) -> Tensor:
        """f [batch, L] of s [batch, N]."""
        f: Tensor = self.jsc_encoder(s / self.scale)
        return f

    def decode(self, buffer: Buffer) -> tuple[Tensor, TaskOutputs]:
        """(s_hat [batch, N] in units of `scale`, the tasks' outputs)."""
        s_hat = self.jsc_decoder(buffer)
        return s_hat, self.performers(s_hat)

    def empty_buffer(self, batch: int) -> Buffer:
        """The receiver's buffer before the first transmission."""
        return BUFFERS[self.buffer_name].empty(batch, self.order.device)

    def fde_input(self, buffer: Buffer) -> Tensor:
        """z_hat [batch, L] as the FDE network reads it: outliers of deep fades are clipped."""
        return buffer.received().clamp(-CLIP, CLIP)

    def distortion(self, buffer: Buffer) -> Tensor:
        """d [batch, L], how distorted the FDE network finds each received feature."""
        assert self.fde is not None
        d: Tensor = self.fde.distortion(self.fde_input(buffer))
        return d

    def threshold_at(self, snr_db: float) -> float:
        """t at an average SNR, linear between the calibrated points."""
        from numpy import interp

        return float(interp(snr_db, self.threshold_snr_db.cpu(), self.threshold.cpu()))


@dataclass(frozen=True)
class Loaded:
    """Networks of one weights directory, with what a result file records of them.

    Attributes:
        network: Encoder and clean performers.
        config: Image size, identities and how it was trained.
        hashes: SHA-256 of every file read, by name.
    """

    network: MultiTaskNetwork
    config: dict[str, Any]
    hashes: dict[str, str]


def weights_path(weights: str | None, name: str) -> Path:
    """Where `name`'s weights are: the package's, a directory's, or a file and its neighbours.

    Raises:
        WeightsError: When there is no such file; says which command makes it.
    """
    root = PRETRAINED if weights is None else Path(weights)
    if root.is_file():
        its_own = (root.stem == "encoder") == (name == "encoder")
        path = root if its_own else root.parent / f"{name}.safetensors"
    else:
        path = root / f"{name}.safetensors"
    if not path.exists():
        scheme = "" if name == "encoder" else f" --scheme {name}"
        raise WeightsError(
            f"no weights for {name!r}: {path} does not exist; "
            f"`simulate train{scheme} --data DIR --out {path.parent}` makes it"
        )
    return path


def load_encoder(weights: str | None = None, device: str = "cpu") -> Loaded:
    """The multi-task network, ready for inference."""
    path = weights_path(weights, "encoder")
    state, config = read_weights(path)
    if "image_size" not in config or "identities" not in config:
        raise WeightsError(f"{path} holds no encoder (its config: {', '.join(sorted(config))})")
    network = MultiTaskNetwork(int(config["identities"]))
    load_into(network, state, str(path))
    network.requires_grad_(False).eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Loaded(network, config, {path.name: file_hash(path)})


def load_link(
    scheme: str, weights: str | None = None, device: str = "cpu"
) -> tuple[LinkNetwork, dict[str, str]]:
    """(everything behind the encoder for one scheme, hashes of the files read)."""
    path = weights_path(weights, scheme)
    state, config = read_weights(path)
    if config.get("buffer") not in BUFFERS or "threshold" not in state:
        raise WeightsError(
            f"{path} holds no link network (its config: {', '.join(sorted(config))})"
        )
    network = LinkNetwork(
        int(config["identities"]), config["buffer"], len(state["threshold"]), config["use_fde"]
    )
    load_into(network, state, str(path))
    network.requires_grad_(False).eval().to(device)
    return network, {path.name: file_hash(path)}
