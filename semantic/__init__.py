"""The learned part: encoder, coders, distortion evaluation, importance, training, data, metrics.

This package imports neither `phy` nor `simulator`. Training with the channel in the loop takes the
channel as an argument.
"""

import sys

from semantic.old_paths import MODULES, NAMES, REMOVED, OldPaths

sys.meta_path.insert(0, OldPaths(MODULES, NAMES, REMOVED))
