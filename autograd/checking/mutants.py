"""Mutants of Python source: a function with one thing changed, and that in force for a while."""

from __future__ import annotations

import ast
import copy
import inspect
import textwrap
from contextlib import contextmanager
from types import CodeType, FunctionType
from typing import Any, NamedTuple

from ..core.kinds import describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# ---- what may stand in the place of a node -------------------------------------------------------

OPERATORS: dict[type, list[type]] = {
    ast.Add: [ast.Sub], ast.Sub: [ast.Add], ast.Mult: [ast.Div], ast.Div: [ast.Mult],
    ast.FloorDiv: [ast.Div], ast.Mod: [ast.Mult], ast.Pow: [ast.Mult],
    ast.Lt: [ast.LtE, ast.Gt], ast.LtE: [ast.Lt, ast.GtE], ast.Gt: [ast.GtE, ast.Lt],
    ast.GtE: [ast.Gt, ast.LtE], ast.Eq: [ast.NotEq], ast.NotEq: [ast.Eq], ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is], ast.In: [ast.NotIn], ast.NotIn: [ast.In],
    ast.And: [ast.Or], ast.Or: [ast.And],
}  # fmt: skip
SIBLINGS = {
    "sin": "cos", "cos": "sin", "sinh": "cosh", "cosh": "sinh", "exp": "expm1", "expm1": "exp",
    "minimum": "maximum", "maximum": "minimum", "normal_cdf": "normal_pdf", "any": "all",
    "normal_pdf": "normal_cdf", "only_if": "unless", "unless": "only_if", "max": "min",
    "PER_LN2": "PER_LN10", "PER_LN10": "PER_LN2", "inf": "nan", "nan": "inf", "all": "any",
}  # fmt: skip


def replacements(node: Any, names: list[str]) -> Iterator[Any]:
    """Yield each node that may stand in the place of a node; a list stands for statements."""
    yield from _of_statements(node) if isinstance(node, ast.stmt) else _of_expressions(node, names)


def _of_expressions(node: Any, names: list[str]) -> Iterator[Any]:
    match node:
        case ast.BinOp(left, op, right):
            for other in OPERATORS.get(type(op), []):
                yield ast.BinOp(left, other(), right)
            yield left
            yield right
            if not isinstance(op, (ast.Add, ast.Mult, ast.BitOr)):
                yield ast.BinOp(right, op, left)
        case ast.UnaryOp(ast.USub() | ast.Not(), operand):
            yield operand
        case ast.Constant(bool() as flag):
            yield ast.Constant(not flag)
        case ast.Constant(int() | float() as number):
            yield ast.Constant(number + 1)
        case ast.Constant(None):
            yield ast.Constant(...)
        case ast.Name(name, ast.Load()):
            others = [x for x in names if x != name] if name in names else []
            for written in (*others, *filter(None, [SIBLINGS.get(name)])):
                yield ast.Name(written, ast.Load())
        case ast.Call(function, args, keywords):
            if len(args) == 1 and not keywords:
                yield args[0]
            if len(args) >= 2:
                yield ast.Call(function, [args[1], args[0], *args[2:]], keywords)
            for i in [i for i, word in enumerate(keywords) if word.arg != "strict"]:
                yield ast.Call(function, args, keywords[:i] + keywords[i + 1 :])
        case ast.Compare(left, ops, rights):  # of several, as in a < x < b
            for i, sign in enumerate(ops):
                for other in OPERATORS[type(sign)]:
                    yield ast.Compare(left, [*ops[:i], other(), *ops[i + 1 :]], rights)
        case ast.BoolOp(op, values):
            yield ast.BoolOp(OPERATORS[type(op)][0](), values)
            for i in range(len(values)):
                rest = values[:i] + values[i + 1 :]
                yield rest[0] if len(rest) == 1 else ast.BoolOp(op, rest)
        case ast.IfExp(test, body, orelse):
            yield ast.IfExp(test, orelse, body)
            yield body
            yield orelse
        case ast.Slice():
            parts = dict(ast.iter_fields(node))
            for name in [name for name, part in parts.items() if part is not None]:
                yield ast.Slice(**parts | {name: None})
        case ast.comprehension(target, iterator, ifs) if ifs:
            yield ast.comprehension(target, iterator, [], 0)


