"""A character-level GPT on scalar Values: it learns what names look like, and makes up new ones.

The decoder of Vaswani et al. (2017), one layer, as arranged by Radford et al. (2019), with RMSNorm
(Zhang and Sennrich, 2019) for LayerNorm, relu for gelu, and no biases. Any Value runs it that has
+ - * / **, exp, log, relu, backward, data, grad; the loss looks at no number on its way, so that a
recorder runs it too. A vector is a list, a matrix a list of rows. 8 letters are 71,000 nodes.
Run it as: python benchmarks/gpt.py [STEPS [FILE_OF_NAMES]]
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce
from operator import add, mul
from pathlib import Path
from typing import Any

WIDTH, HEADS, CONTEXT = 16, 4, 16
STARTS, LINKS = ["ch", "qu", "st", "th", *"bcdfghjklmnprstvwxyz"], ["ll", "nd", *"bdklmnrstvxz"]
ENDS = ["a", "o", "y", "an", "el", "en", "ia", "in", "is", "on", "or", "us"]


def made_up_name(rng: random.Random) -> str:
    middle = [rng.choice("aeiou") + rng.choice(LINKS) for _ in range(rng.choice((1, 1, 2)))]
    return rng.choice(STARTS) + "".join(middle) + rng.choice(ENDS)


def tokenise(letters: str, name: str) -> list[int]:
    """The numbers of its letters, from 1 on, between two 0s, which mark its ends."""
    return [0, *(1 + letters.index(c) for c in name), 0][: CONTEXT + 1]


def parameters(value: Callable[[float], Any], tokens: int, rng: random.Random) -> dict[str, Any]:
    """Matrices of Values, normal with deviation 0.1; with 27 tokens they are 4,192."""
    shapes = dict.fromkeys(("query", "key", "value", "mix"), (WIDTH, WIDTH))
    shapes |= {"expand": (4 * WIDTH, WIDTH), "contract": (WIDTH, 4 * WIDTH)}
    shapes |= {"token": (tokens, WIDTH), "position": (CONTEXT, WIDTH), "head": (tokens, WIDTH)}
    return {
        name: [[value(rng.gauss(0.0, 0.1)) for _ in range(columns)] for _ in range(rows)]
        for name, (rows, columns) in shapes.items()
    }


def flat(params: dict[str, Any]) -> list[Any]:
    return [p for matrix in params.values() for row in matrix for p in row]


def dot(a: Sequence[Any], b: Sequence[Any]) -> Any:
    return reduce(add, map(mul, a, b))


def linear(matrix: Iterable[Any], x: Sequence[Any]) -> list[Any]:
    return [dot(row, x) for row in matrix]


def plus(a: list[Any], b: list[Any]) -> list[Any]:
    return list(map(add, a, b))


def rms_norm(x: list[Any]) -> list[Any]:
    scale = (dot(x, x) * (1.0 / len(x)) + 1e-5) ** -0.5
    return [xi * scale for xi in x]


def softmax(x: list[Any]) -> list[Any]:
    """Shares of e^x. Nothing is taken off x first: behind a norm it stays far below 709."""
    powers = [xi.exp() for xi in x]
    total = reduce(add, powers)
    return [power / total for power in powers]


def pick(rows: Sequence[Any], token: Any) -> Any:
    """The row of a token. One-hot numbers do as well: then one recording serves every token."""
    return linear(zip(*rows, strict=True), token) if isinstance(token, list) else rows[token]


def head(params: dict[str, Any], xs: list[list[Any]], part: slice) -> list[list[Any]]:
    """What one head gathers for each position, from it and from those before it."""
    q, k, v = ([linear(params[name][part], x) for x in xs] for name in ("query", "key", "value"))
    found = []
    for t, query in enumerate(q):
        shares = softmax([dot(query, key) * len(key) ** -0.5 for key in k[: t + 1]])
        found.append(linear(zip(*v[: t + 1], strict=True), shares))
    return found


def logits(params: dict[str, Any], tokens: Sequence[Any]) -> list[list[Any]]:
    """For each position, a score for each token that may come next."""
    xs = [plus(pick(params["token"], t), params["position"][i]) for i, t in enumerate(tokens)]
    size, normed = WIDTH // HEADS, [rms_norm(x) for x in xs]
    heads = [head(params, normed, slice(i, i + size)) for i in range(0, WIDTH, size)]
    mixed = [linear(params["mix"], reduce(add, found)) for found in zip(*heads, strict=True)]
    xs = list(map(plus, xs, mixed))
    hidden = [[h.relu() for h in linear(params["expand"], rms_norm(x))] for x in xs]
    xs = list(map(plus, xs, [linear(params["contract"], h) for h in hidden]))
    return [linear(params["head"], rms_norm(x)) for x in xs]


def loss(params: dict[str, Any], tokens: Sequence[Any]) -> Any:
    """The mean of -log p(the token that comes next)."""
    missed = [
        reduce(add, [s.exp() for s in scores]).log() - pick([[s] for s in scores], token)[0]
        for scores, token in zip(logits(params, tokens[:-1]), tokens[1:], strict=True)
    ]
    return reduce(add, missed) * (1.0 / len(missed))


def train(params: dict[str, Any], documents: list[list[int]], steps: int) -> Iterator[float]:
    """A document a step, by Adam (Kingma and Ba, 2015) at a rate that falls to 0: the losses."""
    numbers = flat(params)
    m, v = [0.0] * len(numbers), [0.0] * len(numbers)
    for t in range(steps):
        missed = loss(params, documents[t % len(documents)])
        missed.backward()
        rate = 0.01 * (1 - t / steps) * math.sqrt(1 - 0.95 ** (t + 1)) / (1 - 0.8 ** (t + 1))
        for i, p in enumerate(numbers):
            m[i] += 0.2 * (p.grad - m[i])
            v[i] += 0.05 * (p.grad * p.grad - v[i])
            p.data -= rate * m[i] / (math.sqrt(v[i]) + 1e-8)
            p.grad = 0.0
        yield missed.data


def sample(params: dict[str, Any], letters: str, rng: random.Random) -> str:
    """A new name, each letter drawn from what the network expects, at temperature 0.7."""
    tokens = [0]
    while len(tokens) <= CONTEXT and (tokens[-1] or len(tokens) == 1):
        weights = [math.exp(s.data / 0.7) for s in logits(params, tokens)[-1]]
        tokens += rng.choices(range(len(weights)), weights)
    return "".join(letters[t - 1] for t in tokens if t)


def main() -> None:
    from autograd import Value

    rng, (steps, *file) = random.Random(0), sys.argv[1:] or ["500"]
    names = Path(*file).read_text().split() if file else [made_up_name(rng) for _ in range(400)]
    letters = "".join(sorted(set("".join(names))))
    params = parameters(Value, len(letters) + 1, rng)
    for missed in train(params, [tokenise(letters, name) for name in names], int(steps)):
        print(f"loss {missed:.3f}", flush=True)
    print(*(sample(params, letters, rng) for _ in range(10)))


if __name__ == "__main__":
    main()
