"""SemHARQ v2, Tables IV and V: parameters and delay of each module, beside what the paper prints.

    python benchmarks/papers/semharq_complexity.py

To be copied and changed: another device, weights, data.
"""

from simulator.papers.complexity import complexity
from simulator.spec import RunSpec

table = complexity(RunSpec(device="auto"))
print(table.to_string(index=False))
