"""The scalar rows of the table, printed as C.

`python -m autograd.printing.emit` rewrites `autograd/c/rules.h`.

Nothing is written a second time. A row's columns and a definition's body are called with symbols,
and the formulas that they return are printed. The arithmetic of `ieee` that is plain `if`,
assignment and `return` is translated from its syntax tree. What remains (sums rounded once,
division as Python has it, the powers' derivatives) is written by hand in `autograd/c/ieee.h`.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from .. import files
from ..core import ieee
from ..core.kinds import FUNCTIONS, Function
from ..core.rules import RULES, TABLE, Rule
from .symbols import Symbol, render

HEADER = Path(__file__).parents[1] / "c" / "rules.h"
LETTERS = ("X", "Y", "Z", "W")

# Of `ieee`, in an order in which each stands on earlier ones.
ARITHMETIC: tuple[Callable[..., float], ...] = (
    ieee.minimum, ieee.maximum, ieee.sign, ieee.step, ieee.cbrt, ieee.head, ieee.normal_cdf,
    ieee.normal_pdf, ieee.exp_minus,
)  # fmt: skip

INTRODUCTION = """\
/* The scalar rows of the table, as C. Printed from it by `python -m autograd.printing.emit`.

   Included for its functions, it defines them once. Included with RULE and LIST defined, it is a
   list of all rows, in the order of the table, and forgets both at its end:

     RULE(name, arity, FORWARD, SHARES)    a row with 1 to 4 inputs
     LIST(name, FORWARD, SHARES)           a row with any number of inputs

   FORWARD is an expression. SHARES is a sequence of

     PASS(i, share)                 hand `share` to input i
     PASS_IF(i, condition, share)   the same where the condition holds, and else nothing at all

   and, in a LIST, of what is defined below in terms of PASS. The file that includes this
   defines PASS, PASS_IF and the letters: a local variable, the field of a struct, the lane of an
   array.

     X Y Z W   the inputs of a RULE        N XS      the number of inputs of a LIST, and an array
     OUT       the result                  G         the gradient that arrives

   In a LIST:

     EACH(share) FIRST(share) REST(share)    PASS for every input, the first one, all others;
                                             VG_I is the input's place
     OTHER         in a dot product: the factor of this input
     PARTS         declares what the next two need
     PART          this input's share of the softmax of all
     OTHER_PARTS   the sum of the PARTs of all inputs but the first
*/
"""

LIST_WORDS = {
    "EACH(share)": "for (ptrdiff_t VG_I = 0; VG_I < N; VG_I++) { PASS(VG_I, share) }",
    "FIRST(share)": "{ const ptrdiff_t VG_I = 0; PASS(VG_I, share) }",
    "REST(share)": "for (ptrdiff_t VG_I = 1; VG_I < N; VG_I++) { PASS(VG_I, share) }",
    "OTHER": "(XS[VG_I < N / 2 ? VG_I + N / 2 : VG_I - N / 2])",
    "PARTS": "const vg_tops_of VG_TOPS = vg_tops(N, XS);",
    "PART": "vg_part(XS[VG_I], VG_TOPS)",
    "OTHER_PARTS": "vg_other_parts(N, XS, VG_TOPS)",
}


# ---- formulas ------------------------------------------------------------------------------------


class Term(Symbol):
    """A symbol that keeps every operation as it was written: x + 0.0 is not x where x is -0.0."""

    __slots__ = ()


def _keeping(op: str, flip: bool = False) -> Any:
    return lambda *args: Term(op, *(args[::-1] if flip else args))


for _name, _op in {"truediv": "div", **{op: op for op in ("add", "sub", "mul", "pow")}}.items():
    setattr(Term, f"__{_name}__", _keeping(_op))
    setattr(Term, f"__r{_name}__", _keeping(_op, flip=True))
Term.__neg__ = _keeping("neg")  # type: ignore[method-assign]


def c(x: Any) -> str:
    """A formula or a number in C."""
    return render(_with_arrays(x), "c")


def _with_arrays(x: Any) -> Any:
    """A formula in which a function of a list takes a length and an array."""
    if not isinstance(x, Symbol) or not x.op:
        return x
    args = [_with_arrays(arg) for arg in x.args]
    if x.op not in FUNCTIONS or not FUNCTIONS[x.op].variadic:
        return Term(x.op, *args)
    numbers = ", ".join(render(arg, "c") for arg in args)
    return Term.named(f"vg_{x.op}({len(args)}, (const double[]){{{numbers}}})")


def definition_in_c(fact: Function) -> str:
    """A function that is written in primitives, from its body."""
    assert fact.definition is not None
    names = inspect.signature(fact.definition).parameters
    return _function(
        fact.name, fact.definition, _statements(fact.definition(*map(Term.named, names)))
    )


def _function(name: str, function: Callable[..., Any], statements: Iterable[str]) -> str:
    """A C function, under the first line of the Python function's docstring."""
    declared = ", ".join(f"double {p}" for p in inspect.signature(function).parameters)
    said = (function.__doc__ or "").partition("\n")[0]
    comment = f"/* {said} */\n" if said else ""
    body = "".join(f"    {line}\n" for line in statements)
    return f"{comment}static inline double vg_{name}({declared})\n{{\n{body}}}\n"


