"""The compiled engine: which one runs, and that only the clock can tell it from the pure one.

The reference is the walk in Python, which runs on nodes of either engine, and the rows' own Python.
"""

from __future__ import annotations

import copy
import gc
import inspect
import math
import operator
import os
import pickle
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
from autograd import Value, gradients, nodes, register, transforms, zero_grad
from autograd.core import modes, twin
from autograd.core.graph import Node, Slotted, apply, gradient_or_none, hand_back, new, sweep
from autograd.core.kinds import FUNCTIONS
from autograd.core.rules import RULES, TABLE, Rule
from autograd.printing import emit

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
COMPILED = autograd.engine() == "compiled"
needs_compiled = pytest.mark.skipif(not COMPILED, reason="this is the pure engine")
inf, nan = math.inf, math.nan


# ---- which engine runs ---------------------------------------------------------------------------


def python(program: str, **environment: str) -> tuple[str, str]:
    """What a fresh interpreter prints, and the last line of its complaints."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "AUTOGRAD"))}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=120,
        env=kept | {"PYTHONPATH": str(ROOT)} | environment,
    )  # fmt: skip
    return done.stdout.strip(), (done.stderr.strip().splitlines() or [""])[-1]


ASK = "import autograd; print(autograd.engine())"
BLOCK = "import sys; sys.modules['autograd._engine'] = None; "
OLD = (
    "from types import SimpleNamespace; import sys; "
    "sys.modules['autograd._engine'] = SimpleNamespace(INTERFACE=0); "
)
STALE = (
    "from types import SimpleNamespace; import sys, itertools; "
    "sys.modules['autograd._engine'] = SimpleNamespace(INTERFACE=4, ROWS=('add', 'no_such_row'), "
    f"FINGERPRINT={twin.FINGERPRINT}, "
    "birth=itertools.count(1).__next__, operation=lambda name, f, way: f); "
)
SHOW = "import warnings; warnings.showwarning = lambda said, *rest: print(said); "
REFUSED = (
    "the compiled engine is that of another version: install valuegrad again "
    "(meanwhile the engine in Python runs, with the same answers)"
)


@cache
def built() -> str:
    """The engine of an interpreter that nobody told which to take."""
    return python(ASK)[0]


def test_the_engine_is_said():
    assert autograd.engine() in ("compiled", "pure")
    assert issubclass(Value, Slotted) is not COMPILED


def test_the_pure_engine_can_be_asked_for():
    assert python(ASK, AUTOGRAD_PURE="1") == ("pure", "")
    assert python(BLOCK + ASK) == ("pure", "")
    assert python(ASK, AUTOGRAD_PURE="0")[0] == python(ASK, AUTOGRAD_PURE="")[0] == built()


def test_the_compiled_engine_can_be_demanded():
    for program, environment in ((BLOCK + ASK, {}), (ASK, {"AUTOGRAD_PURE": "1"})):
        out, error = python(program, AUTOGRAD_REQUIRE_COMPILED="1", **environment)
        assert out == ""
        assert re.match(r"(ImportError|ModuleNotFoundError): ", error)
    if COMPILED:
        assert python(ASK, AUTOGRAD_REQUIRE_COMPILED="1") == ("compiled", "")


def test_an_engine_of_another_version_is_not_used():
    assert python(OLD + SHOW + ASK) == (f"{REFUSED}\npure", "")
    rules = f"INTERFACE={twin.INTERFACE}, FINGERPRINT={twin.FINGERPRINT ^ 1}"
    assert python(OLD.replace("INTERFACE=0", rules) + SHOW + ASK) == (f"{REFUSED}\npure", "")
    _, error = python(OLD + ASK, AUTOGRAD_REQUIRE_COMPILED="1")
    assert error.startswith("ImportError: the compiled engine is that of another version")


def test_an_engine_that_this_system_cannot_load_is_told_of_once(tmp_path):
    name = f"_engine{sysconfig.get_config_var('EXT_SUFFIX')}"
    shutil.copytree(ROOT / "autograd", tmp_path / "autograd", ignore=lambda *_: ["__pycache__"])
    (tmp_path / "autograd" / name).unlink(missing_ok=True)  # a mapping of it may be in use
    (tmp_path / "autograd" / name).write_bytes(b"\x7fELF of another libc")
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {SHOW}{ASK}; import autograd"
    said, engine = python(program)[0].splitlines()
    assert name in said
    assert said.endswith("(meanwhile the engine in Python runs, with the same answers)")
    assert engine == "pure"


def test_an_engine_of_another_table_is_not_used():
    out, error = python(STALE + ASK)
    assert out == "pure"
    assert "@_in_c" in error
    out, error = python(STALE + ASK, AUTOGRAD_REQUIRE_COMPILED="1")
    assert error == (
        "ImportError: the compiled engine was built from another table: install valuegrad again"
    )


def test_a_package_that_is_imported_afresh_works():
    program = (
        "import sys, autograd; first = autograd.Value\n"
        "for name in [n for n in sys.modules if n.split('.')[0] == 'autograd']:\n"
        "    del sys.modules[name]\n"
        "import autograd\n"
        "for value in (first, autograd.Value):\n"
        "    x = value(2.0); y = (x * x).exp() + 1; y.backward(); print(round(x.grad, 3))\n"
        "print(autograd.exp(autograd.Value(0.0)), autograd.Value is first)"
    )
    out, error = python(program)
    assert (out.split(), error) == (["218.393", "218.393", "Value(1.0)", "False"], "")


@needs_compiled
def test_the_engine_was_built_from_the_committed_header():
    (printed,) = re.findall(r"#define VG_FINGERPRINT (\w+)u", emit.HEADER.read_text())
    assert int(printed, 16) == twin.engine.FINGERPRINT, "build again: pip install -e ."
    assert tuple(TABLE) == twin.engine.ROWS


# ---- the same bits -------------------------------------------------------------------------------

TELLING = [
    0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -3.0, 20.0, 38.0, -38.2, -40.0, 709.8, -745.2, 1e200,
    1e-200, 1.0 - 2.0**-53, 2.0**-53 - 1.0, 2.0**-51 - 3.0, 2.0**53 - 1.0, 2.0**-1022, 5e-324,
    -5e-324, 1.79e308, -1.79e308, inf, -inf, nan,
]  # fmt: skip
every_float = (
    st.sampled_from(TELLING) | st.floats() | st.floats(-5, 5) | st.integers(-9, 9).map(float)
)


def same(x: float, y: float) -> bool:
    """The same bits, but for a nan's."""
    return (x != x and y != y) or (x == y and math.copysign(1.0, x) == math.copysign(1.0, y))


