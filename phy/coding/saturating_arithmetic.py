"""Saturating arithmetic on 16-bit integers in compiled loops.

Numba widens int16 + int16 to int64; a vector instruction then processes a quarter of the numbers.
The operations of this module keep the type of their operands and compile to one vector instruction
each. `add` and `exclusive_or` work in functions compiled by numba, on two operands of one integer
type. The functions `emit_...` write instructions for LLVM, on integers or on vectors of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic

_Emit = Callable[..., ir.Value]


def _same_type(emit: _Emit) -> Any:
    """Returns an intrinsic whose two operands and result have one integer type."""

    # Numba reads the signature, so that the arguments must be explicit.
    def typed(typing: Any, a: Any, b: Any) -> Any:
        if not isinstance(a, types.Integer) or a != b:
            return None

        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> ir.Value:
            return emit(builder, *values)

        return a(a, b), generate

    return intrinsic(typed)


def _llvm(name: str) -> _Emit:
    """Returns a function that emits a call of an LLVM intrinsic on the type of the operands."""

    def emit(builder: ir.IRBuilder, *values: ir.Value) -> ir.Value:
        kind = values[0].type
        vector = isinstance(kind, ir.VectorType)
        suffix = f"v{kind.count}{kind.element}" if vector else str(kind)
        signature = ir.FunctionType(kind, [kind] * len(values))
        insert: Any = cgutils.get_or_insert_function
        return builder.call(insert(builder.module, signature, f"{name}.{suffix}"), values)

    return emit


def emit_absolute(builder: ir.IRBuilder, a: ir.Value) -> ir.Value:
    """|a| as an unsigned number."""
    negative = builder.icmp_signed("<", a, a.type(0))
    return builder.select(negative, builder.sub(a.type(0), a), a)


def emit_with_sign(builder: ir.IRBuilder, magnitude: ir.Value, sign: ir.Value) -> ir.Value:
    """The magnitude with the sign of another number."""
    negative = builder.icmp_signed("<", sign, sign.type(0))
    return builder.select(negative, builder.sub(sign.type(0), magnitude), magnitude)


def emit_three_quarters(builder: ir.IRBuilder, a: ir.Value) -> ir.Value:
    """floor(3 a / 4) of a magnitude. Rounding up instead loses 0.1 dB with coarse quantization."""
    return builder.sub(a, builder.lshr(builder.add(a, a.type(3)), a.type(2)))


def _exclusive_or(builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> ir.Value:
    return builder.xor(a, b)


#: a + b and a - b, saturated to the range of the type.
emit_add, emit_subtract = _llvm("llvm.sadd.sat"), _llvm("llvm.ssub.sat")
#: Minimum and maximum of two magnitudes as unsigned numbers: |-32768| is 32768.
emit_smaller, emit_larger = _llvm("llvm.umin"), _llvm("llvm.umax")

#: a + b, saturated to the range of the type.
add = _same_type(emit_add)
#: Bitwise exclusive or; its sign is the sign of the product.
exclusive_or = _same_type(_exclusive_or)
