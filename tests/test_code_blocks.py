"""Every block of code on the pages: it is run, or read by the program that it is for.

Files of docs/examples and the blocks of docs/python.md are run by tests of their own, calculations
(pycon) by `test_site.py`, notebooks by `test_notebooks.py`. Here are all others. Commands are not run,
because many take minutes: they are read by the command line, and those of a run make its specification.
"""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from test_docs import NAMES, PAGES, ROOT
from test_documented_commands import FENCE, PAST, commands

from phy.streams import training_streams
from simulator.cli import main
from simulator.commands.options import build_spec
from simulator.commands.runs import take_engine
from simulator.results.compare import paired_difference
from simulator.results.intervals import Vehicles, share_interval
from simulator.sweeps.sweepfile import read_sweep

EXAMPLES = {path.read_text("utf-8") for path in (ROOT / "docs" / "examples").glob("*.py")}
#: Pages whose blocks another test runs.
RUN_ELSEWHERE = {"docs/python.md"}
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def power_of_nakagami(names: dict[str, Any]) -> None:
    assert names["power"].shape == (1000, 8)
    assert float(names["power"].mean()) == pytest.approx(1, abs=4 / (3 * 8000) ** 0.5)


def law_of_rayleigh(names: dict[str, Any]) -> None:
    assert names["gain_cdf"](None, np.log(2.0)) == pytest.approx(0.5)


def received_payload(names: dict[str, Any]) -> None:
    assert bool(names["outcome"].crc_ok.all())


#: Blocks that are run here: page, first line, names that the text around them has, and a check.
RUN: list[tuple[str, str, dict[str, Any], Callable[[dict[str, Any]], None]]] = [
    ("docs/phy.md", "import torch", {}, received_payload),
    (
        "docs/random-numbers.md",
        "power = (",
        {"uses": 8, "streams": lambda: training_streams(torch.Generator().manual_seed(0), 1000)},
        power_of_nakagami,
    ),
    ("docs/random-numbers.md", "def gain_cdf(self, power):", {"np": np}, law_of_rayleigh),
]
PAIRED = 'both = pd.read_parquet("runs/three-seeds/images.parquet").query("snr_db == -2")'
#: Blocks that cannot run alone, and why.
SHOWN = {
    ("CONTRIBUTING.md", "# Good"): "a docstring, good and bad, of a function without a body",
    (
        "README.md",
        "from simulator import open_link, simulate",
    ): "run with the shipped weights below",
    ("docs/extend.md", "from simulator import check_channel"): "run beside its channel below",
    ("docs/extend.md", 'self.files = [Path(__file__).parent / "pca.pt"]'): "one line of a method",
    ("docs/statistics.md", "import numpy as np"): "run on rows of a run below",
    ("docs/statistics.md", PAIRED): "run on the same rows below",
    ("docs/own-codec.md", "class Learned(SourceCodec):"): "needs the reader's own weights",
}


def blocks() -> list[tuple[str, str]]:
    """Page and text of every block of Python."""
    return [
        (name, block)
        for name, page in zip(NAMES, PAGES, strict=True)
        for block in BLOCK.findall(page.read_text("utf-8"))
    ]


def block(page: str, first: str) -> str:
    (found,) = [text for name, text in blocks() if (name, text.splitlines()[0]) == (page, first)]
    return found


def test_every_block_of_python_is_run_or_has_a_reason() -> None:
    here = {(page, first) for page, first, _, _ in RUN} | {*SHOWN}
    found = {
        (page, text.splitlines()[0])
        for page, text in blocks()
        if text not in EXAMPLES and page not in RUN_ELSEWHERE
    }
    assert found == here
    for page, text in blocks():
        compile(text, page, "exec")


@pytest.mark.parametrize("case", RUN, ids=[f"{page}: {first}" for page, first, _, _ in RUN])
def test_a_block_runs(
    case: tuple[str, str, dict[str, Any], Callable[[dict[str, Any]], None]],
) -> None:
    page, first, given, check = case
    names = {name: value() if callable(value) else value for name, value in given.items()}
    exec(compile(block(page, first), page, "exec"), names)
    check(names)


@pytest.mark.integration
@pytest.mark.xdist_group("notebooks")  # they encode the same images
def test_the_block_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (120, 90), "red").save("car.jpg")
    text = block("README.md", "from simulator import open_link, simulate")
    names: dict[str, Any] = {"__name__": "page"}
    exec(compile(text.replace('"-6:8:2"', '"8"'), "README.md", "exec"), names)
    assert set(names["table"]["scheme"]) == {"semharq", "perfect"}
    assert names["sent"].transmissions >= 1


