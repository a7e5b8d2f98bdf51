"""Saturating arithmetic on 16-bit integers in compiled loops.

Numba widens int16 + int16 to int64; a vector instruction then processes a quarter of the numbers.
The operations of this module keep the type of their operands and compile to one vector instruction
each. They work only in functions compiled by numba; all operands have the same integer type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.extending import intrinsic

_Emit = Callable[..., ir.Value]


def _same_type(emit: _Emit, operands: int) -> Any:
    """Returns an intrinsic whose operands and result have one integer type."""

    def typed(*arguments: Any) -> Any:
        if not all(isinstance(a, types.Integer) and a == arguments[0] for a in arguments):
            return None

        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> ir.Value:
            return emit(builder, *values)

        return arguments[0](*arguments), generate

    # Numba reads the signature, so that the arguments must be explicit.
    if operands == 1:
        return intrinsic(lambda typing, a: typed(a))
    if operands == 2:
        return intrinsic(lambda typing, a, b: typed(a, b))
    return intrinsic(lambda typing, a, b, c, d: typed(a, b, c, d))


def _llvm(name: str) -> _Emit:
    """Returns a function that emits a call of an LLVM intrinsic on the type of the operands."""

    def emit(builder: ir.IRBuilder, *values: ir.Value) -> ir.Value:
        kind = values[0].type
        function = builder.module.declare_intrinsic(
            name, [kind], ir.FunctionType(kind, [kind] * len(values))
        )
        return builder.call(function, values)

    return emit


def _absolute(builder: ir.IRBuilder, a: ir.Value) -> ir.Value:
    negative = builder.icmp_signed("<", a, a.type(0))
    return builder.select(negative, builder.sub(a.type(0), a), a)


def _with_sign(builder: ir.IRBuilder, magnitude: ir.Value, sign: ir.Value) -> ir.Value:
    negative = builder.icmp_signed("<", sign, sign.type(0))
    return builder.select(negative, builder.sub(sign.type(0), magnitude), magnitude)


def _exclusive_or(builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> ir.Value:
    return builder.xor(a, b)


def _choose(b: ir.IRBuilder, x: ir.Value, y: ir.Value, same: ir.Value, other: ir.Value) -> ir.Value:
    return b.select(b.icmp_signed("==", x, y), same, other)


def _three_quarters(builder: ir.IRBuilder, a: ir.Value) -> ir.Value:
    return builder.sub(a, builder.lshr(builder.add(a, a.type(3)), a.type(2)))


#: a + b and a - b, saturated to the range of the type.
add = _same_type(_llvm("llvm.sadd.sat"), 2)
subtract = _same_type(_llvm("llvm.ssub.sat"), 2)
#: Minimum and maximum of two magnitudes as unsigned numbers: |-32768| is 32768.
smaller = _same_type(_llvm("llvm.umin"), 2)
larger = _same_type(_llvm("llvm.umax"), 2)
#: Bitwise exclusive or; its sign is the sign of the product.
exclusive_or = _same_type(_exclusive_or, 2)
#: |a| as an unsigned number.
absolute = _same_type(_absolute, 1)
#: The magnitude a with the sign of b.
with_sign = _same_type(_with_sign, 2)
#: c where a == b, d elsewhere.
choose = _same_type(_choose, 4)
#: floor(3 a / 4) of a magnitude. Rounding up instead loses 0.1 dB with coarse quantization.
three_quarters = _same_type(_three_quarters, 1)
