"""The learned half: encoder, coders, distortion evaluation, importance, training, data, metrics.

An island: it imports neither `phy` nor `simulator`. Training with the channel in the loop is
handed the channel as an argument.
"""

from semantic.renamed import keep_old_paths

keep_old_paths()
