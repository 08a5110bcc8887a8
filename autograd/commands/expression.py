"""Expressions such as "tanh(x1*w1 + b)", read by a whitelist and never by `eval`.

`parse(text)` returns an `Expression`: its operations in postfix order. Parsing and evaluation use a
list as the stack, so a deeply nested expression cannot exhaust Python's. Numbers become floats at
once: `9**9**9**9` is inf, and does not hang.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import math
import operator
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from ..checking.differences import derivative
from ..core import functions, rules
from ..core.graph import gradient_or_none, nodes
from ..core.kinds import FUNCTIONS
from ..core.value import Value

MAX_CHARACTERS = 10_000
MAX_NODES = 5_000
MAX_LABEL = 40  # characters: longer sub-expressions are cut

LIST_HINT = ": a list is written [x, y]"
CONSTANTS = {"pi": math.pi, "e": math.e}
ELSEWHERE = {  # other names in common use, beside NumPy's
    "ln": "log", "max": "maximum", "min": "minimum", "logistic": "sigmoid", "pow": "x ** y",
}  # fmt: skip

# fmt: off
OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.FloorDiv: "floordiv",
    ast.Mod: "mod", ast.Pow: "pow", ast.USub: "neg",
}
COMPARISONS: dict[type[ast.AST], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}
INSTEAD: dict[type[ast.AST], str] = {
    ast.Attribute: "a dot between names is not known here: write sin(x), not math.sin(x)",
    ast.BoolOp: "and, or are not known here: put one where(...) inside another",
    ast.IfExp:  "if ... else is not known here: write where(condition, a, b)",
    ast.Tuple:  "a comma belongs inside a function's brackets",
    ast.BitXor: "^ is not known here: a power is written x ** y",
    ast.MatMult: "@ is not known here: write dot([...], [...])",
}
# fmt: on
ALLOWED = "an expression has numbers, names, + - * / // % **, comparisons and functions"


class UsageError(ValueError):
    """A mistake of the user's, told in one line."""


class ExpressionError(UsageError):
    """An expression that cannot be read or evaluated."""


class Operation(NamedTuple):
    """Put a number or a name's value on the stack, or apply a function to the topmost of it."""

    what: float | str | Callable[..., Any]
    operands: int
    start: int
    end: int


class Expression:
    """A parsed expression: its text, the `names` that need a number, and the `constants` used."""

    def __init__(self, text: str) -> None:
        # One line, so that a column finds its place; bytes, because `ast` counts columns in them.
        self.text: Final = " ".join(text.split())
        self._source = self.text.encode()
        self._steps = list(_steps(_tree(self.text), self._source))
        used = dict.fromkeys(step.what for step in self._steps if isinstance(step.what, str))
        self.names: Final = tuple(name for name in used if name not in CONSTANTS)
        self.constants: Final = tuple(name for name in used if name in CONSTANTS)

    def evaluate(self, env: Mapping[str, Value | float]) -> Value:
        """The value at these numbers; each recorded node is labelled with its text.

        A name in `env` overrides pi and e. If nothing in `env` is a node, nothing is recorded.
        """
        self.require(set(self.names) & set(env))
        known = CONSTANTS | dict(env)
        stack: list[Any] = []
        for what, taken, start, end in self._steps:
            if isinstance(what, str):
                stack.append(known[what])
            elif isinstance(what, float):
                stack.append(what)
            else:
                first = len(stack) - taken
                operands = stack[first:]
                del stack[first:]
                try:
                    stack.append(what(*operands))
                except (TypeError, ValueError, ZeroDivisionError, OverflowError) as error:
                    where = _shown(self._source[start:end].decode())
                    raise ExpressionError(f"{where}: {error}") from error
                out = stack[-1]
                if isinstance(out, Value) and not any(out is each for each in operands):
                    source = self._source[start:end][: 4 * MAX_LABEL + 4]
                    out.label = _short(source.decode(errors="ignore"))
        (out,) = stack
        return out if isinstance(out, Value) else Value(out, label=_short(self.text))

    def require(self, given: Iterable[str], cure: str = "give name=number") -> None:
        """ExpressionError unless these are all variables, and perhaps constants, and no others."""
        known = (*self.names, *self.constants)
        if unknown := [name for name in given if name not in known]:
            has = ", ".join(known) or "no variables"
            raise ExpressionError(f"{unknown[0]} is not in the expression, which has {has}")
        if missing := [name for name in self.names if name not in given]:
            raise ExpressionError(f"no value for {', '.join(missing)}: {cure}")


