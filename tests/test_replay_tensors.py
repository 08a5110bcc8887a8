"""Replays of functions on Tensors give what the functions give, to the bit."""

from __future__ import annotations

import contextlib
import gc
import threading
import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
import nn
from autograd import Tensor, Value, compile, gradients, where
from nn.training.trainer import OfArrays

RNG = np.random.default_rng(0)


def close(x, y):
    """Whether two structures of arrays are equal to the bit."""
    if isinstance(x, (list, tuple)):
        return len(x) == len(y) and all(map(close, x, y))
    if isinstance(x, dict):
        return x.keys() == y.keys() and all(close(x[k], y[k]) for k in x)
    return np.array_equal(np.asarray(x), np.asarray(y), equal_nan=True)


def leaf(*shape, dtype=float):
    return Tensor(RNG.normal(size=shape).astype(dtype))


def eager(f, params, *args):
    """The result of f, and its gradient by Tensors, as they are without a replay."""
    result = f(*args)
    return result.item(), gradients(result, params)


# ---- the same numbers ----------------------------------------------------------------------------

UNARY = [
    "exp", "expm1", "log1p", "sin", "cos", "tan", "atan", "sinh", "tanh", "asinh", "erf", "sigmoid",
    "logsigmoid", "softplus", "relu", "gelu", "silu", "abs", "sign", "step", "floor", "leaky_relu",
    "elu", "round", "sqrt", "log", "cbrt", "acosh",
]  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", UNARY)
def test_every_function_is_replayed_to_the_bit(name, dtype):
    w = leaf(3, dtype=dtype)
    f = lambda x: (getattr(autograd, name)(x @ w) * x[:, 0]).sum()
    replay = compile(f)
    for _ in range(3):
        x = RNG.normal(size=(4, 3)).astype(dtype)
        assert close(replay.value_and_grad(x, wrt=[w]), eager(f, [w], x))
    assert len(replay._tensors.kept) == 1


REDUCING = {
    "sum": lambda t: t.sum(1), "mean": lambda t: t.mean(0), "max": lambda t: t.max(1),
    "min": lambda t: t.min(), "var": lambda t: t.var(1), "std": lambda t: t.std(0, ddof=1),
    "prod": lambda t: t.prod(1), "cumsum": lambda t: t.cumsum(1), "norm": lambda t: t.norm(1),
    "logsumexp": lambda t: t.logsumexp(1), "softmax": lambda t: t.softmax(1),
    "log_softmax": lambda t: t.log_softmax(0), "reshape": lambda t: t.reshape(2, 6),
    "T": lambda t: t.T @ t, "index": lambda t: t[1:, ::2], "take": lambda t: t[[0, 2, 2]],
    "mask": lambda t: t[np.array([True, False, True])], "cat": lambda t: autograd.cat([t, t * 2]),
    "stack": lambda t: autograd.stack([t, t]), "pad": lambda t: autograd.pad(t, 1, 2.0),
    "einsum": lambda t: autograd.einsum("ij,kj->ik", t, t),
    "where": lambda t: where(t > 0, t, 0.1 * t),
    "masked": lambda t: where(t.data > 0, t.sqrt(), 0.0), "clip": lambda t: t.clip(-0.5, 0.5),
    "minimum": lambda t: autograd.minimum(t, t.T[0, 0]),
    "np.where": lambda t: np.where(t > 0, t, -t),
    "np.tanh": lambda t: np.tanh(t) + np.sum(t, axis=0), "detach": lambda t: t * t.detach(),
    "sorted": lambda t: t[np.arange(3)[:, None], np.argsort(t.data, axis=1)] * np.arange(4.0),
    "argmax": lambda t: t[np.arange(3), t.data.argmax(1)],
    "count": lambda t: t * float((t.data > 9).sum()), "if": lambda t: t if t.sum() > 0 else -2 * t,
    "astype": lambda t: t.astype("float32") * 2, "broadcast": lambda t: t[0].broadcast_to(5, 4),
}  # fmt: skip


@pytest.mark.parametrize("name", REDUCING)
def test_every_operation_on_arrays_is_replayed_to_the_bit(name):
    w = leaf(3, 4)
    f = lambda x: (REDUCING[name](w * x) ** 2).sum()
    replay = compile(f)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for scale in (1.0, -1.0, 0.5):
            x = scale * RNG.normal(size=(3, 4))
            assert close(replay.value_and_grad(x, wrt=[w]), eager(f, [w], x))
            assert close(replay(x), f(x).item())


