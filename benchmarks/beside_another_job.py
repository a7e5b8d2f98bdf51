"""Time of a cold run beside another program that keeps the cores busy, over its time alone.

    python benchmarks/beside_another_job.py
    python benchmarks/beside_another_job.py --images 300 --wait-policy active

A machine is shared. OpenMP threads that spin while they wait take the cores from the other
program, and lose them to it again, so that both become slow. The simulator therefore sets
OMP_WAIT_POLICY=passive, unless the user sets it.

Runs `simulate --scheme NAME --snr -6:8:2` with an empty cache in a new process: once alone, and once
beside a matrix product of --threads threads in a loop. Prints both wall-clock times and their ratio.
The machine must be idle otherwise. With N cores and N such threads, a fair share gives a ratio of 2.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: The other program. It prints a line when its first product is done.
OTHER = """
import sys, torch
torch.set_num_threads(int(sys.argv[1]))
a = torch.randn(1500, 1500)
while True:
    a @ a
    print(flush=True)
"""


@contextmanager
def other_program(threads: int) -> Iterator[None]:
    """Keeps some cores busy in another process."""
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


def seconds(options: argparse.Namespace) -> float:
    """Wall-clock seconds of one cold run.

    Raises:
        subprocess.CalledProcessError: When the run fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "SEMHARQ_CACHE": str(Path(folder) / "cache")}
        environment.pop("OMP_WAIT_POLICY", None)
        if options.wait_policy is not None:
            environment["OMP_WAIT_POLICY"] = options.wait_policy
        command = [sys.executable, "-m", "simulator", "--scheme", options.scheme, "--quiet"]
        command += [f"--snr={options.snr}", "--device", "cpu", "--out", str(Path(folder) / "out")]
        command += [] if options.images is None else ["--images", str(options.images)]
        began = time.perf_counter()
        subprocess.run(command, env=environment, check=True)
        return time.perf_counter() - began


def main() -> None:
    """Prints one row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scheme", default="semharq")
    parser.add_argument("--snr", default="-6:8:2")
    parser.add_argument("--images", type=int)
    parser.add_argument("--threads", type=int, default=2, help="of the other program")
    parser.add_argument("--wait-policy", choices=["active", "passive"], help="[the simulator's]")
    options = parser.parse_args()
    alone = seconds(options)
    with other_program(options.threads):
        beside = seconds(options)
    print("| OMP_WAIT_POLICY | alone / s | beside another program / s | ratio |\n|---|---|---|---|")
    policy = options.wait_policy or "as the simulator sets it"
    print(f"| {policy} | {alone:.1f} | {beside:.1f} | {beside / alone:.2f} |")


if __name__ == "__main__":
    main()