def parse(text: str) -> Expression:
    """`text` as an `Expression`; ExpressionError if it is not allowed."""
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(
            f"the expression has {len(text)} characters; at most {MAX_CHARACTERS} are read"
        )
    if any(character in text for character in "\"'\\"):
        raise ExpressionError(f"quotes and backslashes are not allowed: {ALLOWED}")
    if not text.strip():
        raise ExpressionError("the expression is empty")
    try:
        return Expression(text)
    except UnicodeEncodeError as error:
        raise ExpressionError(f"character {error.start + 1} is not valid text") from error


def _tree(text: str) -> ast.expr:
    try:
        with warnings.catch_warnings():  # about `1if`, which is refused in any case
            warnings.simplefilter("ignore")
            return ast.parse(text, mode="eval").body
    except (MemoryError, RecursionError) as error:
        raise ExpressionError("the expression is nested too deeply or too long") from error
    except SyntaxError as error:
        problem, column = error.msg.partition(";")[0], error.offset
        if problem == "invalid decimal literal":
            problem = "a name cannot begin with a digit; a product is written 2*x"
        at = f" (character {column})" if column else ""
        raise ExpressionError(f"cannot read {_shown(text)}: {problem}{at}") from error
    except ValueError as error:  # a NUL, on some versions of Python
        raise ExpressionError(f"cannot read {_shown(text)}: {error}") from error


def _steps(tree: ast.expr, source: bytes) -> Iterator[Operation]:
    """The operations in postfix order; ExpressionError for syntax that is not allowed."""
    pending: list[Operation | tuple[ast.expr, bool]] = [(tree, False)]
    seen = 0
    while pending:
        item = pending.pop()
        if isinstance(item, Operation):
            yield item
            continue
        node, list_wanted = item
        seen += 1
        if seen > MAX_NODES:
            raise ExpressionError(f"the expression has more than {MAX_NODES} parts")
        start, end = node.col_offset, node.end_col_offset or 0
        text = source[start:end].decode()
        if _is_list(node) != list_wanted:
            raise ExpressionError(_wrong_kind(text, list_wanted))
        what, operands, lists = _read(node, text)
        pending.append(Operation(what, len(operands), start, end))
        pending.extend((operand, lists) for operand in reversed(operands))


def _read(node: ast.expr, text: str) -> tuple[Any, list[ast.expr], bool]:
    """The operation at `node`, its operands, and whether they must be lists."""
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return _number(number, text), [], False
        case ast.Name(id=name):
            return name, [], False
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _same, [operand], False
        case ast.UnaryOp(op=op, operand=operand) if type(op) in OPERATORS:
            return FUNCTIONS[OPERATORS[type(op)]].call, [operand], False
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            return FUNCTIONS[OPERATORS[type(op)]].call, [left, right], False
        case ast.Compare(left=left, ops=ops, comparators=rest) if all(
            type(op) in COMPARISONS for op in ops
        ):
            return _comparison([COMPARISONS[type(op)] for op in ops]), [left, *rest], False
        case ast.List(elts=elements):
            return _list, elements, False
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _function(name, len(arguments)), arguments, name in lists()
        case ast.Call(keywords=[_, *_]):
            problem = "a setting cannot be named here, only given in its place"
        case ast.BinOp(op=op):
            problem = INSTEAD.get(type(op), f"not allowed: {ALLOWED}")
        case _:
            culprit = node.func if isinstance(node, ast.Call) else node
            problem = INSTEAD.get(type(culprit), f"not allowed: {ALLOWED}")
    raise ExpressionError(f"{_shown(text)}: {problem}")


def _number(number: float, text: str) -> float:
    try:
        value = float(number)
    except OverflowError:
        value = math.inf
    if math.isinf(value):
        raise ExpressionError(f"{_shown(text)} is too large: a number goes up to 1.797e308")
    return value


