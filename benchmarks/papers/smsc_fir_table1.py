"""SMSC-FIR, Table 1: one network for three tasks (MTC) against three networks (STC).

    simulate train --scheme smsc-fir,smsc-stc --data data/train --out weights
    python benchmarks/papers/smsc_fir_table1.py weights

To be copied and changed: another channel, data, SNRs; `share` of the three networks.
"""

import sys

from simulator import simulate

METRICS = {"rank1": "rank-1", "color_accuracy": "color", "type_accuracy": "type"}
SYSTEMS = {
    "MTC": ("smsc-fir", {}),
    "STC": ("smsc-stc", {"share": "third"}),
    "STC, 3 slots": ("smsc-stc", {"share": "full"}),
}

curves = {
    name: simulate(
        scheme,
        "-6:8:2",
        weights=sys.argv[1] if len(sys.argv) > 1 else None,
        scheme_args=arguments,
        out=f"runs/smsc_fir_table1/{name}",
    ).pivot(index="snr_db", columns="metric", values="value")
    for name, (scheme, arguments) in SYSTEMS.items()
}
print("| SNR dB | " + " | ".join(f"{s} {t}" for s in SYSTEMS for t in METRICS.values()) + " |")
print("|---" * (1 + len(SYSTEMS) * len(METRICS)) + "|")
for snr_db in next(iter(curves.values())).index:
    cells = [f"{curve.loc[snr_db, m]:.1f}" for curve in curves.values() for m in METRICS]
    print(f"| {snr_db:g} | " + " | ".join(cells) + " |")