SHAPES = st.tuples(st.integers(1, 4), st.integers(1, 4))


@settings(max_examples=60)
@given(st.data())
def test_random_programs_are_replayed_to_the_bit(data):
    """Masks, indices and constants that are computed from what is given are computed again."""
    n, m = data.draw(SHAPES)
    w, b = leaf(n, m), leaf(m)
    steps = data.draw(
        st.lists(
            st.sampled_from(
                [
                    lambda h, x: h * x,
                    lambda h, x: h + b,
                    lambda h, x: where(x > 0, h, 0.5 * h),
                    lambda h, x: h * (x > 0),
                    lambda h, x: h[np.argsort(x[:, 0])],
                    lambda h, x: h.relu() - h.mean(0),
                    lambda h, x: np.maximum(h, x),
                    lambda h, x: h if x.sum() > 0 else -h,
                    lambda h, x: h / (1 + np.abs(x)),
                    lambda h, x: h.softmax(1) * int(np.argmax(x)),
                    lambda h, x: h * np.asarray(x, order="C"),
                    lambda h, x: h.T.reshape(h.shape),
                ]
            ),
            min_size=1, max_size=6,
        )
    )  # fmt: skip

    def f(x):
        h = w
        for step in steps:
            h = step(h, x)
        return (h * h).sum()

    replay = compile(f, keep=64)
    for _ in range(3):
        x = RNG.normal(size=(n, m))
        assert close(replay.value_and_grad(x, wrt=[w, b]), eager(f, [w, b], x))


def test_arguments_are_differentiated_in_their_structure():
    replay = compile(lambda p, k: (p["a"] * p["b"][0] * k).sum(), argnums=(0, 1))
    a, b = RNG.normal(size=3), RNG.normal(size=3)
    for kind in (Tensor, np.array):
        value, (slopes, k) = replay.value_and_grad({"a": kind(a), "b": [Tensor(b)]}, 2.0)
        assert value == pytest.approx(2 * (a * b).sum(), rel=1e-14)
        assert close(slopes, {"a": 2 * b, "b": [2 * a]})
        assert k == pytest.approx((a * b).sum(), rel=1e-14)
        assert type(k) is float


def test_nothing_asserts_where_a_tensor_is_given():
    assert close(
        compile(lambda t: (t * t).sum()).value_and_grad(Tensor([1.0, 2.0])), (5.0, [2.0, 4.0])
    )
    with pytest.raises(ValueError, match="a gradient starts from one number"):
        compile(lambda t: t.tanh()).value_and_grad(Tensor([1.0, 2.0]))


def test_a_leaf_that_is_only_read_is_read_in_every_call():
    p, w = Tensor(1.0), leaf(2)
    replay = compile(lambda x: (w * x * float(p.data)).sum())
    for number in (2.0, 5.0):
        p.data = number
        assert replay(3.0) == (w * 3.0 * number).sum().item()


def test_leaves_may_be_rebound_and_written_into():
    w = leaf(2, 3)
    f = lambda x: (w.T @ x).tanh().sum()
    replay, x = compile(f), RNG.normal(size=2)
    for change in (lambda: w.data.fill(0.5), lambda: setattr(w, "data", RNG.normal(size=(2, 3)))):
        replay(x)
        change()
        assert close(replay.value_and_grad(x, wrt=[w]), eager(f, [w], x))


def test_a_branch_has_the_leaves_of_its_own_recording():
    w, b = leaf(3), leaf(3)
    replay = compile(lambda x: (w * x if x.sum() > 0 else b * x).sum())
    x = np.ones(3)
    for sign in (1.0, -1.0, 1.0):
        replay.backward(sign * x)
    assert close(w.grad, 2 * x)
    assert close(b.grad, -x)


def test_a_tensor_that_the_function_makes_of_constants_is_a_constant():
    w, x = leaf(3), RNG.normal(size=3)
    f = lambda x: (w * x * Tensor([1.0, 2.0, 3.0])).sum() + Tensor(2.0)
    assert close(compile(f).value_and_grad(x, wrt=[w]), eager(f, [w], x))