def _comparison(operators: list[Callable[[Any, Any], bool]]) -> Callable[..., float]:
    """1.0 where each neighbouring pair compares so (0 < x < 1 has two pairs), else 0.0."""

    def compare(*operands: Any) -> float:
        pairs = zip(operators, operands, operands[1:], strict=False)
        return float(all(holds(left, right) for holds, left, right in pairs))

    return compare


def _same(operand: Any) -> Any:
    return operand


def _list(*elements: Any) -> list[Any]:
    return list(elements)


def known_functions() -> list[str]:
    """The functions that an expression may call: the public ones, and the user's own."""
    return [name for name in rules.RULES if FUNCTIONS[name].public]


def lists() -> list[str]:
    """Those of this package that take a list, or two."""
    return [name for name in rules.TABLE if FUNCTIONS[name].public and FUNCTIONS[name].variadic]


def _function(name: str, given: int) -> Callable[..., Any]:
    """The function of this name; ExpressionError if it does not take that many arguments."""
    if name not in known_functions():
        raise ExpressionError(f"unknown function {_shown(name)}; {_suggestion(name)}")
    fact = FUNCTIONS[name]
    of_ours = name in rules.TABLE
    is_list = of_ours and fact.variadic
    function: Callable[..., Any] = getattr(functions, name) if of_ours else fact.call
    parameters = inspect.signature(function).parameters.values()
    settings = sum(each.default is not each.empty for each in parameters)
    most = fact.arity
    if is_list:  # what else these take is for arrays
        settings, most = 0, 1 + (name == "dot")
    if not (most - settings <= given <= most or (fact.variadic and not of_ours)):
        wanted = f"{most - settings} or {most}" if settings else str(most)
        raise ExpressionError(
            f"{name} takes {wanted} {'list' if is_list else 'argument'}"
            f"{'s' * (most > 1)}, not {given}{LIST_HINT if is_list else ''}"
        )
    own: dict[str, Callable[..., Any]] = {"round": _round, "polygamma": _polygamma}
    return own.get(name, function)


def _round(x: Any, digits: Any = 0.0) -> Any:
    if not isinstance(digits, float) or not digits.is_integer():
        raise TypeError("the digits to round to are a whole number, such as 2")
    return functions.round(x, int(digits))


def _polygamma(n: Any, x: Any) -> Any:
    whole = isinstance(n, float) and n.is_integer()
    return functions.polygamma(int(n) if whole else n, x)  # all numbers of a text are floats


def _suggestion(name: str) -> str:
    known = known_functions()
    elsewhere = {FUNCTIONS[each].numpy: each for each in known} | ELSEWHERE
    near = [elsewhere[name]] if name in elsewhere else difflib.get_close_matches(name, known, n=2)
    return f"did you mean {' or '.join(near)}?" if near else f"there are {' '.join(known)}"


def _is_list(node: ast.expr) -> bool:
    match node:
        case ast.List():
            return True
        case ast.Call(func=ast.Name(id=name)):
            return name in lists() and FUNCTIONS[name].each
    return False


def _wrong_kind(text: str, list_wanted: bool) -> str:
    if list_wanted:
        return f"{_shown(text)} is a number where a list is wanted{LIST_HINT}"
    return f"{_shown(text)} is a list, not a number; a list goes into {', '.join(lists())}"


def _short(text: str) -> str:
    return text if len(text) <= MAX_LABEL else text[: MAX_LABEL - 3] + "..."


def _shown(text: str) -> str:
    """Text in quotes, cut, with unprintable characters escaped."""
    return ascii(_short(text)) if not text.isprintable() else f"'{_short(text)}'"


def assignments(words: Iterable[str]) -> dict[str, float]:
    """`["x=2", "y=pi/2"]` as names and numbers; ExpressionError for anything else."""
    form = "name=number, such as x=2.5 (is the expression in quotes?)"
    return {name: number_of(text, name) for name, text in named(words, form).items()}


