"""The physical layer: random streams, channels, SNR conversions, modulation, coding.

An island: it imports neither `semantic` nor `simulator`.
"""

from phy.renamed import keep_old_paths

keep_old_paths()
