"""Engines: the same numbers wherever cells are computed, and one line where none can be."""

import multiprocessing
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from simulator.commands.runs import take_engine
from simulator.setup.prepare import prepare
from simulator.spec import RunSpec
from simulator.sweeps.cells import Cell, Point
from simulator.sweeps.engines import Engine, EngineError, local_pools
from simulator.sweeps.forkserver import (
    MOST_WORKERS,
    WORTH_IMAGES,
    start_forkserver,
    worth_workers,
)
from simulator.sweeps.store import Store
from simulator.sweeps.sweep import run, run_spec

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("processes")]


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
    return run_spec(spec).images


@pytest.mark.parametrize("batch_size", [16, 256])
def test_two_processes_change_no_bit(
    spec: RunSpec, inline: pd.DataFrame, tmp_path: Path, batch_size: int
) -> None:
    engine = Engine("local", workers=2, cell_images=24)
    result = run(prepare(replace(spec, batch_size=batch_size)), out=tmp_path, engine=engine)
    assert result.failures == ()
    pd.testing.assert_frame_equal(result.images, inline, check_exact=True)


def test_auto_changes_no_bit(
    spec: RunSpec, inline: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On two cores, with so many cells that workers are taken, and then so few that none are."""
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1})
    monkeypatch.setattr("simulator.sweeps.forkserver.WORTH_IMAGES", len(inline))
    taken: list[int] = []

    def pools(workers: int) -> object:
        taken.append(workers)
        return local_pools(workers)

    monkeypatch.setattr("simulator.sweeps.engines.local_pools", pools)
    result = run(prepare(spec), out=tmp_path, engine=Engine("auto"))
    assert taken == [2]
    pd.testing.assert_frame_equal(result.images, inline, check_exact=True)
    monkeypatch.setattr("simulator.sweeps.forkserver.WORTH_IMAGES", len(inline) + 1)
    few = run(prepare(spec), engine=Engine("auto"))
    assert taken == [2]
    pd.testing.assert_frame_equal(few.images, inline, check_exact=True)


def test_a_pool_kept_open_serves_run_after_run(
    spec: RunSpec, inline: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of as many workers or fewer; a larger one takes its place, and all have ended in the end."""
    opened: list[int] = []

    def pools(workers: int) -> object:
        opened.append(workers)
        return local_pools(workers)

    monkeypatch.setattr("simulator.sweeps.engines.local_pools", pools)
    before = set(multiprocessing.active_children())
    halves = [replace(spec, snr_db=(snr_db,)) for snr_db in spec.snr_db]
    with Engine("local", workers=2).kept_open() as engine:
        parts = [run(prepare(half), engine=engine).images for half in halves]
        assert opened == [2]
        assert len(set(multiprocessing.active_children()) - before) == 2
        run(prepare(halves[0]), engine=replace(engine, workers=1))
        assert opened == [2]
        run(prepare(halves[0]), engine=replace(engine, workers=3))
        assert opened == [2, 3]
    assert set(multiprocessing.active_children()) == before
    found = pd.concat(parts).sort_values(["scheme", "snr_db"], kind="stable", ignore_index=True)
    expected = inline.sort_values(["scheme", "snr_db"], kind="stable", ignore_index=True)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def cells(count: int, images: int) -> list[Cell]:
    points = [Point("perfect", 0.0, seed) for seed in range(count)]
    return [Cell(RunSpec(), point, 0, images, True, "") for point in points]


@pytest.mark.parametrize(
    ("cores", "count", "images", "gpu", "name", "workers"),
    [
        (1, 100, 5000, False, "inline", None),  # nobody to share the work with
        (4, 100, 5000, True, "inline", None),  # one GPU
        (4, 0, 0, False, "inline", None),
        (4, 1, 50_000, False, "inline", None),
        (4, 2, WORTH_IMAGES // 2 - 1, False, "inline", None),
        (4, 2, WORTH_IMAGES // 2, False, "local", 2),  # no more workers than cells
        (4, 100, 5000, False, "local", 4),
        (64, 100, 5000, False, "local", MOST_WORKERS),
    ],
)
def test_auto_takes_workers_where_they_are_worth_it(
    cores: int,
    count: int,
    images: int,
    gpu: bool,
    name: str,
    workers: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(cores)))
    chosen = Engine("auto", cell_timeout_s=7).chosen(cells(count, images), gpu)
    assert chosen == Engine(name, workers, cell_timeout_s=7)


def test_what_was_asked_for_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1, 2, 3})
    many, few = cells(100, 5000), cells(2, 8)
    assert Engine("inline").chosen(many, False) == Engine("inline")
    assert Engine("local").chosen(few, False) == Engine("local", 2)
    assert Engine("local", 3).chosen(few, True) == Engine("local", 3)
    assert take_engine({}) == {"name": "auto"}
    assert take_engine({"workers": 2}) == {"name": "local", "workers": 2}
    assert take_engine({"engine": "inline"}) == {"name": "inline"}
    assert take_engine({"scheduler": "tcp://x:1"}) == {"name": "dask", "scheduler": "tcp://x:1"}
    assert worth_workers(2, None)  # a whole data set, before it is opened
    assert not worth_workers(1, None)


