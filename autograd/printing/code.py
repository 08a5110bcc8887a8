"""Rows of the table in languages of formulas, `if` and `return`: C, JavaScript and Python.

A row's columns and a definition's body are called with symbols, and the formulas that they return
are printed. The arithmetic of `ieee` that is plain `if`, assignment and `return` is translated to C
and JavaScript from its syntax tree: both have the operators and the names of C's math.h.
"""

from __future__ import annotations

import ast
import inspect
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from typing import Any, NamedTuple

from ..core import ieee
from ..core.kinds import FUNCTIONS, Function
from ..core.rules import Rule
from ..support import special
from .symbols import COMPARISONS, Symbol, keeping, render

SYMBOLS = (
    "the functions of a registered operation must take symbols, with operators and functions of "
    "this package in place of `if` and `math`"
)


MESSAGE = "the function took another path when it was recorded"


class Language(NamedTuple):
    """How a language writes all but formulas. `{0}` is a name; a statement lacks its end."""

    style: str  # of formulas
    stop: str  # of a statement
    close: str  # of a function and of a loop
    comment: str
    call: str  # the name of a function of the table
    name: str  # of a user's variable, which may be a word of the language
    nan_is_true: bool  # as it is in Python
    listed: str  # a list as an argument, from its length and numbers
    head: str  # of a function, from its name, its parameters and its type
    number: str  # a parameter
    numbers: str
    result: str  # a parameter that receives numbers; "" where they are returned
    fixed: str  # how a variable is declared
    changing: str  # and one that is given new values
    array: str  # declared, with its size
    element: str  # of an argument, as a variable; with the argument and a place
    rest: str  # of an argument from a place on
    table: str  # with its type, its length and its numbers
    loop: str  # with its length
    guard: str
    add: str = "{} += {}"


C = Language(
    "c", ";", "}", "/* {} */", "vg_{}", "{}", True, "{}, (const double[]){{{}}}",
    "{2} {0}({1})\n{{", "double {}", "const double *{}", "double *{}", "const double ", "double ",
    "double {}[{}]", "const double {} = {}[{}]", "const double *{} = {} + {}",
    "static const {1} {0}[{2}] = {{{3}}}", "for (int {0} = 0; {0} < {1}; {0}++) {{",
    f'assert({{}} && "{MESSAGE}")',
)  # fmt: skip
JAVASCRIPT = Language(
    "c", ";", "}", "/* {} */", "vg_{}", "{}_", False, "[{1}]", "function {}({}) {{", "{}", "{}",
    "", "const ", "let ", "const {} = new Float64Array({})", "const {} = {}[{}]",
    "const {} = {}.slice({})", "const {0} = [{3}]", "for (let {0} = 0; {0} < {1}; {0}++) {{",
    f"if (!({{}})) throw new Error('{MESSAGE}')",
)  # fmt: skip
PYTHON = Language(
    "python", "", "", "# {}", "{}", "{}", True, "{1}", "def {}({}):", "{}", "{}", "", "", "",
    "{} = [0.0] * {}", "{} = {}[{}]", "{} = {}[{}:]", "{0} = [{3}]", "for {} in range({}):",
    f'assert {{}}, "{MESSAGE}"',
)  # fmt: skip
NUMPY = PYTHON._replace(
    style="numpy", add="{0} = {0} + {1}", guard=f'assert np.all({{}}), "{MESSAGE}"'
)
BY_NAME = {"c": C, "javascript": JAVASCRIPT, "python": PYTHON, "numpy": NUMPY}
LANGUAGES = (*BY_NAME, "latex")

# Of `ieee`, in an order in which each stands on earlier ones.
ARITHMETIC: tuple[Callable[..., float], ...] = (
    ieee.minimum, ieee.maximum, ieee.sign, ieee.step, ieee.cbrt, ieee.head, ieee.normal_cdf,
    ieee.normal_pdf, ieee.exp_minus, special.gammaln_above, special.gammaln,
    special.digamma_above, special.digamma, special.shifted_power, special.zeta, special.zeta_below,
    special.polygamma, special.erfinv,
)  # fmt: skip


