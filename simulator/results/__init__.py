"""From one row per image to numbers: metrics, intervals, comparisons, figures."""
