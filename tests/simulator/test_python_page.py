"""docs/python.md, run: its blocks of Python in order, in a directory with one image."""

import re
from pathlib import Path

import pytest
from PIL import Image

import simulator
from simulator.interactive.saved_run import SavedRun, load_run
from simulator.spec import RunSpec

pytestmark = pytest.mark.integration

PAGE = Path(simulator.__path__[0]).parent / "docs" / "python.md"


def test_the_blocks_of_the_page_run(
    tmp_path: Path, folder_data: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With random weights in place of the shipped ones, on the folder of rectangles."""
    monkeypatch.setattr("semantic.weights.stored.PRETRAINED", tiny_weights)
    start = RunSpec.__init__
    defaults = [str(folder_data) if d == "synthetic" else d for d in start.__defaults__ or ()]
    monkeypatch.setattr(start, "__defaults__", tuple(defaults))
    monkeypatch.chdir(tmp_path)
    Image.open(folder_data / "00_c0.png").convert("RGB").save("car.jpg")
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict[str, object] = {"__name__": "page"}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    assert Path("sent.png").read_bytes().startswith(b"\x89PNG")
    assert Path("map.pdf").read_bytes().startswith(b"%PDF")
    check_saved(load_run("runs/demo"))
    _refuse(tmp_path)


def check_saved(run: SavedRun) -> None:
    assert run.spec.schemes == ("semharq", "perfect")
    assert len(run.images) == 2 * 3 * run.record["images"]
    assert run.costs.index.names == ["scheme", "channel", "snr_db"]
    assert [place[2] for place in run.costs.index] == [-6, -2, 2, -6, -2, 2]
    assert "transmissions" in run.costs
    assert list(run.accuracies) == ["rank1", "mAP", "color_accuracy", "type_accuracy"]
    value = run.curve.query("scheme == 'semharq' and snr_db == -2 and metric == 'channel_uses'")
    assert run.costs.loc[("semharq", "rician", -2), "channel_uses"] == value["value"].item()
    assert "semharq, perfect over rician, 3 SNRs" in repr(run)
    assert "<table" in run._repr_html_()
    drawing = simulator.plot(run, "rank1")
    assert drawing._repr_png_().startswith(b"\x89PNG")  # type: ignore[union-attr]


def _refuse(here: Path) -> None:
    with pytest.raises(ValueError, match="holds no finished run: No such file"):
        load_run(here / "nothing")
    (here / "run.json").write_text("[]")
    with pytest.raises(ValueError, match="is no record of a run"):
        load_run(here)
