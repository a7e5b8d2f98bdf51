"""The learned part: encoder, coders, distortion evaluation, importance, training, data, metrics.

This package imports neither `phy` nor `simulator`. Training with the channel in the loop takes the
channel as an argument.
"""

from semantic.old_paths import keep_old_paths

keep_old_paths()
