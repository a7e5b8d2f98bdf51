"""The physical layer: random streams, channels, SNR conversions, modulation, coding.

An island: it imports neither `semantic` nor `simulator`.
"""
