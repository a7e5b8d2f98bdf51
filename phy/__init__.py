"""The physical layer: random streams, channels, SNR conversions, modulation, coding.

An island: it imports neither `semantic` nor `simulator`.
"""

from phy.old_paths import keep_old_paths

keep_old_paths()
