"""Mutation: break the rules and the walk in every small way, and see that it is noticed.

    python tests/mutation.py            the whole run: a table, and every survivor
    python tests/mutation.py graph      one room only

A mutant is the syntax tree of one function (or of one column of the table) with one thing changed:
a sign, an operator, an operand, a constant, a comparison, `+=` made `=`, a return dropped, a branch
flipped. It is compiled, put in the place of the original inside this process, and a battery of
fast checks is run against it: values and slopes of every row against mpmath (`truth`), the edges,
and the properties of the walk. A mutant that no check notices has survived; it is either listed
below as equivalent, with the reason, or a hole in the tests.
"""

from __future__ import annotations

import ast
import copy
import os
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
sys.path[:0] = [path for path in (str(ROOT), str(ROOT / "tests")) if path not in sys.path]
if __name__ == "__main__":
    os.environ["AUTOGRAD_PURE"] = "1"  # what is mutated is Python

import battery  # noqa: E402  # after the path

from autograd import transforms, trees  # noqa: E402
from autograd.arrays import value_protocols  # noqa: E402
from autograd.checking.mutants import Replace, brief, places, replacements  # noqa: E402
from autograd.core import functions, graph, ieee, modes, rules, value  # noqa: E402
from autograd.support import decorating, errors, scopes  # noqa: E402

PATIENCE = 10.0  # seconds of our own time that the checks of an original may take


# ---- what is mutated -----------------------------------------------------------------------------

# Functions that print formulas, build tables or serve the compiled twin, one that is decorated as a
# coroutine, and one that keeps interrupts and collections out; others test those.
LEFT_OUT = {
    "functions": {
        "primitive", "define", "_elementary", "_special", "_power_formula", "_variadic",
        "_dot_text", "in_c",
    },
    "rules": {"register", "_refuse_row", "__setattr__"},
    "modes": {"_at_once"},
    "decorating": {"_run"},
    "errors": {"advice"},
    "graph": {"compiled_gradients"},
    "value": {"_named", "_in_c"},
}  # fmt: skip
CLASSES = {"Node", "Slotted", "Mode", "_Call", "Scalar", "Value", "Rule"}


class Target(NamedTuple):
    """Something to mutate: its name, its tree, and how a mutant of it is installed."""

    name: str
    tree: Any
    install: Callable[[ast.AST], Any]  # a context in which the mutant is in force
    checks: Callable[[], Iterable[Callable[[], None]]]


def source(module: ModuleType) -> ast.Module:
    assert module.__file__ is not None
    return ast.parse(Path(module.__file__).read_text())


def columns() -> Iterator[Target]:
    """Each column of the table."""
    (table,) = (
        node.value
        for node in source(rules).body
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "TABLE"
    )
    assert isinstance(table, ast.Dict)
    for key, row in zip(table.keys, table.values, strict=True):
        name = ast.literal_eval(key)
        for i, column in enumerate(row.elts):
            if isinstance(column, ast.Lambda):
                yield Target(
                    f"TABLE[{name!r}][{i}]",
                    column,
                    lambda tree, name=name, i=i: _new_column(name, i, tree),
                    lambda name=name: battery.of_row(name),
                )


@contextmanager
def _new_column(name: str, i: int, tree: Any) -> Iterator[None]:
    row = rules.RULES[name]
    before = row.columns
    code = compile(ast.fix_missing_locations(ast.Expression(tree)), "<mutant>", "eval")
    row.columns = (*before[:i], eval(code, vars(rules)), *before[i + 1 :])
    try:
        yield
    finally:
        row.columns = before


