"""A scheme and channels by import string for the tests of the sweep: quick, or with one fault each.

The faults come at low SNR only, where `no` is above 1, so that other cells of a run are well.
"""

import ctypes
import os
import signal
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from phy.channel import Channel, Received
from phy.streams import Streams
from semantic.tasks import TaskOutputs
from semantic.tiles import in_tiles
from simulator.encoded_dataset import EncodedDataset
from simulator.scheme import Burst, Feedback, Payload, Scheme, no_request
from simulator.setup.networks import Networks
from simulator.slots import Slot


class Plain(Scheme):
    """s itself, one number on a use, twice: the second slot is always asked for."""

    def __init__(self, performers: torch.nn.Module) -> None:
        self.performers = performers

    def encode(self, encoded: EncodedDataset, index: np.ndarray) -> Payload:
        return Payload({"s": encoded.features.s[index]})

    def start(self, payload: Payload, slot: Slot) -> tuple[Tensor, Tensor]:
        s = payload.tensors["s"]
        return s, torch.zeros(len(s), 1 + s.shape[1])  # transmissions so far, and their sum

    def transmit(self, tx: Tensor, feedback: Feedback | None, slot: Slot) -> tuple[Burst, Tensor]:
        x = torch.complex(tx, torch.zeros_like(tx))
        x = x / tx.square().mean(1, keepdim=True).sqrt()
        return Burst(x, torch.full((len(x),), x.shape[1])), tx

    def receive(self, rx: Tensor, received: Received, slot: Slot) -> tuple[Feedback, Tensor]:
        y, h = received.y, received.h
        matched = y.real * h.real + y.imag * h.imag
        rx = rx + torch.cat([torch.ones(len(rx), 1), matched], 1)
        return no_request(rx[:, 0] >= 2), rx

    def perform(self, rx: Tensor) -> TaskOutputs:
        return TaskOutputs(*in_tiles(self.performers, rx[:, 1:] / rx[:, :1]))


def plain(networks: Networks) -> Scheme:
    return Plain(networks.encoder.network.performers)


class Rayleigh(Channel):
    """Fast Rayleigh fading after `seconds` of doing nothing."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds

    def draw(
        self, streams: Streams, uses: int, state: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        time.sleep(self.seconds)
        return streams.complex_normal(uses), None


class Faulty(Rayleigh):
    """Rayleigh fading that fails where the noise is strong."""

    def apply(self, x: Tensor, h: Tensor, no: float, streams: Streams) -> Received:
        if no > 1:
            if "TOY_MARKS" in os.environ:
                (Path(os.environ["TOY_MARKS"]) / str(os.getpid())).touch()
            return self.fail(x, super().apply(x, h, no, streams))
        return super().apply(x, h, no, streams)

    def fail(self, x: Tensor, received: Received) -> Received:
        raise NotImplementedError


class Raises(Faulty):
    def fail(self, x: Tensor, received: Received) -> Received:
        raise RuntimeError("the cable is unplugged")


class GivesNan(Faulty):
    def fail(self, x: Tensor, received: Received) -> Received:
        return received._replace(y=received.y * float("nan"))


class Hangs(Faulty):
    def fail(self, x: Tensor, received: Received) -> Received:
        while True:
            try:
                time.sleep(60)
            except Exception:  # a stubborn one
                continue


class Dies(Faulty):
    def fail(self, x: Tensor, received: Received) -> Received:
        os.kill(os.getpid(), signal.SIGKILL)
        return received


class HangsInC(Faulty):
    """Blocks the signals, as compiled code that never comes back to Python does."""

    def fail(self, x: Tensor, received: Received) -> Received:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
        time.sleep(600)
        return received


class HoldsThePythonLock(Faulty):
    """Keeps every other thread of its process from running, as much compiled code does."""

    def fail(self, x: Tensor, received: Received) -> Received:
        ctypes.PyDLL(None).sleep(600)
        return received


class HangsOrHoldsThePythonLock(Faulty):
    """Holds it where the noise is stronger than 3, and hangs elsewhere."""

    def fail(self, x: Tensor, received: Received) -> Received:
        kind = HoldsThePythonLock if float(received.no.max()) > 3 else Hangs
        return kind.fail(self, x, received)  # type: ignore[arg-type]
