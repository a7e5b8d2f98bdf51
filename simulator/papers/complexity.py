"""Parameters and delays per module (SemHARQ v2, Tables IV and V)."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import torch

from phy.channels.fading import Rician
from semantic.encoder.densenet import normalize
from semantic.link.selector import Plan
from semantic.training.round_trip import transmit_slot
from simulator.files import write_whole
from simulator.setup.networks import Networks
from simulator.setup.prepare import choose_device
from simulator.slots import Slot
from simulator.spec import RunSpec
from simulator.training.channel import training_channel

#: The numbers of v2: millions of parameters, milliseconds for a batch of 100 on a V100.
PUBLISHED = {
    "semantic encoder": (6.95, 55.27),
    "JSC-Encoder": (2.10, 0.13),
    "JSC-Decoder": (17.83, 0.14),
    "decoders and performers": (3.68, 0.27),
    "FDE": (1.49, 0.16),
}
BATCH = 100
REPEATS = 9
SNR_DB = 0.0


@torch.inference_mode()
def complexity(spec: RunSpec) -> pd.DataFrame:
    """Measures the modules of SemHARQ.

    Returns:
        Columns module, parameters_M, delay_ms (median over batches of 100 images),
        paper_parameters_M, paper_delay_ms.
    """
    networks = Networks(spec, choose_device(spec.device))
    encoder, link = networks.encoder.network, networks.link("semharq")
    fde = link.fde
    assert fde is not None
    size = int(networks.encoder.config["image_size"])
    pixels = torch.zeros(BATCH, size, size, 3, dtype=torch.uint8, device=networks.device)
    x = normalize(pixels)
    s = encoder(x)
    f = link.encode(s)
    generator = torch.Generator().manual_seed(0)
    B = Slot(SNR_DB, spec.slot_s, spec.bandwidth).features
    plan = Plan.empty(BATCH, f.device).next(link.order, None, B)
    channel = training_channel(Rician(), networks.device)
    buffer, _ = transmit_slot(f, link.empty_buffer(BATCH), plan, SNR_DB, channel, generator)
    s_hat = link.jsc_decoder(buffer)
    seen = link.fde_input(buffer)
    modules: dict[str, tuple[torch.nn.Module, Callable[[], object]]] = {
        "semantic encoder": (encoder.encoder, lambda: encoder(x)),
        "JSC-Encoder": (link.jsc_encoder, lambda: link.encode(s)),
        "JSC-Decoder": (link.jsc_decoder, lambda: link.jsc_decoder(buffer)),
        "decoders and performers": (link.performers, lambda: link.performers(s_hat)),
        "FDE": (fde, lambda: fde(seen)),
    }
    rows = []
    for name, (module, call) in modules.items():
        millions = sum(p.numel() for p in module.parameters()) / 1e6
        rows.append((name, millions, _delay_ms(call, networks.device), *PUBLISHED[name]))
    columns = ["module", "parameters_M", "delay_ms", "paper_parameters_M", "paper_delay_ms"]
    return pd.DataFrame(rows, columns=columns).round(3)


def _delay_ms(call: Callable[[], object], device: str) -> float:
    """Returns the median time of a call in ms, without the first call, which is a warm-up."""
    times = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        call()
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times[1:])


def write_complexity(spec: RunSpec, out: Path) -> None:
    """Writes complexity.csv and complexity.md."""
    table = complexity(spec)
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / "complexity.csv", lambda path: table.to_csv(path, index=False))
    lines = [
        f"# Parameters and delays (batches of {BATCH}, {choose_device(spec.device)})",
        "",
        "| module | parameters (M) | delay (ms) | paper: parameters (M) | paper: delay, V100 (ms) |",
        "|---|---|---|---|---|",
        *("| " + " | ".join(str(value) for value in row) + " |" for row in table.to_numpy()),
    ]
    write_whole(
        out / "complexity.md",
        lambda path: path.write_text("\n".join(lines) + "\n", encoding="utf-8"),
    )
