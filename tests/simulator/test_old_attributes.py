"""Methods and attributes by their old names: they work for one release, and warn."""

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from toy_parts import Plain

from phy.channel import Fading
from phy.channels.fading import Rayleigh
from phy.streams import Streams
from simulator.cli import main
from simulator.renamed import METHODS, RenamedWarning
from simulator.scheme import Feedback, Scheme
from simulator.slots import Slot

SLOT = Slot(64, 5e-5, 1e7)
NETWORK = torch.nn.Identity()


def old_class(base: type) -> type:
    """A subclass of the release before: its number of transmissions is called rounds."""
    with pytest.warns(
        RenamedWarning, match=r"Old\.rounds is now Scheme\.transmissions; the old"
    ) as w:

        class Old(base):  # type: ignore[misc]
            def rounds(self, slot: Slot, most: int) -> int:
                return 1 + super().rounds(slot, most)  # type: ignore[no-any-return]

    assert [warning.filename for warning in w] == [__file__]
    return Old


def test_a_scheme_of_the_release_before_keeps_its_number_of_transmissions() -> None:
    scheme = old_class(Plain)(NETWORK)
    with pytest.warns(RenamedWarning, match="Scheme.rounds is now Scheme.transmissions"):
        assert scheme.transmissions(SLOT, 4) == 5


def test_a_subclass_of_it_may_have_the_new_name() -> None:
    class New(old_class(Plain)):  # type: ignore[misc]
        def transmissions(self, slot: Slot, most: int) -> int:
            return 10 * super().transmissions(slot, most)  # type: ignore[no-any-return]

    with pytest.warns(RenamedWarning):
        assert New(NETWORK).transmissions(SLOT, 4) == 50
    with pytest.warns(RenamedWarning):
        assert New(NETWORK).rounds(SLOT, 4) == 50


def test_an_old_method_may_come_from_another_base() -> None:
    class Three:
        def rounds(self, slot: Slot, most: int) -> int:
            return 3

    with pytest.warns(RenamedWarning, match="Mixed.rounds"):

        class Mixed(Three, Plain):
            pass

    assert Mixed(NETWORK).transmissions(SLOT, 4) == 3


def test_a_scheme_that_serves_both_releases_is_left_as_it_is(
    recwarn: pytest.WarningsRecorder,
) -> None:
    class Both(Plain):
        def transmissions(self, slot: Slot, most: int) -> int:
            return 2

        def rounds(self, slot: Slot, most: int) -> int:
            return 7

    both = Both(NETWORK)
    assert (both.transmissions(SLOT, 4), both.rounds(SLOT, 4)) == (2, 7)
    assert not recwarn.list


@pytest.mark.parametrize("contract", METHODS)
def test_the_contract_has_both_names_of_its_methods(contract: str) -> None:
    assert contract == Scheme.__name__
    for names in METHODS[contract].items():
        assert set(names) <= vars(Scheme).keys()


def test_attributes_by_their_old_names() -> None:
    streams = Streams(1, "here", np.arange(2), transmission=3)
    flags = torch.ones(2, dtype=torch.bool)
    feedback = Feedback(flags, None, flags.long(), flags.to(torch.int8), flags)
    for thing, old, new in [
        (streams, "cell", "point"),
        (streams, "slot", "transmission"),
        (feedback, "request_heard", "request_received"),
    ]:
        with pytest.warns(RenamedWarning, match=rf"\.{old} is now \w+\.{new}; the old name") as w:
            assert getattr(thing, old) is getattr(thing, new)
        assert [warning.filename for warning in w] == [__file__]


def test_scaled_is_scale_fading() -> None:
    h = torch.ones(1, 2, dtype=torch.complex64)
    with pytest.warns(RenamedWarning, match="is now the function phy.channel.scale_fading"):
        scaled = Rayleigh().scaled(Fading(h, h), torch.tensor([[2.0]]))
    assert isinstance(scaled, Fading)
    assert torch.equal(scaled.pilots, 2 * h)


def test_a_channel_with_a_scaled_of_its_own_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "channel_before.py").write_text(
        "from phy.channels.fading import Rayleigh\nfrom phy.channel import Channel\n\n\n"
        "class Own(Channel):\n    draw = Rayleigh.draw\n\n"
        "    def scaled(self, h, gain):\n        return h\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    result = CliRunner().invoke(main, ["check", "channel_before:Own"])
    assert result.exit_code == 2
    assert "Own.scaled is not called any more; instead: `draw` returns" in result.stderr
    assert "phy.channel.scale_fading" in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_command_line_shows_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "released_before.py").write_text(
        "from toy_parts import Plain\n\n\nclass Old(Plain):\n"
        "    def rounds(self, slot, most):\n        return 2\n\n\n"
        "def build(networks) -> Old:\n    return Old(networks.encoder.network.performers)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    result = CliRunner().invoke(main, ["check", "released_before:build"])
    lines = [line for line in result.stderr.splitlines() if "rounds" in line]
    assert lines == [
        "simulate: Old.rounds is now Scheme.transmissions; the old name goes with version 0.3"
    ]
