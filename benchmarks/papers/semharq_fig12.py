"""SemHARQ, Fig. 12: mean number of transmissions when it is not limited, for several theta_0.

    python benchmarks/papers/semharq_fig12.py

To be copied and changed: another channel, data, SNRs, thresholds.
"""

import matplotlib.pyplot as plt

from simulator import simulate

figure, axis = plt.subplots(figsize=(5, 4))
for theta_0_db in (1, 0, -2):
    curve = simulate(
        "semharq",
        "-6:8:2",
        max_transmissions=32,
        scheme_args={"theta_0_db": theta_0_db},
        out=f"runs/semharq_fig12/{theta_0_db}",
    )
    points = curve[curve["metric"] == "transmissions"]
    axis.plot(points["snr_db"], points["value"], "o-", label=f"theta_0 = {theta_0_db} dB")
axis.set(xlabel="SNR (dB)", ylabel="transmissions per image")
axis.grid(alpha=0.3)
axis.legend()
figure.savefig("semharq_fig12.png", dpi=130)
