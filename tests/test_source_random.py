"""Random programs, printed: the sources compute what the replays do, to the last bit in Python."""

from __future__ import annotations

import builtins
import itertools
import random
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from printed_programs import CC, NODE, flat, in_c, in_node, in_python
from test_replay_random import IEEE, programs, run

import autograd
from autograd import to_source

pytestmark = pytest.mark.slow
fours = st.lists(IEEE, min_size=4, max_size=4)


@settings(max_examples=300, deadline=None)
@given(programs(), fours, st.booleans())
def test_a_program_of_numbers_has_the_replay_s_numbers(
    lines: Any, xs: list[float], fused: bool
) -> None:
    step = autograd.compile(partial(run, lines), rewrites=fused)
    wanted = flat(step.value_and_grad(xs))
    found = flat(in_python(to_source(step, xs), "partial_value_and_grad", (xs,)))
    assert np.allclose(found, wanted, rtol=1e-12, atol=0.0, equal_nan=True)


KINDS = ("map", "map", "zip", "zip", "sum", "dot", "softmax", "scale", "reverse", "shift", "pick",
         "where", "matrix", "if", "chain")  # fmt: skip
ONE = (
    autograd.tanh, autograd.sin, autograd.exp, autograd.sigmoid, autograd.relu, autograd.softplus,
    abs, lambda x: x * x, lambda x: 1.5 - x, lambda x: -x, lambda x: x / 2, lambda x: x**2,
    lambda x: x**3, lambda x: 1.0 / (1.0 + x * x),
)  # fmt: skip
TWO = (
    autograd.maximum, autograd.hypot, lambda x, y: x * y, lambda x, y: x + y, lambda x, y: x - y,
    lambda x, y: x / (y * y + 1.0), lambda x, y: x * y + y,
)  # fmt: skip


def of_lists(seed: int) -> tuple[Any, tuple[Any, ...]]:
    """A program of lists and numbers, in which the same is done again and again."""
    rng = random.Random(seed)
    n = rng.choice([2, 3, 4, 5, 9, 12])
    plan = [(rng.choice(KINDS), rng.random(), rng.random(), rng.random(), rng.random())
            for _ in range(rng.randint(3, 12))]  # fmt: skip

    def f(x: Any, y: Any, c: Any) -> Any:
        lists, numbers = [list(x), list(y)], [c]
        for kind, a, b, d, e in plan:
            u, w, s = (
                lists[int(a * len(lists))],
                lists[int(b * len(lists))],
                numbers[int(d * len(numbers))],
            )
            own = random.Random(e)
            one, two = own.choice(ONE), own.choice(TWO)
            pairs = list(zip(u, w, strict=False))
            made: Any = None
            match kind:
                case "map":
                    made = [one(autograd.tanh(p)) for p in u]
                case "zip":
                    made = [two(autograd.tanh(p), q) for p, q in pairs]
                case "softmax":
                    made = autograd.softmax([autograd.tanh(p) for p in u])
                case "scale":
                    made = [two(p, s) for p in u]
                case "reverse":
                    made = [two(p, q) for p, q in zip(u, reversed(u), strict=True)]
                case "shift" if len(u) > 2:
                    made = [two(p, q) for p, q in itertools.pairwise(u)]
                case "where":
                    made = [autograd.where(p > s, p * s, autograd.tanh(p)) for p in u]
                case "matrix":
                    rows = [
                        [own.uniform(-0.5, 0.5) for _ in u]
                        for _ in range(own.choice([2, 3, len(u)]))
                    ]
                    made = [
                        builtins.sum(p * q for p, q in zip(row, u, strict=True)) for row in rows
                    ]
                case "chain":
                    made = []
                    for p in u:
                        s = autograd.tanh(s * 0.5 + p)
                        made.append(s)
                case "sum":
                    numbers.append(autograd.sum(u) * 0.1)
                case "dot":
                    numbers.append(autograd.dot([p for p, _ in pairs], [q for _, q in pairs]) * 0.1)
                case "pick":
                    numbers.append(two(autograd.tanh(u[int(len(u) * a)]), s))
                case "if":
                    numbers.append(s * 0.5 + 1 if s > 0 else autograd.tanh(s))
            if made is not None:
                lists.append(made)
        total = builtins.sum(
            autograd.tanh(p) * (i + 1) for i, made in enumerate(lists[-3:]) for p in made
        )
        return total + builtins.sum(autograd.tanh(s) for s in numbers[-3:])

    args = [rng.uniform(-1, 1) for _ in range(n)], [rng.uniform(-1, 1) for _ in range(n + n % 2)]
    return f, (*args, rng.uniform(-1, 1))


@pytest.mark.parametrize("language", ["python", "numpy", "javascript", "c"])
def test_a_program_of_lists_has_the_replay_s_numbers(language, tmp_path) -> None:
    if (language == "javascript" and NODE is None) or (language == "c" and CC is None):
        pytest.skip("Node or a C compiler is missing")
    for seed in range(150 if language in ("python", "numpy") else 30):
        f, args = of_lists(seed)
        step = autograd.compile(f, (0, 1, 2), rewrites=bool(seed % 3))
        wanted = flat(step.value_and_grad(*args))
        source, name = to_source(step, *args, language=language), "f_value_and_grad"
        if language == "c":
            found = in_c(source, name, args, folder=tmp_path, slopes=len(wanted) - 1)
        else:
            found = (in_node if language == "javascript" else in_python)(source, name, args)
        assert np.allclose(flat(found), wanted, rtol=1e-11, atol=1e-13), seed
