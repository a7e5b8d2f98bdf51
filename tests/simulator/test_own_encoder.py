"""An encoder network of one's own: docs/examples/my_encoder.py, trained and run."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from click.testing import CliRunner, Result
from test_training_command import tiny, training_images

import simulator
import simulator.training.command
from semantic.encoder.own import OwnBackbone
from semantic.weights.files import read_weights
from semantic.weights.stored import load_encoder
from simulator import open_link
from simulator.cli import main

__all__ = ["training_images"]  # a fixture
EXAMPLE = Path(simulator.__path__[0]).parent / "docs" / "examples" / "my_encoder.py"
NAME = "my_encoder:SmallCnn"
OWN = ("--backbone", NAME)


def simulate(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments], prog_name="simulate")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's directory with the example."""
    shutil.copy(EXAMPLE, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(simulator.training.command, "presets", tiny)
    yield tmp_path
    forget()


def forget() -> None:
    """Stands for a new process: the modules of the user are imported again."""
    for name in ("my_encoder", "bad"):
        sys.modules.pop(name, None)


def change(old: str, new: str) -> None:
    file = Path("my_encoder.py")
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))
    forget()


@pytest.mark.integration
def test_an_encoder_is_trained_and_run(
    here: Path, training_images: Path, folder_data: Path
) -> None:
    train = ["train", "--data", training_images, "--device", "cpu", "--quiet", "--out", "weights"]
    done = simulate(*train, *OWN)
    assert done.exit_code == 0, done.output
    state, config = read_weights(here / "weights" / "encoder.safetensors")
    assert config["backbone"] == NAME
    assert state["encoder.network.layers.0.weight"].shape == (32, 3, 3, 3)
    run = ["--scheme", "semharq", "--snr", 0, "--data", folder_data, "--weights", "weights"]
    run += ["--images", 10, "--quiet"]
    refused = simulate(*run, "--out", "out")
    assert refused.exit_code == 2
    assert "names code outside the package, which would be executed: my_encoder:SmallCnn" in (
        refused.stderr
    )
    assert refused.stderr.rstrip().endswith("name it: --backbone my_encoder:SmallCnn")
    assert simulate(*run, *OWN, "--out", "out").exit_code == 0
    _repeat(here)
    _send(here, folder_data)
    _change_the_code([*run, *OWN, "--out", "out"], [*train, *OWN])


def _repeat(here: Path) -> None:
    """A record names the code, so that it must be trusted."""
    again = ["--spec", "out/run.json", "--quiet", "--out", "again"]
    assert "names code outside the catalog" in simulate(*again).stderr
    assert simulate(*again, "--trust").exit_code == 0
    assert (here / "again/curve.csv").read_bytes() == (here / "out/curve.csv").read_bytes()


def _send(here: Path, folder_data: Path) -> None:
    """The record of an opened link is the row of the run."""
    fields: dict[str, Any] = {"data": str(folder_data), "images": 10, "weights": "weights"}
    link = open_link("semharq", backbone=NAME, device="cpu", **fields)
    rows = pd.read_parquet("out/images.parquet").set_index("image")
    assert link.send(4, 0).energy == rows.loc[4, "energy"]


def _change_the_code(run: list[object], train: list[object]) -> None:
    """Other code is another encoder; another comment is not."""
    before = {path.name for path in Path("out/cells").iterdir()}
    curve = Path("out/curve.csv").read_text()
    change("return self.layers(images)", "return self.layers(images)  # s")
    assert simulate(*run).exit_code == 0
    assert {path.name for path in Path("out/cells").iterdir()} == before
    change("return self.layers(images)", "return self.layers(images.flip(1))")
    assert simulate(*run).exit_code == 0
    assert not {path.name for path in Path("out/cells").iterdir()} <= before
    assert Path("out/curve.csv").read_text() != curve  # not of the outputs in the cache
    refused = simulate(*train)
    assert refused.exit_code == 2
    assert "was trained with other code of --backbone my_encoder:SmallCnn: give another" in (
        refused.stderr
    )


BAD = """
import torch
from torch import nn

class Narrow(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 512, 3)
    def forward(self, images):
        return self.layer(images).mean((2, 3))

class Maps(Narrow):
    def forward(self, images):
        return self.layer(images)

class Pair(Narrow):
    def forward(self, images):
        return images, images

class Fails(Narrow):
    def forward(self, images):
        return self.layer(images[0, 0])

class Needs(nn.Module):
    def __init__(self, width):
        super().__init__()

def narrow() -> nn.Module:
    return Narrow()

def nothing():
    raise AssertionError("must not be called")

def number() -> nn.Module:
    return 3

def constant() -> nn.Module:
    return nn.ReLU()
"""


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("Narrow", r"gave float32 \[2, 512\] for images \[2, 3, 8, 8\], it must .* \[2, 1024\]"),
        ("narrow", r"gave float32 \[2, 512\] for images"),
        ("Maps", r"gave float32 \[2, 512, 6, 6\]"),
        ("Pair", "gave a tuple for images"),
        ("Fails", r"failed on images \[2, 3, 8, 8\]: RuntimeError: .*bad.py:\d+\)"),
        ("Needs", r"cannot be made: TypeError: .* 'width'"),
        ("nothing", r"is a function, it must be a subclass of torch.nn.Module, or a function"),
        ("number", "made a int, not a torch.nn.Module"),
        ("constant", "has no parameters"),
        ("narow", "module bad has no 'narow'; nearest: 'narrow'"),
    ],
)
def test_what_is_no_encoder_is_one_line(here: Path, name: str, problem: str) -> None:
    (here / "bad.py").write_text(BAD)
    with pytest.raises(ValueError, match=problem) as caught:
        OwnBackbone(f"bad:{name}")(torch.zeros(2, 3, 8, 8))
    assert "\n" not in str(caught.value)


def test_a_training_finds_mistakes_before_any_work(here: Path, training_images: Path) -> None:
    (here / "bad.py").write_text(BAD)
    refused = simulate("train", "--data", training_images, "--out", "w", "--backbone", "bad:number")
    assert refused.exit_code == 2
    assert refused.stderr.splitlines() == [
        "simulate: backbone 'bad:number' made a int, not a torch.nn.Module"
    ]
    assert not Path("w").exists()


def test_outputs_of_unknown_code_are_never_those_of_the_cache(
    here: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody can say which code made them, each loaded encoder is one of its own."""
    (here / "bad.py").write_text(
        "from semantic.encoder.densenet import DenseNet121\n\n\nclass Mine(DenseNet121):\n    pass\n"
    )
    monkeypatch.setattr("semantic.weights.stored.load_into", lambda *_: None)
    first, second = (load_encoder(str(tiny_weights), backbone="bad:Mine").code for _ in range(2))
    assert first.keys() == second.keys() == {"bad:Mine"}
    assert first != second