def _statements(result: Any) -> list[str]:
    """A variable for whatever is used twice, and the return of the result."""
    uses: Counter[int] = Counter()

    def count(x: Any) -> None:
        if isinstance(x, Symbol) and x.op:
            uses[id(x)] += 1
            if uses[id(x)] == 1:
                for arg in x.args:
                    count(arg)

    lines: list[str] = []
    made: dict[int, Any] = {}

    def shortened(x: Any) -> Any:
        if not isinstance(x, Symbol) or not x.op:
            return x
        if id(x) not in made:
            short = Term(x.op, *map(shortened, x.args))
            if uses[id(x)] > 1:
                name = f"t{len(lines) + 1}"
                lines.append(f"const double {name} = {c(short)};")
                short = Term.named(name)
            made[id(x)] = short
        return made[id(x)]

    count(result)
    answer = shortened(result)
    return [*lines, f"return {c(answer)};"]


# ---- plain arithmetic, from its syntax tree ------------------------------------------------------

SPELLING = {"abs": "fabs", "exp": "exp", "inf": "INFINITY", "nan": "NAN"}
SIGNS: dict[type, str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Lt: "<", ast.LtE: "<=",
    ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=", ast.And: "&&", ast.Or: "||",
    ast.Not: "!", ast.USub: "-",
}  # fmt: skip


def arithmetic_in_c(function: Callable[..., float]) -> str:
    """A function of `ieee`, from its syntax tree; TypeError for anything but plain arithmetic."""
    (tree,) = ast.parse(inspect.getsource(function)).body
    assert isinstance(tree, ast.FunctionDef)
    lines = [line for statement in tree.body for line in _statement(statement)]
    return _function(tree.name, function, lines)


def _statement(node: ast.stmt) -> list[str]:
    match node:
        case ast.Expr(value=ast.Constant()):  # the docstring
            return []
        case ast.Return(value=ast.expr() as value):
            return [f"return {_bare(value)};"]
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            return [f"const double {name} = {_bare(value)};"]
        case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
            pairs = zip(names, values, strict=True)
            return [f"const double {_expression(n)} = {_bare(v)};" for n, v in pairs]
        case ast.If(test=test, body=body, orelse=[]):
            inner = [f"    {line}" for statement in body for line in _statement(statement)]
            return [f"if ({_bare(test)}) {{", *inner, "}"]
    raise TypeError(f"no plain arithmetic: {ast.unparse(node)}")


def _bare(node: ast.expr) -> str:
    """An expression without the brackets round it."""
    text = _expression(node)
    bracketed = isinstance(node, (ast.BinOp, ast.BoolOp, ast.Compare, ast.IfExp))
    return text[1:-1] if bracketed and text.startswith("(") else text


def _expression(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=float() | int() as number):
            return repr(float(number))
        case ast.Name(id=name):
            return _named(name)
        case ast.Attribute(value=ast.Name(id="math"), attr=name):
            return SPELLING.get(name, name)
        case ast.Call(func=ast.Name(id=name), args=args) if name not in SPELLING:
            return f"vg_{name}({', '.join(map(_bare, args))})"
        case ast.Call(func=function, args=args):
            return f"{_expression(function)}({', '.join(map(_bare, args))})"
        case ast.BinOp(
            left=ast.Constant(value=float(base)), op=ast.Pow(), right=ast.Constant(value=float(n))
        ):
            return repr(base**n)
        case ast.BinOp(left=left, op=op, right=right):
            return f"({_expression(left)} {SIGNS[type(op)]} {_expression(right)})"
        case ast.UnaryOp(op=op, operand=operand):
            return f"{SIGNS[type(op)]}{_expression(operand)}"
        case ast.BoolOp(op=op, values=values):
            return f"({f' {SIGNS[type(op)]} '.join(map(_expression, values))})"
        case ast.Compare(left=left, ops=ops, comparators=rights):
            return _comparison([left, *rights], ops)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return f"({_expression(test)} ? {_expression(body)} : {_expression(orelse)})"
    raise TypeError(f"no plain arithmetic: {ast.unparse(node)}")


def _comparison(operands: list[ast.expr], ops: list[ast.cmpop]) -> str:
    texts = list(map(_expression, operands))
    signs = (SIGNS[type(op)] for op in ops)
    pairs = zip(texts, signs, texts[1:], strict=False)
    return f"({' && '.join(f'{a} {sign} {b}' for a, sign, b in pairs)})"


def _named(name: str) -> str:
    """A name: of C's, of a constant of `ieee`, or of a variable."""
    number = getattr(ieee, name, None)
    return SPELLING.get(name) or (repr(number) if isinstance(number, float) else name)


# ---- rows ----------------------------------------------------------------------------------------


def row_in_c(row: Rule) -> str | None:
    """A row as RULE(...) or LIST(...); None where it has no form in C, and so runs in Python."""
    try:
        return _list_in_c(row) if row.variadic else _rule_in_c(row)
    except TypeError:  # a symbol does not do what the column asks of it: take the branch of an `if`
        return None