def named(words: Iterable[str], form: str) -> dict[str, str]:
    """`["x=2", "y=pi/2"]` as names and texts; ExpressionError for words of another form."""
    given: dict[str, str] = {}
    for word in words:
        text, equals, value = word.partition("=")
        name = name_of(text)
        if not equals or not name.isidentifier():
            raise ExpressionError(f"{word!r} is not {form}")
        if name in given:
            raise ExpressionError(f"{name} is given twice")
        given[name] = value
    return given


def name_of(text: str) -> str:
    """A name as Python reads it in an expression: in Unicode normal form."""
    return unicodedata.normalize("NFKC", text.strip())


def number_of(text: str, place: str) -> float:
    """A float from a number, or from an expression without variables, such as pi/2."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return parse(text).evaluate({}).data
    except ExpressionError:
        raise ExpressionError(f"{place}: {text!r} is not a number") from None


# ---- evaluation --------------------------------------------------------------------


class Worked(NamedTuple):
    """An expression at one point: its value, gradients and nodes."""

    expression: Expression
    given: dict[str, float]
    out: Value  # after its backward pass
    gradients: dict[str, float]
    nodes: list[Any]  # the variables first, then oldest first

    def slopes(self) -> dict[str, tuple[float | None, str]]:
        """For each variable the slope by finite differences, or None and why there is none."""
        return {name: self._slope(name) for name in self.gradients}

    def _slope(self, name: str) -> tuple[float | None, str]:
        evaluate, others = self.expression.evaluate, self.given
        return slope(lambda x: evaluate({**others, name: x}).data, others[name])

    def record(self) -> dict[str, Any]:
        """All of it as plain data for JSON, in which nan and the infinities are strings."""
        slopes = self.slopes()
        return {
            **self.summary(),
            "finite_differences": {name: _plain(slope) for name, (slope, _) in slopes.items()},
            "remarks": {name: remark for name, (_, remark) in slopes.items() if remark},
            "nodes": self._node_records(),
        }

    def summary(self) -> dict[str, Any]:
        """The numbers in and the numbers out as plain data."""
        return {
            "expression": self.expression.text,
            "variables": {name: _plain(self.given[name]) for name in self.gradients},
            "value": _plain(self.out.data),
            "gradients": {name: _plain(g) for name, g in self.gradients.items()},
        }

    def _node_records(self) -> list[dict[str, Any]]:
        """Each node as plain data; an input is the index of a node in this list, or a constant."""
        place: dict[Any, int] = {node: i for i, node in enumerate(self.nodes)}
        return [
            {
                "label": node.label,
                "operation": node.op,
                "value": _plain(node.data),
                "gradient": _plain(gradient_or_none(node)),
                "inputs": [
                    {"node": place[x]} if x in place else {"constant": _plain(x)}
                    for x in node.inputs
                ],
            }
            for node in self.nodes
        ]


def work_out(expression: Expression, given: Mapping[str, float]) -> Worked:
    """The expression and its gradients at these numbers."""
    expression.require(given)
    names = [name for name in expression.names + expression.constants if name in given]
    variables = {name: Value(given[name], label=name) for name in names}
    out = expression.evaluate(variables)
    out.backward()
    gradients = {name: float(variable.grad) for name, variable in variables.items()}
    order = list(dict.fromkeys([*variables.values(), *reversed(nodes(out))]))
    return Worked(expression, {name: given[name] for name in names}, out, gradients, order)


def slope(f: Callable[[float], float], x: float) -> tuple[float | None, str]:
    """The slope of `f` at `x` by finite differences; where there is none, None and the reason."""
    found = derivative(f, x)
    if found.kind == "smooth":
        return found.value, ""
    sides = [side[0] + 0.0 for side in (found.left, found.right) if side]  # -0.0 + 0.0 is 0.0
    if found.kind == "kink" and all(map(math.isfinite, sides)):
        return None, "kink: slopes {:.4g}, {:.4g}".format(*sides)
    return None, "not finite near here" if found.kind == "none" else "no finite slope"


def _plain(x: Any) -> Any:
    """A number for JSON: nan and the infinities are text."""
    return str(x) if isinstance(x, float) and not math.isfinite(x) else x
