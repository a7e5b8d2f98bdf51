"""The MCS table against the spectral efficiencies that TS 38.214 prints."""

from phy.coding.mcs import MCS_TABLE

# Table 5.1.3.1-3, indices 0 to 5, then table 5.1.3.1-1, indices 0 to 28.
PRINTED = [
    *(0.0586, 0.0781, 0.0977, 0.1250, 0.1523, 0.1934),
    *(0.2344, 0.3066, 0.3770, 0.4902, 0.6016, 0.7402, 0.8770, 1.0273, 1.1758, 1.3262),
    *(1.3281, 1.4766, 1.6953, 1.9141, 2.1602, 2.4063, 2.5703),
    *(2.5664, 2.7305, 3.0293, 3.3223, 3.6094, 3.9023, 4.2129, 4.5234, 4.8164, 5.1152, 5.3320),
    5.5547,
]


def test_spectral_efficiencies_are_the_printed_ones() -> None:
    found = [mcs.spectral_efficiency for mcs in MCS_TABLE]
    assert len(found) == len(PRINTED)
    # The standard rounds a half up, Python to even.
    assert all(abs(a - b) < 1.01e-4 for a, b in zip(found, PRINTED, strict=True))


def test_rows_are_in_order() -> None:
    assert [mcs.index for mcs in MCS_TABLE] == list(range(len(MCS_TABLE)))
    orders = [mcs.bits_per_symbol for mcs in MCS_TABLE]
    assert orders == sorted(orders)
    assert set(orders) == {2, 4, 6}
