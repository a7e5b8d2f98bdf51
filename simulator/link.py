"""THE PATH: a batch of images through scheme and channel, one line per stage."""

from __future__ import annotations

import torch

from phy.channel import Channel
from phy.streams import Streams
from semantic.tasks import TaskOutputs
from simulator.ledger import Ledger
from simulator.scheme import Payload, Scheme, scatter_outputs, take
from simulator.slots import Slot


@torch.inference_mode()
def run_link(
    scheme: Scheme,
    payload: Payload,
    channel: Channel,
    slot: Slot,
    streams: Streams,
    max_transmissions: int,
) -> tuple[TaskOutputs, Ledger]:
    """Sends a batch of images until each is acknowledged or out of transmissions.

    ```
    payload -> transmit -> x -> h x + n -> y -> receive -> ACK -> tasks
                  ^                                |
                  +------------- NACK -------------+
    ```

    One-shot schemes acknowledge what they get: the same loop with one round.

    Args:
        scheme: The protocol.
        payload: What it made of the images, leading axis "batch".
        channel: Draws and applies the fading; knows nothing of the scheme.
        slot: The time slot: SNR, T, W.
        streams: Random numbers, one stream per image.
        max_transmissions: G_max >= 1.

    Returns:
        The tasks' outputs for all images of the batch, and what each of them cost.
    """
    n = len(streams)
    active = torch.arange(n)  # images that still wait for their ACK
    ledger = Ledger.zeros(n)
    outputs: TaskOutputs | None = None
    feedback, memory = None, None
    tx, rx = scheme.start(payload, slot)
    for transmission in range(max_transmissions):
        rows = streams.rows(active.numpy(), transmission)
        burst, tx = scheme.transmit(tx, feedback, slot)
        x = ledger.charge_burst(active, burst, slot)
        h, memory = channel.draw(rows.for_role("fading"), x.shape[1], memory)
        received = channel.apply(x, h, slot.no, rows.for_role("noise"))
        feedback, rx = scheme.receive(rx, received, slot)
        last = transmission + 1 == max_transmissions
        ledger.charge_feedback(active, feedback, last, scheme.side_information_bits)
        done = feedback.ack if not last else torch.ones_like(feedback.ack)
        stop, go_on = done.nonzero().flatten().cpu(), (~done).nonzero().flatten().cpu()
        if len(stop):
            outputs = scatter_outputs(outputs, active[stop], scheme.perform(take(rx, stop)), n)
        if not len(go_on):
            break
        active = active[go_on]
        tx, rx = take(tx, go_on), take(rx, go_on)
        feedback, memory = take(feedback, go_on), take(memory, go_on)
    assert outputs is not None
    return outputs, ledger