def arguments_of(name: str, data: st.DataObject) -> list[float]:
    """Floats of every sort, ties among them; a setting gets a whole number."""
    size = RULES[name].fact.arity or data.draw(st.integers(1, 6)) * (1 + (name == "dot"))
    xs = data.draw(st.lists(every_float, min_size=size, max_size=size))
    if size > 1 and data.draw(st.integers(0, 5)) == 0:
        xs[1] = xs[0]
    if name == "round":
        xs[1] = float(data.draw(st.integers(-4, 6) | st.integers(-330, 330)))
    if name == "power_derivative":
        xs[2:] = [float(data.draw(st.integers(0, 5))) for _ in range(2)]
    return xs


@needs_compiled
@pytest.mark.parametrize("name", TABLE)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_every_row_computes_the_same_bits_forward_and_back(name: str, data: st.DataObject) -> None:
    xs, g = arguments_of(name, data), data.draw(every_float)
    row = RULES[name]
    expected = row.fact.floats(*xs)
    assert same(row.compute(*xs), expected)
    leaves = [Value(x) for x in xs]
    node = row.compute(*leaves)
    assert type(node) is Value
    assert same(node.data, expected)
    shares = hand_back(node, g)
    found = gradients(node, leaves, g)
    for share, slope in zip(shares, found, strict=True):
        assert same(0.0 if share is None else float(share), slope)
    before = [gradient_or_none(leaf) for leaf in leaves]
    node.backward(g)
    assert before == [None] * len(xs)
    reached = [gradient_or_none(leaf) is not None for leaf in leaves]
    assert reached == [share is not None for share in shares]


