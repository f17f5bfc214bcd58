"""The products of a network in WebAssembly: one function that multiplies rows of features by a matrix of weights.

The rows need not lie one behind the other. A row is put together from runs of numbers, whose addresses stand in a
table. So a convolution is a product too: of a 3×3 convolution over channels-last features, a row is three runs, each of
them three neighbouring pixels. Nothing is copied ("indirect convolution", Dukhan 2019, arXiv 1907.02129).

The function takes ``ROWS`` rows and some columns at a time, whose sums stay in registers. Weights lie in panels of so
many columns: for each number of a row, in order, its weight in each of the panel's columns.
"""

from collections.abc import Iterable

from lienzo.export import assembler

ROWS = 4
"""Rows that are multiplied together: 4 rows of 8 columns are 8 registers of sums, of 16."""

COLUMNS = (4, 8)
"""Columns of a panel. There is a function for each: ``multiply4`` and ``multiply8``."""

UNROLLED = 4
"""Numbers of each row that are multiplied in one pass of the innermost loop: the length of a run is a multiple."""

PARAMETERS = {
    "groups": "i32",  # how many times ROWS rows
    "runs": "i32",  # runs of a row
    "length": "i32",  # bytes of a run
    "sources": "i32",  # table of the addresses of all rows' first runs, then of their second runs, and so on
    "step": "i32",  # bytes of the table for one run of all rows
    "from": "i32",  # is added to all addresses of runs
    "targets": "i32",  # table of the addresses that the rows' products go to
    "to": "i32",  # is added to all addresses of products
    "weights": "i32",  # the first panel
    "bias": "i32",  # is added to the products of each column
    "panels": "i32",  # how many there are
    "slope": "f32",  # products below 0 are multiplied by it: 0 is ReLU, 1 the identity
}
"""Parameters of the functions, in order; all addresses are in bytes."""


def module() -> bytes:
    """Return the WebAssembly module."""
    return assembler.assemble(source())


def source() -> str:
    """Return the module in WebAssembly's text format."""
    functions = "\n".join(_multiply(columns) for columns in COLUMNS)
    return f'(module\n(import "page" "memory" (memory 1))\n{functions})\n'


def _multiply(columns: int) -> str:
    """Return the function for panels of so many columns."""
    vectors = range(columns // 4)
    cells = [(row, vector) for row in range(ROWS) for vector in vectors]
    parameters = "\n".join(f"  (param ${name} {kind})" for name, kind in PARAMETERS.items())
    counters = "".join(f" (local ${name} i32)" for name in ("group", "run", "at", "end", "weight", "source", "target"))
    rows = "".join(f" (local $a{row} i32)" for row in range(ROWS))
    weights = "".join(f" (local $w{vector} v128)" for vector in vectors)
    sums = "".join(f" (local $s{row}{vector} v128)" for row, vector in cells)
    return f"""
(func (export "multiply{columns}")
{parameters}
 {counters}
 {rows}
  (local $number v128){weights}
 {sums}
  loop $panel
    local.get $groups local.set $group
    local.get $sources local.set $source
    local.get $targets local.set $target
    loop $rows
      {_lines(f"local.get $bias v128.load offset={16 * vector} local.set $s{row}{vector}" for row, vector in cells)}
      local.get $weights local.set $weight
      local.get $source local.set $at
      local.get $runs local.set $run
      loop $run
        {_lines(_address(row) for row in range(ROWS))}
        local.get $a0 local.get $length i32.add local.set $end
        loop $numbers
          {_lines(_sum(number, row, vectors) for number in range(UNROLLED) for row in range(-1, ROWS))}
          {_lines(f"local.get $a{row} i32.const {4 * UNROLLED} i32.add local.set $a{row}" for row in range(ROWS))}
          local.get $weight i32.const {4 * UNROLLED * columns} i32.add local.set $weight
          local.get $a0 local.get $end i32.lt_u br_if $numbers
        end
        local.get $at local.get $step i32.add local.set $at
        local.get $run i32.const 1 i32.sub local.tee $run br_if $run
      end
      {_lines(_result(row, vectors) for row in range(ROWS))}
      local.get $source i32.const {4 * ROWS} i32.add local.set $source
      local.get $target i32.const {4 * ROWS} i32.add local.set $target
      local.get $group i32.const 1 i32.sub local.tee $group br_if $rows
    end
    local.get $weight local.set $weights
    local.get $bias i32.const {4 * columns} i32.add local.set $bias
    local.get $to i32.const {4 * columns} i32.add local.set $to
    local.get $panels i32.const 1 i32.sub local.tee $panels br_if $panel
  end)"""


def _address(row: int) -> str:
    """Read where the run of a row begins."""
    return f"local.get $at i32.load offset={4 * row} local.get $from i32.add local.set $a{row}"


def _sum(number: int, row: int, vectors: range) -> str:
    """Add a number of a row times its weights to the row's sums; row −1 reads the weights."""
    if row < 0:
        at = [16 * (number * len(vectors) + vector) for vector in vectors]
        return " ".join(f"local.get $weight v128.load offset={at[vector]} local.set $w{vector}" for vector in vectors)
    added = " ".join(
        f"local.get $s{row}{vector} local.get $number local.get $w{vector} f32x4.mul f32x4.add "
        f"local.set $s{row}{vector}"
        for vector in vectors
    )
    return f"local.get $a{row} v128.load32_splat offset={4 * number} local.set $number {added}"


def _result(row: int, vectors: range) -> str:
    """Write a row's sums x as max(x, slope · x)."""
    written = "\n      ".join(
        f"local.get $a{row} local.get $s{row}{vector} local.get $s{row}{vector} local.get $slope f32x4.splat "
        f"f32x4.mul f32x4.max v128.store offset={16 * vector}"
        for vector in vectors
    )
    return f"local.get $target i32.load offset={4 * row} local.get $to i32.add local.set $a{row}\n      {written}"


def _lines(instructions: Iterable[str]) -> str:
    return "\n          ".join(instructions)
