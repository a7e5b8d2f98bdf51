"""semharq-plus against SemHARQ and its baselines.

    python benchmarks/papers/semharq_plus.py

To be copied and changed: another channel, data, SNRs, schemes of your own.
"""

import matplotlib.pyplot as plt

from simulator import simulate

SCHEMES = ["semharq-plus", "semharq", "ik-s-harq", "rt-s-harq"]
METRICS = {
    "rank1": "rank-1 (%)",
    "mAP": "mAP (%)",
    "color_accuracy": "color (%)",
    "type_accuracy": "type (%)",
}

curve = simulate(SCHEMES, "-6:8:2", out="runs/semharq_plus")
figure, axes = plt.subplots(1, len(METRICS), figsize=(4.5 * len(METRICS), 4))
for axis, (metric, title) in zip(axes, METRICS.items(), strict=True):
    for scheme in SCHEMES:
        points = curve[(curve["scheme"] == scheme) & (curve["metric"] == metric)]
        spread = (points["value"] - points["ci_low"], points["ci_high"] - points["value"])
        axis.errorbar(points["snr_db"], points["value"], yerr=spread, capsize=2, label=scheme)
    axis.set(xlabel="SNR (dB)", title=title)
    axis.grid(alpha=0.3)
axes[0].legend()
figure.savefig("semharq_plus.png", dpi=130)
