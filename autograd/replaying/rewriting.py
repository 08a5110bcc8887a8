"""Rewrites of a tape that change its numbers by no more than rounding.

- "constants": operations that depend on no argument and no leaf are computed once, in recording.
- "sums": additions whose results only go into the next addition become one sum, left to right.
- "dots": products that only go into such a sum become part of it.
- "plain": `sum` and `dot`, which round once, add from left to right too.

Only "plain" changes values, not even the last bit of one changes otherwise: a sum of n terms by at
most n 2^-53 times the sum of magnitudes. With any of them gradients are summed in another order, to
which the same bound applies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.kinds import describe
from .kernels import Array, levels, reach
from .tape import CODES, INNER, TOTAL, Tape

Rewrites = bool | str | Sequence[str] | frozenset[str]
REWRITES = ("constants", "sums", "dots", "plain")


def chosen(rewrites: Rewrites) -> frozenset[str]:
    """The names of the rewrites that `rewrites` selects: True, False, or some of the names."""
    if isinstance(rewrites, bool):
        return frozenset(REWRITES if rewrites else ())
    names = [rewrites] if isinstance(rewrites, str) else list(rewrites)
    for name in names:
        if name not in REWRITES:
            raise ValueError(
                f"rewrites are True, False or some of {', '.join(REWRITES)}, not {describe(name)}"
            )
    return frozenset(names)


def rewrite(
    tape: Tape, data: Array, ids: Array, rewrites: frozenset[str], results: int
) -> tuple[Tape, Array]:
    """The tape rewritten, and the new ids for `ids`; operations they do not need are dropped.

    `data` has the number of each operation when it was recorded. The first `results` of `ids` are
    results, the others guards. The numbers that a guard hangs on are exact: computed as the engine
    does. Where nothing is rewritten, all numbers are.
    """
    if "constants" in rewrites:
        tape, ids = _folded(tape, data, ids)
    tape, ids = needed(tape, ids)
    tape = tape._replace(faithful=reached(tape, ids[results * bool(rewrites) :])[tape.sources :])
    if "plain" in rewrites:
        tape = _plain(tape)
    if rewrites & {"sums", "dots"}:
        terms = terms_of(tape, ids, "sums" in rewrites, "dots" in rewrites)
        if len(terms.edge):
            tape, ids = needed(with_sums(tape, terms), ids)
    return tape, ids


def renumbered(ids: Array, new: Array, constants: bool = False) -> Array:
    """`ids` with the id of every operation and source (or of every constant) replaced."""
    found = ids.astype(np.int32)
    which = found < 0 if constants else found >= 0
    found[which] = new[found[which]]
    return found


def _folded(tape: Tape, data: Array, ids: Array) -> tuple[Tape, Array]:
    """The tape with a constant for every operation that depends on nothing else."""
    moving = levels(np.ones(tape.sources, np.int32), tape.start, tape.ins) > 0
    fixed = np.flatnonzero(~moving[tape.sources :])
    if not len(fixed):
        return tape, ids
    new = np.arange(len(moving))
    new[tape.sources + fixed] = -1 - len(tape.constants) - np.arange(len(fixed))
    constants = np.concatenate([tape.constants, data[fixed]])
    return tape._replace(constants=constants, ins=renumbered(tape.ins, new)), renumbered(ids, new)


def needed(tape: Tape, ids: Array) -> tuple[Tape, Array]:
    """The tape without the operations and constants that `ids` do not depend on."""
    found = reached(tape, ids)
    found[: tape.sources] = True
    if found.all():
        return tape, ids
    keep = found[tape.sources :]
    sizes = tape.sizes
    edges = np.repeat(keep, sizes)
    new = np.cumsum(found) - 1
    ins, ids = renumbered(tape.ins[edges], new), renumbered(ids, new)
    used = marked(len(tape.constants), -1 - np.concatenate([ins[ins < 0], ids[ids < 0]]))
    place = -np.cumsum(used)[::-1]  # by -1 - id, read from the end
    return tape._replace(
        constants=tape.constants[used],
        code=tape.code[keep],
        start=starts(sizes[keep]),
        ins=renumbered(ins, place, constants=True),
        faithful=tape.faithful[keep],
        shut=tape.shut[keep],
    ), renumbered(ids, place, constants=True)


def reached(tape: Tape, ids: Array) -> Array:
    """Whether each source and operation is in `ids`, or one of these is computed from it."""
    return reach(marked(tape.sources + len(tape.code), ids[ids >= 0]), tape.start, tape.ins)


def marked(size: int, places: Array) -> Array:
    """True at these places, False elsewhere."""
    found = np.zeros(size, bool)
    found[places] = True
    return found


def starts(sizes: Any) -> Array:
    """The start of each group in an array of groups of these sizes, and the end of the last."""
    found = np.zeros(len(sizes) + 1, np.int32)
    np.cumsum(sizes, out=found[1:])
    return found


def within(sizes: Array) -> Array:
    """0, 1, ... in each of some groups of these sizes."""
    return np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)


def _plain(tape: Tape) -> Tape:
    """`sum` and `dot` as sums from left to right; the inputs of a dot become x0 y0 x1 y1 ..."""
    is_sum, is_dot = ((tape.code == CODES[name]) & ~tape.faithful for name in ("sum", "dot"))
    if not (is_sum.any() or is_dot.any()):
        return tape
    code = tape.code.copy()
    code[is_sum], code[is_dot] = TOTAL, INNER
    edges = np.flatnonzero(is_dot[tape.owner])
    owner = tape.owner[edges]
    first, half = tape.start[owner], tape.sizes[owner] // 2
    local = edges - first
    place = first + np.where(local < half, 2 * local, 2 * (local - half) + 1)
    ins = tape.ins.copy()
    ins[place] = tape.ins[edges]
    return tape._replace(code=code, ins=ins)


class Terms(NamedTuple):
    """The terms of sums: operands of additions, in the order in which they are added."""

    edge: Array  # the operand's place among the tape's inputs
    sum: Array  # the last addition of the term's chain, which becomes the sum
    product: Array  # the multiplication that becomes a part of the sum, or -1


def terms_of(tape: Tape, ids: Array, sums: bool, dots: bool) -> Terms:
    """The terms of all sums that are worth writing: of more than two terms, or with a product.

    For a = x * y; b = a + z; c = b + x, the sum c has the terms a (a product), z and x.
    """
    once = _taken_once(tape, ids)
    add = np.flatnonzero(_passing(tape, "add"))
    edges = tape.start[add][:, None] + np.arange(2)
    operation = np.maximum(tape.ins[edges] - tape.sources, -1)  # -1 for another number
    place = np.full(len(tape.code) + 1, -1)  # of an addition that may be in the middle of a chain
    place[add] = np.where(once[add] & sums, np.arange(len(add)), -1)
    along = place[operation] >= 0
    along[:, 1] &= ~along[:, 0]  # one chain goes through an addition
    goes_on, last = along[:, 0] | along[:, 1], np.arange(len(add))
    last[place[operation[along]]] = np.flatnonzero(goes_on)
    while not np.array_equal(further := last[last], last):
        last = further
    edge, operation = edges[~along], operation[~along]
    sum = np.repeat(add[last], 2 - goes_on)
    is_product = (once & dots & _passing(tape, "mul"))[operation] & (operation >= 0)
    product = np.where(is_product, operation, -1)
    counts, products = (np.bincount(x, minlength=len(tape.code)) for x in (sum, sum[is_product]))
    worth = np.flatnonzero(((counts > 2) | (products > 0))[sum])
    order = worth[np.argsort(sum[worth], kind="stable")]
    return Terms(edge[order], sum[order], product[order])


def with_sums(tape: Tape, terms: Terms) -> Tape:
    """The tape with sums in the place of their last additions.

    `total x y z` is x + y + z, and `inner x y z 1` is x * y + z * 1.
    """
    edge, sum, product = terms
    one = -len(tape.constants) - 1
    is_sum, is_inner = np.zeros((2, len(tape.code)), bool)
    is_sum[sum] = is_inner[sum[product >= 0]] = True
    first = tape.start[:-1][product]
    left = np.where(product >= 0, first, edge)
    right = np.where(product >= 0, first + 1, 0)
    pairs = np.stack([tape.ins[left], np.where(product >= 0, tape.ins[right], one)], axis=1)
    taken = np.stack([np.ones(len(sum), bool), is_inner[sum]], axis=1)  # of a pair

    sizes = np.where(is_sum, 0, tape.sizes)
    sizes += np.bincount(sum, 1 + is_inner[sum], len(sizes)).astype(np.int32)
    start = starts(sizes)
    ins = np.empty(start[-1], np.int32)
    new, old = np.repeat(is_sum, sizes), ~is_sum[tape.owner]
    ins[new], ins[~new] = pairs[taken], tape.ins[old]
    code = np.where(is_sum, np.where(is_inner, INNER, TOTAL), tape.code).astype(np.int16)
    constants = np.append(tape.constants, 1.0)
    return tape._replace(constants=constants, code=code, start=start, ins=ins)


def _passing(tape: Tape, name: str) -> Array:
    """Whether each operation is of this row, and lets gradients through."""
    return (tape.code == CODES[name]) & ~tape.shut


def _taken_once(tape: Tape, ids: Array) -> Array:
    """Whether each operation is an input exactly once, and is not one of `ids`."""
    times = np.bincount(tape.ins[tape.ins >= 0], minlength=tape.sources + len(tape.code))
    times[ids[ids >= 0]] = 0
    return times[tape.sources :] == 1
