"""Engines: the same numbers wherever cells are computed, and one line where none can be."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from simulator.engines import Engine, EngineError
from simulator.spec import RunSpec
from simulator.sweep import prepare, run, simulate

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def spec(tiny_weights: Path, folder_data: Path) -> RunSpec:
    return RunSpec(
        schemes=("toy_parts:plain", "semharq"),
        snr_db=(-3.0, 3.0),
        data=str(folder_data),
        weights=str(tiny_weights),
        bandwidth_hz=4e6,
    )


@pytest.fixture(scope="module")
def inline(spec: RunSpec) -> pd.DataFrame:
    return simulate(spec).images


@pytest.mark.parametrize("batch_size", [16, 256])
def test_two_processes_change_no_bit(
    spec: RunSpec, inline: pd.DataFrame, tmp_path: Path, batch_size: int
) -> None:
    engine = Engine("local", workers=2, cell_images=24)
    result = run(prepare(replace(spec, batch_size=batch_size)), out=tmp_path, engine=engine)
    assert result.failures == ()
    pd.testing.assert_frame_equal(result.images, inline, check_exact=True)


def test_threads_change_no_bit(spec: RunSpec, inline: pd.DataFrame) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        pd.testing.assert_frame_equal(simulate(spec).images, inline, check_exact=True)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """A LocalCluster of two worker processes, its scheduler's address."""
    distributed = pytest.importorskip("distributed", reason="extra [cluster] is not installed")
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        dashboard_address=None,
        env={"PYTHONPATH": str(HERE)},
        silence_logs=50,
    ) as found:
        yield found.scheduler_address


def test_dask_changes_no_bit(
    spec: RunSpec, inline: pd.DataFrame, cluster: str, tmp_path: Path
) -> None:
    engine = Engine("dask", scheduler=cluster, cell_images=24)
    result = run(prepare(spec), out=tmp_path, engine=engine)
    assert result.failures == ()
    pd.testing.assert_frame_equal(result.images, inline, check_exact=True)


def test_a_fault_on_dask_fails_its_cell_alone(spec: RunSpec, cluster: str, tmp_path: Path) -> None:
    faulty = replace(spec, schemes=("toy_parts:plain",), channel="toy_parts:Raises")
    result = run(prepare(faulty), out=tmp_path, engine=Engine("dask", scheduler=cluster))
    assert [str(failure) for failure in result.failures] == [
        "toy_parts:plain -3 dB seed 0: RuntimeError: the cable is unplugged"
    ]
    assert result.images["snr_db"].unique().tolist() == [3.0]


def test_a_hang_on_dask_fails_its_cell_alone(spec: RunSpec, cluster: str, tmp_path: Path) -> None:
    hanging = replace(spec, schemes=("toy_parts:plain",), channel="toy_parts:Hangs")
    engine = Engine("dask", scheduler=cluster, cell_timeout_s=2)
    result = run(prepare(hanging), out=tmp_path, engine=engine)
    (failure,) = result.failures
    assert failure.reason == "took longer than the cell timeout of 2 s"


SCHEDULER = """
import sys, time
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        print(cluster.scheduler_address, flush=True)
        time.sleep(600)
"""


@pytest.mark.slow
def test_a_killed_scheduler_keeps_what_is_finished(
    spec: RunSpec, inline: pd.DataFrame, tmp_path: Path
) -> None:
    pytest.importorskip("distributed", reason="extra [cluster] is not installed")
    script = tmp_path / "scheduler.py"
    script.write_text(SCHEDULER)
    server = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    engine = Engine("dask", scheduler=server.stdout.readline().strip())

    def kill(what: str, done: int, total: int) -> None:
        if what == "simulating":
            server.kill()

    semantic = replace(spec, schemes=("semharq",), snr_db=(-3.0, 0.0, 3.0, 6.0, 9.0))
    with pytest.raises(EngineError, match="finished cells are kept, run again to go on") as caught:
        run(prepare(semantic), kill, tmp_path / "out", engine)
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "out" / "cells").glob("*.rows"))
    result = run(prepare(semantic), out=tmp_path / "out")
    expected = inline[inline["scheme"] == "semharq"].reset_index(drop=True)
    found = result.images[result.images["snr_db"].isin([-3.0, 3.0])].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"name": "locl"}, "unknown engine 'locl': nearest: 'local'"),
        ({"workers": 0}, "number of workers is 0, it must be at least 1"),
        ({"workers": 2}, "engine inline has one process, not 2: take local"),
        ({"cell_images": 0}, "number of cell images is 0, it must be at least 1"),
        ({"cell_timeout_s": -1.0}, r"cell timeout is -1.0 s, it must be positive"),
        ({"name": "dask"}, "engine dask and a scheduler's address belong together"),
        ({"scheduler": "tcp://x:1"}, "engine dask and a scheduler's address belong together"),
    ],
)
def test_an_engine_that_is_not_allowed(fields: dict[str, object], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Engine(**fields)  # type: ignore[arg-type]


@pytest.mark.slow
def test_no_scheduler_is_one_line(spec: RunSpec, tmp_path: Path) -> None:
    engine = Engine("dask", scheduler="tcp://127.0.0.1:9")
    with pytest.raises(EngineError, match="no dask scheduler answers at tcp") as caught:
        run(prepare(spec), out=tmp_path, engine=engine)
    assert "\n" not in str(caught.value)
