"""Schemes of a user's own that return one wrong value: refused in one line, or no cost is absurd."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from judge import judge_command
from world import World

SCHEME = """\
import torch
from semantic.tasks import TaskOutputs
from simulator.scheme import Burst, Payload, Scheme, Feedback
class Odd(Scheme):
    def encode(self, encoded, index):
        s = encoded.features.s[index][:, :16]
        {encode}
        return Payload({{"s": s}})
    def start(self, payload, slot):
        return payload.tensors["s"], None
    def transmit(self, tx, feedback, slot):
        x = torch.complex(tx[:, 0::2], tx[:, 1::2])
        x = x / (x.abs().square().mean(1, keepdim=True).sqrt() + 1e-6)
        uses, header = torch.full((len(x),), 8), torch.ones(len(x), 2, dtype=torch.bool)
        header_bits = torch.full((len(x),), 2)
        {transmit}
        return Burst(x, uses, header, header_bits), tx
    def receive(self, rx, received, slot):
        n, rx = len(received.y), torch.view_as_real(received.y.contiguous()).flatten(1)
        ack, request = rx[:, 0] > 0, torch.ones(n, 3, dtype=torch.bool)
        request_bits, reason = torch.full((n,), 3), ack.to(torch.int8)
        {receive}
        return Feedback(ack, request, request_bits, reason), rx
    def perform(self, rx):
        embedding, vehicle, color, type = rx, rx, rx[:, :10], rx[:, :9]
        {perform}
        return TaskOutputs(embedding, vehicle, color, type)
def part(networks):
    scheme = Odd()
    {attributes}
    return scheme
"""
#: Call -> the values that it returns.
VALUES = {
    "encode": ("s",),
    "transmit": ("x", "uses", "header", "header_bits", "tx"),
    "receive": ("ack", "request", "request_bits", "reason", "rx"),
    "perform": ("embedding", "vehicle", "color", "type"),
    "attributes": ("side_information_bits", "batch_size", "reasons", "open_loop", "needs_features"),
}
WRONG = (
    *("v[:1]", "v[:-1]", "torch.cat([v, v])", "v[:, None]", "v.flatten()", "v[0]", "v.T"),
    *("-v", "v * 0", "v - 100", "v + 10**12", "v * float('nan')", "v * 1e30", "v / 0"),
    *("v.double()", "v.int()", "v.bool()", "v.to(torch.complex128)", "v.numpy()", "v.to('meta')"),
    *("None", "[0] * len(v)", "{'v': v}", "'text'", "torch.tensor(1)", "v.to_sparse()"),
)
ODD_ATTRIBUTES = ("-1", "0", "1.5", "None", "'ab'", "()", "float('nan')", "10**30", "True", "[1]")
#: Columns of images.parquet that are never negative.
COSTS = ("transmissions", "slots", "channel_uses", "energy", "feedback_bits", "latency_ms")


def wrong_result(rng: random.Random, world: World, here: Path) -> str | None:
    """A whole run over a scheme that returns one wrong value."""
    call = rng.choice(list(VALUES))
    value = rng.choice(VALUES[call])
    wrong = f"v = {value}; {value} = {rng.choice(WRONG)}"
    if call == "attributes":
        wrong = f"scheme.{value} = {rng.choice(ODD_ATTRIBUTES)}"
    name = f"odd_result_{rng.randrange(10**9)}"
    text = SCHEME.format(**{**dict.fromkeys(VALUES, "pass"), call: wrong})
    (here / f"{name}.py").write_text(text)
    arguments = ["--scheme", f"{name}:part", "--snr", "0", "--data", str(world.table), "--quiet"]
    arguments += ["--weights", str(world.weights), "--engine", "inline", "--out", here / "out"]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(here))
        problem = judge_command(arguments)
    rows = here / "out" / "images.parquet"
    if problem is not None or not rows.exists():
        return None if problem is None else f"{wrong}: {problem}"
    table = pd.read_parquet(rows)
    columns = [*COSTS, "side_information_bits", "uses_charged"]
    absurd = [c for c in columns if not (np.isfinite(table[c]) & (table[c] >= 0)).all()]
    return f"{wrong}: {absurd[0]} is absurd" if absurd else None
