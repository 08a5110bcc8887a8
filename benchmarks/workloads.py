"""What benchmarks/engines.py has everybody do: a step of two moons, and a step of a GPT.

A workload is its parameters as plain numbers, and a loss written on them in plain operations.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from functools import reduce
from itertools import pairwise
from operator import add, mul
from typing import Any

import gpt

WIDTHS = (2, 16, 16, 1)
POINTS = 100


class Moons:
    """micrograd's demo: an MLP 2-16-16-1 of relu, 100 points, hinge loss and an L2 penalty."""

    name = "moons"

    def __init__(self) -> None:
        rng = random.Random(1337)
        self.xs, self.signs = [], []
        for i in range(POINTS):
            angle = rng.uniform(0.0, math.pi)
            spot = math.cos(angle), math.sin(angle)
            spot = (1.0 - spot[0], 0.5 - spot[1]) if i % 2 else spot
            self.xs.append([s + rng.gauss(0.0, 0.1) for s in spot])
            self.signs.append(-1.0 if i % 2 else 1.0)

    def parameters(self, value: Callable[[float], Any]) -> Any:
        """Layers of units of weights and a bias."""
        rng = random.Random(1)
        return [
            [([value(rng.uniform(-1, 1)) for _ in range(n)], value(0.0)) for _ in range(m)]
            for n, m in pairwise(WIDTHS)
        ]

    @staticmethod
    def flat(params: Any) -> list[Any]:
        return [p for layer in params for weights, bias in layer for p in [*weights, bias]]

    @staticmethod
    def score(params: Any, x: Any) -> Any:
        for layer in params:
            x = [reduce(add, map(mul, weights, x), bias) for weights, bias in layer]
            x = x if layer is params[-1] else [h.relu() for h in x]
        return x[0]

    @classmethod
    def loss(cls, params: Any, xs: Any, signs: Any, number: Callable[[float], Any] = float) -> Any:
        """Of points xs together; a sign is -1 for the class 1, and 1 for the class -1."""
        one, share, rate = number(1.0), number(1.0 / len(xs)), number(1e-4)
        missed = [(one + s * cls.score(params, x)).relu() for x, s in zip(xs, signs, strict=True)]
        return reduce(add, missed) * share + rate * reduce(add, [p * p for p in cls.flat(params)])

    def step(self, value: Callable[[float], Any]) -> Callable[[Any], Any]:
        """From parameters to the loss, everything recorded anew."""
        return lambda params: self.loss(
            params, [[value(c) for c in x] for x in self.xs], self.signs
        )


class Names:
    """A GPT of 4,192 parameters on one made-up name of 8 letters."""

    name = "gpt"
    letters = "abcdefghijklmnopqrstuvwxyz"

    def __init__(self) -> None:
        rng = random.Random(0)
        name = next(s for s in iter(lambda: gpt.made_up_name(rng), "") if len(s) == 8)
        self.tokens = gpt.tokenise(self.letters, name)

    def parameters(self, value: Callable[[float], Any]) -> Any:
        return gpt.parameters(value, len(self.letters) + 1, random.Random(1))

    flat = staticmethod(gpt.flat)

    def step(self, value: Callable[[float], Any]) -> Callable[[Any], Any]:
        return lambda params: gpt.loss(params, self.tokens)


WORKLOADS = {kind.name: kind for kind in (Moons, Names)}