def _of_statements(node: ast.stmt) -> Iterator[Any]:
    match node:
        case ast.If(test, body, orelse):
            yield ast.If(ast.UnaryOp(ast.Not(), test), body, orelse)
            yield ast.If(ast.Constant(True), body, orelse)
            yield ast.If(ast.Constant(False), body, orelse)
        case ast.While(test, body, orelse):
            yield ast.While(ast.Constant(False), body, orelse)
        case ast.AugAssign(target, op, number):
            yield ast.Assign([target], number)
            for other in OPERATORS.get(type(op), []):
                yield ast.AugAssign(target, other(), number)
        case ast.Return(None | ast.Constant(None)):
            return
        case ast.Return():
            yield ast.Return(ast.Constant(None))
        case ast.Expr(ast.Yield(answer)) if answer is not None:
            yield ast.Expr(ast.Yield(ast.Constant(None)))
        case ast.Expr(ast.Call()) | ast.Delete() | ast.Raise():
            yield ast.Pass()
        case ast.Continue():
            yield ast.Break()
            yield ast.Pass()
        case ast.With(_, body) | ast.Try(body):
            yield body
        case ast.Assign(targets, ast.Tuple(values)) if len(values) > 1:
            yield ast.Assign(targets, ast.Tuple(values[::-1], ast.Load()))


def places(tree: Any) -> list[Any]:
    """The nodes that may be replaced: no docstrings, annotations, messages or settings of types."""
    found = []

    def visit(node: ast.AST) -> None:
        found.append(node)
        if isinstance(node, (ast.Raise, ast.JoinedStr)):
            return  # a message
        if isinstance(node, ast.keyword) and node.arg == "strict":
            return  # zip's assertion of what holds anyway
        for name, child in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list", "ctx", "op", "ops"):
                continue
            for x in child if isinstance(child, list) else [child]:
                if isinstance(x, ast.AST):
                    visit(x)

    visit(tree)
    return found


class Replace(ast.NodeTransformer):
    def __init__(self, old: Any, new: Any) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> Any:
        if node is self.old:
            return self.new
        return super().generic_visit(node)


def brief(x: Any) -> str:
    trees = x if isinstance(x, list) else [x]
    text = "; ".join(ast.unparse(ast.fix_missing_locations(t)) for t in trees)
    return textwrap.shorten(text, 70, placeholder=" ...")


# ---- functions of the user's own -----------------------------------------------------------------

NAMESAKES = {  # of NumPy's functions, those that one writes for another
    "mean": "sum", "sum": "mean", "dot": "outer", "outer": "dot", "where": "maximum", "tanh": "sin",
    "log": "log1p", "log1p": "log", "sqrt": "square", "square": "sqrt", "abs": "sign",
    "sign": "abs", "cumsum": "cumprod", "argmax": "argmin", "argmin": "argmax", "vstack": "hstack",
    "hstack": "vstack", "zeros_like": "ones_like", "ones_like": "zeros_like", "std": "var",
}  # fmt: skip


def of_gradients(node: Any, names: list[str]) -> Iterator[Any]:
    """`replacements`, and the mistakes of those who write gradients: axes, signs, transposes."""
    yield from replacements(node, names)
    match node:
        case ast.Return(answer) if answer is not None and not isinstance(answer, ast.Tuple):
            yield ast.Return(ast.UnaryOp(ast.USub(), answer))
        case ast.Tuple([first, second, *rest], ast.Load()):
            yield ast.Tuple([second, first, *rest], ast.Load())
        case ast.Attribute(array, "T"):
            yield array
        case ast.Attribute(module, name):
            for other in filter(None, [SIBLINGS.get(name), NAMESAKES.get(name)]):
                yield ast.Attribute(module, other, ast.Load())
        case ast.keyword("axis", ast.Constant(int() as axis)):
            yield ast.keyword("axis", ast.Constant(1 if axis == 0 else 0))
        case ast.Constant(int() | float() as number) if not isinstance(number, bool) and number:
            yield ast.Constant(2 * number)
            yield ast.UnaryOp(ast.USub(), node)