def test_a_leaf_in_another_layout_is_followed_too():
    w = leaf(2, 3)
    f = lambda x: (w.reshape(6) * x).sum()
    replay, x = compile(f), RNG.normal(size=6)
    for change in (lambda: None, lambda: setattr(w, "data", RNG.normal(size=(3, 2)).T)):
        change()
        for _ in range(2):
            w.data[...] = RNG.normal(size=(2, 3))
            assert close(replay.value_and_grad(x, wrt=[w]), eager(f, [w], x))


def test_a_result_from_outside_is_none_of_the_replay():
    w, x = leaf(3), np.ones(3)
    h = w * w
    replay = compile(lambda x: (h * x * w).sum())
    (said,) = warned(lambda: close(replay.value_and_grad(x, wrt=[w])[1], [3 * w.data**2]) or 1 / 0)
    assert "outside" in said
    w.data = 2 * w.data
    with pytest.raises(RuntimeError, match="stale"):
        replay.value_and_grad(x, wrt=[w])


@pytest.mark.parametrize("mode", [autograd.no_grad, contextlib.nullcontext])
def test_a_value_that_the_function_computes_with_is_followed_as_it_is(mode):
    w, v, x = leaf(2), Value(1.0), np.ones(2)

    def f(x):
        with mode():
            factor = autograd.stack_values([v, v])
        return (w * x * factor).sum()

    replay = compile(f)
    for number in (2.0, 5.0):
        v.data = number
        found = []
        warned(lambda found=found: found.append(replay.value_and_grad(x, wrt=[w])))
        assert close(found[0], eager(f, [w], x))


def test_backward_adds_to_the_leaves_that_the_function_closes_over():
    w, x = leaf(3), RNG.normal(size=3)
    replay = compile(lambda x: (w * x).sum())
    assert replay.backward(x) == replay.backward(x) == (w * x).sum().item()
    assert close(w.grad, 2 * x)


def test_another_shape_precision_or_layout_has_its_own_recording():
    w = leaf(4)
    replay = compile(lambda x: (x @ w).sum())
    square = RNG.normal(size=(4, 4))
    for x in (RNG.normal(size=(8, 4)), RNG.normal(size=(3, 4)), square.T, square.astype("f4")):
        value, [slope] = eager(lambda x: (x @ w).sum(), [w], x)
        assert close(replay.value_and_grad(x, wrt=w), (value, slope))
    assert len(replay._tensors.kept) == 4


def test_results_are_the_callers_own():
    w = leaf(3)
    replay = compile(lambda x: {"y": w * x, "n": 3, "c": [x]})
    x = np.ones(3)
    first = replay(x)
    kept = first["y"].copy()
    again = replay(2 * x)
    assert close(first["y"], kept)
    assert close(again["y"], 2 * kept)
    again["y"][:] = 0.0
    first["c"][0][:] = 7.0
    assert close(replay(x)["y"], kept)
    assert close(x, np.ones(3))
    assert replay(x)["n"] == 3


def test_arguments_may_be_written_into_between_calls():
    w, x = leaf(3), np.ones(3)
    replay = compile(lambda x: (w * x).sum())
    replay(x)
    x[:] = 2.0
    assert replay(x) == (w * x).sum().item()
    assert replay(x[::-1]) == (w * x[::-1]).sum().item()


def test_threads_do_not_disturb_each_other():
    w = leaf(50, 50)
    f = lambda x: (w @ x).tanh().sum()
    replay, found = compile(f), {}
    xs = [RNG.normal(size=(50, 50)) for _ in range(4)]

    def work(i):
        found[i] = [replay.value_and_grad(xs[i], wrt=[w]) for _ in range(20)]

    replay(xs[0])
    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(4):
        assert all(close(x, eager(f, [w], xs[i])) for x in found[i])


def test_a_vector_of_all_the_leaves_and_lanes():
    w, b, xs = leaf(2, 3), leaf(2), RNG.normal(size=(4, 3))
    f = lambda x: ((w @ x + b) ** 2).sum()
    bound = compile(f).bind([w, b])
    value, slope = bound.value_and_grad(xs[0])
    assert close(
        (value, slope), (f(xs[0]).item(), np.r_[tuple(map(np.ravel, eager(f, [w, b], xs[0])[1]))])
    )
    bound.numbers *= 2.0
    before = f(xs[0]).item()
    assert bound.value_and_grad(xs[0])[0] != before == f(xs[0]).item()
    bound.write()
    assert bound.value_and_grad(xs[0])[0] == f(xs[0]).item()
    values, (by_w, by_b) = compile(f).batch(xs, wrt=[w, b])
    assert close(values, [f(x).item() for x in xs])
    assert by_w == pytest.approx(sum(eager(f, [w, b], x)[1][0] for x in xs), rel=1e-13)
    assert by_b == pytest.approx(sum(eager(f, [w, b], x)[1][1] for x in xs), rel=1e-13)


