"""The rows in JavaScript, run by Node, against Python's: values, columns, edges, whole graphs."""

from __future__ import annotations

import itertools
import json
import math
import random
import re
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from truth import points_of

from autograd import Value, exp, gradients, nodes, pages, register
from autograd.core.functions import only_if, where
from autograd.core.graph import hand_back
from autograd.core.kinds import FUNCTIONS
from autograd.core.rules import RULES, TABLE, Rule
from autograd.printing import javascript
from autograd.seeing.living import LockedError, Program

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(not NODE, reason="needs Node: apt install nodejs")
inf, nan = math.inf, math.nan
ROOM = Path(javascript.__file__).parent
COUNTED = itertools.count(1)
EDGES = (0.0, -0.0, 1.0, -1.0, 0.5, -2.0, inf, -inf, nan, 5e-324, -1e-310, 1.7e308, -1e16, 3.0)
EXACT = {"identity", "neg", "add", "sub", "mul", "div", "relu", "abs", "sign", "step", "minimum"}
EXACT |= {"maximum", "clip", "where", "sum", "mean", "dot", "sqrt", "floor", "round", "mod"}
EXACT |= {"floordiv", "share_of_larger", "inside", "less", "less_equal", "leaky_relu"}

# Numbers go to Node and back as bits.
BITS = """
const bits = new DataView(new ArrayBuffer(8));
const number = t => (bits.setBigUint64(0, BigInt("0x" + t)), bits.getFloat64(0));
const hex = x => (bits.setFloat64(0, x), bits.getBigUint64(0).toString(16).padStart(16, "0"));
const told = x => x === null ? null : hex(x);
"""
ROWS = """
console.log(JSON.stringify(given.map(([name, g, out, ...xs]) => {
  const row = RULES[name], args = row.list ? [xs.map(number)] : xs.map(number);
  const made = row.f(...args);
  const shares = row.s.flatMap(s => s(number(g), number(out), ...args));
  return [told(made), ...shares.map(told)];
})));
"""


def bits(x: float) -> str:
    return struct.pack(">d", x).hex()


def number(text: str | None) -> float | None:
    return None if text is None else struct.unpack(">d", bytes.fromhex(text))[0]


