"""Measures the simulator's parts, each beside a reference in the same run.

    python -m benchmarks                      # all entries; appends to benchmarks/results/bench.jsonl
    python -m benchmarks --only reid          # one entry
    python -m benchmarks --beside 2           # each also beside another job of two threads
    python -m benchmarks --smoke              # all code of the bench, on a few images; no history
    python -m benchmarks --page               # writes docs/performance.md from the history

Runs on one core, processor time counts; entries of whole commands use all cores and wall-clock time.
"""

from __future__ import annotations

import argparse

import torch

from benchmarks.bench import chains, commands, ldpc, parts, reid, training  # noqa: F401 -- entries
from benchmarks.bench.entry import ENTRIES
from benchmarks.bench.report import line, measure, record, write_page


def main() -> None:
    """Measures the entries that were asked for."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--only", action="append", choices=[*ENTRIES], metavar="NAME")
    parser.add_argument("--list", action="store_true", help="names of the entries")
    parser.add_argument("--beside", type=int, default=0, metavar="THREADS")
    parser.add_argument("--smoke", action="store_true", help="a few images, one call each")
    parser.add_argument("--no-history", action="store_true", help="record nothing")
    parser.add_argument("--page", action="store_true", help="write docs/performance.md")
    options = parser.parse_args()
    if options.list:
        print("\n".join(ENTRIES))
        return
    torch.set_num_threads(1)
    for name in options.only or ([] if options.page else ENTRIES):
        case = ENTRIES[name](options.smoke)
        found = measure(name, case, options.beside, rounds=1 if options.smoke else None)
        print(line(found), flush=True)
        if not options.no_history and not options.smoke:
            record(found)
    if options.page:
        write_page()


if __name__ == "__main__":
    main()