def routines(module: ModuleType, checks: Any) -> Iterator[Target]:
    """Each function and method of a module, and the functions inside functions that live on."""
    short = module.__name__.rpartition(".")[2]

    def visit(body: list[ast.stmt], owner: Any, prefix: str) -> Iterator[Target]:
        for node in body:
            if isinstance(node, ast.ClassDef) and node.name in CLASSES:
                yield from visit(node.body, getattr(module, node.name), f"{prefix}{node.name}.")
            elif isinstance(node, ast.FunctionDef) and node.name not in LEFT_OUT.get(short, ()):
                name = prefix + node.name
                inner = [x for x in node.body if isinstance(x, ast.FunctionDef)]
                if not inner or not (live := closures(f"{node.name}.<locals>.{inner[0].name}")):
                    yield Target(name, node, _code_of([_routine(owner, node)], None, node), checks)
                for x in inner if inner and live else ():
                    label = f"{name}.{x.name}"
                    yield Target(label, x, _code_of(live, x.name, node), checks)

    yield from visit(source(module).body, module, f"{short}.")


def closures(qualname: str) -> list[FunctionType]:
    """The functions made inside functions that are still in use."""
    facts = functions.FUNCTIONS.values()
    everything = [*value.Scalar.__dict__.values(), *(f.floats for f in facts)]
    return [
        f for f in everything if isinstance(f, FunctionType) and f.__code__.co_qualname == qualname
    ]


def _routine(owner: Any, node: ast.FunctionDef) -> FunctionType:
    found = vars(owner)[node.name]
    if isinstance(found, property):
        setter = any(ast.unparse(d).endswith(".setter") for d in node.decorator_list)
        found = found.fset if setter else found.fget
    found = getattr(found, "__func__", found)  # a class method
    if isinstance(getattr(found, "__wrapped__", None), FunctionType):  # a definition
        found = found.__wrapped__
    assert isinstance(found, FunctionType), node.name
    return found


def _code_of(live: list[FunctionType], inner: str | None, outer: ast.FunctionDef) -> Any:
    """How mutants replace the code of living functions."""
    free = live[0].__code__.co_freevars

    @contextmanager
    def install(tree: Any) -> Iterator[None]:
        if free:  # keep the same free variables, used or not
            names = ast.parse(f"if 0: ({', '.join(free)},)").body
            tree = copy.deepcopy(tree)
            tree.body += names
        whole = tree if inner is None else _with_inner(outer, inner, tree)
        made = _compiled(whole)
        new = made if inner is None else _inner_code(made.__code__, inner)
        before = [(f, f.__code__, f.__defaults__, f.__kwdefaults__) for f in live]
        for f in live:
            f.__code__ = getattr(new, "__code__", new)
            if inner is None:
                f.__defaults__, f.__kwdefaults__ = made.__defaults__, made.__kwdefaults__
        try:
            yield
        finally:
            for f, code, defaults, named in before:
                f.__code__, f.__defaults__, f.__kwdefaults__ = code, defaults, named

    module = sys.modules[live[0].__module__]

    def _compiled(tree: ast.FunctionDef) -> Any:
        tree = copy.deepcopy(tree)
        tree.decorator_list = []
        body = ast.fix_missing_locations(ast.Module([tree], []))
        made: dict[str, Any] = {}
        exec(compile(body, "<mutant>", "exec"), vars(module), made)
        return made[tree.name]

    return install


def _with_inner(outer: ast.FunctionDef, name: str, tree: Any) -> ast.FunctionDef:
    outer = copy.deepcopy(outer)
    outer.body = [tree if getattr(x, "name", None) == name else x for x in outer.body]
    return outer


def _inner_code(code: CodeType, name: str) -> CodeType:
    (found,) = (c for c in code.co_consts if isinstance(c, CodeType) and c.co_name == name)
    return found


def small_lambdas() -> Iterator[Target]:
    """Primitives whose floats are computed by a lambda beside their name."""
    for node in ast.walk(source(functions)):
        if not (isinstance(node, ast.Call) and ast.unparse(node.func) in ("primitive", "hidden")):
            continue
        name, floats = node.args[:2]
        if isinstance(floats, ast.Lambda) and isinstance(name, ast.Constant):
            fact = functions.FUNCTIONS[ast.literal_eval(name)]
            yield Target(
                f"functions.{fact.name}",
                floats,
                lambda tree, f=fact.floats: _new_lambda(f, tree),
                battery.of_functions,
            )


