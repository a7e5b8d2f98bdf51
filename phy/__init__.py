"""The physical layer: random streams, channels, SNR conversions, modulation, coding.

An island: it imports neither `semantic` nor `simulator`.
"""

import sys

from phy.old_paths import MODULES, NAMES, REMOVED, OldPaths

sys.meta_path.insert(0, OldPaths(MODULES, NAMES, REMOVED))
