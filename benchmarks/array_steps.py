"""The steps of benchmarks/engines.py on arrays: Tensor, jax.jit, NumPy and Numba by hand.

Weights are arrays of units by inputs; a step returns the loss and arrays like the parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from gpt import HEADS, WIDTH
from workloads import Moons

SIZE = WIDTH // HEADS


def parameters(work: Any) -> Any:
    """The parameters of a workload as float64 arrays."""
    params = work.parameters(float)
    if isinstance(work, Moons):
        return [
            (np.array([w for w, _ in layer]), np.array([b for _, b in layer])) for layer in params
        ]
    return {name: np.array(matrix) for name, matrix in params.items()}


def flat(grads: Any) -> list[float]:
    """The gradients as a flat list, in the order of the workload's own parameters."""
    if isinstance(grads, dict):
        names = "query key value mix expand contract token position head"
        parts = [np.asarray(grads[name]).ravel() for name in names.split()]
    else:
        parts = [np.column_stack([w, b]).ravel() for w, b in grads]
    found: list[float] = np.concatenate(parts).tolist()
    return found


# ---- one source for whatever library has these names ---------------------------------------------


def moons_loss(params: Any, x: Any, signs: Any) -> Any:
    for w, b in params:
        x = x @ w.T + b
        if w is not params[-1][0]:
            x = x * (x > 0)
    margin = 1.0 + signs * x[:, 0]
    return (margin * (margin > 0)).mean() + 1e-4 * sum(
        (w * w).sum() + (b * b).sum() for w, b in params
    )


def names_loss(library: Any, params: Any, tokens: Any) -> Any:
    n = len(tokens) - 1

    def norm(x: Any) -> Any:
        return x * ((x * x).mean(-1, keepdims=True) + 1e-5) ** -0.5

    def heads(x: Any) -> Any:
        return x.reshape(n, HEADS, SIZE).transpose(1, 0, 2)

    x = params["token"][tokens[:-1]] + params["position"][:n]
    q, k, v = (heads(norm(x) @ params[name].T) for name in ("query", "key", "value"))
    powers = library.exp(q @ k.transpose(0, 2, 1) * SIZE**-0.5) * np.tri(n)
    found = (powers / powers.sum(-1, keepdims=True)) @ v
    x = x + found.transpose(1, 0, 2).reshape(n, WIDTH) @ params["mix"].T
    hidden = norm(x) @ params["expand"].T
    x = x + (hidden * (hidden > 0)) @ params["contract"].T
    scores = norm(x) @ params["head"].T
    missed = library.log(library.exp(scores).sum(-1)) - scores[np.arange(n), tokens[1:]]
    return missed.mean()


def jax(work: Any) -> Callable[[], Any]:
    """value_and_grad under jit, on float64."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    params = jax.tree_util.tree_map(jnp.asarray, parameters(work))
    if isinstance(work, Moons):
        args, loss_of = (jnp.asarray(work.xs), jnp.asarray(work.signs)), moons_loss
    else:
        args = (jnp.asarray(work.tokens),)
        loss_of = lambda params, tokens: names_loss(jnp, params, tokens)
    run = jax.jit(jax.value_and_grad(loss_of))

    def step() -> tuple[float, Any]:
        loss, grads = jax.block_until_ready(run(params, *args))
        return float(loss), grads

    return step


def tensor(work: Any) -> Callable[[], Any]:
    """This project's Tensor, eager."""
    import autograd
    from autograd import Tensor, zero_grad

    arrays = parameters(work)
    if isinstance(work, Moons):
        params: Any = [(Tensor(w), Tensor(b)) for w, b in arrays]
        leaves = [p for pair in params for p in pair]
        xs, signs = np.array(work.xs), np.array(work.signs)
        run = lambda: moons_loss(params, xs, signs)
        read = lambda: [(w.grad, b.grad) for w, b in params]
    else:
        params = {name: Tensor(matrix) for name, matrix in arrays.items()}
        leaves = list(params.values())
        tokens = np.array(work.tokens)
        run = lambda: names_loss(autograd, params, tokens)
        read = lambda: {name: p.grad for name, p in params.items()}

    def step() -> tuple[float, Any]:
        zero_grad(leaves)
        loss = run()
        loss.backward()
        return loss.item(), read()

    return step


# ---- NumPy by hand -------------------------------------------------------------------------------


def numpy(work: Any) -> Callable[[], Any]:
    """Forward and backward written out."""
    params = parameters(work)
    if isinstance(work, Moons):
        xs, signs = np.array(work.xs), np.array(work.signs)
        return lambda: _moons(params, xs, signs)
    tokens = np.array(work.tokens)
    return lambda: _names(params, tokens)


def _moons(params: Any, x: Any, signs: Any) -> tuple[float, Any]:
    hidden = [x]
    for w, b in params[:-1]:
        hidden.append(np.maximum(hidden[-1] @ w.T + b, 0.0))
    w, b = params[-1]
    margin = 1.0 + signs * (hidden[-1] @ w[0] + b[0])
    loss = np.maximum(margin, 0.0).sum() / len(x)
    g = (signs * (margin > 0.0) / len(x))[:, None]
    grads = []
    for (w, b), h in zip(reversed(params), reversed(hidden), strict=True):
        loss += 1e-4 * (np.vdot(w, w) + np.vdot(b, b))
        grads.append((g.T @ h + 2e-4 * w, g.sum(0) + 2e-4 * b))
        g = (g @ w) * (h > 0.0)
    return float(loss), grads[::-1]