def test_the_interval_by_hand_is_that_of_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng, sizes, seeds = np.random.default_rng(1), np.array([1, 3, 4, 9, 2]), 3
    vehicle = np.repeat(np.arange(5), sizes)
    rows = pd.DataFrame({"vehicle": np.tile(vehicle, seeds), "scheme": "semharq", "snr_db": -2.0})
    rows["seed"] = np.repeat(np.arange(seeds), len(vehicle))
    rows["image"] = np.tile(np.arange(len(vehicle)), seeds)
    rows["type_correct"] = rng.random(len(rows)) < 0.5 + 0.2 * rows["seed"]
    (tmp_path / "runs" / "three-seeds").mkdir(parents=True)
    worse = rows["type_correct"] & (rng.random(len(rows)) < 0.4 + 0.2 * rows["seed"])
    other = rows.assign(scheme="smsc-fir", type_correct=worse)
    pd.concat([rows, other]).to_parquet(tmp_path / "runs" / "three-seeds" / "images.parquet")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(block("docs/statistics.md", "import numpy as np"), "statistics", "exec"), names)
    sums = rows.groupby(["vehicle", "seed"])["type_correct"].sum().unstack().to_numpy(float)
    low, high = share_interval(Vehicles(sums[:, None, :], sizes[:, None, None].astype(float)))
    assert names["v_seeds"] > 0
    assert names["bounds"] == pytest.approx([100 * float(low), 100 * float(high)])
    paired = block("docs/statistics.md", PAIRED)
    exec(compile(paired, "statistics", "exec"), names)
    found = paired_difference(rows, other, "type_accuracy")
    assert min(names[name] for name in ("v_seeds", "share", "k")) > 0
    assert 100 * names["mean"] == pytest.approx(found["difference"])
    assert names["difference"] == pytest.approx([found["ci_low"], found["ci_high"]])


def test_the_check_of_the_page_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "examples"))
    exec(
        compile(block("docs/extend.md", "from simulator import check_channel"), "extend", "exec"),
        {},
    )


def test_blocks_of_toml_are_read_by_what_they_are_for(tmp_path: Path) -> None:
    toml = re.compile(r"^```toml\n(.*?)^```", re.DOTALL | re.MULTILINE)
    found = {
        name: toml.findall(page.read_text("utf-8")) for name, page in zip(NAMES, PAGES, strict=True)
    }
    (entry,), (study,) = found.pop("docs/extend.md"), found.pop("docs/cluster.md")
    assert not any(found.values())
    points = tomllib.loads(entry)["project"]["entry-points"]
    assert points == {"semharq_sim.channels": {"slow-rayleigh": "my_channel:SlowRayleigh"}}
    (tmp_path / "study.toml").write_text(study)
    assert len(read_sweep(tmp_path / "study.toml")) == 8


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.name not in PAST],
    ids=[name for name in NAMES if name not in PAST],
)
def test_commands_are_read_by_the_command_line(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values of options as well, and the specification of every run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(main, "callback", click.pass_context(make_specification))
    for command in subcommands(main):
        monkeypatch.setattr(command, "callback", lambda **options: None)
    text = page.read_text("utf-8").replace("\\\n", " ")
    code = [
        *FENCE.findall(text),
        *re.findall(r"^ {4,}simulate .*\n", FENCE.sub("", text), re.MULTILINE),
    ]
    for words in commands("\n".join(f"```\n{part}```" for part in code), "simulate"):
        before_redirection = words[: words.index(">")] if ">" in words else words
        main(before_redirection, prog_name="simulate", standalone_mode=False)


def subcommands(group: click.Group) -> list[click.Command]:
    """All commands below a group; the group of `simulate data` is none that does something."""
    below = [*group.commands.values()]
    return [
        found
        for command in below
        for found in (subcommands(command) if isinstance(command, click.Group) else [command])
    ]


def make_specification(context: click.Context, /, **options: Any) -> None:
    """Stands for `simulate`: what it does with the options of a run before any work."""
    if context.invoked_subcommand is not None:
        return
    for name in ("out", "quiet", "output_format", "resume", "trust"):
        del options[name]
    files = [options.pop(name) for name in ("spec_file", "sweep_file")]
    given = {name: value for name, value in options.items() if value not in (None, ())}
    take_engine(given)
    given["weights"] = given.get("weights", ("w",))[:1]  # several have to exist
    if not any(files):
        build_spec(given, None)
