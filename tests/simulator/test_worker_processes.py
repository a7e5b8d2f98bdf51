"""Worker processes of the engine local: what they leave behind, and the threads that they have."""

import subprocess
import sys

import pytest

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
