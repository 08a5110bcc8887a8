"""The gradient of a tape, as more tape.

Every operation that the result depends on, and that depends on a wanted number, has shares: what
`columns` found for its row. The shares that meet in one number are added up as one sum of products,
in the order in which the walk back over the graph adds them, so that the answer is the walk's to
the last bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .columns import Foreign, Ref, Shares, shares_of, shares_of_sum
from .kernels import levels, native, reach
from .rewriting import followed, starts, within
from .tape import CODES, INNER, TOTAL, USER, Constants, Tape

Array = Any  # of NumPy


def differentiate(tape: Tape, root: int, wanted: Array) -> tuple[Tape, Array]:
    """The tape with the gradient of `root` behind it, and the ids of the gradients.

    `wanted` has the ids of arguments and leaves, and -1 for what is none of them; a gradient is 0
    where nothing arrives.
    """
    if root < 0:  # a constant
        constants = Constants(tape.constants)
        zero = np.full(len(wanted), constants.id(0.0), np.int32)
        return tape._replace(constants=constants.numbers), zero
    found = _in_c(tape, root, wanted) if native is not None else None
    return found or _Walk(tape, root, wanted).tape()


# How C reads what a share or a step takes: the kind, and then 24 bits.
KINDS = {"x": 0 << 24, "step": 1 << 24, "g": 2 << 24, "out": 3 << 24}
ABSENT = -(2**31)


def _in_c(tape: Tape, root: int, wanted: Array) -> tuple[Tape, Array] | None:
    """The same in C; None where something may be reached or not, which is decided here."""
    constants, rows = Constants(tape.constants), list(tape.rows)
    one, zero = constants.id(1.0), constants.id(0.0)
    group, kinds = native.groups(tape.code, tape.start)
    of = [shares_of(tape.row(c), n, True) if c not in (TOTAL, INNER) else None for c, n in kinds]
    known = [shares for shares in of if shares is not None]
    place = np.cumsum([shares is not None for shares in of]) - 1
    place[[shares is None for shares in of]] = -1

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


def code_in(rows: list[Any], code: int | Foreign) -> int:
    """The code of a step; what only Python computes is added to `rows`."""
    if not isinstance(code, Foreign):
        return code
    if code not in rows:
        rows.append(code)
    return USER + rows.index(code)


def behind(
    tape: Tape, code: Array, start: Array, ins: Array, constants: Constants, rows: list[Any]
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

    Until the new operations have their places, the number that arrives at the id i is called
    `size` + i, whether anything arrives 2 `size` + i, and the j-th step of all 3 `size` + j.
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
        """What lies between the root and what is wanted, and what of that is reached for sure."""
        old = self.old
        passes, chosen = ~old.shut[self.owner], np.zeros(len(old.ins), bool)
        for code, arity, ops in self._groups(~self.is_sum):
            for k, share in enumerate(shares_of(old.row(code), arity, True).shares):
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
        # By the number they lead to, and then in the order in which the walk goes along them.
        found = np.flatnonzero(edges)
        key = old.ins[found].astype(np.int64) * (old.rank.max(initial=0) + 1) + old.rank[found]
        self.edges = found[np.argsort(key)]

    def _groups(self, which: Array) -> list[tuple[int, int, Array]]:
        """Some operations by their code and the number of their inputs."""
        found, code = [], self.old.code
        for c in np.flatnonzero(np.bincount(code[which])):
            some = np.flatnonzero(which & (code == c))
            for arity in np.flatnonzero(np.bincount(self.arity[some])):
                found.append((int(c), int(arity), some[self.arity[some] == arity]))
        return found

    # ---- what it does there ----

    def _hand_back(self) -> None:
        """The steps of each operation; on each edge a share, `left` * `right` where `given`."""
        old = self.old
        self.left, self.right, self.given = np.full((3, len(old.ins)), self.one, np.int64)
        on, sure = self.on[old.sources :], self.sure[old.sources :]
        groups = [
            (ops, shares_of(old.row(code), arity, True))
            for code, arity, ops in self._groups(on & sure & ~self.is_sum)
        ] + [
            (ops, shares_of_sum(code == INNER, arity) if code in (TOTAL, INNER)
             else shares_of(old.row(code), arity, False))
            for code, arity, ops in self._groups(on & ~sure)
        ]  # fmt: skip
        self.steps = np.zeros(self.size, np.int64)
        for ops, shares in groups:
            self.steps[old.sources + ops] = len(shares.steps)
        self.first_step = 3 * self.size + starts(self.steps)[:-1].astype(np.int64)
        self.written: list[tuple[Array, int, Array]] = []
        for ops, shares in groups:
            self._write(ops, shares)
        self._hand_back_of_sums(self.edges[(self.is_sum & sure)[self.owner[self.edges]]])

    def _write(self, ops: Array, shares: Shares) -> None:
        first = self.first_step[self.old.sources + ops]
        for t, step in enumerate(shares.steps):
            taken = np.stack([self._numbers(ref, ops) for ref in step.refs], axis=1)
            self.written.append((first + t, code_in(self.rows, step.code), taken))
        for k, share in enumerate(shares.shares):
            if share is not None:
                edges = self.old.start[ops] + k
                self.left[edges] = self._numbers(share.left, ops)
                self.right[edges] = self._numbers(share.right, ops)
                if share.given is not None:
                    self.given[edges] = self._numbers(share.given, ops)

    def _hand_back_of_sums(self, edges: Array) -> None:
        """Each term gets what arrives; each factor that, times the other factor."""
        takers = self.owner[edges]
        self.left[edges] = self.size + self.old.sources + takers
        factors = edges[self.old.code[takers] == INNER]
        first = self.old.start[self.owner[factors]]
        self.right[factors] = self.old.ins[first + ((factors - first) ^ 1)]

    def _numbers(self, ref: Ref, ops: Array) -> Array:
        """What a step or a share of these operations takes."""
        kind, x = ref
        if kind == "number":
            return np.full(len(ops), self.constants.id(float(x)))
        if kind == "x":
            return self.old.ins[self.old.start[ops] + x]
        if kind == "step":
            return self.first_step[self.old.sources + ops] + x
        return {"out": 0, "g": 1, "arrives": 2}[kind] * self.size + self.old.sources + ops

    # ---- how it adds up ----

    def _gather(self, root: int) -> None:
        """A place for every new operation: the youngest first, and in each block its sum first."""
        edges, size = self.edges, self.size
        ins = self.old.ins[edges]
        self.first = np.flatnonzero(np.diff(ins, prepend=-1))
        self.targets, self.counts = ins[self.first], np.diff(self.first, append=len(edges))
        plain = self.right[edges] == self.one
        self.plain = np.logical_and.reduceat(plain, self.first) if len(edges) else plain
        self.alone = self.plain & (self.counts == 1)  # one share, of one number, is the gradient
        self.unsure = ~self.sure[self.targets]
        self.several = self.unsure & (self.counts > 1)
        ahead, sums = np.zeros((2, size), np.int64)
        ahead[self.targets] = 2 * self.several
        sums[self.targets] = ~self.alone
        blocks = ahead + sums + self.steps
        place = (size + starts(blocks[::-1])[:-1].astype(np.int64))[::-1]
        self.count = int(blocks.sum())
        names = np.arange(3 * size + int(self.steps.sum()))
        shift = np.repeat(place + ahead + sums - self.first_step, self.steps)
        final = np.concatenate([names[:size], place + ahead, place + 1, names[3 * size :] + shift])
        link = names.copy()
        link[size + root] = self.one
        link[size + self.targets[self.alone]] = self.left[edges[self.first[self.alone]]]
        single = self.unsure & ~self.several
        link[2 * size + self.targets[single]] = self.given[edges[self.first[single]]]
        link = followed(link)
        self.final = np.where(link >= 0, final[np.maximum(link, 0)], link)

    def _id(self, names: Array) -> Array:
        """The ids of what was called by these names."""
        return np.where(names >= 0, self.final[np.maximum(names, 0)], names)

    def tape(self) -> tuple[Tape, Array]:
        """All of it, and where the gradients are."""
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
        # A wanted number that nothing arrives at has the gradient 0, not -0.
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
    def _chosen(*operands: Any) -> Array:
        return np.stack(np.broadcast_arrays(*operands), axis=1).ravel()


class _Operations:
    """Operations with their ids, in any order."""

    def __init__(self) -> None:
        self.parts: list[tuple[Array, Array, Array, Array]] = []

    def add(self, ids: Array, code: Any, arity: Any, ins: Array) -> None:
        """Operations with these ids; `ins` has the inputs of one after those of the other."""
        full = [np.broadcast_to(x, len(ids)) for x in (code, arity)]
        self.parts.append((ids, *full, ins))

    def behind(self, tape: Tape, size: int, constants: Constants, rows: list[Any]) -> Tape:
        """A tape with all of them behind it."""
        ids, code, arity, ins = (np.concatenate(x) for x in zip(*self.parts, strict=True))
        order = np.empty(len(ids), np.int64)
        order[ids - size] = np.arange(len(ids))
        start = starts(arity[order])
        place = np.repeat(start[ids - size], arity) + within(arity)
        new = np.empty(len(ins), np.int32)
        new[place] = ins
        return behind(tape, code[order], start, new, constants, rows)