@needs_compiled
@settings(max_examples=100, deadline=None)
@given(x=every_float, y=every_float)
def test_every_operator_and_method_computes_the_same_bits(x: float, y: float) -> None:
    for name, (left, right) in {
        "add": ("__add__", "__radd__"), "sub": ("__sub__", "__rsub__"),
        "mul": ("__mul__", "__rmul__"), "div": ("__truediv__", "__rtruediv__"),
        "floordiv": ("__floordiv__", "__rfloordiv__"), "mod": ("__mod__", "__rmod__"),
        "pow": ("__pow__", "__rpow__"),
    }.items():  # fmt: skip
        expected = FUNCTIONS[name].floats(x, y)
        for node in (
            getattr(Value(x), left)(Value(y)), getattr(Value(x), left)(y),
            getattr(Value(y), right)(x), getattr(autograd.core.value.Scalar, left)(Value(x), y),
        ):  # fmt: skip
            assert same(node.data, expected)
            assert node.op == name
    for compare in (operator.lt, operator.le, operator.eq, operator.ne, operator.gt, operator.ge):
        assert compare(Value(x), Value(y)) is compare(x, y)
        assert compare(Value(x), y) is compare(x, y)
        assert compare(x, Value(y)) is compare(x, y)
        assert compare(Value(x), 2**53 + 1) is compare(x, 2**53 + 1)
    assert bool(Value(x)) is bool(x)


def test_a_method_is_done_in_c_and_answers_as_the_function_does():
    for name, method in vars(autograd.core.value.Scalar).items():
        if not name.startswith("__") and method in autograd.core.value._rows:
            row = autograd.core.value._rows[method]
            others = [Value(0.25)] if FUNCTIONS[row].arity == 2 else []
            node = getattr(Value(0.5), name)(*others)
            assert node.op == row
            assert same(node.data, FUNCTIONS[row].call(0.5, *(x.data for x in others)))
            assert (type(getattr(Value, name)).__name__ == "Operation") is COMPILED


UNARY = ["exp", "tanh", "sin", "relu", "sigmoid", "softplus", "gelu", "abs", "neg", "sqrt", "log"]
BINARY = ["add", "sub", "mul", "div", "pow", "maximum", "mod", "logaddexp", "less"]
LISTS = ["sum", "mean", "dot", "logsumexp", "softmax", "log_softmax"]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Value], Value]:
    """Leaves and a root that hangs on some of them, made with every way of recording."""
    leaves = [Value(x) for x in draw(st.lists(every_float, min_size=1, max_size=4))]
    found: list[Any] = list(leaves)
    for _ in range(draw(st.integers(1, 25))):
        operand = st.sampled_from(found) | every_float | st.integers(-3, 3)
        x = draw(st.sampled_from(found))
        way = draw(st.integers(0, 5))
        if way == 0:
            made = FUNCTIONS[draw(st.sampled_from(UNARY))].call(x)
        elif way in (1, 2):
            pair = [x, draw(operand)]
            made = FUNCTIONS[draw(st.sampled_from(BINARY))].call(
                *pair[:: draw(st.sampled_from((1, -1)))]
            )
        elif way == 3:
            made = autograd.where(draw(st.booleans() | st.sampled_from(found)), x, draw(operand))
        elif way == 4:
            made = autograd.clip(x, draw(operand), draw(operand))
        else:
            xs = [x, *draw(st.lists(operand, min_size=0, max_size=3))]
            name = draw(st.sampled_from(LISTS))
            made = autograd.dot(xs, xs[::-1]) if name == "dot" else getattr(autograd, name)(xs)
            made = made[draw(st.integers(0, len(xs) - 1))] if isinstance(made, list) else made
        found.append(made)
    return leaves, found[-1]


@needs_compiled
@settings(max_examples=200, deadline=None)
@given(graph=graphs(), seed=every_float)
def test_a_whole_graph_gets_the_same_bits_from_both_walks(graph: Any, seed: float) -> None:
    leaves, root = graph
    expected = {node: g for node, g, _ in sweep(root, seed)}
    everything = nodes(root)
    for node, g in zip(everything, gradients(root, everything, seed), strict=True):
        assert same(g, expected.get(node, 0.0))
    root.backward(seed)
    for node in everything:
        g = gradient_or_none(node)
        assert (g is None) is (node not in expected)
        assert g is None or same(g, expected[node])
    held = {leaf: gradient_or_none(leaf) for leaf in leaves}
    root.backward(seed)
    for leaf, g in held.items():
        assert g is None or same(leaf.grad, g + expected[leaf])


