"""Training by replay: the same run as operation by operation, but for rounding."""

from __future__ import annotations

from random import Random, random, seed

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
import nn
from autograd import Value
from nn import optim
from nn.data import number_of
from nn.losses import LOSSES
from nn.training.trainer import Replayed, Trainer, can_replay

RNG = Random(4)
X = [[RNG.uniform(-1, 1), RNG.uniform(-1, 1)] for _ in range(12)]
TARGETS = {
    "bce": [float(a > b) for a, b in X],
    "bce_with_logits": [float(a > b) for a, b in X],
    "hinge": [1.0 if a > b else -1.0 for a, b in X],
    "cross_entropy": [float(i % 3) for i in range(12)],
}


def model_for(loss, seed=0):
    outputs = 3 if loss == "cross_entropy" else 1
    return nn.MLP(2, [4, outputs], output="sigmoid" if loss == "bce" else None, seed=seed)


def run(loss, compile, model=None, **more):
    model = model or model_for(loss)
    targets = TARGETS.get(loss, [a * b for a, b in X])
    told = {"optimizer": "adam", "lr": 0.05, "epochs": 4, "batch_size": 5, "seed": 3, **more}
    history = nn.fit(model, X, targets, loss, progress=False, compile=compile, **told)
    return model, history


def close(found, expected):
    assert found[1].loss == pytest.approx(expected[1].loss, rel=1e-12)
    for a, b in zip(found[0].parameters(), expected[0].parameters(), strict=True):
        assert a.data == pytest.approx(b.data, rel=1e-10, abs=1e-13)
        assert a.grad == pytest.approx(b.grad, rel=1e-8, abs=1e-12)


@pytest.mark.parametrize("loss", [name for name in LOSSES if name != "zero_one"])
def test_every_loss_is_replayed_as_it_is_computed(loss):
    close(run(loss, True), run(loss, False))


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad", "rmsprop", "adam", "adamw"])
def test_every_optimiser_moves_all_parameters_at_once_as_it_moves_each(optimizer):
    close(run("mse", True, optimizer=optimizer), run("mse", False, optimizer=optimizer))


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(
    size=st.integers(1, 12),
    seed=st.integers(0, 99),
    momentum=st.sampled_from([0.0, 0.9]),
    clip=st.sampled_from([None, 0.1]),
    decay=st.sampled_from([0.0, 0.01]),
)
def test_the_run_is_the_same_whatever_the_batches_and_settings(size, seed, momentum, clip, decay):
    def trained(compile):
        model = model_for("mse", seed)
        mover = optim.SGD(model.parameters(), lr=0.1, momentum=momentum, weight_decay=decay)
        return run("mse", compile, model, optimizer=mover, lr=None, batch_size=size, clip=clip)

    close(trained(True), trained(False))


def test_an_optimiser_of_some_parameters_clips_their_gradients_only_on_either_way():
    def trained(compile):
        model = model_for("mse")
        mover = optim.SGD(model.layers[-1].parameters(), lr=0.1)
        return run("mse", compile, model, optimizer=mover, lr=None, clip=0.05)

    found, expected = trained(True), trained(False)
    assert found[1].loss == pytest.approx(expected[1].loss, rel=1e-12)
    start = model_for("mse").parameters()
    for a, b, first in zip(found[0].parameters(), expected[0].parameters(), start, strict=True):
        assert a.data == pytest.approx(b.data, rel=1e-10)
        assert (a in found[0].layers[-1].parameters()) == (a.data != first.data)


def test_a_parameter_outside_the_model_has_the_gradient_of_the_last_batch_only():
    scale, model = Value(1.0), nn.MLP(1, [1], seed=0)
    mover = optim.SGD([*model.parameters(), scale], lr=0.0)

    def loss(outputs, targets):
        return sum((scale * out - y) ** 2 for out, y in zip(outputs, targets, strict=True))

    nn.fit(model, [[1.0]], [2.0], loss, mover, epochs=3, progress=False)
    (out,) = (w.data for w in model.layers[0].weight[0])
    assert scale.grad == pytest.approx(2 * (out - 2.0) * out)


def test_an_optimiser_goes_on_where_it_stopped_on_either_way():
    def twice(first, second):
        model = model_for("mse")
        mover = optim.Adam(model.parameters(), lr=0.05)
        run("mse", first, model, optimizer=mover, lr=None)
        return run("mse", second, model, optimizer=mover, lr=None)

    expected = twice(False, False)
    for ways in ((True, True), (True, False), (False, True)):
        close(twice(*ways), expected)


def test_a_callback_sees_and_may_change_the_parameters():
    seen = []

    def halve(model, history):
        seen.append([p.data for p in model.parameters()])
        for p in model.parameters():
            p.data *= 0.5

    def trained(compile):
        seen.clear()
        return *run("mse", compile, callbacks=[halve]), [row[:] for row in seen]

    *replayed, rows = trained(True)
    *computed, expected = trained(False)
    close(replayed, computed)
    for row, others in zip(rows, expected, strict=True):
        assert row == pytest.approx(others)


