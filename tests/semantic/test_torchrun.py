"""Several processes under torchrun train one network: same parameters everywhere, one checkpoint."""

import subprocess
import sys
from pathlib import Path

import pytest
import two_processes
from safetensors.torch import load_file


@pytest.mark.integration
def test_two_processes_make_one_network(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command = [*torchrun, two_processes.__file__, str(tmp_path / "two")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    two_processes.train(tmp_path / "one")
    mine, other = (load_file(tmp_path / "two" / f"rank{rank}.safetensors") for rank in (0, 1))
    alone = load_file(tmp_path / "one" / "rank0.safetensors")
    assert all(mine[name].equal(other[name]) for name in mine)
    # Two processes see two batches a step, so they end elsewhere than one does.
    assert not all(mine[name].equal(alone[name]) for name in mine)
    kept = sorted(path.name for path in (tmp_path / "two").glob("*checkpoint*"))
    assert kept == ["encoder.checkpoint.safetensors"]
