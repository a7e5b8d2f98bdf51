"""SemHARQ v2, section V-C3: what the three answers still say, and the bounds on it, in bits.

    python benchmarks/papers/semharq_information.py

To be copied and changed: another channel, data, SNRs, G_max.
"""

import matplotlib.pyplot as plt

from simulator.papers.information import information
from simulator.spec import RunSpec, parse_snr

LINES = {
    "semharq_bits": "SemHARQ",
    "i_dl_bits": "no channel",
    "v2_bound_bits": "min(I_DL, G C), as printed",
    "channel_bound_bits": "min(I_DL, G B C)",
}

table = information(RunSpec(snr_db=parse_snr("-6:8:2"), max_transmissions=4))
print(table.to_string(index=False, float_format="%.2f"))
figure, axis = plt.subplots(figsize=(5, 4))
for column, label in LINES.items():
    axis.plot(table["snr_db"], table[column], "o-", label=label)
axis.set(xlabel="SNR (dB)", ylabel="bits")
axis.grid(alpha=0.3)
axis.legend()
figure.savefig("semharq_information.png", dpi=130)
