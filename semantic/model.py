"""The learned stack of one scheme, and where its weights are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from semantic.buffer import BUFFERS, Buffer
from semantic.fde import FdeNetwork
from semantic.jsc import JscDecoder, JscEncoder
from semantic.protocol import TRAINED_DETECTORS, Detector
from semantic.selector import LENGTH
from semantic.tasks import TaskOutputs, TaskPerformers
from semantic.timm_backbone import DENSENET, build_backbone
from semantic.weights import WeightsError, file_hash, load_into, read_weights, save_in_four_bits

#: Where z_hat is clipped before the FDE network reads it; sent features have unit power.
CLIP = 6.0

#: Shares of a retransmission slot for which thresholds are calibrated (v2, Table II).
RATIOS = (0.25, 0.5, 0.75)

#: The weights that come with the package, made by `simulate train --preset synthetic`.
PRETRAINED = Path(__file__).parent / "pretrained"


class MultiTaskNetwork(nn.Module):
    """The clean-trained multi-task network: images -> s -> tasks, no channel in between.

    ```
    x -> DenseNet-121 -> s -> task performers
    ```

    Args:
        identities: Classes of the re-identification head.
        backbone: The encoder, "densenet121" or "timm:NAME".
    """

    def __init__(self, identities: int, backbone: str = DENSENET) -> None:
        super().__init__()
        self.encoder = build_backbone(backbone)
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
        inputs = 2 * LENGTH if detector == "fde-csi" else LENGTH
        self.fde = FdeNetwork(inputs=inputs) if detector in TRAINED_DETECTORS else None
        self.register_buffer("order", torch.arange(LENGTH))
        self.register_buffer("scale", torch.ones(1024))
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


def weights_directory(weights: str | None) -> Path:
    """Where weights lie: the package's directory, the one given, or the one of the file given."""
    root = PRETRAINED if weights is None else Path(weights)
    return root.parent if root.is_file() else root


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
    network = MultiTaskNetwork(int(config["identities"]), config.get("backbone", DENSENET))
    load_into(network, state, str(path))
    network.requires_grad_(False).eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Loaded(network, config, {path.name: file_hash(path)})


def load_link(
    scheme: str, clean: TaskPerformers, weights: str | None = None, device: str = "cpu"
) -> tuple[LinkNetwork, dict[str, str]]:
    """Everything behind the encoder for one scheme.

    Args:
        scheme: Its name.
        clean: The encoder's performers; links that share them carry none of their own.
        weights: As for `weights_path`.
        device: Torch device.

    Returns:
        The network, ready for inference, and the hashes of the files read.

    Raises:
        WeightsError: One line that names the file and what is wrong with it.
    """
    path = weights_path(weights, scheme)
    state, config = read_weights(path)
    if config.get("buffer") not in BUFFERS or "threshold" not in state:
        raise WeightsError(
            f"{path} holds no link network (its config: {', '.join(sorted(config))})"
        )
    network = LinkNetwork(
        clean.identities if config["shares_performers"] else int(config["identities"]),
        config["buffer"],
        config["detector"],
        clean if config["shares_performers"] else None,
        state["threshold"].shape[1],
    )
    if network.shares_performers:
        state |= {f"performers.{name}": value for name, value in clean.state_dict().items()}
    load_into(network, state, str(path))
    network.requires_grad_(False).eval().to(device)
    return network, {path.name: file_hash(path)}


def save_link(path: Path, network: LinkNetwork, config: dict[str, Any]) -> None:
    """Stores a link in four bits; performers that it shares with the encoder stay out of it."""
    own = {
        "identities": network.performers.identities,
        "buffer": network.buffer_name,
        "detector": network.detector,
        "shares_performers": network.shares_performers,
    }
    left_out = ("performers.",) if network.shares_performers else ()
    save_in_four_bits(path, network, own | config, left_out)