@contextmanager
def _new_lambda(f: FunctionType, tree: Any) -> Iterator[None]:
    expression = ast.fix_missing_locations(ast.Expression(tree))
    before = f.__code__
    f.__code__ = eval(compile(expression, "<mutant>", "eval"), vars(functions)).__code__
    try:
        yield
    finally:
        f.__code__ = before


@cache
def targets() -> dict[str, list[Target]]:
    """Everything that is mutated, by room."""
    return {
        "rules": [*columns(), *routines(rules, battery.of_functions)],
        "ieee": [*routines(ieee, battery.of_functions)],
        "functions": [*routines(functions, battery.of_functions), *small_lambdas()],
        "graph": [*routines(graph, battery.of_walk)],
        "modes": [*routines(modes, battery.of_modes)],
        "value": [*routines(value, battery.of_walk)],
        "value_protocols": [*routines(value_protocols, battery.of_walk)],
        "decorating": [*routines(decorating, battery.of_modes)],
        "errors": [*routines(errors, battery.of_modes)],
        "scopes": [*routines(scopes, battery.of_walk)],
        "transforms": [*routines(transforms, battery.of_transforms)],
        "trees": [*routines(trees, battery.of_transforms)],
    }


def mutants(target: Target) -> Iterator[tuple[str, Any]]:
    """Every mutant of a target: what was changed, and the tree."""
    tree = target.tree
    args = [a for a in ast.walk(tree) if isinstance(a, ast.arg)]
    names = list(dict.fromkeys(a.arg for a in args))
    if not isinstance(tree, ast.Lambda):  # where there is room for many, the next one will do
        names = names[:4]
    seen: Counter[str] = Counter()
    for i, node in enumerate(places(tree)):
        count = len(list(replacements(node, names)))
        for k in range(count):
            mutant = copy.deepcopy(tree)
            old = places(mutant)[i]
            new = list(replacements(old, names))[k]
            before = brief(old)
            after = brief(new)
            if before == after:
                continue
            label = f"{target.name}: {before} -> {after}"
            seen[label] += 1
            if seen[label] > 1:
                label += f" #{seen[label]}"
            yield label, Replace(old, new).visit(mutant)


# ---- the run -------------------------------------------------------------------------------------


class TooLongError(Exception):
    """A check took too long."""


def _too_long(*_: object) -> None:
    raise TooLongError


def survives(target: Target, tree: Any, patience: float = PATIENCE) -> bool:
    """Whether no check notices the mutant; patience, in seconds, is for one that loops for ever."""
    before = signal.signal(signal.SIGPROF, _too_long)
    try:
        with target.install(tree):
            signal.setitimer(signal.ITIMER_PROF, patience)
            for check in target.checks():
                copy_context().run(check)  # what is interrupted may leave a mode on
            return True
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return False
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        battery.reset()


class Score(NamedTuple):
    """What a run found."""

    made: Counter[str]
    caught: Counter[str]
    equivalent: list[str]
    survivors: list[str]
    unknown: list[str]  # listed as equivalent, and not made or not alive
    seconds: dict[str, float]


def run(rooms: Iterable[str] = (), every: int = 1, start: int = 0) -> Score:
    """Make and try every mutant of these rooms, or every n-th."""
    made: Counter[str] = Counter()
    caught: Counter[str] = Counter()
    seconds: dict[str, float] = {}
    equivalent, survivors, count = [], [], start
    rooms = list(rooms) or list(targets())
    for room in rooms:
        began = time.perf_counter()
        for target in targets()[room]:
            started = time.process_time()
            if not survives(target, target.tree):  # or "caught" would say nothing
                raise AssertionError(f"{target.name}: the checks fail on the original")
            patience = 0.5 + 5 * (time.process_time() - started)
            for label, tree in mutants(target):
                count += 1
                if count % every:
                    continue
                made[room] += 1
                if not survives(target, tree, patience):
                    caught[room] += 1
                elif label in EQUIVALENT:
                    equivalent.append(label)
                else:
                    survivors.append(label)
        seconds[room] = time.perf_counter() - began
    alive = {*equivalent}
    of_rooms = [x for x in EQUIVALENT if _room(x) in rooms]
    unknown = [x for x in of_rooms if x not in alive] if every == 1 else []
    return Score(made, caught, equivalent, survivors, unknown, seconds)


