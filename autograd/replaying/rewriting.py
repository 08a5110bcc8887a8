"""Rewrites of a tape that change its numbers by no more than rounding.

- "constants": what depends on no argument and no leaf is computed once, when it is recorded.
- "common": equal operations on equal inputs are one.
- "sums": additions whose results only go into the next addition are one sum, from left to right.
- "dots": products that only go into such a sum are a part of it.
- "plain": `sum` and `dot`, which round once, add from left to right too.

None but the last changes a value, not in its last bit. "common" adds gradients up in another order.
"plain" changes a sum of n terms by at most n 2^-53 times the sum of their magnitudes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..core.kinds import describe
from .kernels import native, number, reach
from .tape import CODES, INNER, TOTAL, USER, Tape

Array = Any  # of NumPy

REWRITES = ("constants", "common", "sums", "dots", "plain")


def chosen(rewrites: Any) -> frozenset[str]:
    """The names of the rewrites that `rewrites` asks for: True, False, or some of the names."""
    if isinstance(rewrites, bool):
        return frozenset(REWRITES if rewrites else ())
    names = [rewrites] if isinstance(rewrites, str) else list(rewrites)
    for name in names:
        if name not in REWRITES:
            raise ValueError(
                f"rewrites are True, False or some of {', '.join(REWRITES)}, not {describe(name)}"
            )
    return frozenset(names)


def rewrite(tape: Tape, data: Array, ids: Array, rewrites: frozenset[str]) -> tuple[Tape, Array]:
    """The tape rewritten, and `ids` (of what is needed of it) as they are in the new one.

    `data` has the number of each operation when it was recorded. What nothing needs is dropped.
    """
    if native is not None:
        return _in_c(tape, data, ids, rewrites)
    if rewrites & {"constants", "common"}:
        tape, ids = _numbered(tape, data, ids, rewrites)
    tape, ids = needed(tape, ids)
    if "plain" in rewrites:
        tape = _plain(tape)
    if rewrites & {"sums", "dots"}:
        tape = _collapsed(tape, ids, "sums" in rewrites, "dots" in rewrites)
    return needed(tape, ids)


def _in_c(tape: Tape, data: Array, ids: Array, rewrites: frozenset[str]) -> tuple[Tape, Array]:
    flags = sum(1 << i for i, name in enumerate(REWRITES) if name in rewrites)
    *parts, found = native.rewrite(
        tape.constants, tape.code, tape.start, tape.ins, tape.shut, data, ids, tape.sources, flags
    )
    names = ("constants", "code", "start", "ins", "rank", "shut")
    kinds = (float, np.int16, np.int32, np.int32, np.int32, bool)
    arrays = dict(zip(names, map(np.frombuffer, parts, kinds), strict=True))
    fields: dict[str, Any] = arrays
    return tape._replace(**fields), np.frombuffer(found, np.int32)


def renumbered(ids: Array, new: Array, constants: bool = False) -> Array:
    """`ids` with every id of an operation or source (or of a constant) replaced by its new one."""
    found = ids.astype(np.int32)
    which = found < 0 if constants else found >= 0
    found[which] = new[found[which]]
    return found


def _numbered(tape: Tape, data: Array, ids: Array, rewrites: Iterable[str]) -> tuple[Tape, Array]:
    key = np.where(tape.code < USER, tape.code * 2 + tape.shut, -1).astype(np.int32)
    same, folded = number(
        tape.sources, len(tape.constants), key, tape.start, tape.ins,
        "constants" in rewrites, "common" in rewrites,
    )  # fmt: skip
    tape = tape._replace(
        constants=np.concatenate([tape.constants, data[folded]]), ins=renumbered(tape.ins, same)
    )
    return tape, renumbered(ids, same)


def needed(tape: Tape, ids: Array) -> tuple[Tape, Array]:
    """The tape without the operations and constants that none of `ids` is computed from."""
    marked = np.zeros(tape.sources + len(tape.code), bool)
    marked[ids[ids >= 0]] = True
    found = reach(marked, tape.start, tape.ins)
    found[: tape.sources] = True
    keep = found[tape.sources :]
    sizes = np.diff(tape.start)
    edges = np.repeat(keep, sizes)
    new = np.cumsum(found) - 1
    ins, ids = renumbered(tape.ins[edges], new), renumbered(ids, new)
    used = np.zeros(len(tape.constants), bool)
    used[-1 - ins[ins < 0]] = used[-1 - ids[ids < 0]] = True
    place = -np.cumsum(used)[::-1]  # by -1 - id, read from the end
    return tape._replace(
        constants=tape.constants[used],
        code=tape.code[keep],
        start=starts(sizes[keep]),
        ins=renumbered(ins, place, constants=True),
        rank=tape.rank[edges],
        shut=tape.shut[keep],
    ), renumbered(ids, place, constants=True)


def starts(sizes: Any) -> Array:
    """Where each of some things of these sizes starts, and where the last one ends."""
    found = np.zeros(len(sizes) + 1, np.int32)
    np.cumsum(sizes, out=found[1:])
    return found


def within(sizes: Array) -> Array:
    """0, 1, ... for each of some things of these sizes."""
    return np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)


def _plain(tape: Tape) -> Tape:
    """sum and dot rows as sums from left to right: of x0 y0, x1 y1, ... side by side."""
    code = tape.code.copy()
    code[tape.code == CODES["sum"]] = TOTAL
    code[tape.code == CODES["dot"]] = INNER
    edges = np.flatnonzero((tape.code == CODES["dot"])[tape.owner])
    owner = tape.owner[edges]
    first, half = tape.start[owner], np.diff(tape.start)[owner] // 2
    local = edges - first
    place = first + np.where(local < half, 2 * local, 2 * (local - half) + 1)
    ins, rank = tape.ins.copy(), tape.rank.copy()
    ins[place], rank[place] = tape.ins[edges], tape.rank[edges]
    return tape._replace(code=code, ins=ins, rank=rank)


def _collapsed(tape: Tape, ids: Array, sums: bool, dots: bool) -> Tape:
    """Chains of additions as one sum, with the products that only it takes."""
    n, first = len(tape.code), tape.start[:-1]
    add = (tape.code == CODES["add"]) & ~tape.shut
    mul = (tape.code == CODES["mul"]) & ~tape.shut
    adds = np.flatnonzero(add)
    edge = first[adds][:, None] + np.arange(2)
    taken = tape.ins[edge]
    below = np.maximum(taken - tape.sources, 0)  # the operation that is taken, if it is one
    alone = (taken >= tape.sources) & _taken_once(tape, ids)[below] if n else taken > 0
    chained = alone & add[below] & sums
    chained[:, 1] &= ~chained[:, 0]
    head = np.arange(n)
    head[below[chained]] = np.broadcast_to(adds[:, None], below.shape)[chained]
    head = followed(head)
    # Every operand of every addition is a term, but for the one that is the chain so far.
    chain = np.broadcast_to(head[adds][:, None], below.shape)[~chained]
    product = (alone & mul[below] & dots)[~chained]
    has_products = np.bincount(chain[product], minlength=n) > 0
    long = has_products | (np.bincount(chain, minlength=n) > 2)
    order = np.flatnonzero(long[chain])
    order = order[np.argsort(chain[order], kind="stable")]
    chain, product = chain[order], product[order]
    edge, taken, below = (x[~chained][order] for x in (edge, taken, below))
    one = -len(tape.constants) - 1
    left = np.where(product, first[below], edge)
    right = np.where(product, first[below] + 1, 0)
    pairs = np.stack([tape.ins[left], np.where(product, tape.ins[right], one)], axis=1)
    ranks = np.stack([tape.rank[left], np.where(product, tape.rank[right], 0)], axis=1)
    both = np.stack([np.ones(len(chain), bool), has_products[chain]], axis=1)
    code = np.where(long, np.where(has_products, INNER, TOTAL), tape.code).astype(np.int16)
    sizes = np.where(long, 0, np.diff(tape.start))
    sizes += np.bincount(chain, 1 + has_products[chain], n).astype(np.int32)
    start = starts(sizes)
    new = np.repeat(long, sizes)
    ins, rank = np.empty(start[-1], np.int32), np.empty(start[-1], np.int32)
    old = ~long[tape.owner]
    ins[new], rank[new], ins[~new], rank[~new] = (
        pairs[both],
        ranks[both],
        tape.ins[old],
        tape.rank[old],
    )
    constants = np.append(tape.constants, 1.0)
    return tape._replace(constants=constants, code=code, start=start, ins=ins, rank=rank)


def _taken_once(tape: Tape, ids: Array) -> Array:
    """Which operations are an input once, and are not wanted themselves."""
    times = np.bincount(tape.ins[tape.ins >= 0], minlength=tape.sources + len(tape.code))
    times[ids[ids >= 0]] = 0
    return times[tape.sources :] == 1


def followed(link: Array) -> Array:
    """Where the links from each place lead in the end: to a constant, or a place of itself."""
    while True:
        further = np.where(link >= 0, link[np.maximum(link, 0)], link)
        if np.array_equal(further, link):
            return link
        link = further