@needs_compiled
def test_the_pure_engine_in_another_process_gets_the_same_bits():
    program = (
        "import autograd, random; from autograd import Value; rng = random.Random(7)\n"
        "xs = [Value(rng.uniform(-2, 2)) for _ in range(20)]\n"
        "def f(xs):\n"
        "    while len(xs) > 1:\n"
        "        xs = [(a * b + a.tanh() - 2 / b).sigmoid() * 3 for a, b in zip(xs, xs[1:])]\n"
        "    return xs[0]\n"
        "f(xs).backward(); print(autograd.engine(), *(x.grad.hex() for x in xs))"
    )
    pure, fast = (python(program, AUTOGRAD_PURE=pure)[0].split() for pure in ("1", "0"))
    assert (pure[0], fast[0]) == ("pure", "compiled")
    assert pure[1:] == fast[1:]


# ---- who does what -------------------------------------------------------------------------------


@pytest.fixture
def in_python(monkeypatch: pytest.MonkeyPatch) -> list[Node]:
    """The roots from which Python has walked."""
    walked: list[Node] = []

    def listening(root: Node, *args: Any, **named: Any) -> Any:
        walked.append(root)
        return sweep(root, *args, **named)

    monkeypatch.setattr(autograd.core.graph, "sweep", listening)
    monkeypatch.setattr(transforms, "sweep", listening)
    return walked


def went_to_python(walked: list[Node], root: Node) -> bool:
    walked.clear()
    root.backward()
    return walked == [root] if walked else False


@needs_compiled
def test_what_is_usual_is_walked_in_c(in_python):
    x = Value(0.5, "x")
    y = autograd.sum([x, 1, x.exp(), autograd.where(x > 0, x, 2)]).clip(0, 9) * autograd.relu(x)
    y.label = "y"
    assert not went_to_python(in_python, y)
    y.backward(seed=2)
    assert gradients(y, [x]) != [0.0]
    assert autograd.grad(lambda v: v * v)(2.0) == 4.0
    assert autograd.jacobian(lambda v: [v[0] * v[1], v[0]])([2.0, 3.0]) == [[3.0, 2.0], [1.0, 0.0]]
    assert in_python == []


def test_a_registered_rule_is_pythons(in_python):
    triple = register("engine_triple", lambda x: 3.0 * x, lambda g, out, x: 3.0 * g)
    try:
        x = Value(2.0)
        y = triple(x) * x + triple(1.0)
        assert went_to_python(in_python, y)
        assert (x.grad, triple(x)._rule) == (12.0, RULES["engine_triple"])
        assert triple(x).inputs == (x,)
        assert gradients(triple(x * x) * 2, [x]) == [24.0]
    finally:
        del RULES["engine_triple"], FUNCTIONS["engine_triple"]


def test_a_changed_column_is_used_and_so_is_its_return(in_python):
    x, row = Value(3.0), RULES["mul"]
    before = row.columns
    root = x * 5.0
    try:
        row.columns = (lambda g, out, x, y: 100.0 * g, before[1])
        assert went_to_python(in_python, root)
        assert x.grad == 100.0
        assert gradients(root, [x]) == [100.0]
    finally:
        row.columns = before
    assert went_to_python(in_python, root) is not COMPILED
    assert x.grad == 105.0


def test_a_rule_of_the_same_name_that_is_not_the_tables_changes_nothing_for_others():
    other = Rule("mul", RULES["mul"].compute, lambda *_: 7.0, lambda *_: 8.0)
    other.columns = (lambda *_: 9.0, lambda *_: 8.0)
    x = Value(3.0)
    assert gradients(x * 5.0, [x]) == [5.0]
    assert gradients(apply(other, x, 5.0), [x]) == [9.0]
    assert apply(other, x, 5.0)._rule is other


