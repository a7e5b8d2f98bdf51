"""What a run shows: one table per scheme, a second one where there are bits."""

import io
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from phy.channels.fading import Awgn
from simulator.commands.budget_note import budget_notes, target_notes
from simulator.commands.terminal import Bar, tables, terminal, text_blocks, transmissions_text
from simulator.results.curve import COLUMN, METRICS, curve
from simulator.schemes.adaptive_coding import AdaptiveCoding
from simulator.schemes.coding import Coding
from simulator.slots import Slot
from simulator.spec import RunSpec
from simulator.training.presets import presets
from simulator.training.stage import Stage


def shown(log: pd.DataFrame, width: int = 120) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width)
    for view in tables(curve(log), width):
        console.print(view)
    return file.getvalue()


def log(scheme: str, bits: int) -> pd.DataFrame:
    """Two SNRs; 4 images of which j arrive with transmission j, at 100 uses each."""
    columns = {COLUMN.get(metric, metric): np.ones(4) for metric in METRICS}
    point = pd.DataFrame({**columns, "image": np.arange(4), "information_bits": bits})
    sent = np.arange(1, 5)
    point = point.assign(transmissions=sent, channel_uses=100 * sent, pilot_uses=0)
    high = point.assign(delivered_bits=bits, transmissions=1, channel_uses=100, snr_db=5.0)
    low = point.assign(delivered_bits=bits * np.array([1, 1, 1, 0]), snr_db=-5.0)
    return pd.concat([low, high]).assign(scheme=scheme, channel="awgn")


def test_schemes_of_bits_have_a_second_table() -> None:
    text = shown(pd.concat([log("analog", 0), log("digital", 200)]))
    assert text.count("rank-1 %") == 2
    assert text.count("bits per use") == 1
    assert "digital: images not delivered" in text
    second = text[text.index("digital: images") :].splitlines()
    (heading,) = [line.split() for line in second if "SNR dB" in line]
    assert heading == [
        "SNR",
        "dB",
        "BLER",
        "1",
        "BLER",
        "2",
        "BLER",
        "3",
        "BLER",
        "4",
        "bits",
        "per",
        "use",
    ]
    low, high = (next(v for v in second if v.split()[:1] == [snr]) for snr in ("-5", "5"))
    assert low.split()[1::2] == ["0.750", "0.500", "0.250", "0.250", "0.600"]  # 600 bits, 1000 uses
    assert high.split()[1::2] == ["0.000", "0.000", "0.000", "0.000", "2.000"]


def test_a_run_without_bits_has_none() -> None:
    text = shown(log("analog", 0))
    assert "rank-1 %" in text
    assert "BLER" not in text


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_no_number_is_cut_off(width: int) -> None:
    """A narrow terminal gets several tables; the numbers are those of a wide one."""
    points = pd.concat([log("analog", 0), log("digital", 200)])
    text, wide = shown(points, width), shown(points, 1000)
    assert max(map(len, text.splitlines())) <= width
    assert "\u2026" not in text  # no ellipsis
    numbers = Counter(re.findall(r"\d+\.\d+ \([\d.]+-[\d.]+\)", wide))
    assert numbers
    assert Counter(re.findall(r"\d+\.\d+ \([\d.]+-[\d.]+\)", text)) == numbers
    assert (text.count("analog") > 1) == (width < 100)


