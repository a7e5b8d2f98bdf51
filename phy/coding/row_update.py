"""The update of one row of the base graph in vectors of 32 checks, written for LLVM.

    first pass, for 32 checks at a time:    T = P - R over the edges of the row,
                                            the two smallest |T| and the product of the signs
    second pass, for 32 checks at a time:   R = 3/4 x (smallest other |T|) x (other signs), P = T + R

What a pass sums over the edges stays in registers, so that an edge costs three loads and four
stores. A compiler does not find this order of loops by itself.

Z is rounded up to whole vectors. The surplus checks compute without a meaning: the arrays of a row
have room for them, and the second pass runs from the last checks to the first, so that what the
surplus writes behind a copy of a column is overwritten by the next copy.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic

from phy.coding import saturating_arithmetic as sat

#: Checks of a vector: two instructions with AVX2, one with AVX-512.
LANES = 32
_VECTOR = ir.VectorType(ir.IntType(16), LANES)
_LARGEST = 32767


class _Row:
    """Emits the loads and stores of a row.

    Args:
        context: Of numba.
        builder: Where the instructions go.
        signature: Types of the arguments.
        values: Arguments of `_update_row`.
    """

    def __init__(self, context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> None:
        self.builder = builder
        arrays = zip(signature.args[:5], values[:5], strict=True)
        data = [context.make_array(kind)(context, builder, value).data for kind, value in arrays]
        self.posterior, self.messages, self.scratch, self.read, self.write = data
        self.edges, self.checks, self.copy = values[5:]
        self.zero, self.one = ir.Constant(self.edges.type, 0), ir.Constant(self.edges.type, 1)

    def load(self, array: ir.Value, place: ir.Value) -> ir.Value:
        """32 numbers of an array from a place on."""
        return self.builder.load(self._at(array, place), align=2)

    def store(self, value: ir.Value, array: ir.Value, place: ir.Value) -> None:
        """Stores 32 numbers."""
        self.builder.store(value, self._at(array, place), align=2)

    def _at(self, array: ir.Value, place: ir.Value) -> ir.Value:
        return self.builder.bitcast(self.builder.gep(array, [place]), _VECTOR.as_pointer())

    def entry(self, array: ir.Value, edge: ir.Value) -> ir.Value:
        """The place of an edge's column."""
        return self.builder.load(self.builder.gep(array, [edge]))

    def edge(self, edge: ir.Value, check: ir.Value) -> ir.Value:
        """The place of an edge's checks in messages and scratch."""
        return self.builder.add(self.builder.mul(edge, self.checks), check)

    def of_row(self, number: int, check: ir.Value) -> ir.Value:
        """The place of one of the three sums over the edges, behind those of the edges."""
        return self.edge(self.builder.add(self.edges, ir.Constant(self.edges.type, number)), check)


def _first_pass(row: _Row, check: ir.Value) -> None:
    """T = P - R, the two smallest magnitudes and the sign, of 32 checks."""
    b = row.builder
    variable: Any = cgutils.alloca_once_value
    least, second, sign = (variable(b, _VECTOR(value)) for value in (_LARGEST, _LARGEST, 0))
    with cgutils.for_range(b, row.edges) as loop:
        place = row.edge(loop.index, check)
        p = row.load(row.posterior, b.add(row.entry(row.read, loop.index), check))
        value = sat.emit_subtract(b, p, row.load(row.messages, place))
        row.store(value, row.scratch, place)
        magnitude, smallest = sat.emit_absolute(b, value), b.load(least)
        larger = sat.emit_larger(b, smallest, magnitude)
        b.store(sat.emit_smaller(b, b.load(second), larger), second)
        b.store(sat.emit_smaller(b, smallest, magnitude), least)
        b.store(b.xor(b.load(sign), value), sign)
    for number, found in enumerate((least, second, sign)):
        row.store(b.load(found), row.scratch, row.of_row(number, check))


def _second_pass(row: _Row, check: ir.Value) -> None:
    """R and P = T + R of 32 checks, P twice."""
    b = row.builder
    sums = [row.load(row.scratch, row.of_row(number, check)) for number in range(3)]
    least, second, sign = sums
    with cgutils.for_range(b, row.edges) as loop:
        place = row.edge(loop.index, check)
        value = row.load(row.scratch, place)
        smallest = b.icmp_signed("==", sat.emit_absolute(b, value), least)
        other = sat.emit_three_quarters(b, b.select(smallest, second, least))
        message = sat.emit_with_sign(b, other, b.xor(sign, value))
        row.store(message, row.messages, place)
        column, posterior = row.entry(row.write, loop.index), sat.emit_add(b, value, message)
        row.store(posterior, row.posterior, b.add(column, check))
        row.store(posterior, row.posterior, b.add(b.add(column, row.copy), check))


def _emit(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> ir.Value:
    row = _Row(context, builder, signature, values)
    width = ir.Constant(row.checks.type, LANES)
    vectors = builder.udiv(row.checks, width)
    with cgutils.for_range(builder, vectors) as loop:
        _first_pass(row, builder.mul(loop.index, width))
    last = builder.sub(vectors, row.one)
    with cgutils.for_range(builder, vectors) as loop:
        _second_pass(row, builder.mul(builder.sub(last, loop.index), width))
    return context.get_dummy_value()


def _update_row(
    typing: Any,
    posterior: Any,
    messages: Any,
    scratch: Any,
    read: Any,
    write: Any,
    edges: Any,
    checks: Any,
    copy: Any,
) -> Any:
    """Updates one row; for functions that numba compiles.

    Args:
        posterior: int16, P of all columns, each stored twice.
        messages: int16, R of the row's edges, [edges, checks] from its first element on.
        scratch: int16, overwritten: T of the row's edges, and three sums, [edges + 3, checks].
        read: int64 [edges], place in `posterior` of each edge's first check before the update.
        write: int64 [edges], place of each edge's first check afterwards, in the first copy.
        edges: intp, number of edges.
        checks: intp, Z rounded up to a multiple of `LANES`.
        copy: intp, distance of the two copies of a column, Z.
    """
    arguments = (posterior, messages, scratch, read, write, edges, checks, copy)
    return types.none(*arguments), _emit


update_row: Any = intrinsic(_update_row)
