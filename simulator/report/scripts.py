"""The charting library of a report: Vega-Lite, which vl-convert brings along as JavaScript."""

from __future__ import annotations

from importlib.metadata import version

import torch

from simulator.cache import cache_file, load_cached, save_cached

_EXPORT = "window.vegaEmbed = vegaEmbed;"


def vega_script() -> str:
    """Returns Vega, Vega-Lite and Vega-Embed as one script (0.9 MB).

    It takes seconds to make and is therefore cached.

    Raises:
        ValueError: One line, if vl-convert is not installed.
    """
    try:
        import vl_convert
    except ImportError:
        raise ValueError(
            "simulate report needs vl-convert: pip install 'semharq-sim[report]'"
        ) from None
    path = cache_file("vega", version("vl-convert-python"), _EXPORT)
    cached = load_cached(path)
    if cached is not None:
        return cached[1]
    script: str = vl_convert.javascript_bundle(_EXPORT)
    script = script.replace("</script", "<\\/script")
    save_cached(path, {"empty": torch.zeros(1)}, script)
    return script