@pytest.mark.parametrize(("columns", "width"), [("50", 50), ("", 120), ("wide", 120)])
def test_a_pipe_obeys_columns(columns: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert terminal().width == width


def test_a_pipe_gets_no_color(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    console = terminal()
    for view in tables(curve(log("analog", 0)), console.width):
        console.print(view)
    text = capsys.readouterr().out
    assert "analog" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(("no_color", "color"), [("1", False), ("", True)])
def test_no_color_is_stronger_than_a_forced_terminal(
    no_color: str, color: bool, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", no_color)
    terminal().print("[red]text[/red]")
    assert ("31m" in capsys.readouterr().out) == color


@pytest.mark.parametrize("width", [50, 80, 300])
def test_a_comparison_is_divided_into_blocks_that_fit(width: int) -> None:
    columns = {f"column_{k}": [123.456 + k, -7.0 * k] for k in range(12)}
    table = pd.DataFrame({"snr_db": [-6.0, 8.0], "metric": ["rank1", "mAP"], **columns})
    blocks = list(text_blocks(table, 2, width))
    assert (len(blocks) == 1) == (width == 300)
    lines = [line for block in blocks for line in block.splitlines()]
    assert max(map(len, lines)) <= width
    words = " ".join(lines).split()
    assert words.count("snr_db") == words.count("rank1") == len(blocks)
    for k in range(12):
        assert {f"column_{k}", f"{123.456 + k:.2f}", f"{-7.0 * k:.2f}"} <= set(words)


class Bursts:
    """A scheme with a number of transmissions of its own."""

    def __init__(self, bursts_per_slot: int, most: int) -> None:
        self.bursts_per_slot, self.most = bursts_per_slot, most

    def transmissions(self, slot: Slot, max_transmissions: int) -> int:
        return self.most


def test_the_headline_says_bursts_and_slots_rightly() -> None:
    schemes = {"semharq": Bursts(1, 4), "semharq-plus": Bursts(2, 8), "smsc-fir": Bursts(1, 1)}
    prepared = SimpleNamespace(spec=RunSpec(snr_db=(0.0,)), schemes=schemes)
    expected = "at most 4 transmissions, 8 of semharq-plus (2 in a slot), 1 of smsc-fir"
    assert transmissions_text(prepared) == expected


def test_a_budget_that_no_file_fits_is_noted() -> None:
    """500 bytes at rate 3/4 in BPSK are at least 5 333 uses."""
    spec = RunSpec(snr_db=(-5.0, 5.0), budget="uses", bandwidth_hz=4e6)
    scheme = SimpleNamespace(rule=Coding(modulation="bpsk", rate=0.75))
    prepared = SimpleNamespace(spec=spec, schemes={"jpeg": scheme, "semharq": SimpleNamespace()})
    result = SimpleNamespace(tables=lambda: [log("jpeg", 4000)])
    (note,) = budget_notes(prepared, result)
    limits = [4 * spec.slot(snr_db).features for snr_db in spec.snr_db]
    assert f"jpeg: the budget of {limits[0]} to {limits[1]} channel uses an image" in note
    assert "too small at every SNR" in note
    needed = int(note.split()[-2])
    assert needed == scheme.rule.codec(4000).uses > 5333
    wide = SimpleNamespace(spec=replace(spec, budget="slots"), schemes=prepared.schemes)
    assert list(budget_notes(wide, result)) == []


def test_many_slots_are_noted_where_no_row_meets_the_target() -> None:
    spec = RunSpec(snr_db=(-30.0, 20.0))
    rule = AdaptiveCoding(Coding(base_graph=None), Awgn())
    schemes = {"amc": SimpleNamespace(rule=rule), "fixed": SimpleNamespace(rule=Coding())}
    prepared = SimpleNamespace(spec=spec, schemes=schemes)

    def noted(slots: int) -> list[str]:
        rows = [(name, snr_db, n) for name in schemes for snr_db in spec.snr_db for n in (1, slots)]
        table = pd.DataFrame(rows, columns=["scheme", "snr_db", "slots"])
        return list(target_notes(prepared, SimpleNamespace(tables=lambda: [table])))

    (note,) = noted(35)
    assert note.startswith("amc: no row of the MCS table meets target_bler=0.1 up to -30 dB;")
    assert "up to 35 slots" in note
    assert noted(4) == []


def test_a_table_shows_the_metrics_that_it_has() -> None:
    points = curve_of_earlier_version()
    (view,) = tables(points, 200)
    assert [column.header for column in view.columns] == ["SNR dB", "rank-1 %", "uses"]


def curve_of_earlier_version() -> pd.DataFrame:
    counts = {"n": 8, "vehicles": 8, "seeds": 1, "trainings": 1}
    point = {"scheme": "semharq", "channel": "rician", "snr_db": 0.0}
    bounds = {"value": 50.0, "ci_low": 40.0, "ci_high": 60.0}
    return pd.DataFrame(
        [{**point, "metric": m, **bounds, **counts} for m in ("rank1", "channel_uses")]
    )


# Time left


@pytest.mark.parametrize("step_s", [1, 20, 90, 900])
@pytest.mark.parametrize("first", [0, 500], ids=["new", "resumed"])
def test_the_time_left_follows_the_steps(step_s: int, first: int) -> None:
    """Also of steps that take minutes; steps of an earlier run do not count as fast ones."""
    bar, now = Bar(quiet=True), [0.0]
    bar._bar.get_time = lambda: now[0]  # type: ignore[method-assign]
    for done in range(first, first + 4):
        bar("weights/encoder", done, 600)
        now[0] += step_s
    file = io.StringIO()
    Console(file=file, width=90).print(bar._bar.get_renderable())
    assert f"{first + 3}/600" in file.getvalue()
    hours, minutes, seconds = map(int, file.getvalue().split()[-1].split(":"))
    assert 3600 * hours + 60 * minutes + seconds == pytest.approx((597 - first) * step_s, rel=0.01)


def test_a_training_reports_each_step(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    stage = Stage(tmp_path, presets(9)["synthetic"], (), "cpu", print, lambda *at: seen.append(at))
    log = stage.log("encoder", 3)
    for step in range(3):
        log(step, {"loss": 1.0})
    assert seen == [(f"{tmp_path.name}/encoder", done, 3) for done in (1, 2, 3)]