def _norm(x: Any) -> tuple[Any, Any]:
    scale = 1.0 / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5)
    return x * scale, scale


def _norm_back(g: Any, h: Any, scale: Any) -> Any:
    return scale * (g - h * (g * h).mean(-1, keepdims=True))


def _split(x: Any) -> Any:
    return x.reshape(len(x), HEADS, SIZE).transpose(1, 0, 2)


def _joined(x: Any) -> Any:
    return x.transpose(1, 0, 2).reshape(-1, WIDTH)


def _names(p: Any, tokens: Any) -> tuple[float, Any]:
    now, after, n = tokens[:-1], tokens[1:], len(tokens) - 1
    x0 = p["token"][now] + p["position"][:n]
    h0, scale0 = _norm(x0)
    q, k, v = (_split(h0 @ p[name].T) for name in ("query", "key", "value"))
    powers = np.exp(q @ k.transpose(0, 2, 1) * SIZE**-0.5) * np.tri(n)
    shares = powers / powers.sum(-1, keepdims=True)
    found = _joined(shares @ v)
    x1 = x0 + found @ p["mix"].T
    h1, scale1 = _norm(x1)
    hidden = np.maximum(h1 @ p["expand"].T, 0.0)
    h2, scale2 = _norm(x1 + hidden @ p["contract"].T)
    powers = np.exp(h2 @ p["head"].T)
    chances = powers / powers.sum(-1, keepdims=True)
    loss = -np.log(chances[np.arange(n), after]).mean()

    g = chances
    g[np.arange(n), after] -= 1.0
    g /= n
    grads = {"head": g.T @ h2}
    gx = _norm_back(g @ p["head"], h2, scale2)
    grads["contract"] = gx.T @ hidden
    g = (gx @ p["contract"]) * (hidden > 0.0)
    grads["expand"] = g.T @ h1
    gx = gx + _norm_back(g @ p["expand"], h1, scale1)
    grads["mix"] = gx.T @ found
    g = _split(gx @ p["mix"])
    g_shares = g @ v.transpose(0, 2, 1)
    g_scores = shares * (g_shares - (g_shares * shares).sum(-1, keepdims=True)) * SIZE**-0.5
    parts = {
        "query": _joined(g_scores @ k),
        "key": _joined(g_scores.transpose(0, 2, 1) @ q),
        "value": _joined(shares.transpose(0, 2, 1) @ g),
    }
    grads |= {name: g.T @ h0 for name, g in parts.items()}
    gx = gx + _norm_back(sum(g @ p[name] for name, g in parts.items()), h0, scale0)
    grads["position"] = np.concatenate([gx, np.zeros((len(p["position"]) - n, WIDTH))])
    grads["token"] = np.zeros_like(p["token"])
    np.add.at(grads["token"], now, gx)
    return float(loss), grads


# ---- Numba by hand -------------------------------------------------------------------------------


def numba(work: Any) -> Callable[[], Any]:
    """Loops over points and units, compiled with fastmath."""
    from numba import njit

    (w1, b1), (w2, b2), (w3, b3) = parameters(work)
    xs, signs = np.array(work.xs), np.array(work.signs)

    @njit(fastmath=True)
    def run(w1, b1, w2, b2, w3, b3, xs, signs):  # type: ignore[no-untyped-def]
        dw1, db1, dw2 = 2e-4 * w1, 2e-4 * b1, 2e-4 * w2
        db2, dw3, db3 = 2e-4 * b2, 2e-4 * w3, 2e-4 * b3
        loss = 1e-4 * ((w1 * w1).sum() + (b1 * b1).sum() + (w2 * w2).sum() + (b2 * b2).sum())
        loss += 1e-4 * ((w3 * w3).sum() + (b3 * b3).sum())
        n, m = len(b1), len(b2)
        h1, h2, g1 = np.empty(n), np.empty(m), np.empty(n)
        for p in range(len(signs)):
            for i in range(n):
                h1[i] = max(w1[i, 0] * xs[p, 0] + w1[i, 1] * xs[p, 1] + b1[i], 0.0)
            score = b3[0]
            for i in range(m):
                z = b2[i]
                for j in range(n):
                    z += w2[i, j] * h1[j]
                h2[i] = max(z, 0.0)
                score += w3[0, i] * h2[i]
            margin = 1.0 + signs[p] * score
            if margin <= 0.0:
                continue
            loss += margin / len(signs)
            g = signs[p] / len(signs)
            db3[0] += g
            g1[:] = 0.0
            for i in range(m):
                dw3[0, i] += g * h2[i]
                if h2[i] > 0.0:
                    g2 = g * w3[0, i]
                    db2[i] += g2
                    for j in range(n):
                        dw2[i, j] += g2 * h1[j]
                        g1[j] += g2 * w2[i, j]
            for i in range(n):
                if h1[i] > 0.0:
                    db1[i] += g1[i]
                    dw1[i, 0] += g1[i] * xs[p, 0]
                    dw1[i, 1] += g1[i] * xs[p, 1]
        return loss, dw1, db1, dw2, db2, dw3, db3

    def step() -> tuple[float, Any]:
        loss, dw1, db1, dw2, db2, dw3, db3 = run(w1, b1, w2, b2, w3, b3, xs, signs)
        return loss, [(dw1, db1), (dw2, db2), (dw3, db3)]

    return step
