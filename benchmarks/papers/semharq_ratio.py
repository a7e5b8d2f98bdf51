"""SemHARQ v2, Table II: the share of a retransmission slot that is sent again.

    python benchmarks/papers/semharq_ratio.py

To be copied and changed: another channel, data, SNRs, shares from 0.25 to 0.75.
"""

import matplotlib.pyplot as plt

from simulator import simulate

RATIOS = (0.25, 0.5, 0.75)
METRICS = {"rank1": "rank-1 (%)", "color_accuracy": "color (%)", "type_accuracy": "type (%)"}

figure, axes = plt.subplots(1, len(METRICS), figsize=(4.5 * len(METRICS), 4))
for ratio in RATIOS:
    run = f"runs/semharq_ratio/{ratio}"
    curve = simulate("semharq", "-6:8:2", scheme_args={"ratio": ratio}, out=run)
    for axis, (metric, title) in zip(axes, METRICS.items(), strict=True):
        points = curve[curve["metric"] == metric]
        spread = (points["value"] - points["ci_low"], points["ci_high"] - points["value"])
        label = f"ratio {ratio}"
        axis.errorbar(points["snr_db"], points["value"], yerr=spread, capsize=2, label=label)
        axis.set(xlabel="SNR (dB)", title=title)
        axis.grid(alpha=0.3)
axes[0].legend()
figure.savefig("semharq_ratio.png", dpi=130)
