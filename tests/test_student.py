"""The judge of learners' work says what is wrong, in words, and calls nothing right wrong."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import subprocess
import sys
import types
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from student_engines import ENGINES, FAULTS, FRESH, PATHS, UNSEEN

import autograd
from autograd import Value, check_student, grad
from autograd.checking import sandbox, student_trials
from autograd.core import rules

PLANTED = {"planted": FAULTS, "unseen": UNSEEN, "fresh": FRESH}


def engine(source: str, name: str, module: str = "learner"):
    """The class of an engine in a module of its own."""
    made = types.ModuleType(module)
    sys.modules[module] = made  # where its functions are looked for
    exec(compile(source, f"{module}.py", "exec"), made.__dict__)
    return getattr(made, name)


def text(report):
    """What the report says, in one line."""
    return " ".join(str(report).split())


def f(x, y):
    return (x * y + autograd.tanh(x)) ** 2


def df(x, y):
    inside = x * y + math.tanh(x)
    return 2 * inside * (y + 1 - math.tanh(x) ** 2), 2 * inside * x


# ---- gradients -----------------------------------------------------------------------------------


def test_a_right_gradient_is_right_at_chosen_points_and_at_those_given():
    assert check_student(df, f)
    report = check_student(df, f, at=[(2.0, -3.0), (0.5, 1.0)])
    assert report.passed
    assert report.score == 1.0
    assert len(report.checks) == 2 * 6  # two arguments; two points, and two beside each
    assert report.faults == []


WRONG = [
    (lambda x, y: (-y, x), lambda x, y: x * y, "by x is wrong: its sign is turned"),
    (lambda x, y: (x, y), lambda x, y: x * y, "the operands of mul are swapped"),
    (lambda x, y: (y, y), lambda x, y: x * y, "by y is wrong: it is the gradient by x"),
    (lambda x, y: (y, 0), lambda x, y: x * y, "by y is wrong: it is 0"),
    (lambda x: x, lambda x: x * x, "it is 0.5 times what it should be"),
    (lambda x: x**3, lambda x: x**3, "it is the value of the function"),
    (lambda x: 6 * x, lambda x: x**3, "it is the second derivative"),
    (lambda x: x**2, lambda x: x**3, "the power rule without its factor"),
    (lambda x: 3 * x**3, lambda x: x**3, "the power rule without lowering the power"),
    (lambda x: math.cos(x), lambda x: math.exp(math.sin(x)), "the gradient of sin(x) alone"),
    (lambda x: math.exp(math.sin(x)) * math.sin(x), lambda x: math.exp(math.sin(x)),
     "the derivative of cos stands in the place of that of sin"),
    (lambda x: math.tanh(x) ** 2, lambda x: x.tanh(), "the gradient by x is wrong"),
    (lambda x: 1 - x**2, lambda x: x.tanh(), "tanh' is taken for 1 - x^2 of its input"),
    (lambda x: 2 * x, lambda x: x * x + x, "it is the gradient of x * x alone"),
    (lambda x: 1.0, lambda x: x * x, "it is the same number at all points"),
    (lambda x, y: ((x * y) * y, x * x * 2), lambda x, y: (x * y) * x, "by x is wrong"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "of", "words"), WRONG, ids=[words for *_, words in WRONG])
def test_a_mistake_is_named_with_the_argument_and_the_numbers(wrong, of, words):
    report = check_student(wrong, of)
    assert not report
    assert words in text(report)
    assert "and it is" in report.faults[0].examples[0]
    assert report.score < 1.0


def test_an_argument_that_is_right_stays_right():
    report = check_student(lambda x, y: (y, -x), lambda x, y: x * y)
    assert report.score == 0.5
    assert [fault.checks for fault in report.faults] == [["by y"]]
    assert "right throughout: by x" in str(report)


def test_right_by_accident_at_one_point_is_wrong():
    report = check_student(lambda x: 4.0, lambda x: x**2, at=(2.0,))
    assert not report
    assert "but at the points that were given" in text(report)
    assert "right by accident at x = 2" in text(report)


def test_a_number_is_compared_with_all_its_digits_but_finite_differences_will_do():
    assert not check_student(lambda x: 2 * x + 1e-6, lambda x: x * x, at=(1.0,))
    central = check_student(
        lambda x: ((x + 1e-5) ** 3 - (x - 1e-5) ** 3) / 2e-5, lambda x: x * x * x
    )
    assert central
    assert "its last digits are off, as those of finite differences are" in str(central)
    coarse = check_student(lambda x: ((x + 1e-2) ** 3 - x**3) / 1e-2, lambda x: x**3)
    assert not coarse


def test_a_function_of_plain_python_is_judged_too_and_its_mistakes_named():
    assert check_student(lambda x: 1 / x, lambda x: math.log(x))
    report = check_student(lambda x: 1 / math.log(x), lambda x: math.log(x), at=[(2.0,), (3.0,)])
    assert "log' is taken for 1 / log" in text(report)
    steps = check_student(lambda x: 2.0 * x, lambda x: sum(x for _ in range(3)), at=(2.0,))
    assert "by x is wrong" in text(steps)


def test_a_function_that_no_graph_can_be_made_of_is_judged_by_differences_alone():
    def opaque(x):
        return float(f"{x:.17g}") ** 2 if isinstance(x, float) else float("x")

    assert check_student(lambda x: 2 * x, opaque, at=(1.5,))
    assert "its sign is turned" in text(check_student(lambda x: -2 * x, opaque, at=(1.5,)))


def test_arrays_and_lists_are_judged_number_by_number():
    np = pytest.importorskip("numpy")
    at = [(np.array([1.0, 2.0]),)]
    assert check_student(lambda x: 2 * x, lambda x: (x**2).sum(), at=at)
    report = check_student(lambda x: x, lambda x: (x**2).sum(), at=at)
    assert "by x[0] and by x[1] are wrong: it is 0.5 times" in text(report)
    assert check_student(lambda w: [w[1], w[0]], lambda w: w[0] * w[1], at=[([2.0, 3.0],)])


def test_a_slope_at_a_kink_may_be_any_between_the_two():
    for slope in (0.0, 0.5, 1.0):
        df = lambda x, slope=slope: slope if x == 0 else float(x > 0)
        assert check_student(df, lambda x: autograd.relu(x), at=[(0.0,), (1.0,)])


def test_a_flat_function_is_judged_by_its_graph():
    assert check_student(lambda x: 0.0, lambda x: autograd.floor(x) + 0.0, at=(1.5,))
    assert not check_student(lambda x: 1.0, lambda x: autograd.floor(x) + 0.0, at=(1.5,))
    assert check_student(lambda x: 0.0, lambda x: 5.0)


# ---- answers that are none -----------------------------------------------------------------------


def raising(x):
    return 1 / (x - x)


def looping(x):
    while True:
        pass


def exiting(x):
    os._exit(3)


def hungry(x):
    return len(bytearray(2**40))


NO_ANSWERS = [
    (lambda x: "two", "answer", "it returns 'two' (str), where a number is due"),
    (lambda x: None, "answer", "did it forget to return"),
    (lambda x: {"x": 2 * x}, "answer", "a dict with the keys 'x'"),
    (lambda x: (1.0, 2.0), "answer", "where a number is due"),
    (lambda x: 2j, "answer", "2j (complex)"),
    (lambda x: math.nan, "gradient", "nan, and it is"),
    (raising, "raises", "ZeroDivisionError: float division by zero (line"),
    (raising, "raises", "return 1 / (x - x)"),
    (lambda x, y: 1.0, "raises", "missing 1 required positional argument: 'y'"),
    (lambda x: sys.exit(2), "raises", "SystemExit: 2"),
    (exiting, "endless", "it ends its process, with status 3"),
    (looping, "endless", "it runs for more than 0.2 s"),
    (lambda x: input(), "raises", "EOFError"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "kind", "words"), NO_ANSWERS, ids=[x[-1] for x in NO_ANSWERS])
def test_an_answer_that_is_none_is_told_and_ends_nothing(wrong, kind, words):
    report = check_student(wrong, lambda x: x**2, at=(2.0,), seconds=0.2)
    assert report.faults[0].kind == kind
    assert words in text(report)
    assert report.score == 0.0
    json.loads(report.to_json())


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited where there are such limits")
def test_memory_is_limited():
    assert "MemoryError" in text(check_student(hungry, lambda x: x**2))


def test_another_number_of_gradients_is_told():
    report = check_student(lambda x, y: (1.0,), lambda x, y: x * y)
    assert "it returns 1 where 2 gradients are due: one for each argument of f" in text(report)
    assert "gradients are due" in text(check_student(lambda x, y: 1.0, lambda x, y: x * y))


def test_a_fault_at_one_point_alone_does_not_hide_the_others():
    report = check_student(lambda x: 1 / x if x > 1 else looping(x), lambda x: math.log(x),
                           at=[(2.0,), (0.5,), (3.0,)], seconds=0.2)  # fmt: skip
    assert {check.verdict for check in report.checks} == {"right", "wrong"}
    assert report.faults[0].kind == "endless"


def test_what_it_prints_is_shown_and_not_printed(capfd):
    report = check_student(lambda x: print("here", x) or 2 * x, lambda x: x**2, at=(2.0,))
    assert report
    assert "it prints 'here 2.0\\n'" in str(report)
    assert capfd.readouterr() == ("", "")


def test_its_process_leaves_nothing_behind():
    kept = []
    assert check_student(lambda x: kept.append(x) or 2 * x, lambda x: x**2)
    assert kept == []
    alone = """
