"""THE PATH: a batch of images through scheme and channel, one line per stage."""

from __future__ import annotations

import torch

from phy.channel import Channel
from phy.streams import Streams
from semantic.tasks import TaskOutputs, put_rows
from simulator.budget import Budget
from simulator.feedback import ERROR_FREE, FeedbackLink
from simulator.host_copy import on_host
from simulator.ledger import Ledger, OriginalImages
from simulator.scheme import Payload, Scheme, take
from simulator.slots import Slot


@torch.inference_mode()
def run_link(
    scheme: Scheme,
    payload: Payload,
    channel: Channel,
    slot: Slot,
    streams: Streams,
    max_transmissions: int,
    feedback_link: FeedbackLink = ERROR_FREE,
    sent_images: OriginalImages | None = None,
) -> tuple[TaskOutputs, Ledger]:
    """Transmits a batch of images until each is acknowledged or its budget is used up.

    ```
    payload -> transmit -> x -> h x + n -> y -> receive -> ACK -> tasks
                  ^                                |
                  +------------- NACK -------------+
    ```

    Args:
        scheme: The protocol.
        payload: The scheme's payload of the images, leading axis "batch".
        channel: Draws and applies the fading; it knows nothing about the scheme.
        slot: The time slot: SNR, T, W, budget.
        streams: Random numbers, one stream per image.
        max_transmissions: G_max >= 1; a protocol may fix another number (one shot: 1).
        feedback_link: Errors and delay of the answers.
        sent_images: Returns images of the batch, with which received ones are compared; None to
            leave this out.

    Returns:
        (task outputs of all images of the batch, costs of each image).
    """
    n, most = len(streams), scheme.transmissions(slot, max_transmissions)
    active = torch.arange(n)  # images that still wait for their ACK
    budget, ledger = Budget.of(slot, max_transmissions, most), Ledger.zeros(n)
    outputs, feedback, memory = None, None, None
    link = ERROR_FREE if scheme.open_loop else feedback_link
    tx, rx = scheme.start(payload, slot)
    for transmission in range(most):
        rows = streams.rows(active.numpy(), transmission)
        burst, tx = scheme.transmit(tx, feedback, slot)
        spent = ledger.channel_uses[active]
        x = (admitted := budget.admitted(burst, spent)).x.to(streams.device)  # made on either
        h, memory = channel.draw(rows.for_role("fading"), x.shape[1], memory)
        memory = link.wait(channel, rows.for_role("waiting"), memory)
        received = budget.limit_received(
            channel.apply(x, h, slot.no, rows.for_role("noise")), admitted
        )
        answer, rx = scheme.receive(scheme.read_header(rx, burst.header), received, slot)
        feedback = link.carry(answer, rows.for_role("feedback"))
        # The only wait for the device.
        burst, answer, received_answer = on_host(burst, answer, feedback)
        ledger.charge_burst(active, budget.admit(burst, spent), slot, channel.pilot_uses)
        last = budget.used_up(transmission + 1, ledger.channel_uses[active])
        ledger.charge_feedback(active, answer, last, scheme.side_information_bits, received_answer)
        done = received_answer.ack | last
        stop, go_on = done.nonzero().flatten(), (~done).nonzero().flatten()
        if len(stop):
            end = take(rx, stop.to(feedback.ack.device, non_blocking=True))
            ledger.count_bits(active[stop], take(scheme.offered(tx), stop), scheme.accepted(end))
            if sent_images is not None:
                ledger.compare_images(active[stop], sent_images, scheme.received_images(end))
            outputs = put_rows(outputs, active[stop], scheme.perform(end), n)
        if not len(go_on):
            break
        active, go_on = active[go_on], go_on.to(feedback.ack.device, non_blocking=True)
        ledger.latency_s[active] += link.delay_slots * slot.slot_s
        tx, rx, feedback, memory = (take(state, go_on) for state in (tx, rx, feedback, memory))
    assert outputs is not None
    return outputs, ledger
