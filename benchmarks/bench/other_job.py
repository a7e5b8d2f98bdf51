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


#: Starts a command and writes the peak memory of its largest process. A process of its own: Linux
#: counts the memory of the process that starts another one as the other's.
MEASURE = """
import os, resource, sys
status = os.waitpid(os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ), 0)[1]
os.write(2, b"\\n%d" % resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def peak_of(command: Sequence[str], environment: Mapping[str, str] | None = None) -> int:
    """Runs a command and returns the peak memory in bytes of its largest process.

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
    return int(done.stderr.split()[-1]) * (1 if sys.platform == "darwin" else 1024)
