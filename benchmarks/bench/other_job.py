"""Another job that keeps cores busy, and commands in processes of their own with their memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

#: The other job. It prints a line when its first product is done.
OTHER = """
import sys, torch
torch.set_num_threads(int(sys.argv[1]))
a = torch.randn(1500, 1500)
while True:
    a @ a
    print(flush=True)
"""


@contextmanager
def other_job(threads: int) -> Iterator[None]:
    """Keeps some cores busy with matrix products in another process.

    A machine is shared. OpenMP threads that spin while they wait take the cores from the other
    job, and lose them to it again, so that both become slow. The simulator therefore sets
    OMP_WAIT_POLICY=passive, unless the user sets it. With N cores and N such threads, a fair share
    makes a command of N threads take twice as long.
    """
    command = [sys.executable, "-c", OTHER, str(threads)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        drain = subprocess.Popen(["cat"], stdin=other.stdout, stdout=subprocess.DEVNULL)
        try:
            yield
        finally:
            other.kill()
            drain.wait()


#: Starts a command and writes peak memory and processor time of it and of what it starts. A process
#: of its own: Linux counts the memory of the process that starts another one as the other's. The
#: fork server of workers outlives its run for a moment: Linux gives it to this process, which waits.
MEASURE = """
import ctypes, os, resource, sys
if sys.platform == "linux":
    PR_SET_CHILD_SUBREAPER = 36
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
status = os.waitpid(os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ), 0)[1]
try:
    while True:
        os.wait()
except ChildProcessError:
    pass
used = resource.getrusage(resource.RUSAGE_CHILDREN)
os.write(2, b"\\n%d %f" % (used.ru_maxrss, used.ru_utime + used.ru_stime))
sys.exit(os.waitstatus_to_exitcode(status))
"""


def usage_of(
    command: Sequence[str], environment: Mapping[str, str] | None = None
) -> tuple[int, float]:
    """Runs a command; returns (bytes, seconds) over all processes that it starts, workers included.

    The bytes are the peak memory of the largest process, the seconds the processor time of all.

    Raises:
        subprocess.CalledProcessError: When the command fails.
    """
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", MEASURE, *command],
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=True,
    )
    peak, seconds = done.stderr.split()[-2:]
    return int(peak) * (1 if sys.platform == "darwin" else 1024), float(seconds)


def peak_of(command: Sequence[str], environment: Mapping[str, str] | None = None) -> int:
    """Runs a command and returns the peak memory in bytes of its largest process."""
    return usage_of(command, environment)[0]
