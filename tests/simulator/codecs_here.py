"""The codecs of the catalog as parameters; a codec whose library is missing is skipped."""

import importlib.util

import pytest

from simulator.catalog import CODECS

CODECS_HERE = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            name == "heic" and importlib.util.find_spec("pillow_heif") is None,
            reason="needs pillow-heif",
        ),
    )
    for name in CODECS
]
