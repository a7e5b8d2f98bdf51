"""A transport codec takes attributes of the right type and range alone, and empty batches."""

from typing import Any

import pytest
import torch

from phy.coding.transport import TransportCodec


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("payload_bits", (0, -1, True, 1.0, "8", None, 10**12)),
        ("rate", ("a", True, None, float("nan"), 0.0, 1.0)),
        ("rv_order", ("0231", 5, (), (4,), (0.0,), (True,), None)),
        ("combining", (["ir"], "IR", None)),
        ("iterations", (0, -1, 2.5, "a", True, None, 10**9)),
        ("give_up", (2, 1, "no", None)),
        ("decoder", (None, "numba")),
        ("base_graph", (True, 1.0, 3, "1")),
        ("modulation", (16, None, "16-qam", ["bpsk"])),
    ],
)
def test_odd_attributes_are_one_line(name: str, values: tuple[Any, ...]) -> None:
    for value in values:
        given: dict[str, Any] = {"payload_bits": 100, name: value}
        with pytest.raises(
            ValueError, match=r"^[\w ]+.* (is not allowed, it must be|is not one of) "
        ) as e:
            TransportCodec(**given)
        assert len(str(e.value).splitlines()) == 1
        assert name.replace("_", " ") in str(e.value).replace("_", " ")


@pytest.mark.parametrize("payload_bits", [100, 9000])
def test_no_transport_block_is_an_empty_batch(payload_bits: int) -> None:
    codec = TransportCodec(payload_bits)
    assert codec.blocks == (1 if payload_bits == 100 else 2)
    bits = codec.encode(torch.zeros(0, payload_bits, dtype=torch.uint8))
    assert bits.shape == (0, codec.coded_bits)
    assert bits.dtype == torch.uint8
    reception = codec.receive(codec.start(0), 8.0 - 16.0 * bits)
    assert reception.bits.shape == (0, payload_bits)
    assert reception.crc_ok.shape == (0,)
    again = codec.receive(reception.buffer, 8.0 - 16.0 * codec.encode(reception.bits, 1), 1)
    assert again.buffer.llr.shape == (0, codec.blocks, codec.code.n_mother)


def test_a_list_is_no_payload() -> None:
    with pytest.raises(ValueError, match="payload is a list, it must be a torch tensor"):
        TransportCodec(8).encode([[0] * 8])  # type: ignore[arg-type]
