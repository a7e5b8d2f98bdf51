"""The command of a report repeats the run beside its directory, however that was named."""

import shlex
from pathlib import Path

import pandas as pd
import pytest

from simulator.report.run_files import RunFiles
from simulator.report.write import repeat
from simulator.spec import RunSpec


@pytest.mark.parametrize("given", [".", "..", "cells/..", "../demo", "../demo/"])
def test_the_repetition_is_beside_the_run(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "demo" / "cells").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / ("demo/cells" if given == ".." else "demo"))
    run = RunFiles(Path(given), {}, RunSpec(), pd.DataFrame(), pd.DataFrame())
    words = shlex.split(repeat(run).command)
    assert Path(words[words.index("--spec") + 1]).resolve() == tmp_path / "demo" / "run.json"
    assert Path(words[words.index("--out") + 1]).resolve() == tmp_path / "demo-again"
