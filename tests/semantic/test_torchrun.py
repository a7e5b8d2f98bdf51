"""Several processes under torchrun train one network: same parameters everywhere, one checkpoint."""

from pathlib import Path

import pytest
import two_processes
from safetensors.torch import load_file

from simulator.sweeps.forkserver import start_forkserver
from simulator.sweeps.tied import start_method


@pytest.mark.integration
def test_two_processes_make_one_network(tmp_path: Path) -> None:
    """torchrun's launcher, called as its main program does, on forks that have imported torch."""
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    start_forkserver()
    launch = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=2,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        start_method=start_method(),
        logs_specs=DefaultLogsSpecs(log_dir=str(tmp_path)),
    )
    elastic_launch(launch, two_processes.train)(tmp_path / "two")
    two_processes.train(tmp_path / "one")
    mine, other = (load_file(tmp_path / "two" / f"rank{rank}.safetensors") for rank in (0, 1))
    alone = load_file(tmp_path / "one" / "rank0.safetensors")
    assert all(mine[name].equal(other[name]) for name in mine)
    # Two processes see two batches a step, so they end elsewhere than one does.
    assert not all(mine[name].equal(alone[name]) for name in mine)
    kept = sorted(path.name for path in (tmp_path / "two").glob("*checkpoint*"))
    assert kept == ["encoder.checkpoint.safetensors"]
