"""The example of docs/cluster.md, as it stands there, on a LocalCluster with two workers."""

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import simulator

DOCS = Path(__file__).parents[1] / "docs"


def test_the_page_shows_the_file() -> None:
    (shown,) = re.findall(r"```python\n(.*?)```", (DOCS / "cluster.md").read_text(), re.DOTALL)
    assert shown == (DOCS / "examples" / "cluster.py").read_text()


@pytest.mark.integration
@pytest.mark.slow
def test_the_example_runs(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="extra [cluster] is not installed")
    example = DOCS / "examples" / "cluster.py"
    done = subprocess.run(
        [sys.executable, str(example), str(tmp_path / "out"), "100"],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert "semharq" in done.stdout
    log = pd.read_parquet(tmp_path / "out" / "images.parquet")
    simulator.simulate("semharq,perfect", "-6:8:7", images=100, out=tmp_path / "here")
    here = pd.read_parquet(tmp_path / "here" / "images.parquet")
    pd.testing.assert_frame_equal(log, here, check_exact=True)