def warned(act):
    """The warnings that it gives."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        act()
    return [str(warning.message) for warning in said]


# ---- what runs without a replay -----------------------------------------------------------------


@pytest.mark.parametrize(
    "f",
    [
        lambda w: lambda x: (w * x * np.random.default_rng().random(3)).sum(),
        lambda w: lambda x: (w * x * (RNG.random(3) > 0.5) * RNG.random()).sum(),
        lambda w: lambda x: (w * x * (np.random.rand() > 1e-9)).sum(),
        lambda w: lambda x, seen=[]: (w * x * (seen.append(1) or len(seen))).sum(),
    ],
)
def test_random_numbers_and_counters_are_refused(f):
    with pytest.raises(RuntimeError, match="draw random numbers outside"):
        compile(f(leaf(3)))(np.ones(3))


@pytest.mark.parametrize(
    ("act", "why"),
    [
        (lambda w, x: (w * x).sum().backward(), "backward"),
        (lambda w, x: setattr(w, "data", w.data + 1.0), "assigns"),
        (lambda w, x: w.grad, "reads .grad"),
        (lambda w, x: x.__setitem__(0, 1.0), "writes"),
        (lambda w, x: x.__iadd__(1.0), "writes"),
        (lambda w, x: np.add(x, 1.0, out=x), "writes"),
        (lambda w, x: x.cumsum(out=np.zeros(3)), "writes"),
        (lambda w, x: np.clip(x, 0.0, 1.0, np.zeros(3)), "writes"),
        (lambda w, x: np.piecewise(x, [x > 0], [lambda v: v]), "function"),
        (lambda w, x: float(Value(2.0).tanh().data), "Value"),
    ],
)
def test_what_a_replay_would_not_repeat_runs_as_it_is_and_is_said_once(act, why):
    w, x = leaf(3), np.ones(3)

    def f(x):
        act(w, x)
        return (w * x).sum()

    replay = compile(f)
    said = warned(lambda: [replay.value_and_grad(x, wrt=[w]) for _ in range(2)])
    assert len(said) == 1
    assert why in said[0]


def test_a_function_that_takes_more_paths_than_are_kept_runs_as_it_is():
    w = leaf(3)
    f = lambda x: (w * np.asarray(x)).sum()
    replay = compile(f, keep=2)
    xs = RNG.normal(size=(5, 3))
    (said,) = warned(lambda: close([replay(x) for x in xs], [f(x).item() for x in xs]) or 1 / 0)
    assert "more than 2 different paths" in said


def test_arrays_of_other_libraries_run_as_they_are_and_it_is_said_once():
    xp = pytest.importorskip("array_api_strict")
    w = Tensor(xp.asarray([1.0, 2.0]))
    replay = compile(lambda t: (w * t).sum())
    t, found = Tensor(xp.asarray([3.0, 4.0])), []
    (said,) = warned(lambda: found.extend(replay.value_and_grad(t) for _ in range(2)))
    assert "library" in said
    assert [(value, np.asarray(slope).tolist()) for value, slope in found] == [
        (11.0, [1.0, 2.0])
    ] * 2


def test_an_error_of_the_function_is_its_own():
    w = leaf(3)
    replay = compile(lambda x: (w * x).sum())
    replay(np.ones(3))
    with pytest.raises(ValueError, match="broadcast"):
        replay.value_and_grad(np.ones(4), wrt=[w])


def test_recordings_of_tensors_are_not_saved_and_pickle_makes_them_anew(tmp_path):
    w = leaf(3)
    replay = compile(lambda x: (w * x).sum())
    replay(np.ones(3))
    assert "1 recordings" in repr(replay)
    assert "bytes of buffers" in replay.listing()
    with pytest.raises(TypeError, match="of Tensors"):
        replay.save(tmp_path / "f.npz")


# ---- training ------------------------------------------------------------------------------------

TARGETS = {
    "mse": lambda s: s, "mae": lambda s: s, "sse": lambda s: s, "huber": lambda s: s,
    "hinge": lambda s: s, "bce": lambda s: (s > 0) * 1, "bce_with_logits": lambda s: (s > 0) * 1.0,
    "cross_entropy": lambda s: (s > 0) * 1,
}  # fmt: skip


@pytest.mark.parametrize("loss", TARGETS)
def test_a_model_of_tensors_is_trained_alike_with_a_replay_and_without(loss):
    X = RNG.normal(size=(21, 2))
    y = TARGETS[loss](np.sign(X[:, 0] * X[:, 1]))
    weights = []
    for replayed in (False, True):
        model = nn.MLP(
            2, [5, 2 if loss == "cross_entropy" else 1], "tanh", seed=1, backend="tensor",
            output="sigmoid" if loss == "bce" else None,
        )  # fmt: skip
        nn.fit(model, X, y, loss=loss, optimizer="adam", epochs=4, batch_size=8, seed=0,
               progress=False, compile=replayed)  # fmt: skip
        weights.append([p.data for p in model.parameters()])
    assert close(*weights)


def test_training_records_once_for_each_size_of_a_batch(monkeypatch):
    kept = {}
    plain = OfArrays.differentiate

    def noted(self, xs, ys):
        found = plain(self, xs, ys)
        kept.update(self._replay._tensors.kept)
        return found

    monkeypatch.setattr(OfArrays, "differentiate", noted)
    X = RNG.normal(size=(21, 2))
    model = nn.MLP(2, [5, 3], "relu", seed=1, backend="tensor")
    nn.fit(model, X, RNG.integers(0, 3, 21), loss="cross_entropy", epochs=6, batch_size=8,
           progress=False)  # fmt: skip
    assert [len(recordings) for recordings in kept.values()] == [1, 1]


def test_a_coin_that_falls_alike_in_all_recordings_is_refused():
    coins, w = np.random.default_rng(0), leaf(2)
    replay = compile(lambda x: (w * x).sum() if coins.random() < 2 else w.sum())
    with pytest.raises(RuntimeError, match="did not do the same"):
        replay.value_and_grad(np.ones(2), wrt=[w])


def test_an_array_as_a_keyword_is_not_replayed_and_this_is_said():
    w = leaf(2)
    replay = compile(lambda *, x: (w * x).sum())
    with pytest.warns(RuntimeWarning, match="as the keyword x"):
        replay.value_and_grad(x=np.ones(2), wrt=[w])


def test_results_are_the_callers_own_and_arrays_given_stay_as_they_are():
    w, x = leaf(3, 3), np.asfortranarray(RNG.normal(size=(3, 3)))
    f = lambda x: ((x @ w).T @ x).sum()
    replay, before = compile(f), x.copy("K")
    for taken in (x, x, x[::-1], np.ascontiguousarray(x)):
        first = replay.value_and_grad(taken, wrt=[w, w])
        first[1][0][...] = 7.0
        again = replay.value_and_grad(taken, wrt=[w, w])
        assert close(again, eager(f, [w, w], taken))
        assert close(x, before)


@pytest.mark.parametrize(
    "f",
    [
        lambda x, i: x[i].sum(),
        lambda x, i: x[i].mean(),
        lambda x, i: np.take(x, i, axis=0).sum(),
        lambda x, i: (x[np.clip(i, 0, 1)] * 2.0).sum(),
        lambda x, i: np.interp(np.asarray(i) * 0.3, [-1.0, 0.0, 1.0], x).sum(),
    ],
)
def test_an_index_that_repeats_hands_back_each_of_its_gradients(f):
    x, replay = Tensor([1.0, 4.0, 2.0]), compile(f)
    for i in ([0, 0, 1], [2, 2, 2], [0, 1, 2]):
        index = np.array(i)
        value, slope = replay.value_and_grad(x, index)
        assert close((value, [slope]), eager(f, [x], x, index))


def test_an_empty_place_among_the_results_stays_where_it_is():
    w = leaf(3)
    f = lambda x: {"a": None, "b": (w * x).sum(), "c": 3, "d": "hi", "e": [None, 2.0 * w]}
    replay, x = compile(f), np.ones(3)
    for _ in range(2):
        found, right = replay(x), f(x)
        assert (found["a"], found["c"], found["d"], found["e"][0]) == (None, 3, "hi", None)
        assert close(found["b"], right["b"].data)
        assert close(found["e"][1], right["e"][1].data)


def test_the_text_of_an_element_is_that_of_a_number():
    w = leaf(3)
    f = lambda x: (w * x).sum() * len(str(x[0]))
    x = np.array([1.0, 2.0, 3.0])
    assert close(compile(f)(x), f(x).data)


@pytest.mark.parametrize(
    "size",
    [
        lambda m: len(np.nonzero(m)[0]),
        lambda m: np.flatnonzero(m).size,
        lambda m: np.argwhere(m).shape[0],
        lambda m: len(np.where(m)[0]),
        lambda m: m[m].shape[0],
        lambda m: np.size(m[m] * 2.0),
        lambda m: len(np.unique(m)),
        lambda m: len(np.bincount(m.astype(int))),
        lambda m: np.trim_zeros(m.astype(int)).size,
        lambda m: np.setdiff1d(np.arange(5), m.astype(int)).size,
        lambda m: sum(j + 1 for j, _ in enumerate(np.flatnonzero(m))),
        lambda m: np.arange(9)[m.astype(int)[0] : 4 * m.astype(int)[1] + 2].size,
        lambda m: m[m.astype(int)[0] : 2 * m.astype(int)[1] + 2].size,
        lambda m: np.ones_like(m[m], dtype=float).sum(),
        lambda m: np.repeat([1.0, 2.0, 3.0, 4.0], m.astype(int)).size,
    ],
)
def test_a_size_that_depends_on_numbers_is_seen_anew(size):
    f, x = (lambda x, m: x.sum() * float(size(m))), Tensor([1.0, 2.0, 3.0, 4.0])
    replay = compile(f)
    for m in ([1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 1, 1, 1], [0, 0, 0, 0]):
        mask = np.array(m, dtype=bool)
        value, slope = replay.value_and_grad(x, mask)
        assert close((value, [slope]), eager(f, [x], x, mask))


@pytest.mark.parametrize("odd", [np.ma.array([1.0, 2.0, 3.0], mask=[1, 0, 0]), np.ma.ones(3)])
def test_an_array_with_arithmetic_of_its_own_is_refused(odd):
    w, x = leaf(3), np.ones(3)
    for f in (lambda x: (w * x).sum(), lambda x: (x * x).sum()):
        replay = compile(f)
        for _ in range(2):  # the second time, a form of the same shape is known
            with pytest.raises(TypeError, match="arithmetic of its own"):
                replay(odd)
            with pytest.raises(TypeError, match="arithmetic of its own"):
                replay.value_and_grad(odd)
            replay(x)
    replay = compile(lambda x, m: (w * x).sum() * len(m))
    replay.value_and_grad(Tensor(x), x)
    with pytest.warns(RuntimeWarning, match="takes a MaskedArray, which has arithmetic of its own"):
        replay.value_and_grad(Tensor(x), odd)


def test_elementwise_calls_are_computed_in_the_buffers_of_operands_that_are_read_no_more():
    x = np.linspace(-1.0, 2.0, 40_000)
    f = compile(lambda t: ((np.sin(t) * 2.0 + 1.0) ** 2 - np.cos(t)).sum())
    value, slope = f.value_and_grad(Tensor(x))
    inner = 2.0 * np.sin(x) + 1.0
    assert value == pytest.approx((inner**2 - np.cos(x)).sum())
    np.testing.assert_allclose(slope, 4.0 * inner * np.cos(x) + np.sin(x))
    nbytes = int(f.listing().split(" bytes")[0].split()[-1])
    assert nbytes <= 6 * x.nbytes  # of about 15 results


def test_memory_is_flat_over_many_steps_of_a_replay():
    w = Tensor(np.ones((16, 16)))
    x = np.ones((4, 16))
    f = compile(lambda x: (x @ w).tanh().sum())

    def steps(n: int) -> int:
        for _ in range(n):
            f.value_and_grad(x, wrt=[w])
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    steps(10)
    tracemalloc.start()
    try:
        before = steps(100)
        assert steps(3000) - before < 1000
    finally:
        tracemalloc.stop()


def test_numbers_in_other_places_beside_none_are_another_form():
    t = Tensor([2.0, 3.0])

    def weighted(xs):
        found = (t * 0).sum()
        for i, x in enumerate(xs, 1):
            found = found if x is None else found + i * x
        return found

    f = compile(weighted)
    assert f.value_and_grad([1.0, None]) == (1.0, [1.0, None])
    assert f.value_and_grad([None, 1.0]) == (2.0, [None, 2.0])


def test_many_argument_sets_give_many_values():
    t = Tensor([2.0, 3.0])
    f = compile(lambda x, scale: {"sum": (t * x).sum() * scale, "each": t * x})
    xs = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    found = f.batch_value(xs, 2.0, in_axes=(0, None))
    assert close(found, {"sum": [64.0, 128.0, 192.0], "each": xs * [2.0, 3.0]})
    with pytest.raises(ValueError, match="argument 0 has 3, argument 1 has 2"):
        f.batch_value(xs, [1.0, 2.0])
    with pytest.raises(ValueError, match="in_axes has 1 entries for 2 arguments"):
        f.batch_value(xs, 2.0, in_axes=(0,))


# ---- leaves and buffers --------------------------------------------------------------------------

LOOKS = {
    "a constant part": lambda w, t: ((w * 2.0 - (t * 3.0).detach()) ** 2).sum(),
    "its numbers": lambda w, t: (w * (t * 3.0).data).sum(),
    "one number": lambda w, t: w.sum() * (t.sum() * 1.0).item(),
    "a branch": lambda w, t: w.sum() if t.sum() > 0 else (w * w).sum(),
    "a mask": lambda w, t: where(t * 2.0 > 0.0, w, 3.0 * w).sum(),
    "a place": lambda w, t: w[np.argmax(t * 2.0)] * 2.0,
    "a sign": lambda w, t: (w * np.sign(t).data).sum(),
    "text": lambda w, t: w.sum() * len(f"{(t * 1.0)[0].item():.0f}"),
    "a sum without a gradient": lambda w, t: w.sum() * _without(lambda: (t * 2.0).sum()),
}


def _without(f):
    with autograd.no_grad():
        return f()


@pytest.mark.parametrize("name", LOOKS)
def test_a_leaf_that_is_only_looked_at_is_seen_anew_in_each_call(name):
    w, t = leaf(3), Tensor([1.0, -2.0, 5.0])
    replay = compile(lambda x: LOOKS[name](w, t) * x.sum())
    for numbers in ([1.0, -2.0, 5.0], [-30.0, 2.0, 1.0], [1.0, -2.0, 5.0], [7.0, -2.0, -500.0]):
        t.data = np.array(numbers)
        found = replay.value_and_grad(np.ones(2), wrt=[w])
        assert close(found, eager(lambda x: LOOKS[name](w, t) * x.sum(), [w], np.ones(2)))


def test_a_leaf_that_is_returned_is_that_of_the_call():
    w = Tensor([1.0, 2.0])
    replay = compile(lambda x: [w, w.sum() * x.sum()])
    for numbers in ([1.0, 2.0], [5.0, 5.0]):
        w.data = np.array(numbers)
        assert replay(np.ones(2))[0].tolist() == numbers


VIEWED = {
    "parts": lambda a: np.split(a, 2),
    "parts of odd sizes": lambda a: np.array_split(a, 3),
    "stretched": lambda a: np.broadcast_arrays(a, np.ones((2, 4))),
    "grids": lambda a: np.meshgrid(a, a, copy=False),
    "a shape": lambda a: [a.reshape(2, 2)],
    "turned": lambda a: [a.reshape(2, 2).T],
    "reversed": lambda a: [a[::-1]],
    "at least a matrix": lambda a: np.atleast_2d(a, a),
    "a view of a view": lambda a: [np.split(a, 2)[1][::-1].reshape(2, 1)],
}


@pytest.mark.parametrize("looks", [False, True])
@pytest.mark.parametrize("name", VIEWED)
def test_what_is_computed_in_place_leaves_views_of_it_alone(name, looks):
    w = Tensor(np.zeros(4))

    def f(y):
        a = y * 2.0
        views = VIEWED[name](a)
        factor = 5.0 if looks and a[0] > 0 else 2.0
        b = np.sin(a)  # in the buffer of `a`, if nothing else had it
        return sum(np.cos(x).sum() for x in views) * 3.0 + b.sum() * factor + w.sum()

    y = np.array([1.0, 2.0, 3.0, 4.0])
    assert float(compile(f)(y)) == pytest.approx(float(f(y).item()))
    assert close(compile(f).value_and_grad(y, wrt=[w]), eager(f, [w], y))