# ---- formulas ------------------------------------------------------------------------------------


class Term(Symbol):
    """A symbol that keeps every operation as it was written: x + 0.0 is not x where x is -0.0."""

    __slots__ = ()


for _name, _op in {"truediv": "div", **{op: op for op in ("add", "sub", "mul", "pow")}}.items():
    setattr(Term, f"__{_name}__", keeping(Term, _op))
    setattr(Term, f"__r{_name}__", keeping(Term, _op, flip=True))
Term.__neg__ = keeping(Term, "neg")  # type: ignore[method-assign]


def written(x: Any, language: Language) -> str:
    """A formula or a number in the language."""
    return render(_spelt(x, language), language.style)


def condition(x: Any, language: Language) -> Any:
    """A formula as a condition: any number but 0 is true, nan too."""
    holds = isinstance(x, Symbol) and x.op in (*COMPARISONS, "positive", "negative", "equal")
    return x if holds or language.nan_is_true else Term("!=", x, 0.0)


def _spelt(x: Any, language: Language) -> Any:
    """A formula with its lists and conditions as the language has them."""
    if not isinstance(x, Symbol) or not x.op:
        return x
    args = [_spelt(arg, language) for arg in x.args]
    if x.op == "where":
        args[0] = condition(args[0], language)
    if x.op not in FUNCTIONS or not FUNCTIONS[x.op].variadic:
        return Term(x.op, *args)
    numbers = ", ".join(render(arg, language.style) for arg in args)
    called = "sum_" if x.op == "sum" and language.call == "{}" else language.call.format(x.op)
    return Term.named(f"{called}({language.listed.format(len(args), numbers)})")


def definition(fact: Function, language: Language) -> str:
    """A function that is written in primitives, from its body."""
    assert fact.definition is not None
    names = list(map(language.name.format, inspect.signature(fact.definition).parameters))
    statements = _statements(fact.definition(*map(Term.named, names)), language)
    return _function(fact.name, fact.definition, names, statements, language)


def _function(
    name: str,
    function: Callable[..., Any],
    parameters: Iterable[str],
    statements: Iterable[str],
    language: Language,
) -> str:
    """A function of the language, under the first line of the Python function's docstring."""
    said = (function.__doc__ or "").partition("\n")[0].replace("*/", "* /")
    given = ", ".join(map(language.number.format, parameters))
    head = language.head.format(language.call.format(name), given, "static inline double")
    body = [f"    {line}" for line in statements]
    comment = [language.comment.format(said)] if said else []
    return "\n".join([*comment, head, *body, *filter(None, [language.close]), ""])


def _statements(result: Any, language: Language) -> list[str]:
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
                lines.append(f"{language.fixed}{name} = {written(short, language)}{language.stop}")
                short = Term.named(name)
            made[id(x)] = short
        return made[id(x)]

    count(result)
    answer = shortened(result)
    return [*lines, f"return {written(answer, language)}{language.stop}"]


def closure(
    names: Iterable[str], source: Callable[[str], str], names_in: Callable[[str], Iterable[str]]
) -> list[str]:
    """The sources of names, each behind those that it needs."""
    found: dict[str, str] = {}
    seen = set[str]()

    def visit(name: str) -> None:
        if name not in seen:
            seen.add(name)
            text = source(name)
            for other in names_in(text):
                visit(other)
            found.setdefault(text, text)

    for name in names:
        visit(name)
    return [text for text in found if text]


# ---- plain arithmetic, from its syntax tree ------------------------------------------------------

SPELLING = {"abs": "fabs", "exp": "exp", "inf": "INFINITY", "nan": "NAN", "pow_": "pow"}
SIGNS: dict[type, str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Lt: "<", ast.LtE: "<=",
    ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=", ast.And: "&&", ast.Or: "||",
    ast.Not: "!", ast.USub: "-",
}  # fmt: skip