class SourceMutant(NamedTuple):
    """One change of a function's source, and whether the test noticed."""

    function: str
    line: int
    change: str
    killed: bool

    def __str__(self) -> str:
        return f"{self.function}, line {self.line}: {self.change}"

    def __repr__(self) -> str:
        return f"<{'killed' if self.killed else 'survived'}: {self}>"


def mutants_of(f: Any) -> Iterator[tuple[int, str, Any]]:
    """The line, the text and the context of every mutant of a function of Python's.

    TypeError for what has no code of Python's; ValueError where its source is not to be had.
    """
    plain = inspect.unwrap(getattr(f, "__func__", f))
    if not isinstance(plain, FunctionType):
        raise TypeError(f"what is mutated is a function written in Python, not {describe(f)}")
    tree = _tree(plain)
    names = [a.arg for a in ast.walk(tree.args) if isinstance(a, ast.arg)][:4]
    start = plain.__code__.co_firstlineno
    seen = {brief(tree)}
    for i, node in enumerate(places(tree)):
        for k in range(len(list(of_gradients(node, names)))):
            mutant = copy.deepcopy(tree)
            old = places(mutant)[i]
            new = list(of_gradients(old, names))[k]
            line = start + getattr(old, "lineno", 1) - tree.lineno
            change = f"{brief(old)} -> {brief(new)}"
            mutant = Replace(old, new).visit(mutant)
            whole = ast.unparse(ast.fix_missing_locations(mutant))
            if whole not in seen:  # two changes may give the same
                seen.add(whole)
                yield line, change, _in_force(plain, mutant)


def _tree(f: FunctionType) -> ast.FunctionDef:
    """The definition of a function; a lambda becomes one."""
    try:
        source = textwrap.dedent(inspect.getsource(f))
        found = list(ast.walk(ast.parse(source)))
    except (OSError, SyntaxError):
        raise ValueError(
            f"the source of {f.__qualname__} is not to be had alone: give it a def in a file"
        ) from None
    for node in found:
        if isinstance(node, ast.FunctionDef) and node.name == f.__name__:
            node.decorator_list = []
            return node
        if isinstance(node, ast.Lambda):
            tree = _named(node)
            if _code(f, tree).co_code == f.__code__.co_code:
                return tree
    raise ValueError(f"{f.__qualname__} is not where its source should be: import it anew")


def _named(node: ast.Lambda) -> ast.FunctionDef:
    returned = ast.copy_location(ast.Return(node.body), node)
    tree = ast.FunctionDef("mutant", node.args, [returned], [], lineno=node.lineno)
    return ast.fix_missing_locations(tree)


def _code(f: FunctionType, tree: ast.FunctionDef) -> CodeType:
    """The code of a definition, with the free variables of f."""
    free, tree = f.__code__.co_freevars, copy.deepcopy(tree)
    if free:  # they are kept, used or not
        tree.body += ast.parse(f"if 0: ({', '.join(free)},)").body
    outer = ast.parse(f"def outer({', '.join(free)}):\n    pass")
    assert isinstance(outer.body[0], ast.FunctionDef)
    outer.body[0].body = [tree]
    module = compile(ast.fix_missing_locations(outer), f.__code__.co_filename, "exec")
    for _ in range(2):
        (module,) = (c for c in module.co_consts if isinstance(c, CodeType))
    return module


def _in_force(f: FunctionType, tree: ast.FunctionDef) -> Any:
    @contextmanager
    def mutated() -> Iterator[None]:
        before = f.__code__
        f.__code__ = _code(f, tree)
        try:
            yield
        finally:
            f.__code__ = before

    return mutated()