def _rule_in_c(row: Rule) -> str | None:
    arity = len(row.columns)
    if not 1 <= arity <= len(LETTERS):
        return None
    inputs = [Term.named(letter) for letter in LETTERS[:arity]]
    shares = (_pass(i, column, inputs) for i, column in enumerate(row.columns))
    return _entry(f"RULE({row.name}, {arity}, {c(Term(row.name, *inputs))}", shares)


def _pass(i: int, column: Callable[..., Any], inputs: Sequence[Term]) -> str:
    share = column(Term.named("G"), Term.named("OUT"), *inputs)
    if share is None:
        return ""
    if not isinstance(share, Symbol) or share.op != "where" or not _withholds(column, len(inputs)):
        return f"PASS({i}, {c(share)})"
    condition, taken, otherwise = share.args
    if isinstance(taken, Symbol):
        return f"PASS_IF({i}, {c(condition)}, {c(taken)})"
    return f"PASS_IF({i}, !({c(condition)}), {c(otherwise)})"


def _withholds(column: Callable[..., Any], arity: int) -> bool:
    """Return whether the column returns None, rather than 0, for some inputs."""
    corners = itertools.product((0.0, 1.0), repeat=arity)
    return any(column(1.0, 1.0, *corner) is None for corner in corners)


def _list_in_c(row: Rule) -> str | None:
    """A row of a list, from what its column returns for lists of four and of six."""
    general, again = (_general_shares(row, size) for size in (4, 6))
    if general != again or general is None:
        return None
    first, rest = general
    shares = [f"EACH({first})"] if first == rest else [f"FIRST({first})", f"REST({rest})"]
    if any("PART" in share for share in shares):
        shares.insert(0, "PARTS")
    return _entry(f"LIST({row.name}, vg_{row.name}(N, XS)", shares)


def _general_shares(row: Rule, size: int) -> tuple[str, str] | None:
    """The share of the first input and that of any other, in words that leave the size open."""
    xs = [Term.named(f"x{i}") for i in range(size)]
    shares = row.columns[0](Term.named("G"), Term.named("OUT"), *xs)
    first, *others = (c(_general(share, xs, i)) for i, share in enumerate(shares))
    return (first, others[0]) if len(set(others)) == 1 else None


def _general(x: Any, xs: Sequence[Term], place: int) -> Any:
    """A share of the input at `place`, with the inputs' own names replaced by what they are."""
    size = len(xs)
    if not isinstance(x, Symbol):
        return Term.named("N") if isinstance(x, int) and x == size else x
    if x is xs[(place + size // 2) % size]:
        return Term.named("OTHER")
    if x.op == "softmax" and set(x.args) == set(xs) and x.args[0] is xs[place]:
        return Term.named("PART")
    if x.op == "sum" and place == 0 and _are_parts(x.args, xs[1:]):
        return Term.named("OTHER_PARTS")
    return Term(x.op, *(_general(arg, xs, place) for arg in x.args)) if x.op else x


def _are_parts(terms: Sequence[Any], xs: Sequence[Term]) -> bool:
    """Return whether these are the softmax of each of xs, in order."""
    return len(terms) == len(xs) and all(
        isinstance(t, Symbol) and t.op == "softmax" and t.args[0] is x
        for t, x in zip(terms, xs, strict=True)
    )


def _entry(head: str, shares: Iterable[str]) -> str:
    return "\n     ".join([f"{head},", *filter(None, shares)]) + ")\n"


# ---- the header ----------------------------------------------------------------------------------


def header() -> str:
    """The text of `autograd/c/rules.h`."""
    rows = "".join(filter(None, (row_in_c(RULES[name]) for name in TABLE)))
    definitions = [FUNCTIONS[name] for name in FUNCTIONS if name in TABLE]
    functions = "\n".join(
        [
            *map(arithmetic_in_c, ARITHMETIC),
            '#include "ieee.h" /* which stands on the functions above */\n',
            *(definition_in_c(fact) for fact in definitions if fact.definition),
        ]
    )
    words = "".join(f"#define {name} {meaning}\n" for name, meaning in LIST_WORDS.items())
    forget = "".join(f"#undef {name.partition('(')[0]}\n" for name in LIST_WORDS)
    fingerprint = zlib.crc32((functions + rows + words).encode())
    return (
        f"{INTRODUCTION}\n#ifndef VG_RULES_H\n#define VG_RULES_H\n\n#include <math.h>\n"
        f"#include <stddef.h>\n\n#define VG_FINGERPRINT 0x{fingerprint:08x}u\n\n{functions}\n"
        f"#endif\n\n#ifdef RULE\n\n{words}\n{rows}\n{forget}#undef RULE\n#undef LIST\n\n#endif\n"
    )


def main(argv: Sequence[str]) -> int:
    """Rewrite the header; with --check, only say whether it is what the table prints now."""
    text = header()
    if "--check" in argv:
        current = HEADER.exists() and HEADER.read_text() == text
        print(f"{HEADER.name} is {'up to date' if current else 'out of date'}")
        return 0 if current else 1
    files.write(HEADER, text.encode())
    print(f"wrote {HEADER}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