def node(script: str, given: Any = None) -> Any:
    """What Node prints, as JSON, for a script that may read what is given."""
    done = subprocess.run(
        [NODE or "", "-"], input=f"const given = {json.dumps(given)};\n{script}",
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def close(found: float, expected: float, exact: bool) -> bool:
    """The same float, or to 12 digits and to the smallest numbers."""
    if math.isnan(expected) or math.isnan(found):
        return math.isnan(expected) and math.isnan(found)
    if exact or expected == 0 or math.isinf(expected):
        return found == expected and math.copysign(1, found) == math.copysign(1, expected)
    return abs(found - expected) <= 1e-12 * abs(expected) + 1e-310


def points(name: str) -> list[tuple[float, ...]]:
    """Those of the truth, and the edges in every place."""
    ordinary = points_of(name)
    size = len(ordinary[0])
    some = random.Random(name)
    rows = list(itertools.product(EDGES, repeat=size))
    edges = rows if len(rows) <= 200 else some.sample(rows, 200)
    if name == "power_derivative":  # orders are small whole numbers
        edges = [(x, y, n, m) for x, y, *_ in edges for n, m in ((1.0, 0.0), (2.0, 1.0))]
    if name == "round":
        edges = [(x, d) for x in EDGES for d in (0.0, 2.0, -3.0, 400.0, -400.0, 16.0, -308.0)]
        edges += [(x / 8, 2.0) for x in range(-9, 30, 2)] + [(2.5e22, -22.0), (1.005, 2.0)]
    return [*ordinary, *edges]


def expected(name: str, g: float, point: tuple[float, ...]) -> list[float | None]:
    """The value and the shares, as Python's walk has them."""
    row = RULES[name]
    made = row.compute(*map(Value, point))
    return [made.data, *hand_back(made, g)]


@pytest.fixture(scope="module")
def answers() -> dict[str, list[tuple[Any, list[float | None], list[float | None]]]]:
    """For each row: the points, what Python says, and what Node says."""
    texts = {name: javascript.row(row, len(points_of(name)[0])) for name, row in RULES.items()
             if name in TABLE}  # fmt: skip
    assert all(texts.values())
    asked, said = [], []
    for name in TABLE:
        for place, point in enumerate(points(name)):
            g = (1.0, -1.25, 0.1)[place % 3]
            said.append((name, point, expected(name, g, point)))
            asked.append([name, *map(bits, (g, said[-1][2][0], *point))])
    found = node(javascript.rules(texts) + BITS + ROWS, asked)
    by_row: dict[str, list[Any]] = {name: [] for name in TABLE}
    for (name, point, python), js in zip(said, found, strict=True):
        by_row[name].append((point, python, list(map(number, js))))
    return by_row


@pytest.mark.parametrize("name", TABLE)
def test_every_row_has_pythons_value_and_shares(name: str, answers: Any) -> None:
    for point, python, js in answers[name]:
        for place, (a, b) in enumerate(zip(js, python, strict=True)):
            assert (a is None) == (b is None), (point, place)
            assert b is None or close(a, b, place == 0 and name in EXACT), (point, place, a, b)


# ---- graphs --------------------------------------------------------------------------------------

GRAPH = """
const found = new Float64Array(given.slots.length);  // 0 where no share arrives
const data = numbers(given);
for (let k = 0; k < given.nodes; k++) if (given.slots[k][0]) data[k] = NaN;  // to be computed
const look = compute(given, data);
for (const {k, g} of sweep(given, data, given.seed)) found[k] = g;
const told_all = xs => Array.from(xs).slice(0, given.nodes).map(told);
console.log(JSON.stringify([look, told_all(data), told_all(found)]));
"""


def in_node(root: Value, seed: float = 1.0) -> tuple[int, list[Any], list[Any]]:
    """The look that goes otherwise, all values and all gradients, as Node computes them."""
    made = Program(root)
    script = made.rules() + pages.filled("program.js", {}) + BITS + GRAPH
    look, data, found = node(script, {**made.record(), "seed": seed})
    return look, list(map(number, data)), list(map(number, found))


def random_graph(seed: int, rows: list[str], size: int) -> Value:
    """Operations of these rows on leaves, on plain numbers, and on each other."""
    some = random.Random(seed)
    found: list[Any] = [Value(some.uniform(-2, 2)) for _ in range(4)]
    while len(found) < size:
        row = RULES[some.choice(rows)]
        arity = some.choice((2, 4)) if row.variadic else len(row.columns)
        ins = [some.choice(found) if some.random() < 0.8 else 0.75 for _ in range(arity)]
        if any(isinstance(x, Value) for x in ins):
            found.append(row.compute(*ins))
    total = found[-1]
    for x in found[-6:-1]:
        total = total + x
    return total


@pytest.mark.parametrize("seed", range(6))
def test_values_and_gradients_of_a_graph_are_pythons_to_the_bit(seed: int) -> None:
    root = random_graph(seed, ["add", "sub", "mul", "div", "neg", "maximum", "sum", "dot"], 60)
    found = nodes(root)[::-1]
    look, data, grads = in_node(root, -0.3)
    assert look == -1
    expected = gradients(root, found, -0.3)
    for x, y in zip(data + grads, [node.data for node in found] + expected, strict=True):
        assert close(x, y, exact=True)


@pytest.mark.parametrize("seed", range(20))
def test_values_and_gradients_of_any_rows_are_pythons(seed: int) -> None:
    root = random_graph(seed, [name for name in TABLE if name != "power_derivative"], 14)
    found = nodes(root)[::-1]
    _, data, grads = in_node(root)
    for x, y in zip(data + grads, [n.data for n in found] + gradients(root, found), strict=True):
        assert close(x, y, False) or abs(x - y) <= 1e-9 * abs(y)


# ---- what has a form -----------------------------------------------------------------------------


def test_a_users_row_has_a_form_where_its_functions_work_on_symbols() -> None:
    swish = register(
        "test_swish", lambda new, b: new / (1 + exp(-b * new)),
        lambda g, out, x, b: g * where(x > -40, out * b + (1 - out * b / x) * out / x, 0.0),
        lambda g, out, x, b: g * 0.5 * x,
    )  # fmt: skip
    norm = register(
        "test_norm", lambda *xs: sum(x * x for x in xs), lambda g, out, *xs: [2 * g * x for x in xs]
    )
    xs = [Value(0.7), Value(-1.2), Value(2.5)]
    root = norm(*xs, swish(xs[0], xs[1]), 3.0)
    found = nodes(root)[::-1]
    _, data, grads = in_node(root)
    for x, y in zip(data + grads, [n.data for n in found] + gradients(root, found), strict=True):
        assert close(x, y, False)


def test_a_users_function_may_have_the_name_of_one_that_the_table_stands_on() -> None:
    by_hand = re.findall(r"function ieee_(\w+)", (ROOM / "ieee.js").read_text())
    assert len(by_hand) >= 7
    xs = [Value(0.7), Value(-1.2), Value(2.5), Value(1e-17)]
    root = RULES["softmax"].compute(*xs) + RULES["gelu"].compute(xs[1]) + RULES["dot"].compute(*xs)
    root = root + RULES["sum"].compute(*xs) + RULES["normal_cdf"].compute(xs[2])
    taken = set(FUNCTIONS)
    for name in [*by_hand, *javascript.HIDDEN]:
        root = root + register(name, lambda x: 2 * x + 5, lambda g, out, x: 2 * g)(xs[0])
    found = nodes(root)[::-1]
    _, data, grads = in_node(root)
    for name in set(FUNCTIONS) - taken:
        del FUNCTIONS[name], RULES[name]
    for x, y in zip(data + grads, [n.data for n in found] + gradients(root, found), strict=True):
        assert close(x, y, False)


def test_a_users_row_that_branches_or_calls_another_library_has_none() -> None:
    register("test_branch", lambda x: x if x > 0 else -x, lambda g, out, x: g)
    register("test_math", math.sinh, lambda g, out, x: g)
    double = register("test_double", lambda x: 2 * x, lambda g, out, x: g * math.exp(x))
    for name in ("test_branch", "test_math", "test_double"):
        assert javascript.row(RULES[name], 1) is None
    with pytest.raises(LockedError, match="operation: test_double"):
        Program(double(Value(1.0)) + 1.0)


def by_type(x: Any) -> Any:
    return x * 2.0 if isinstance(x, float) else x


def by_trying(x: Any) -> Any:
    try:
        return x if x > 0 else -x
    except TypeError:
        return x


@pytest.mark.parametrize(
    "forward",
    [
        by_type,
        by_trying,
        lambda x: x * random.random(),
        lambda x: x * next(iter(COUNTED)),
        lambda x: {1.0: 2.0}.get(x, 3.0) * x,
        lambda x: len(str(x)) * x,
        lambda x: len({x, 1.0}) * x,
        lambda x: x * 2.0 if hasattr(x, "real") else x,
        lambda x: x * 2.0 if getattr(x, "is_integer", bool)() else x,
        lambda x: x * np.float32(1 / 3),
    ],
)
def test_a_users_row_that_does_otherwise_with_symbols_has_no_form(forward: Any) -> None:
    register("test_sly", forward, lambda g, out, x: g)
    assert javascript.row(RULES["test_sly"], 1) is None
    register("test_sly", lambda x: 2.0 * x, lambda g, out, x: forward(g))
    assert javascript.row(RULES["test_sly"], 1) is None
    register("test_sly", lambda *xs: sum(xs), lambda g, out, *xs: [forward(x) for x in xs])
    assert javascript.row(RULES["test_sly"], 3) is None
    tanh = RULES["tanh"].altered(lambda g, out, x: forward(g))
    assert javascript.row(tanh, 1) is None
    total = RULES["sum"].altered(lambda g, out, *xs: [forward(g)] * len(xs))
    assert javascript.row(total, 4) is None


def test_a_users_row_beyond_its_domain_has_a_form() -> None:
    register("test_domain", lambda x: 1.0 / x, lambda g, out, x: -g * out * out)
    register("test_withheld", lambda x: 2.0 * x, lambda g, out, x: only_if(x > 0.0, g))
    for name in ("test_domain", "test_withheld"):
        assert javascript.row(RULES[name], 1) is not None


def test_a_row_whose_columns_were_changed_computes_with_the_changed_ones() -> None:
    changed = javascript.row(Rule("tanh", RULES["tanh"].compute, lambda g, out, x: 3 * g * x), 1)
    assert str(changed) == "{f: (X) => tanh(X), s: [(G, OUT, X) => 3.0 * G * X]}"


def test_a_page_has_no_more_rows_than_it_uses_and_they_are_printed_fast() -> None:
    text = Program(Value(1.0) * 2.0).rules()
    assert "tanh" in text
    assert len(text) < 900
    assert (ROOM / "ieee.js").exists()
