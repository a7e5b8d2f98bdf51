"""SemHARQ, Fig. 11: what no, one and three retransmissions give at -6 dB.

    python benchmarks/papers/semharq_fig11.py

To be copied and changed: another channel, data, SNR, schemes of your own.
"""

import matplotlib.pyplot as plt

from simulator import simulate

METRICS = {"rank1": "rank-1", "mAP": "mAP", "color_accuracy": "color", "type_accuracy": "type"}
RETRANSMISSIONS = (0, 1, 3)

figure, axis = plt.subplots(figsize=(7, 4))
for i, retransmissions in enumerate(RETRANSMISSIONS):
    most = retransmissions + 1
    curve = simulate("semharq", -6.0, max_transmissions=most, out=f"runs/semharq_fig11/{most}")
    points = curve.set_index("metric").loc[list(METRICS)]
    spread = (points["value"] - points["ci_low"], points["ci_high"] - points["value"])
    place = [k + 0.27 * (i - 1) for k in range(len(METRICS))]
    label = f"{retransmissions} retransmissions"
    axis.bar(place, points["value"], 0.25, yerr=spread, capsize=2, label=label)
axis.set_xticks(range(len(METRICS)), METRICS.values())
axis.set_ylabel("%")
axis.legend()
figure.savefig("semharq_fig11.png", dpi=130)
