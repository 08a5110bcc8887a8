"""The rows in JavaScript, run by Node, against Python's: values, columns, edges, whole graphs."""

from __future__ import annotations

import itertools
import json
import math
import random
import shutil
import subprocess
from typing import Any

import pytest
from truth import points_of

from autograd import Value, register
from autograd.core.functions import where
from autograd.core.graph import hand_back
from autograd.core.rules import RULES, TABLE, Rule
from autograd.printing import javascript

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(not NODE, reason="needs Node: apt install nodejs")
inf, nan = math.inf, math.nan
EDGES = (0.0, -0.0, 1.0, -1.0, 0.5, -2.0, inf, -inf, nan, 5e-324, -1e-310, 1.7e308, -1e16, 3.0)
EXACT = {"identity", "neg", "add", "sub", "mul", "div", "relu", "abs", "sign", "step", "minimum"}
EXACT |= {"maximum", "clip", "where", "sum", "mean", "dot", "sqrt", "floor", "round", "mod"}
EXACT |= {"floordiv", "share_of_larger", "inside", "less", "less_equal", "leaky_relu"}

# Numbers go to Node and back as bits.
SCRIPT = """
const bits = new DataView(new ArrayBuffer(8));
const number = t => (bits.setBigUint64(0, BigInt("0x" + t)), bits.getFloat64(0));
const told = x => x === null ? null : (bits.setFloat64(0, x), bits.getBigUint64(0).toString(16));
const asked = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(asked.map(([name, g, out, ...xs]) => {
  const row = RULES[name], args = xs.map(number), made = row.f(...args), of = [number(g), number(out)];
  const shares = row.s.flatMap(s => s(...of, ...args));
  return [told(made), ...shares.map(told)];
})));
"""


def bits(x: float) -> str:
    import struct

    return struct.pack(">d", x).hex()


def number(text: str | None) -> float | None:
    import struct

    return None if text is None else struct.unpack(">d", bytes.fromhex(text.rjust(16, "0")))[0]


def node(script: str, given: Any = None) -> Any:
    """What Node prints, as JSON, for a script that may read what is given."""
    done = subprocess.run(
        [NODE or "", "-"], input=None, capture_output=True, text=True, timeout=60
    ) if not script else subprocess.run(
        [NODE or "", "-e", script], input=json.dumps(given), capture_output=True, text=True,
        timeout=60,
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
    found = node(javascript.rules(texts) + SCRIPT, asked)
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