def test_threads_change_no_bit(spec: RunSpec, inline: pd.DataFrame) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        pd.testing.assert_frame_equal(run_spec(spec).images, inline, check_exact=True)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """A LocalCluster of two worker processes, its scheduler's address.

    Its workers are forks of the fork server that serves the engine "local", which has the imports.
    """
    distributed = pytest.importorskip("distributed", reason="extra [cluster] is not installed")
    dask = pytest.importorskip("dask")
    start_forkserver()
    with (
        dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"}),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=None,
            env={"PYTHONPATH": str(HERE)},
            silence_logs=50,
        ) as found,
    ):
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
    (failure,) = result.failures
    expected = "toy_parts:plain -3 dB seed 0: RuntimeError: the cable is unplugged ("
    assert str(failure).startswith(expected)
    assert "toy_parts.py" in failure.traceback
    assert result.images["snr_db"].unique().tolist() == [3.0]


def test_a_worker_with_an_older_file_in_its_memory_is_refused(
    spec: RunSpec, cluster: str, tmp_path: Path
) -> None:
    """Workers of a cluster outlive runs, and with them what a part has read and kept."""
    path = tmp_path / "pca.pt"
    kept = replace(
        spec, schemes=("reading_parts:kept",), scheme_args=(("path", str(path)),), snr_db=(0.0,)
    )
    engine = Engine("dask", scheduler=cluster, cell_images=8)
    torch.save(torch.tensor(1.0), path)
    assert not run(prepare(kept), engine=engine).failures
    torch.save(torch.tensor(0.01), path)
    with pytest.raises(ValueError, match=r"pca.pt has changed since this process read it: .*work"):
        run(prepare(replace(kept, seed=1)), engine=engine)
    torch.save(torch.tensor(1.0), path)
    assert not run(prepare(replace(kept, seed=2)), engine=engine).failures


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
        if what == "simulating" and Store(tmp_path / "out").names("*.rows"):
            server.kill()

    semantic = replace(spec, schemes=("semharq",), snr_db=(-3.0, 0.0, 3.0, 6.0, 9.0))
    with pytest.raises(EngineError, match="finished cells are kept, run again to go on") as caught:
        run(prepare(semantic), kill, tmp_path / "out", engine)
    assert "\n" not in str(caught.value)
    assert Store(tmp_path / "out").names("*.rows")
    result = run(prepare(semantic), out=tmp_path / "out")
    expected = inline[inline["scheme"] == "semharq"].reset_index(drop=True)
    found = result.images[result.images["snr_db"].isin([-3.0, 3.0])].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"name": "locl"}, "unknown engine 'locl': nearest: 'local'"),
        ({"workers": 0}, "number of workers is 0, it must be at least 1"),
        ({"workers": 2}, "engine inline has one process, not 2: use local"),
        ({"cell_images": 0}, "number of cell images is 0, it must be at least 1"),
        ({"cell_timeout_s": -1.0}, r"cell timeout is -1.0 s, it must be positive"),
        ({"name": "dask"}, "engine dask needs the address of a scheduler, and no other"),
        ({"scheduler": "tcp://x:1"}, "engine dask needs the address of a scheduler, and no other"),
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
