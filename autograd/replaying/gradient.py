"""The gradient of a tape, as more tape.

Every operation between the result and a wanted number has the shares that `columns` writes for its
row. The shares that meet in one number are added up as one sum of products, in the order in which
the walk back over the graph adds them, so that a gradient equals the walk's to the last bit.
"""

from __future__ import annotations

import numpy as np

from ..core.rules import Rule
from .columns import Foreign, Pullback, Ref, pullback_of, pullback_of_sum
from .kernels import Array, levels, native, reach
from .rewriting import followed, starts, within
from .tape import CODES, INNER, TOTAL, USER, Constants, Tape


def differentiate(tape: Tape, root: int, wanted: Array) -> tuple[Tape, Array]:
    """The tape with the gradient of `root` behind it, and the ids of the gradients.

    `wanted` has the ids of arguments and leaves, and -1 for what the tape does not depend on; where
    no share arrives, the gradient is 0.
    """
    if root < 0:  # a constant
        constants = Constants(tape.constants)
        zero = np.full(len(wanted), constants.id(0.0), np.int32)
        return tape._replace(constants=constants.numbers), zero
    found = _in_c(tape, root, wanted) if native is not None else None
    return found or _Walk(tape, root, wanted).tape()


Rows = list[Rule | Foreign]
# A `Ref` as C reads it: its kind, and then 24 bits.
KINDS = {"x": 0 << 24, "step": 1 << 24, "g": 2 << 24, "out": 3 << 24}
ABSENT = -(2**31)


def _in_c(tape: Tape, root: int, wanted: Array) -> tuple[Tape, Array] | None:
    """`differentiate` in C; None where it depends on a condition whether a gradient arrives."""
    constants, rows = Constants(tape.constants), list(tape.rows)
    one, zero = constants.id(1.0), constants.id(0.0)
    group, kinds = native.groups(tape.code, tape.start)
    of = [pullback_of(tape.row(c), n, True) if c not in (TOTAL, INNER) else None for c, n in kinds]
    known = [pullback for pullback in of if pullback is not None]
    place = np.cumsum([pullback is not None for pullback in of]) - 1
    place[[pullback is None for pullback in of]] = -1

    def read(ref: Ref | None) -> int:
        if ref is None:
            return ABSENT
        kind, x = ref
        return constants.id(float(x)) if kind == "number" else KINDS[kind] + (x or 0)

    shares = [
        [read(share.left), read(share.right), read(share.given)] if share else [ABSENT] * 3
        for each in known for share in each.shares
    ]  # fmt: skip
    steps = [step for each in known for step in each.steps]
    refs = [read(ref) for step in steps for ref in step.refs]
    tables = (
        starts([len(each.shares) for each in known]), np.array(shares, np.int32),
        starts([len(each.steps) for each in known]),
        np.array([code_in(rows, step.code) for step in steps], np.int32),
        starts([len(step.refs) for step in steps]), np.array(refs, np.int32),
    )  # fmt: skip
    found = native.differentiate(
        tape.code, tape.start, tape.ins, tape.rank, tape.shut,
        place[np.frombuffer(group, np.int32)].astype(np.int32), *tables,
        wanted.astype(np.int32), tape.sources, root, one, zero,
    )  # fmt: skip
    if found is None:
        return None
    kinds = (np.int16, np.int32, np.int32, np.int32)
    code, start, ins, gradients = map(np.frombuffer, found, kinds)
    return behind(tape, code, start, ins, constants, rows), gradients


def code_in(rows: Rows, code: int | Foreign) -> int:
    """The code of a step; a `Foreign` is added to `rows`."""
    if not isinstance(code, Foreign):
        return code
    if code not in rows:
        rows.append(code)
    return USER + rows.index(code)


def behind(
    tape: Tape, code: Array, start: Array, ins: Array, constants: Constants, rows: Rows
) -> Tape:
    """A tape with more operations behind it."""
    return tape._replace(
        constants=constants.numbers,
        code=np.concatenate([tape.code, code.astype(np.int16)]),
        start=np.concatenate([tape.start, tape.start[-1] + start[1:]]).astype(np.int32),
        ins=np.concatenate([tape.ins, ins]),
        rank=np.concatenate([tape.rank, np.zeros_like(ins)]),
        shut=np.concatenate([tape.shut, np.zeros(len(code), bool)]),
        rows=tuple(rows),
    )