import os
from autograd import check_student
assert check_student(lambda x: 2 * x, lambda x: x**2)
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("none is left")
"""  # in a process of its own: other tests have children too
    ran = subprocess.run([sys.executable, "-c", alone], capture_output=True, text=True)
    assert ran.stdout == "none is left\n", ran


# ---- this package's own answer -------------------------------------------------------------------


def with_value(x):
    node = Value(x)
    (node * node).backward()
    return node.grad


known = grad(lambda x: x**2)
OURS = [
    (grad(lambda x: x**2), "autograd.grad"),
    (lambda x: known(x), "autograd.grad"),
    (lambda x: sys.modules["autograd"].grad(lambda x: x**2)(x), "autograd.grad"),
    (lambda x: autograd.jacobian(lambda x: x**2)(x), "autograd.jacobian"),
    (with_value, "autograd."),
    (lambda x: Value(2 * x), "autograd.Value"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "name"), OURS)
def test_an_answer_that_calls_this_package_is_seen(wrong, name):
    report = check_student(wrong, lambda x: x**2)
    assert not report
    assert report.score == 0.0
    assert report.faults[0].kind == "ours"
    assert name in report.faults[0].text
    assert "write the derivative yourself" in str(report)


def test_calling_the_function_itself_or_functions_of_numbers_is_no_cheating():
    def differences(x):
        return (built(x + 1e-6) - built(x - 1e-6)) / 2e-6

    def built(x):
        return Value(2.0).tanh().data * x**2 + autograd.tanh(x)

    assert check_student(differences, built, at=(0.7,))
    assert check_student(lambda x: 1 - autograd.tanh(x) ** 2, lambda x: autograd.tanh(x))


# ---- rules ---------------------------------------------------------------------------------------


def test_a_right_rule_is_right():
    assert check_student(lambda g, out, x: g * (1 - out**2), "tanh")
    assert check_student((lambda g, out, x, y: g / y, lambda g, out, x, y: -g * x / y**2), "div")
    assert check_student(lambda g, out, x, y: (g * y, g * x), "mul")
    assert check_student(lambda g, out, x: g * (x > 0), "relu")


RULES = [
    (lambda g, out, x: g * (1 - x**2), "tanh", "tanh' is taken for 1 - x^2"),
    (lambda g, out, x: 1 - out**2, "tanh", "tanh does not multiply by the gradient that arrives"),
    (lambda g, out, x, y: (g * x, g * y), "mul", "the operands of mul are swapped"),
    (lambda g, out, x, y: (g / y, g * x / y**2), "div", "by y is wrong: its sign is turned"),
    (lambda g, out, x: g * out, "sin", "the gradient by x is wrong"),
    (lambda g, out, x: g, "relu", "relu hands on what arrives unchanged"),
    (lambda g, out, x: "g", "exp", "where a number is due"),
]


@pytest.mark.parametrize(("wrong", "name", "words"), RULES, ids=[words for *_, words in RULES])
def test_a_mistake_in_a_rule_is_named(wrong, name, words):
    report = check_student(wrong, name)
    assert not report
    assert words in text(report)
    assert all(fault.rule in (name, "") for fault in report.faults)


def test_every_rule_of_the_table_passes_when_its_formula_is_copied():
    for name in ("exp", "log", "sqrt", "pow", "atan2", "hypot", "softplus", "clip", "gelu"):
        columns = autograd.core.rules.TABLE[name]
        copies = tuple(lambda *xs, column=column: column(*xs) for column in columns)
        report = check_student(copies, name)
        assert {check.verdict for check in report.checks} == {"right"}
        assert report.faults[0].kind == "ours"  # it is a copy


# ---- engines -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ENGINES)
def test_a_right_engine_has_no_fault(name):
    report = check_student(engine(ENGINES[name][1], ENGINES[name][0]))
    assert report.faults == []
    assert report.passed
    assert len(report.of("right")) > 80


def test_an_operation_that_a_user_registered_is_none_of_the_trials(monkeypatch):
    monkeypatch.setitem(
        rules.RULES, "logarithm", rules.Rule("log", math.log, lambda g, out, x: g / x)
    )
    student_trials.of_one.cache_clear()
    assert student_trials.of_one().count("log") == 1


def misnamed(planted) -> list[str]:
    """The planted faults that the judge does not name, or not alone; "none" is no fault."""
    found = []
    for name, (class_name, source) in ENGINES.items():
        for old, new, expected in planted[name]:
            assert source.count(old) >= 1
            report = check_student(engine(source.replace(old, new, 1), class_name), seconds=60)
            rules = {fault.rule for fault in report.faults}
            right = rules <= {*expected.split()} and bool(rules) == bool(report.of("wrong"))
            if not right or (not rules and "none" not in expected):
                found.append(f"{name}: {old!r} -> {new!r}: {rules}")
    return found


def test_a_fifth_of_the_planted_faults_is_named():
    some = {name: faults[k::5] for k, (name, faults) in enumerate(FAULTS.items())}
    assert sum(map(len, some.values())) == 20
    assert misnamed(some) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", PLANTED)
def test_every_planted_fault_is_named_and_nothing_else(kind):
    counts = {"planted": 100, "unseen": 32, "fresh": 25}
    assert sum(map(len, PLANTED[kind].values())) == counts[kind]
    assert misnamed(PLANTED[kind]) == []


def closures(*changes: tuple[str, str]):
    source = ENGINES["closures"][1]
    for old, new in changes:
        assert old in source
        source = source.replace(old, new)
    return engine(source, "Value")


def test_a_fault_is_told_in_words_with_an_expression_that_shows_it():
    swapped = closures(
        ("other.grad += self.data * out.grad", "other.grad += other.data * out.grad")
    )
    fault = check_student(swapped).faults[0]
    assert fault.text == "operand 2 of mul is handed the share of operand 1 of mul"
    assert "(a * b)" in " ".join(fault.checks) or "a * b" in fault.checks


def test_micrograds_limits_are_told_and_no_rule_is_called_wrong():
    recursive = closures(
        ("topo, visited, stack = [], set(), [(self, False)]", "topo, visited = [], set()"),
        ("        while stack:\n            v, done = stack.pop()\n            if done:\n"
         "                topo.append(v)\n            elif v not in visited:\n"
         "                visited.add(v)\n                stack.append((v, True))\n"
         "                stack.extend((child, False) for child in v._prev)\n",
         "        def build(v):\n            if v not in visited:\n                visited.add(v)\n"
         "                for child in v._prev:\n                    build(child)\n"
         "                topo.append(v)\n        build(self)\n"),
        ("            if v._prev:\n                v.grad = 0.0\n", "            pass\n"),
    )  # fmt: skip
    report = check_student(recursive)
    assert {fault.rule for fault in report.faults} == {"depth", "zero"}
    assert "5,000 additions in a row cannot be gone back through" in str(report)


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        (("", ""), set()),
        (("parent.backward(g * slope)", "parent.backward(slope)"), {"chain"}),
        (("self.grad += g", "self.grad = g"), {"overwrite"}),
        (("n * self.value ** (n - 1)", "n * self.value"), {"pow"}),
        (("(self, other.value), (other, self.value)", "(self, self.value), (other, other.value)"),
         {"mul"}),
    ],
)  # fmt: skip
def test_a_walk_along_every_path_is_slow_and_shallow_and_its_other_faults_are_named(change, faults):
    report = check_student(engine(PATHS.replace(*change), "Scalar"))
    assert {fault.rule for fault in report.faults} == {"cost", "depth", *faults}


def test_what_is_missing_is_missing_and_no_fault():
    report = check_student(closures(("def tanh", "def tanh_"), ("def __pow__", "def power")))
    missing = {check.name for check in report.of("missing")}
    assert {"a ** 2", "a / b"} <= missing  # a quotient is made of a power
    assert report.faults == []
    assert "missing, and not counted: " in str(report)


def test_two_faults_are_both_named():
    two = closures(("(1 - t**2)", "(1 - t)"), ("self.grad = 1.0\n", "self.grad = 2.0\n"))
    assert {fault.rule for fault in check_student(two).faults} >= {"seed"}
    two = closures(("(1 - t**2)", "(1 - t)"), ("(out.data > 0) * out.grad", "out.grad"))
    assert {fault.rule for fault in check_student(two).faults} == {"tanh", "relu"}


def test_an_engine_with_other_names_is_used_through_an_adapter():
    source = ENGINES["shares"][1]
    source = source.replace("grad", "slope").replace("backward", "walk").replace("value", "number")
    theirs = engine(source, "Var")
    with pytest.raises(TypeError, match=r"it has no \.data and no \.grad and no \.backward\(\)"):
        check_student(theirs)
    adapter = {
        "data": lambda v: v.number, "grad": lambda v: v.slope, "backward": lambda v: v.walk(),
    }  # fmt: skip
    assert check_student(theirs, adapter=adapter)
    with pytest.raises(TypeError, match="adapter is a dict of functions"):
        check_student(theirs, adapter="grad")


def test_an_engine_whose_backward_takes_the_seed_is_used_with_1():
    source = ENGINES["closures"][1].replace("def backward(self)", "def backward(self, seed)")
    assert check_student(engine(source.replace("self.grad = 1.0", "self.grad = seed"), "Value"))


def test_functions_are_methods_static_ones_or_those_of_the_module_but_not_maths():
    source = ENGINES["tape"][1] + "\nfrom math import sqrt\nfrom autograd import cos\n"
    theirs = engine(source, "Value")
    theirs.sin = staticmethod(sys.modules["learner"].sin)
    del sys.modules["learner"].sin
    tried = {check.of for check in check_student(theirs).of("right")}
    assert {"exp", "sin"} <= tried
    assert not tried & {"sqrt", "cos"}


def test_the_tolerance_follows_the_type_of_an_engines_numbers():
    pytest.importorskip("numpy")
    single = ("import math", "import math\nfrom numpy import float32")
    kept = ("self.data = data", "self.data = float32(data)")
    assert check_student(closures(single, kept))
    report = check_student(closures(single, kept, ("(1 - t**2)", "(1.001 - t**2)")))
    assert {fault.rule for fault in report.faults} == {"tanh"}
    assert not check_student(closures(("(1 - t**2)", "(1 + 1e-7 - t**2)")))


def test_a_graph_that_serves_one_pass_only_is_no_fault():
    once = closures(("        topo, visited", "        self.done = getattr(self, 'done', 0) + 1\n"
                     "        assert self.done == 1\n        topo, visited"))  # fmt: skip
    report = check_student(once)
    assert report.faults == []
    assert "two passes" in {check.name for check in report.of("missing")}


def test_an_engine_made_of_this_one_is_seen():
    class Wrapped:
        def __init__(self, x):
            self.node = x if isinstance(x, Value) else Value(x)

        data = property(lambda self: self.node.data)
        grad = property(lambda self: self.node.grad)

        def __add__(self, other):
            return Wrapped(self.node + getattr(other, "node", other))

        def __mul__(self, other):
            return Wrapped(self.node * getattr(other, "node", other))

        __radd__, __rmul__ = __add__, __mul__

        def backward(self):
            self.node.backward()

    report = check_student(Wrapped)
    assert report.faults[0].kind == "ours"
    assert report.score == 0.0
    with pytest.raises(TypeError, match="is this package's own"):
        check_student(Value)


@pytest.mark.parametrize("wrong", [int, str, type("Empty", (), {})])
def test_a_class_that_is_no_engine_is_refused_with_what_it_lacks(wrong):
    with pytest.raises(TypeError, match=f"{wrong.__name__} .*adapter"):
        check_student(wrong)


def test_an_engine_that_never_ends_is_ended():
    endless = closures(("        self.grad = 1.0\n", "        while True: pass\n"))
    report = check_student(endless, seconds=0.1)
    assert report.score == 0.0
    assert report.faults[0].kind == "endless"


# ---- what is asked wrongly -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "settings", "error", "words"),
    [
        ((3, f), {}, TypeError, "theirs is 3 (int)"),
        ((df,), {}, TypeError, "f is None"),
        ((df, 3), {}, TypeError, "f is 3 (int)"),
        ((df, f), {"at": []}, ValueError, "it is empty"),
        ((df, f), {"seconds": 0}, ValueError, "more than 0"),
        ((df, lambda *xs: xs[0]), {}, None, ""),
        ((lambda *xs: xs, lambda *xs: xs[0]), {}, ValueError, "give points as at="),
        ((lambda x: x, lambda x: x["a"]), {}, ValueError, "give other points"),
        ((lambda x: x, lambda x: math.log(x)), {"at": (-1.0,)}, ValueError, "at (-1.0,)"),
        ((lambda x: x, "tanhh"), {}, LookupError, "tanhh"),
        ((lambda g, out, *xs: g, "mean"), {}, ValueError, "single numbers"),
        (((len, len, len), "mul"), {}, TypeError, "mul has 2 inputs"),
    ],
)
def test_what_cannot_be_judged_is_an_error_that_says_what_to_do(arguments, settings, error, words):
    if error is None:
        assert not check_student(*arguments, **settings)
        return
    with pytest.raises(error) as raised:
        check_student(*arguments, **settings)
    assert words in str(raised.value)


# ---- reports -------------------------------------------------------------------------------------


def test_a_report_is_json_and_html():
    report = check_student(lambda x, y: (y, -x), lambda x, y: x * y)
    record = json.loads(report.to_json())
    assert record["score"] == 0.5
    assert record["passed"] is False
    assert record["counts"] == {"right": 5, "wrong": 5, "missing": 0}
    assert record["faults"][0]["checks"] == ["by y"]
    shown = report._repr_mimebundle_()
    assert shown["text/plain"] == str(report)
    assert "<pre" in shown["text/html"]


def test_a_report_with_nan_is_json_too():
    assert "nan" in check_student(lambda x: math.nan, lambda x: x * x).to_json()


# ---- other ways to run it ------------------------------------------------------------------------


def test_where_there_is_no_fork_a_new_python_does_the_same(monkeypatch):
    pytest.importorskip("cloudpickle")
    monkeypatch.setattr(sandbox, "METHOD", "spawn")
    assert check_student(df, f, at=(2.0, -3.0))
    wrong = check_student(
        lambda x: exiting(x) if x > 2 else x, lambda x: x * x, at=[(2.0,), (3.0,)]
    )
    assert "it ends its process, with status 3" in text(wrong)
    assert check_student(known, lambda x: x**2).faults[0].kind == "ours"


def test_without_cloudpickle_what_cannot_be_sent_is_told(monkeypatch):
    monkeypatch.setattr(sandbox, "METHOD", "spawn")
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with pytest.raises(ValueError, match="pip install cloudpickle"):
        check_student(lambda x: 2 * x, lambda x: x * x)


def test_where_there_are_no_processes_steps_are_limited(monkeypatch):
    monkeypatch.setattr(sys, "platform", "emscripten")
    monkeypatch.setattr(sandbox, "STEPS", 10_000)
    assert check_student(df, f, at=(2.0, -3.0))
    assert "it runs for more than 10,000 steps" in text(check_student(looping, lambda x: x * x))
    assert "SystemExit" in text(check_student(lambda x: sys.exit(1), lambda x: x * x))
    before = sys.gettrace(), sys.getprofile()
    monkeypatch.setattr(sandbox, "STEPS", 2_000_000)
    assert check_student(engine(ENGINES["tape"][1], "Value"))
    assert (sys.gettrace(), sys.getprofile()) == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_the_warning_of_a_fork_beside_threads_is_no_error(monkeypatch):
    fork = os.fork

    def warning():
        warnings.warn("this process is multi-threaded", DeprecationWarning, stacklevel=2)
        return fork()

    monkeypatch.setattr(os, "fork", warning)
    assert check_student(df, f, at=(2.0, -3.0))


def judged(k):
    return bool(check_student(lambda x: k * x, lambda x: x * x, at=(3.0,)))


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_grader_judges_several_at_once_in_an_executor_but_not_in_a_pool(monkeypatch):
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(2, mp_context=fork) as executor:
        assert list(executor.map(judged, [1, 2, 3])) == [False, True, False]
    monkeypatch.setitem(multiprocessing.current_process()._config, "daemon", True)
    with pytest.raises(RuntimeError, match="ProcessPoolExecutor"):
        judged(2)


def test_a_function_of_main_is_judged_under_a_profiler_too():
    program = (
        "import cProfile\nfrom autograd import check_student\n"
        "def df(x): return 2 * x\n"
        "cProfile.run('print(bool(check_student(df, lambda x: x * x)))')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.startswith("True"), done.stderr


# ---- the command line ----------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "exercise.py").write_text("def f(x, y):\n    return x * y\n")
    (tmp_path / "answer.py").write_text(
        "def right(x, y):\n    return y, x\n\ndef wrong(x, y):\n    return y, -x\n\n"
        "def rule(g, out, x):\n    return g * out\n"
    )
    (tmp_path / "loop.py").write_text("while True:\n    pass\n")
    (tmp_path / "engine.py").write_text(ENGINES["table"][1])
    return tmp_path


def judge(*words: str) -> int:
    from autograd.commands.main import main

    return main(["judge", *words])


def test_the_status_says_right_wrong_or_neither(files, capsys):
    of = ("--of", str(files / "exercise.py:f"))
    assert judge(str(files / "answer.py:right"), *of, "--at", "x=2", "--at", "y=-3") == 0
    assert judge(str(files / "answer.py:wrong"), *of, "--json") == 1
    assert judge(str(files / "answer.py:rule"), "--of", "exp") == 0
    assert judge(str(files / "engine.py:Value")) == 0
    capsys.readouterr()
    assert judge(str(files / "loop.py:f"), *of, "--seconds", "0.2") == 2
    assert "runs for more than 0.2 s" in capsys.readouterr().err
    assert judge(str(files / "answer.py:nothing"), *of) == 2
    assert "has no function nothing" in capsys.readouterr().err
    assert judge(str(files / "answer.py:right")) == 2
    assert "f is None" in capsys.readouterr().err


def test_json_on_the_command_line_is_the_report(files, capsys):
    judge(str(files / "answer.py:wrong"), "--of", str(files / "exercise.py:f"), "--json")
    assert json.loads(capsys.readouterr().out)["score"] == 0.5