def _room(label: str) -> str:
    return "rules" if label.startswith("TABLE") else label.partition(".")[0]


def main(rooms: list[str]) -> int:
    warnings.simplefilter("ignore", SyntaxWarning)  # a mutant may be odd
    battery.all_pass()
    score = run(rooms)
    print(f"{'room':12} {'mutants':>8} {'caught':>8} {'equivalent':>11} {'seconds':>8}")
    for room in score.made:
        same = sum(_room(x) == room for x in score.equivalent)
        print(
            f"{room:12} {score.made[room]:8} {score.caught[room]:8} {same:11} "
            f"{score.seconds[room]:8.1f}"
        )
    total, caught = score.made.total(), score.caught.total()
    print(
        f"{'all':12} {total:8} {caught:8} {len(score.equivalent):11} "
        f"{sum(score.seconds.values()):8.1f}"
    )
    for label in score.survivors:
        print("SURVIVED", label)
    for label in score.unknown:
        print("listed as equivalent, but no longer there:", label)
    return 1 if score.survivors else 0


# Mutants that change no behaviour, by the reason.
REASONS: dict[str, list[str]] = {
    "the function is symmetric in these arguments (but for the sign of a zero)": [
        "TABLE['atan2'][0]: hypot(x, y) -> hypot(y, x)",
        "TABLE['atan2'][0]: hypot(x, y) -> hypot(y, x) #2",
        "TABLE['atan2'][1]: hypot(x, y) -> hypot(y, x)",
        "TABLE['atan2'][1]: hypot(x, y) -> hypot(y, x) #2",
        "TABLE['asinh'][0]: hypot(1, x) -> hypot(x, 1)",
        "TABLE['leaky_relu'][1]: minimum(x, 0.0) -> minimum(0.0, x)",
        "TABLE['elu'][1]: minimum(x, 0.0) -> minimum(0.0, x)",
        "TABLE['clip'][2]: maximum(x, low) -> maximum(low, x)",
        "functions.relu: maximum(x, 0.0) -> maximum(0.0, x)",
        "functions._gap: _equal(x, y) -> _equal(y, x)",
        "functions.ratio: _equal(y, 0.0) -> _equal(0.0, y)",
        "functions.share_of_larger: _equal(x, y) -> _equal(y, x)",
        "functions.less_equal: _equal(x, y) -> _equal(y, x)",
        "functions.clip: minimum(maximum(x, low), high) -> minimum(high, maximum(x, low))",
        "functions.clip: maximum(x, low) -> maximum(low, x)",
        "transforms._pull_all: zip(seeds, outputs, strict=True) -> "
        "zip(outputs, seeds, strict=True)",
        "transforms.jvp: zip(row, direction, strict=True) -> zip(direction, row, strict=True)",
    ],
    "at a tie of two zeros only their sign could differ": [
        "ieee.maximum: x > y -> x >= y",
        "ieee.minimum: x < y -> x <= y",
        "ieee.sign: x * 0.0 -> x",
        "ieee.sign: 0.0 -> 1.0",
        "ieee.step: x <= 0 -> x < 0",
        "ieee.step: 0 -> 1 #2",
        "functions.positive: x > 0 -> x >= 0",
    ],
    "out is x where that matters, and a bound (or 0) where the answer is 0 for x too": [
        "TABLE['relu'][0]: x -> out",
        "TABLE['clip'][0]: x -> out",
        "TABLE['clip'][1]: x -> out",
        "TABLE['clip'][1]: low -> out #2",
        "TABLE['clip'][2]: x -> out",
        "TABLE['clip'][2]: low -> out",
    ],
    "where(a, b, 0) of two truths is their `and`, in either order": [
        "TABLE['clip'][1]: where(x <= low, where(low < high, 1.0, 0.0), 0.0) -> "
        "where(where(low < high, 1.0, 0.0), x <= low, 0.0)",
        "TABLE['clip'][1]: where(low < high, 1.0, 0.0) -> where(1.0, low < high, 0.0)",
        "functions.less: _choose(_negative(_gap(x, y)), 1.0, 0.0) -> "
        "_choose(1.0, _negative(_gap(x, y)), 0.0)",
        "TABLE['clip'][2]: where(maximum(x, low) >= high, 1.0, 0.0) -> "
        "where(1.0, maximum(x, low) >= high, 0.0)",
    ],
    "to multiply by 1 or -1 is to divide by it, and infinity has no size": [
        "ieee.div: math.copysign(inf, x) * math.copysign(1.0, y) -> "
        "math.copysign(inf, x) / math.copysign(1.0, y)",
        "ieee.div: 1.0 -> 2.0",
        "ieee.power_derivative: leading * inf * (-1.0) ** logs -> leading * inf / (-1.0) ** logs",
        "ieee.power_derivative: 1.0 -> 2.0",
    ],
    "no number gets there: an earlier line has taken the difference": [
        "ieee.power_derivative: y < n -> y <= n",
        "ieee.power_derivative: x > 0 -> x >= 0",
        "ieee.round_: 0.0 -> 1.0",  # the digits are always given
    ],
    "on either side of this threshold both ways give the digits promised": [
        "ieee.cbrt: 1e-300 < abs(x) < inf -> 1e-300 <= abs(x) < inf",
        "ieee.floor: abs(x) < 2.0 ** 52 -> abs(x) <= 2.0 ** 52",
        "ieee.floor: 2.0 -> 3.0",
        "ieee.floor: 52 -> 53",
        "ieee.normal_cdf: -40.0 < x < -0.5 -> -40.0 <= x < -0.5",
        "ieee.normal_cdf: -40.0 < x < -0.5 -> -40.0 < x <= -0.5",
        "ieee.normal_cdf: 40.0 -> 41.0",
        "ieee.normal_cdf: -0.5 -> 0.5",
        "ieee.normal_cdf: 0.5 -> 1.5",
        "ieee.normal_pdf: abs(x) < 40.0 -> abs(x) <= 40.0",
        "ieee.normal_pdf: 40.0 -> 41.0",
    ],
    "the density is 0 out there, whatever it is multiplied by": [
        "ieee.normal_pdf: exp(-0.5 * (x * x)) * PER_R2PI -> exp(-0.5 * (x * x)) / PER_R2PI",
        "ieee.normal_pdf: exp(-0.5 * (x * x)) * PER_R2PI -> exp(-0.5 * (x * x))",
        "ieee.normal_pdf: 0.5 -> 1.5",
    ],
    "another head as short, or the same with its sign changed, which squares": [
        "ieee.head: 134217729.0 -> 134217730.0",
        "ieee.head: shifted - (shifted - x) -> shifted - x - shifted",
        "ieee.head: shifted - x -> shifted + x",
    ],
    "the same to Python: a longer zip, an int for a float, a bool of a bool, an iterable": [
        "ieee.dot: :half -> :",
        "ieee.power_derivative: float(p) -> p",
        "ieee.tops: nan -> inf",  # beside a nan
        "ieee.tops: nan -> inf #2",
        "functions.is_node_like: type(x) -> x",
        "functions.round: float(operator.index(digits)) -> operator.index(digits)",
        "graph._unpickle: list(leaves) -> leaves",
        "errors.is_finite: bool(found.all() if hasattr(found, 'all') else ... "
        "-> found.all() if hasattr(found, 'all') else ...",
        "transforms._positions: list(argnums) -> argnums",
        "transforms._called: None -> ...",  # an aux that is not read
        "transforms._pull_all: outputs -> seeds",  # as many
    ],
    "a shortcut for speed: the longer way gives the same": [
        "functions.where: if condition.__class__ is bool and x.__class__ is float and ... -> "
        "if False: return x if condition else y",
        "functions.where: condition -> x",
        "functions.where: condition -> y",
        "functions.where: x -> condition",
        "functions.where: y -> condition",
        "functions._choose: if condition.__class__ is bool: return x if condition else y -> "
        "if False: return x if condition else y",
        "functions._choose: condition -> x",
        "functions._choose: condition -> y",
        "graph.apply: watched(node) if modes.active else node -> watched(node)",
        "graph.sweep: if modes.active: check_shares(node, g, shares) -> "
        "if True: check_shares(node, g, shares)",
        "graph.sweep: if x._born > born: refuse_stale(node) -> if True: refuse_stale(node)",
        "graph.hand_back: modes.active and settings()['anomaly'] -> settings()['anomaly']",
        "graph.zero_grad: if modes.active: modes.change(node, 'forgets .grad of') -> "
        "if True: modes.change(node, 'forgets .grad of')",
        "graph.gradients: modes.recorder_of(output) if modes.active else None -> "
        "modes.recorder_of(output)",
        "graph.Node.__copy__: nodes(self) if modes.active else () -> nodes(self)",
        "graph.Node.__reduce_ex__: node._inputs and node is not self -> node is not self",
        "graph.Node.__reduce_ex__: if not past: return (_restore, parts) -> "
        "if False: return (_restore, parts)",
        "value._unary.method: watched(node) if active else node -> watched(node)",
        "value._binary.method: watched(node) if active else node -> watched(node)",
        "value._binary.method: if other.__class__ is Value: y = other._data elif "
        "other.__class__ ... -> if False: y = other._data elif other.__class__ is float: y = "
        "other ...",
        "value._binary.method: if other.__class__ is float: y = other else: return ... -> "
        "if False: y = other else: return _slow(operation, self, other, other)",
        "value._binary.method: other -> self #3",
        "value._comparison.method: active and (recorder := recorder_of(self, other)) is not None "
        "-> (recorder := recorder_of(self, other)) is not None",
        "value._comparison.method: recorder_of(self, other) -> recorder_of(other, self)",
        "value.Scalar.__bool__: active and (recorder := recorder_of(self)) is not None -> "
        "(recorder := recorder_of(self)) is not None",
        "value.Scalar.__bool__: bool(recorder.truth(self)) -> recorder.truth(self)",
        "transforms._Call.leave: recorder_of(*roots) if active else None -> recorder_of(*roots)",
        "transforms._Call.pull: active and recorder_of(output) is not None -> "
        "active or recorder_of(output) is not None",
        "transforms._Call.pull: active and recorder_of(output) is not None -> "
        "recorder_of(output) is not None",
        "transforms._Call.pull: active and recorder_of(output) is not None -> active",
        "transforms._Call.pull: None -> ...",
        "transforms._Call.pull: recorder_of(output) -> output",
        "transforms._Call.outer: inputs(node) if node._born >= self.start else () -> inputs(node)",
        "value.Scalar.__init__: data if data.__class__ is float else self.admit(data) -> "
        "self.admit(data)",
        "value.Scalar.__init__: data -> self",
        "value.Scalar.__init__: data -> label",
        "modes.caller: 1 -> 2",
        "graph.Node.data: if modes.active: modes.change(self, 'assigns .data of') -> "
        "if True: modes.change(self, 'assigns .data of')",
        "graph.Node.grad: if modes.active: modes.change(self, 'reads .grad of') -> "
        "if True: modes.change(self, 'reads .grad of')",
        "graph.Node.grad: if modes.active: modes.change(self, 'assigns .grad of') -> "
        "if True: modes.change(self, 'assigns .grad of')",
        "transforms._Call.outputs: if all((isinstance(x, (Node, float)) for x in found)): return "
        "found -> if False: return found",
        "transforms._Call.__init__: if settings()['recording']: self.result = f(*given, **named) "
        "return -> if False: self.result = f(*given, **named) return",
        "transforms._entered: Value(x) if x.__class__ is float else _enter(x) -> _enter(x)",
        "trees._gather: None if tree.__class__ is float else branches(tree) -> branches(tree)",
        "trees._gather: tree -> none",
        "trees._gather: tree -> found",
        "trees._gather: tree -> level",
        "trees._gather: if part.__class__ is float or (part is not None and ... -> "
        "if False: found.append(part) else: _gather(part, none, found, level)",
        "trees._gather: part.__class__ is float or (part is not None and ... -> "
        "part.__class__ is float and (part is not None and ...",
        "trees._gather: part.__class__ is float or (part is not None and ... -> "
        "part is not None and _kind(part.__class__) == LEAF",
        "trees._gather: part.__class__ is float or (part is not None and ... -> "
        "part.__class__ is float",
        "trees._gather: _kind(part.__class__) -> part.__class__",
        "trees.rebuild: leaf.__class__ is not float and is_objects(leaf) -> is_objects(leaf)",
        "trees.rebuild: leaf -> tree",
        "trees.rebuild: leaf -> numbers",
        "trees.replace: None if tree.__class__ is float else branches(tree) -> branches(tree)",
        "trees.replace: tree -> make",
        "trees.replace: tree -> level",
        "trees.like: made if kind is dict else _of_type(tree, made) -> _of_type(tree, made)",
        "trees.like: type(tree) -> tree",
        "transforms._Call.pull: not isinstance(output, Node) or output._born < self.start -> "
        "not isinstance(output, Node)",
    ],
    "what is not needed is kept longer, and nothing else": [
        "modes._leave: e is not entry and e.hold() -> e is not entry",
        "modes._leave: tuple([e for e in _entries.get() if e is not entry and e.hold()]) -> "
        "[e for e in _entries.get() if e is not entry and e.hold()]",
    ],
    "an interrupt would have to come before the entries are set, which is done next": [
        "modes._here: back, again = (partial(_entries.reset, entry.token), ... -> "
        "back, again = (partial(_entries.set, _entries.get()), ...",
        "modes._here: _at_once(back, again) -> _at_once(again, back)",
    ],
    "one entry at most is prepared, unless somebody keeps an __exit__; any of them will do": [
        "modes.Mode.__enter__: reversed(_entries.get()) -> _entries.get()",
    ],
    "no two births are equal, and the first is 1": [
        "graph.sweep: 0 -> 1",
        "graph.sweep: x._born > born -> x._born >= born",
        "graph.refuse_stale: x._born > node._born -> x._born >= node._born",
        "graph.gradients: 0 -> 1",
        "transforms._Call.outer: node._born >= self.start -> node._born > self.start",
        "transforms._Call.outer: node._born < self.start -> node._born <= self.start",
        "transforms._Call.pull: output._born < self.start -> output._born <= self.start",
    ],
    "only the code of a function is replaced, not its defaults": ["graph.Node.ask: None -> ..."],
    "what has no inputs has no operation, and a copy of an array too many is no error": [
        "graph._restore: inputs -> operation #2",
        "graph._restore: inputs -> operation #3",
        "graph._restore: if not inputs: node._data = node.own(data) -> "
        "if True: node._data = node.own(data)",
    ],
    "g is a node of the same kind": [],
    "the first in the frontier is alone there": ["graph.sweep: order(root) -> root"],
    "a share is linear in g, so that no column divides by it": [
        "graph.hand_back: kind(g) -> g",
    ],
    "somebody outside the project has called": [
        "modes.caller: if frame.f_back is None: break -> if False: break",
        "modes.caller: str(frame.f_globals.get('__package__')) -> "
        "frame.f_globals.get('__package__')",
        "modes.caller: None -> ...",
    ],
    "a product or a sum in either order, of kinds that both answer for it": [
        "ieee.hypot: complex(x, y) -> complex(y, x)",
        "transforms.jvp: _inner(g, d) -> _inner(d, g)",
        "transforms._pull_all: _inner(seed, y) -> _inner(y, seed)",
    ],
    "another library's shape is equal to a tuple": [
        "transforms._matched: tuple(getattr(t, 'shape', ())) -> getattr(t, 'shape', ())",
        "trees.shape: tuple(getattr(tree, 'shape', ())) -> getattr(tree, 'shape', ())",
        "trees.rectangle: tuple(tree.shape) -> tree.shape",
    ],
    "NumPy is loaded here": [
        "trees._kind: numpy is not None and issubclass(kind, numpy.ndarray) -> "
        "issubclass(kind, numpy.ndarray)",
        "trees._kind: None -> ...",
    ],
    "two containers that are alike have as many parts": [
        "trees._of_type: continue -> pass",  # nothing comes after it
        "trees.match: expected -> given #5",
    ],
    "the right operand of a method is its argument": ["value._slow: right -> other #2"],
    "no two calls begin with one birth, and the first node has one above 0": [
        "scopes.calls: 0 -> 1",
        "scopes.calls: call[1] < end -> call[1] <= end",
        "scopes.calls: max(end, call[2]) -> max(call[2], end)",
    ],
    "neither is a shape": ["transforms._has_axes: None -> ..."],
    "u^T J is linear in u: its slope is the same at any u, and does not see what is added": [
        "transforms.jvp: 0.0 -> 1.0",
        "transforms.jvp: 0.0 -> 1.0 #2",
        "transforms._pull_all: 0.0 -> 1.0",  # nor does the slope of the sum of seed * output
    ],
    "only what a call costs differs": [
        "value.Scalar.__init__: data -> more",
        "transforms._Call.leave: isinstance(x, Node) and x not in self.inside -> "
        "isinstance(x, Node)",
        "transforms._Call.leave: keeps and roots -> keeps",
        "transforms._Call.outer: if all((node._born >= self.start for node in found)): "
        "return set() -> if False: return set()",
        "transforms._Call.outer: node._born >= self.start -> node._born > self.start #2",
        "transforms._Call.outer: node._born >= self.start -> node._born <= self.start #2",
        "transforms._Call.numbers: self.inside.add(output) -> pass #2",
        "transforms._Call.numbers: self.inside.add(output) -> output #2",
        "transforms._Call.numbers: output -> self #4",
        "transforms._Call.numbers: if not pathless: self.inside.add(output) -> if False: "
        "self.inside.add(output)",
        "transforms._Call.numbers: False -> True",
        "transforms._Call.numbers: sweep(output, start, since=self.start) -> sweep(output, start)",
        "trees.like: if kind is list: return parts -> if False: return parts",
        "trees.like: if kind is tuple: return tuple(parts) -> if False: return tuple(parts)",
    ],
    "the walk in C, which the engine in Python does not have": [
        "transforms._Call.numbers: self.inside.add(output) -> pass",
        "transforms._Call.numbers: self.inside.add(output) -> output",
        "transforms._Call.numbers: output -> self #2",
        "transforms._Call.numbers: output -> start #2",
    ],
    "nothing is born with a call itself": [
        "transforms._Call.numbers: x._born < self.start -> x._born <= self.start",
    ],
    "what has a slope answers no truths, and what is asked of elements answers an array": [
        "value_protocols.on_values: _mask(found) if name in FLAT else found -> _mask(found)",
        "value_protocols._mask: isinstance(found, np.ndarray) and all((isinstance(x, (bool, "
        "... -> all((isinstance(x, (bool, np.bool_)) for x in found.flat))",
    ],
    "neither is a ufunc": ["value_protocols.on_values: None -> ..."],
    "a number has no parts": [
        "transforms._enter: not is_number(x) and (not isinstance(x, (str, bytes))) and ... "
        "-> not isinstance(x, (str, bytes)) and _holds_more(x)",
    ],
    "an object has the methods of its class": ["transforms._holds_more: type(x) -> x"],
    "both have as many parts": ["trees._of_type: made -> tree #2"],
    "another error is raised, and passed over as this one": [
        "trees._copied: if not isinstance(tree, (list, deque)): raise TypeError -> if False: "
        "raise TypeError",
        "trees._copied: tree -> made #3",
        "trees._copied: raise TypeError -> pass",
    ],
}
EQUIVALENT = {label: reason for reason, labels in REASONS.items() for label in labels}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
