"""The coded chain against a file that other people's code has written (benchmarks/cross_check)."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from phy.modulation import BITS_PER_SYMBOL

FOLDER = Path(__file__).parents[2] / "benchmarks" / "cross_check"


def load_compare() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cross_check_compare", FOLDER / "compare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where annotations look for their names
    spec.loader.exec_module(module)
    return module


compare: Any = load_compare()


@pytest.fixture
def reference() -> Any:
    return compare.Reference()


def test_reference_covers_the_chain(reference: Any) -> None:
    manifest = reference.manifest
    assert {case["name"] for case in manifest["crc"]} == {"CRC24A", "CRC24B", "CRC16", "CRC11"}
    assert {case["base_graph"] for case in manifest["ldpc"]} == {1, 2}
    assert {case["modulation"] for case in manifest["llr"]} == set(BITS_PER_SYMBOL)
    assert all(case["frames"] >= 500 for case in manifest["chain"])
    assert manifest["versions"]["sionna-no-rt"] == "1.2.2"


@pytest.mark.parametrize("check", compare.CHECKS[:-1], ids=lambda check: check.__name__)
def test_agrees_with_the_reference(check: Callable[[Any], Any], reference: Any) -> None:
    rows = list(check(reference))
    assert rows
    assert [row for row in rows if not row.agrees] == []


@pytest.mark.integration
def test_error_rates_are_no_worse(reference: Any) -> None:
    """Our decoder against Sionna's sum-product, one-sided Fisher tests at 1e-3 each."""
    rows = list(compare.check_error_rates(reference, sum_product=False))
    assert len(rows) == len(reference.manifest["chain"])
    assert [row for row in rows if not row.agrees] == []


def flip_bit(reference: Any, name: str) -> None:
    reference.arrays[name][0, 0] ^= 0x80


def shift(reference: Any, name: str) -> None:
    reference.arrays[name] = reference.arrays[name] + 1e-3


def invert(reference: Any, name: str) -> None:
    reference.arrays[name] = ~reference.arrays[name]


def no_errors(reference: Any, name: str) -> None:
    for case in reference.manifest[name]:
        case["errors"] = 0


@pytest.mark.parametrize(
    ("check", "damage", "name"),
    [
        ("check_crcs", flip_bit, "crc/5"),
        ("check_codewords", flip_bit, "ldpc/3/coded"),
        ("check_symbols", flip_bit, "mapping/16qam/bits"),
        ("check_llrs", shift, "llr/4/app"),
        ("check_decisions", invert, "decoded/llr"),
        ("check_regular_code", invert, "regular/0/found"),
        ("check_error_rates", no_errors, "chain"),
    ],
)
def test_damage_is_seen(
    check: str, damage: Callable[[Any, str], None], name: str, reference: Any
) -> None:
    damage(reference, name)
    options = {"sum_product": False} if check == "check_error_rates" else {}
    assert not all(row.agrees for row in getattr(compare, check)(reference, **options))
