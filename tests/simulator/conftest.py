"""What many tests of the simulator share, and what spares them work that they do not look at."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from random_weights import write_random_weights


@pytest.fixture(scope="session")
def all_weights(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Makes a directory of random weights for every learned scheme; tests do not write to it."""
    root = tmp_path_factory.mktemp("all-weights")
    return write_random_weights(tiny_weights / "encoder.safetensors", root)


@pytest.fixture
def ink_for(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Takes the names of the figures that are drawn; the files of all others are left empty."""
    draw, names = Figure.savefig, set[str]()

    def savefig(figure: Figure, path: Path, **options: Any) -> None:
        stem, *_, suffix = path.name.removeprefix(".").split(
            "."
        )  # .NAME.RANDOM.png until it is whole
        if f"{stem}.{suffix}" in names:
            draw(figure, path, **options)
        else:
            path.touch()

    monkeypatch.setattr(Figure, "savefig", savefig)
    return lambda *given: names.update(given)


@pytest.fixture
def no_ink(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves the files of figures empty where their content is not looked at: each takes a second."""
    monkeypatch.setattr(Figure, "savefig", lambda figure, path, **options: Path(path).touch())