class _Walk:
    """The walk back over a tape, for all operations at once.

    The new operations get their ids last. Until then numbers have names: an id of the tape is its
    own name, `size` + i is the gradient that arrives at the id i, 2 `size` + i is whether one
    arrives, and 3 `size` + j is the j-th of all steps.
    """

    def __init__(self, tape: Tape, root: int, wanted: Array) -> None:
        self.old, self.wanted = tape, wanted
        self.size = tape.sources + len(tape.code)
        self.arity, self.owner = np.diff(tape.start), tape.owner
        self.is_sum = (tape.code == TOTAL) | (tape.code == INNER)
        self.constants = Constants(tape.constants)
        self.one, self.zero = self.constants.id(1.0), self.constants.id(0.0)
        self.rows = list(tape.rows)
        self._explore(root)
        self._hand_back()
        self._gather(root)

    # ---- where the walk goes ----

    def _explore(self, root: int) -> None:
        """Find the ids between root and wanted numbers, and those a gradient surely reaches."""
        old = self.old
        passes, chosen = ~old.shut[self.owner], np.zeros(len(old.ins), bool)
        for code, arity, ops in self._groups(~self.is_sum):
            for k, share in enumerate(pullback_of(old.row(code), arity, True).shares):
                edges = old.start[ops] + k
                passes[edges] &= share is not None
                chosen[edges] = share is not None and share.given is not None
        seeds, mark = np.zeros(old.sources, np.int32), np.zeros(self.size, bool)
        seeds[self.wanted[self.wanted >= 0]], mark[root] = 1, True
        way = np.where(passes, old.ins, -1)
        self.on = (levels(seeds, old.start, way) > 0) & reach(mark, old.start, way)
        edges = passes & (old.ins >= 0)
        edges &= self.on[np.maximum(old.ins, 0)] & self.on[old.sources + self.owner]
        self.sure = self.on
        if chosen[edges].any():
            self.sure = self.on & reach(mark, old.start, np.where(chosen, -1, way))
        # Sorted by the number they lead to, and then in the order of the walk.
        found = np.flatnonzero(edges)
        key = old.ins[found].astype(np.int64) * (old.rank.max(initial=0) + 1) + old.rank[found]
        self.edges = found[np.argsort(key)]

    def _groups(self, which: Array) -> list[tuple[int, int, Array]]:
        """Some operations, grouped by code and number of inputs."""
        found, code = [], self.old.code
        for c in np.flatnonzero(np.bincount(code[which])):
            some = np.flatnonzero(which & (code == c))
            for arity in np.flatnonzero(np.bincount(self.arity[some])):
                found.append((int(c), int(arity), some[self.arity[some] == arity]))
        return found

    # ---- the shares ----

    def _hand_back(self) -> None:
        """Write the steps of each operation, and each edge's share: `left` * `right` if `given`."""
        old = self.old
        self.left, self.right, self.given = np.full((3, len(old.ins)), self.one, np.int64)
        on, sure = self.on[old.sources :], self.sure[old.sources :]
        groups = [
            (ops, pullback_of(old.row(code), arity, True))
            for code, arity, ops in self._groups(on & sure & ~self.is_sum)
        ] + [
            (ops, pullback_of_sum(code == INNER, arity) if code in (TOTAL, INNER)
             else pullback_of(old.row(code), arity, False))
            for code, arity, ops in self._groups(on & ~sure)
        ]  # fmt: skip
        self.steps = np.zeros(self.size, np.int64)
        for ops, pullback in groups:
            self.steps[old.sources + ops] = len(pullback.steps)
        self.first_step = 3 * self.size + starts(self.steps)[:-1].astype(np.int64)
        self.written: list[tuple[Array, int, Array]] = []
        for ops, pullback in groups:
            self._write(ops, pullback)
        self._hand_back_of_sums(self.edges[(self.is_sum & sure)[self.owner[self.edges]]])

    def _write(self, ops: Array, pullback: Pullback) -> None:
        first = self.first_step[self.old.sources + ops]
        for t, step in enumerate(pullback.steps):
            taken = np.stack([self._numbers(ref, ops) for ref in step.refs], axis=1)
            self.written.append((first + t, code_in(self.rows, step.code), taken))
        for k, share in enumerate(pullback.shares):
            if share is not None:
                edges = self.old.start[ops] + k
                self.left[edges] = self._numbers(share.left, ops)
                self.right[edges] = self._numbers(share.right, ops)
                if share.given is not None:
                    self.given[edges] = self._numbers(share.given, ops)

    def _hand_back_of_sums(self, edges: Array) -> None:
        """A term's share is the gradient that arrives; a factor's, that times the other factor."""
        takers = self.owner[edges]
        self.left[edges] = self.size + self.old.sources + takers
        factors = edges[self.old.code[takers] == INNER]
        first = self.old.start[self.owner[factors]]
        self.right[factors] = self.old.ins[first + ((factors - first) ^ 1)]

    def _numbers(self, ref: Ref, ops: Array) -> Array:
        """The names of the number that a step or a share of each operation takes."""
        kind, x = ref
        if kind == "number":
            return np.full(len(ops), self.constants.id(float(x)))
        if kind == "x":
            return self.old.ins[self.old.start[ops] + x]
        if kind == "step":
            return self.first_step[self.old.sources + ops] + x
        return {"out": 0, "g": 1, "arrives": 2}[kind] * self.size + self.old.sources + ops

    # ---- the sums of shares, and the new ids ----

    def _gather(self, root: int) -> None:
        """Group the shares by the number they lead to, and give every name its id."""
        edges = self.edges
        ins, is_plain = self.old.ins[edges], self.right[edges] == self.one
        self.first = np.flatnonzero(np.diff(ins, prepend=-1))  # of each group
        self.targets, self.counts = ins[self.first], np.diff(self.first, append=len(edges))
        self.plain = np.logical_and.reduceat(is_plain, self.first) if len(edges) else is_plain
        self.alone = self.plain & (self.counts == 1)  # the one share is the gradient
        unsure = ~self.sure[self.targets]
        self.several, self.single = unsure & (self.counts > 1), unsure & (self.counts == 1)
        link, place = self._linked(root), self._placed()
        self.final = np.where(link >= 0, place[np.maximum(link, 0)], link)

    def _linked(self, root: int) -> Array:
        """For each name the one whose number it has: another, if it needs no operation."""
        link = np.arange(3 * self.size + int(self.steps.sum()))
        arriving, is_given = link[self.size : 2 * self.size], link[2 * self.size : 3 * self.size]
        share = self.edges[self.first]
        arriving[root] = self.one
        arriving[self.targets[self.alone]] = self.left[share[self.alone]]
        is_given[self.targets[self.single]] = self.given[share[self.single]]
        return followed(link)

    def _placed(self) -> Array:
        """An id for each name: a block of ids for each number, the youngest number's first.

        A block has a total and a `where` (whether any of several shares is given), the sum of the
        shares, and the steps of the operation; each only where it is needed.
        """
        size, conditions, sums = self.size, *np.zeros((2, self.size), np.int64)
        conditions[self.targets] = 2 * self.several
        sums[self.targets] = ~self.alone
        blocks = conditions + sums + self.steps
        self.count = int(blocks.sum())
        block = (size + starts(blocks[::-1])[:-1].astype(np.int64))[::-1]
        first_step = np.repeat(block + conditions + sums, self.steps)
        return np.concatenate(
            [np.arange(size), block + conditions, block + 1, first_step + within(self.steps)]
        )

    def _id(self, names: Array) -> Array:
        """The ids of these names."""
        return np.where(names >= 0, self.final[np.maximum(names, 0)], names)

    def tape(self) -> tuple[Tape, Array]:
        """The tape with the new operations, and the ids of the gradients."""
        size, edges, old = self.size, self.edges, self.old
        new = _Operations()
        for steps, step, taken in self.written:
            new.add(self._id(steps), step, taken.shape[1], self._id(taken).ravel())
        pairs = self._id(np.stack([self.left[edges], self.right[edges]], axis=1))
        both = np.ones_like(pairs, bool)
        both[:, 1] = np.repeat(~self.plain, self.counts)
        code = np.where(self.counts == 1, CODES["mul"], np.where(self.plain, TOTAL, INNER))
        some, which = ~self.alone, np.repeat(~self.alone, self.counts)
        new.add(
            self._id(size + self.targets[some]), code[some],
            (self.counts * (2 - self.plain))[some], pairs[which][both[which]],
        )  # fmt: skip
        at = self._id(2 * size + self.targets[self.several])
        given = self.given[edges][np.repeat(self.several, self.counts)]
        new.add(at - 1, TOTAL, self.counts[self.several], self._id(given))
        new.add(at, CODES["where"], 3, self._chosen(at - 1, self.one, self.zero))
        # A wanted number at which no gradient arrives has the gradient 0, not -0.
        on, sure = self.on[self.wanted] & (self.wanted >= 0), self.sure[self.wanted]
        found = np.where(on, self._id(size + self.wanted), self.zero)
        unsure = self.wanted[on & ~sure]
        last = np.arange(len(unsure)) + size + self.count
        found[on & ~sure] = last
        new.add(
            last, CODES["where"], 3,
            self._chosen(self._id(2 * size + unsure), self._id(size + unsure), self.zero),
        )  # fmt: skip
        return new.behind(old, size, self.constants, self.rows), found.astype(np.int32)

    @staticmethod
    def _chosen(*operands: Array | int) -> Array:
        return np.stack(np.broadcast_arrays(*operands), axis=1).ravel()


class _Operations:
    """Operations with their ids, in any order."""

    def __init__(self) -> None:
        self.parts: list[tuple[Array, Array, Array, Array]] = []

    def add(self, ids: Array, code: Array | int, arity: Array | int, ins: Array) -> None:
        """Add operations with these ids; `ins` has the inputs of each after those of the last."""
        full = [np.broadcast_to(x, len(ids)) for x in (code, arity)]
        self.parts.append((ids, *full, ins))

    def behind(self, tape: Tape, size: int, constants: Constants, rows: Rows) -> Tape:
        """A tape with all of them behind it."""
        ids, code, arity, ins = (np.concatenate(x) for x in zip(*self.parts, strict=True))
        order = np.empty(len(ids), np.int64)
        order[ids - size] = np.arange(len(ids))
        start = starts(arity[order])
        place = np.repeat(start[ids - size], arity) + within(arity)
        new = np.empty(len(ins), np.int32)
        new[place] = ins
        return behind(tape, code[order], start, new, constants, rows)