@pytest.mark.parametrize("name", ["exp", "hypot", "sum", "dot", "softmax", "where"])
def test_a_row_that_has_been_replaced_is_used_by_functions(name, monkeypatch):
    other = Rule(name, RULES[name].compute, *RULES[name].columns)
    monkeypatch.setitem(RULES, name, other)
    x = Value(0.5)
    calls = {
        "exp": lambda: autograd.exp(x), "hypot": lambda: autograd.hypot(x, 1.0),
        "sum": lambda: autograd.sum([x, 1.0]), "dot": lambda: autograd.dot([x], [x]),
        "softmax": lambda: autograd.softmax([x, 1.0])[0],
        "where": lambda: autograd.where(True, x, 1.0),
    }  # fmt: skip
    assert calls[name]()._rule is other


def test_a_tensor_in_the_graph_is_pythons(in_python):
    x = Value(2.0)
    (y,) = autograd.stack_values([x * 3.0]).values()
    assert went_to_python(in_python, y * y)
    assert x.grad == 36.0


def test_the_root_is_as_stale_as_ever(in_python):
    p = Value(2.0, "w")
    taken = autograd.where(True, p * 3.0, Value(1.0))
    q = Value(5.0)
    root = autograd.where(False, q * 2.0, p * 3.0)
    q.data = 7.0  # its share never gets there
    root.backward()
    assert p.grad == 3.0
    p.data = 3.0
    for stale in (taken, root):
        with pytest.raises(RuntimeError, match=r"stale: .data of its leaf 'w' .*is 3\.0 now"):
            stale.backward()
    assert p.grad == 3.0


# ---- births --------------------------------------------------------------------------------------


@pytest.mark.parametrize("gap", [0, 1000, 10**6, 10**8, 10**12])
def test_a_node_however_much_older_than_the_others_is_in_its_place(gap):
    x = Value(3.0)
    old = x * x
    middle = old * 2.0
    root = (middle + old) * x + old.exp() * 0.0
    for node in nodes(root):
        if node not in (x, old):
            node._born += gap
    expected = {node: g for node, g, _ in sweep(root)}
    assert gradients(root, nodes(root)) == [expected[node] for node in nodes(root)]
    root.backward()
    assert x.grad == 27.0 * 3.0


def test_two_nodes_born_at_once_are_left_to_python():
    x = Value(3.0)
    a, b = x * 2.0, x * 5.0
    b._born = a._born
    (a * b).backward()
    assert x.grad == 60.0


def test_births_are_counted_once_for_all_kinds():
    first = Value(1.0)._born
    assert autograd.Tensor([1.0])._born == first + 1
    assert autograd.core.graph.birth() == first + 2
    assert (Value(1.0) + 1.0)._born == first + 4


# ---- memory --------------------------------------------------------------------------------------


@needs_compiled
def test_a_node_is_small_and_no_business_of_the_garbage_collector():
    x = Value(1.0)
    for node in (x, x * 2.0, autograd.sum([x, x, x])):
        assert not gc.is_tracked(node)
        assert sys.getsizeof(node) <= 80
        assert not hasattr(node, "__dict__")


class Mine(Value):
    __slots__ = ()


class Noted(Value):
    note: str


def chain(length: int, kind: type[Value] = Value) -> tuple[Value, Value]:
    """The two ends of a chain; all its nodes are of that kind."""
    leaf = end = kind(1.0)
    for _ in range(length):
        if kind is Value:
            end = end + 1.0
        else:
            link: Any = new(kind)
            link._data, link._inputs, link._rule = end._data + 1.0, (end, 1.0), RULES["add"]
            link._born = autograd.core.graph.birth()
            end = link
    return leaf, end


def on_a_small_stack(function: Any) -> None:
    """Call the function on a thread with 256 KiB of stack."""
    before = threading.stack_size(256 * 1024)
    errors: list[BaseException] = []

    def run() -> None:
        try:
            function()
        except BaseException as error:
            errors.append(error)

    try:
        thread = threading.Thread(target=run)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    assert not errors


@pytest.mark.parametrize("kind", [Value, Mine, Noted])
def test_a_deep_chain_of_any_class_is_freed_without_recursion(kind):
    def life() -> None:
        leaf, end = chain(200_000, kind)
        end.backward()
        assert leaf.grad == 1.0

    on_a_small_stack(life)