def arithmetic(function: Callable[..., float], language: Language) -> str:
    """A function of `ieee`, from its syntax tree; TypeError for anything but plain arithmetic."""
    (tree,) = ast.parse(inspect.getsource(function)).body
    assert isinstance(tree, ast.FunctionDef)
    stores = Counter(
        x.id for x in ast.walk(tree) if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store)
    )
    changing = {name: language.changing for name in stores if stores[name] > 1}
    lines = [line for part in tree.body for line in _statement(part, language, changing)]
    parameters = [argument.arg for argument in tree.args.args]
    return _function(tree.name, function, parameters, lines, language)


def _statement(node: ast.stmt, language: Language, changing: dict[str, str]) -> list[str]:
    """A statement's lines; a variable that is to change is taken from `changing` once declared."""

    def assigned(name: ast.expr, value: ast.expr) -> str:
        word = changing.get(ast.unparse(name), language.fixed)
        changing.update({ast.unparse(name): ""} if word != language.fixed else {})
        return f"{word}{_expression(name)} = {_bare(value)};"

    match node:
        case ast.Expr(value=ast.Constant()):  # the docstring
            return []
        case ast.Return(value=ast.expr() as value):
            return [f"return {_bare(value)};"]
        case ast.Assign(targets=[ast.Name() as name], value=value):
            return [assigned(name, value)]
        case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
            return list(map(assigned, names, values))
        case ast.If(test=test, body=body, orelse=[]) | ast.While(test=test, body=body, orelse=[]):
            inner = [f"    {line}" for s in body for line in _statement(s, language, changing)]
            word = "if" if isinstance(node, ast.If) else "while"
            return [f"{word} ({_bare(test)}) {{", *inner, "}"]
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
        case ast.Call(func=ast.Name(id="div"), args=[left, right]):
            return f"({_expression(left)} / {_expression(right)})"
        case ast.Call(func=ast.Name(id="polynomial"), args=[x, ast.Name(id=table)]):
            first, *rest = map(repr, getattr(special, table))
            return reduce(f"({{}} * {_expression(x)} + {{}})".format, rest, first)
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
    number = getattr(special, name, getattr(ieee, name, None))
    return SPELLING.get(name) or (repr(number) if isinstance(number, float) else name)


# ---- rows ----------------------------------------------------------------------------------------


def withholds(column: Callable[..., Any], arity: int) -> bool:
    """Return whether the column returns None, rather than 0, for some inputs."""
    corners = itertools.product((0.0, 1.0), repeat=arity)
    return any(column(1.0, 1.0, *corner) is None for corner in corners)


class Share(NamedTuple):
    """The result of a column: `taken` if the condition holds, else `other`; None is withheld."""

    condition: Any  # None for one that is always `taken`
    taken: Any
    other: Any = None


def share_of(column: Callable[..., Any], inputs: Sequence[Term]) -> Share:
    """The share that a column of a row returns for these inputs."""
    share = column(Term.named("G"), Term.named("OUT"), *inputs)
    if not isinstance(share, Symbol) or share.op != "where" or not withholds(column, len(inputs)):
        return Share(None, share)
    condition, *sides = share.args
    return Share(condition, *[side if isinstance(side, Symbol) else None for side in sides])


def general_shares(row: Rule, language: Language) -> tuple[str, str] | None:
    """The shares of the first input and of any other of a list, in words that leave its size open.

    From what the column returns for lists of four and of six; None if these do not agree.
    """
    found, again = (_shares_of_list(row, size, language) for size in (4, 6))
    return found if found == again else None


def _shares_of_list(row: Rule, size: int, language: Language) -> tuple[str, str] | None:
    xs = [Term.named(f"x{i}") for i in range(size)]
    shares = row.columns[0](Term.named("G"), Term.named("OUT"), *xs)
    first, *others = (written(_general(s, xs, i), language) for i, s in enumerate(shares))
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
