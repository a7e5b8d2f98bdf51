"""Worker processes of the engine local: what they leave behind, and the threads that they have."""

import os
import subprocess
import sys

import pytest

from simulator.sweeps.tied import RUN

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("processes")]


FRESH = """
import time, numba, torch
from simulator.sweeps.cells import one_thread
from simulator.sweeps.engines import local_pools
if __name__ == "__main__":
    torch.set_num_threads(2)
    with one_thread():
        numba.set_num_threads(1)
        print(torch.get_num_threads())
    print(torch.get_num_threads())
    try:
        with local_pools(1) as open_pool:
            pool = open_pool()
            pool.submit(abs, 1).result()
            pool.submit(time.sleep, 60)
            raise KeyError
    except KeyError:
        print("ended")
"""


@pytest.fixture(scope="module")
def fresh() -> subprocess.CompletedProcess[str]:
    """A new process, whose imports take longer than what two tests look at."""
    return subprocess.run(
        [sys.executable, "-c", FRESH], capture_output=True, text=True, check=True, timeout=120
    )


def test_a_worker_that_is_ended_leaves_nothing_to_clean_up(
    fresh: subprocess.CompletedProcess[str],
) -> None:
    """No semaphore with a name, of which Python's resource tracker would warn on stderr."""
    assert (fresh.stdout.splitlines()[2:], fresh.stderr) == (["ended"], "")


def test_numba_does_not_give_torch_its_threads_back(
    fresh: subprocess.CompletedProcess[str],
) -> None:
    """Both may use one OpenMP: numba's threads, as they start, set the number of torch's too."""
    assert fresh.stdout.splitlines()[:2] == ["1", "2"]


@pytest.mark.parametrize("run_has_ended", [True, False])
def test_a_fork_server_whose_run_was_killed_at_once_imports_nothing_more(
    run_has_ended: bool,
) -> None:
    """Its parent is another process by the time at which it could ask to be told of the end."""
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                           capture_output=True, text=True, check=True)  # fmt: skip
    run = ended.stdout.strip() if run_has_ended else "1"
    code = "import multiprocessing.forkserver, simulator.sweeps.tied; print('goes on')"
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, RUN: run}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    expected = (1, "") if run_has_ended else (0, "goes on\n")
    assert (found.returncode, found.stdout) == expected, found.stderr