def test_a_deep_chain_that_crosses_between_kinds_is_freed_without_recursion():
    def life() -> None:
        x = Value(1.0)
        for _ in range(3_000):
            (x,) = autograd.stack_values([x + 1.0]).values()

    on_a_small_stack(life)


def test_a_deep_chain_of_lists_is_freed_without_recursion():
    def life() -> None:
        x = Value(1.0)
        for _ in range(100_000):
            x = autograd.sum([x, 1.0, 2.0])
        x.backward()

    on_a_small_stack(life)


def resident() -> int:
    """Bytes this process holds."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@needs_compiled
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc")
def test_two_million_operations_leave_no_memory_behind():
    def work() -> None:
        x, y = Value(0.5, "x"), Value(0.25)
        for _ in range(2_000):
            total = autograd.sum([x * y, x.exp() - y / 2, autograd.dot([x, y], [y, 3]), 1])
            total = autograd.where(total > 0, total.clip(0, 9), -total).tanh() + abs(x) ** 2
            autograd.softmax([total, x, y])[1].backward()
            gradients(total, [x, y])
            total.label = "total"
            copy.copy(total), total.inputs, total.grad, total.detach()
            with modes.no_grad():
                total * x
            zero_grad([x, y])

    def blocks() -> int:
        gc.collect()
        return sys.getallocatedblocks()

    for _ in range(2):  # leaves as many notes of comparisons as are kept
        work()
    before, held = blocks(), resident()
    for _ in range(15):
        work()
    assert blocks() - before < 300
    assert resident() - held < 4_000_000


def test_errors_on_the_way_leave_no_memory_behind():
    x = Value(0.5)
    attempts = [
        lambda: x + "a", lambda: x * 10**400, lambda: autograd.sum([x, "a", 1.0]),
        lambda: autograd.softmax([x, None]), lambda: autograd.where(True, x, "a"),
        lambda: Value("a"), lambda: Value(1.0, 3), lambda: x.backward("a"), lambda: x.exp(1),
        lambda: autograd.dot([x], ["a"]), lambda: x.backward(1, 2), lambda: Value(label="a"),
        lambda: setattr(x, "data", "a"), lambda: pow(x, 2, 3),
    ]  # fmt: skip

    def work(times: int) -> int:
        for attempt in attempts * times:
            try:
                attempt()
            except (TypeError, ValueError):
                continue
            raise AssertionError("no error")
        gc.collect()
        return sys.getallocatedblocks()

    before = work(10)
    assert work(200) - before < 400


# ---- subclasses ----------------------------------------------------------------------------------


def test_a_subclass_works_and_its_results_are_values(in_python):
    for kind in (Mine, Noted):
        x = kind(3.0, label="x")
        root = x * x + 2.0 * x - x.tanh() * 0.0 + autograd.exp(x) * 0.0
        assert type(root) is Value
        assert went_to_python(in_python, root) is not COMPILED
        assert x.grad == 8.0
        assert (x.label, repr(x)) == ("x", "Value(3.0, grad=8.0, label='x')")
        assert (x > 2, x == 3.0, bool(x)) == (True, True, True)
        twin = copy.deepcopy(x)
        assert (type(twin), twin.data, twin.grad) == (kind, 3.0, 8.0)


def test_a_subclass_that_keeps_its_gradient_elsewhere_is_asked_for_it():
    class Doubling(Value):
        __slots__ = ("held",)
        held: float

        @property
        def _grad(self) -> float:
            return self.held

        @_grad.setter
        def _grad(self, g: float) -> None:
            self.held = 2.0 * g

    x = Doubling(3.0)
    (x * 5.0).backward()
    assert (x.grad, x.held) == (10.0, 10.0)


def test_a_subclass_with_operators_of_its_own_is_asked():
    class Shy(Value):
        def __radd__(self, other: Any) -> Any:
            return "radd"

        def __add__(self, other: Any) -> Any:
            return "add"

        def exp(self) -> Any:
            return "exp"

    assert (Value(1.0) + Shy(1.0), Shy(1.0) + Value(1.0), Shy(1.0).exp()) == ("radd", "add", "exp")


def test_a_subclass_in_a_cycle_of_its_own_is_collected():
    x = Noted(1.0)
    x.note = x  # type: ignore[assignment]
    alive = [type(y) for y in gc.get_objects()].count(Noted)
    del x
    gc.collect()
    assert [type(y) for y in gc.get_objects()].count(Noted) == alive - 1


# ---- threads -------------------------------------------------------------------------------------


def test_both_walks_together_lose_no_update():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        x, rounds = Value(2.0), 300
        roots = [x * 3.0, autograd.stack_values([x * 1.0]).values()[0] * 3.0]

        def work(root: Value) -> None:
            for _ in range(rounds):
                root.backward()

        threads = [threading.Thread(target=work, args=(root,)) for root in roots * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert x.grad == 4 * rounds * 3.0
    finally:
        sys.setswitchinterval(before)


# ---- what a node keeps ---------------------------------------------------------------------------


def test_the_private_parts_can_be_read_written_and_deleted_on_either_engine():
    x: Any = new(Value)
    x._data, x._inputs, x._rule, x._born = 2.0, (), None, 1
    assert (x._data, x._inputs, x._rule, x._born, x.op, x.grad) == (2.0, (), None, 1, "", 0.0)
    for name in ("_grad", "_extra"):
        with pytest.raises(AttributeError):
            getattr(x, name)
        with pytest.raises(AttributeError):
            delattr(x, name)
    x._grad, x._extra = 3.0, {"label": "x"}
    assert (x.grad, x.label) == (3.0, "x")
    del x._grad, x._extra
    assert (x.grad, x.label) == (0.0, "")
    y: Any = x * 2.0
    y._inputs = (x, x, 1.5)
    y._rule = RULES["clip"]
    assert (y._inputs, y.op) == ((x, x, 1.5), "clip")
    y._inputs, y._rule = (x,), RULES["exp"]
    assert (y._inputs, y.op) == ((x,), "exp")
    other = Rule("exp", math.exp, lambda g, out, x: 5.0)
    y._rule = other
    y._inputs = (4.0, x)
    assert (y._inputs, y._rule) == ((4.0, x), other)
    y._rule, y._inputs = None, ()
    assert (y._inputs, y._rule) == ((), None)


def test_a_node_with_another_number_of_inputs_than_its_row_has_is_left_to_python():
    x = Value(3.0)
    square: Any = x * x
    square._inputs = (x,)
    with pytest.raises(ValueError, match="unpack"):
        square.backward()
    assert gradient_or_none(x) is None


@pytest.mark.parametrize(("writer", "reader"), [("1", "0"), ("0", "1")])
def test_a_pickle_of_either_engine_is_read_by_the_other(writer, reader, tmp_path):
    path = tmp_path / "graph.pickle"
    write = (
        "import autograd, pickle; from autograd import Value; x = Value(0.5, 'x'); y = x\n"
        "for _ in range(20_000): y = y * 1.0 + autograd.sum([x, 1, 0]) * 0.0\n"
        "y.backward(); y.label = 'y'\n"
        f"pickle.dump([x, y, autograd.tanh], open({str(path)!r}, 'wb')); print(autograd.engine())"
    )
    read = (
        f"import autograd, pickle; x, y, f = pickle.load(open({str(path)!r}, 'rb'))\n"
        "from autograd import nodes; y.backward()\n"
        "print(autograd.engine(), x.grad, y.label, nodes(y)[-1] is x, len(nodes(y)), f(0.0))"
    )
    engines = {"1": "pure", "0": built()}
    assert python(write, AUTOGRAD_PURE=writer) == (engines[writer], "")
    assert python(read, AUTOGRAD_PURE=reader) == (f"{engines[reader]} 2.0 y True 80001 0.0", "")


# ---- functions -----------------------------------------------------------------------------------


def test_a_function_is_shown_pickled_and_copied_as_a_function_is():
    for function in (autograd.sigmoid, autograd.sum, autograd.where, autograd.tanh):
        assert pickle.loads(pickle.dumps(function)) is function
        assert copy.deepcopy(function) is function is copy.copy(function)
        assert inspect.isroutine(function)
        assert function.__module__ == "autograd.core.functions"
    assert str(inspect.signature(autograd.sigmoid)) == "(x: 'Any') -> 'Any'"
    assert list(inspect.signature(autograd.sum).parameters) == ["xs", "axis", "keepdims"]
    assert list(inspect.signature(Value.exp).parameters) == ["self"]
    assert list(inspect.signature(Value(1.0).atan2).parameters) == ["other"]
    assert list(inspect.signature(Value).parameters) == ["data", "label", "more"]
    assert (autograd.sum.__doc__ or "").startswith("The sum of a list")
    assert (Value.sigmoid.__doc__ or "").startswith("The logistic function")
    assert "remembers" in (Value.__doc__ or "")
    assert (Value.backward.__doc__ or "").startswith("Add d self / d leaf")
    assert (Value.data.__doc__ or "").startswith("The number or array. It may be rebound")
    assert (Value.grad.__doc__ or "").startswith("The gradient that backward passes")
    assert inspect.signature(Value.backward).parameters["seed"].default == 1.0
    assert repr(autograd.exp).startswith("<function exp at ")
    assert Value.exp.__qualname__ == "Value.exp"


def test_a_function_binds_as_a_function_does():
    class Layer:
        activation = autograd.tanh

    assert Layer.activation is autograd.tanh
    with pytest.raises(TypeError, match="Layer"):
        Layer().activation()  # type: ignore[call-arg]
    assert Value.exp(Value(0.0)).data == 1.0
    assert [y.data for y in map(Value.exp, [Value(0.0)])] == [1.0]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda v: v.exp(1), "exp"), (lambda v: v.atan2(), "atan2|argument"),
        (lambda v: autograd.exp(), "of_one|exp"),
        (lambda v: autograd.sum(), "sum"), (lambda v: autograd.sum(v, 1, 2, 3), "sum"),
        (lambda v: v.backward(2.0, 3.0), "backward"), (lambda v: v.backward(sed=1.0), "backward"),
        (lambda v: Value(), "data"), (lambda v: Value(1.0, lable="a"), "lable"),
    ],
)  # fmt: skip
def test_a_wrong_call_is_a_type_error_that_names_the_function(wrong, said):
    with pytest.raises(TypeError, match=said):
        wrong(Value(1.0))


def test_lists_of_every_sort_are_taken():
    x = Value(2.0)
    for xs in ([x, 1, True, 2.5], (x, 1, True, 2.5), iter([x, 1, True, 2.5])):
        assert autograd.sum(xs).data == 6.5
    assert autograd.sum([1, 2.5]) == 3.5
    assert autograd.dot([x, 1], (3, x)).data == 8.0
    assert autograd.dot([1, 2.0], [3, 4]) == 11.0
    assert autograd.softmax([0.0, 0.0]) == [0.5, 0.5]
    assert [y.op for y in autograd.log_softmax((x, 1))] == ["log_softmax"] * 2
    assert [[z is x for z in y.inputs] for y in autograd.softmax([1.0, x, 2.0])] == [
        [False, True, False], [True, False, False], [False, False, True],
    ]  # fmt: skip


def test_modes_reach_what_is_recorded_in_c():
    x = Value(0.5)
    with modes.no_grad():
        for made in (
            x * x, -x, x.exp(), autograd.exp(x), autograd.sum([x, x]), autograd.where(True, x, x),
            autograd.softmax([x, x])[0], x.clip(0, 1), x**2, 2 - x,
        ):  # fmt: skip
            assert (made.inputs, made._rule) == ((), None)
    with modes.record_lines():
        line = inspect.currentframe().f_lineno + 1  # type: ignore[union-attr]
        made = x * 2.0 + autograd.sum([x, 1.0])
    assert {modes.extra(n)["line"] for n in nodes(made) if n.inputs} == {(__file__, line)}
    with (
        modes.detect_anomaly(),
        pytest.raises(FloatingPointError, match=r"log of 0\.0 is -inf"),
    ):
        Value(0.0).log()
    assert twin.engine is None or not modes.active


def test_a_warning_made_an_error_leaves_the_engine_in_order():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (Value(2.0) * 3).data == 6.0