def test_validation_and_early_stopping_see_the_weights_of_the_epoch():
    more = {"validation": (X[:4], [0.0] * 4), "patience": 2, "epochs": 30}
    replayed, computed = run("mse", True, **more), run("mse", False, **more)
    close(replayed, computed)
    assert replayed[1].best_epoch == computed[1].best_epoch
    assert replayed[1].validation_loss == pytest.approx(computed[1].validation_loss)


def test_what_is_not_safe_is_computed_and_is_no_error_unless_asked_for():
    model = model_for("mse")
    params = model.parameters()

    class Mine(optim.SGD):
        pass

    assert can_replay(model, LOSSES["mse"], optim.SGD(params))
    assert not can_replay(model, LOSSES["zero_one"], optim.SGD(params))
    assert not can_replay(model, lambda outputs, targets: outputs[0], optim.SGD(params))
    assert not can_replay(model, LOSSES["mse"], Mine(params))
    assert not can_replay(model, LOSSES["mse"], optim.Newton(params))
    assert not can_replay(model.to("tensor"), LOSSES["mse"], optim.SGD(params))
    with pytest.raises(ValueError, match="compile=True is for a model of Values"):
        run("mse", True, model, optimizer=Mine(params), lr=None)
    assert run("mse", None, model, optimizer=Mine(params), lr=None)[1].epochs == 4


def test_a_model_that_is_another_one_each_time_is_computed_and_asked_for_refused():
    class Noisy(nn.Module):
        def __init__(self):
            self.w, self.rng = Value(0.5), Random(0)

        def __call__(self, x):
            return self.w * x[0] + self.rng.gauss(0, 1)

    model = Noisy()
    _, history = run("mse", None, model)
    assert history.epochs == 4
    assert model.w.data != 0.5
    with pytest.raises(Exception, match="recorded"):
        run("mse", True, Noisy())


def test_a_loss_that_is_no_number_leaves_the_last_good_weights():
    class Root(nn.Module):
        def __init__(self):
            self.w = Value(1.0, label="w")

        def __call__(self, x):
            return (self.w * x[0]).log()

    model = Root()
    with pytest.raises(FloatingPointError, match="the loss became nan in epoch 1, batch 2"):
        nn.fit(model, [[1.0], [1.0]], [-9.0, -9.0], optimizer="sgd", lr=0.06, batch_size=1,
               shuffle=False, progress=False, compile=True)  # fmt: skip
    assert model.w.data == 1.0


def test_ctrl_c_keeps_what_was_learnt():
    def interrupt(model, history):
        if history.epochs == 3:
            raise KeyboardInterrupt

    model, history = run("mse", True, callbacks=[interrupt], epochs=9)
    expected, _ = run("mse", False, epochs=3)
    assert history.stopped == "interrupted"
    assert [p.data for p in model.parameters()] == pytest.approx(
        [p.data for p in expected.parameters()]
    )


def test_what_a_callback_changes_beside_the_parameters_is_seen_from_the_next_epoch_on():
    class Tempered(nn.Module):
        def __init__(self):
            self.w, self.temperature = Value(0.5), 1.0

        def __call__(self, x):
            return self.w * x[0] / self.temperature

    def cool(model, history):
        model.temperature *= 0.5

    close(*[run("mse", compile, Tempered(), callbacks=[cool]) for compile in (True, False)])


def test_a_number_that_nn_reads_from_a_parameter_is_read_anew_by_a_replay():
    p = Value(2.0)
    f = autograd.compile(lambda x: x * number_of(p))
    assert f.value(3.0) == 6.0
    p.data = 5.0
    assert f.value(3.0) == 15.0


class Dropout(nn.Module):
    def __init__(self):
        self.rng = Random(0)

    def __call__(self, x):
        return [z * (self.rng.random() < 0.5) for z in x]


class Counter(nn.Module):
    calls = 0

    def __call__(self, x):
        self.calls += 1
        return x


class Warm(nn.MLP):
    temperature = 1.0

    def __call__(self, x):
        self.temperature *= 0.99
        return super().__call__(x) * self.temperature


def chain(*parts):
    model = nn.Sequential(nn.Layer(2, 4, "tanh", seed=0), nn.MLP(4, [1], seed=1))
    model.parts[1:1] = parts
    return model


@pytest.mark.parametrize(
    "make",
    [
        lambda: chain(Dropout()), lambda: chain(Counter()), lambda: Warm(2, [4, 1], seed=0),
        lambda: chain(lambda x: [z * random() for z in x]),
    ],
    ids=["dropout", "counter", "schedule", "a function"],
)  # fmt: skip
def test_only_modules_of_this_package_are_replayed_unless_asked_for(make):
    seed(0)
    found = run("mse", None, make())
    seed(0)
    expected = run("mse", False, make())
    assert found[1].loss == expected[1].loss  # to the bit: nothing was replayed


def test_modules_of_this_package_are_replayed_without_being_asked():
    for model in (chain(), model_for("mse"), nn.Neuron(2, seed=0)):
        trainer = Trainer(model, LOSSES["mse"], optim.SGD(model.parameters()), None)
        assert isinstance(trainer.strategy, Replayed)
