"""The training loop, its history, its pictures, and the diagnosis of a network."""

from __future__ import annotations

import io
import math
import signal
import sys
from dataclasses import dataclass
from random import Random

import numpy as np
import pytest

import nn
from autograd import Tensor, Value, draw, exp, no_grad
from nn import optim
from nn.losses import accuracy

LINE = [[x / 10] for x in range(-10, 11)], [2 * x / 10 + 1 for x in range(-10, 11)]


def line(**settings):
    """A straight line, fitted by a neuron that starts from the same place every time."""
    model = nn.Neuron(1, seed=0)
    defaults = {"optimizer": "sgd", "lr": 0.1, "epochs": 20, "batch_size": None, "seed": 0}
    history = nn.fit(model, *LINE, progress=False, **{**defaults, **settings})
    return model, history


def own_root(outputs, targets):
    return (nn.losses.mse(outputs, targets) + 0.01) ** 0.5


@pytest.mark.parametrize(
    ("batch_size", "per_epoch"), [(None, 1), (1, 21), (5, 5), (21, 1), (99, 1)]
)
def test_an_epoch_is_a_pass_over_the_data_and_an_iteration_an_update(batch_size, per_epoch):
    _, history = line(batch_size=batch_size, epochs=3)
    assert (history.epochs, history.iterations) == (3, 3 * per_epoch)
    assert history.stopped == "finished"


def test_a_full_batch_step_is_gradient_descent_on_the_mean():
    model = nn.Neuron(1, init="zeros")
    history = nn.fit(model, [[1.0], [3.0]], [2.0, 4.0], optimizer="sgd", lr=0.1, epochs=1,
                     batch_size=None, progress=False)  # fmt: skip
    # with w = b = 0 the errors are -2 and -4: dw = -2 - 12 = -14, db = -6
    assert (model.weight[0].data, model.bias.data) == pytest.approx((1.4, 0.6))
    assert history.loss == [10.0]


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [None, 1, 4])
def test_a_neuron_finds_the_line(batch_size):
    model, history = line(batch_size=batch_size, epochs=200)
    assert (model.weight[0].data, model.bias.data) == pytest.approx((2.0, 1.0), abs=1e-3)
    assert history.loss[-1] < 1e-6 < history.loss[0]


def test_the_same_seed_gives_the_same_run():
    runs = [line(batch_size=4, seed=seed)[1].loss for seed in (7, 7, 8)]
    assert runs[0] == runs[1] != runs[2]


def test_validation_data_are_not_learnt_from():
    model, history = line(validation=([[0.0]], [99.0]), epochs=200)
    assert model([0.0]).data == pytest.approx(1.0, abs=1e-2)
    assert history.validation_loss[-1] == pytest.approx(98.0**2, rel=1e-3)
    assert len(history.validation_loss) == 200


def test_a_share_of_the_samples_is_held_out():
    _, history = line(validation=0.25, batch_size=1, epochs=2)
    assert history.iterations == 2 * 16  # 21 samples less 5
    with pytest.raises(ValueError, match="leaves one side empty"):
        line(validation=0.01)
    with pytest.raises(ValueError, match=r"the share to hold out is 1\.5"):
        line(validation=1.5)


def test_training_stops_early_and_goes_back_to_the_best_weights():
    X, y = LINE
    model = nn.Neuron(1, seed=0)
    seen = []

    def remember(model, history):
        seen.append(model.state_dict())

    history = nn.fit(model, X, y, optimizer="sgd", lr=0.1, epochs=500, batch_size=None, patience=3,
                     validation=([[0.0]], [0.5]), callbacks=[remember], progress=False)  # fmt: skip
    assert history.stopped == "early"
    best = min(range(history.epochs), key=history.validation_loss.__getitem__)
    assert history.best_epoch == best + 1 == history.epochs - 3
    assert model.state_dict() == seen[best]


@pytest.mark.parametrize("backend", ["value", "tensor"])
@pytest.mark.parametrize("replayed", [None, False])
@pytest.mark.parametrize("lr", [0.2, 0.1, 5.0, 0.01])
def test_the_weights_restored_have_the_lowest_loss_of_the_history(lr, replayed, backend):
    """Momentum overshoots: the weights after the best epoch may be far worse than those before."""
    X, y = [[1.0], [2.0], [3.0]], [1.0, 2.0, 3.0]
    model = nn.MLP(1, [1], backend=backend, seed=1)
    history = nn.fit(
        model, X, y, optimizer=optim.SGD(model.parameters(), lr=lr, momentum=0.9), epochs=60,
        batch_size=None, patience=3, compile=replayed, progress=False,
    )  # fmt: skip
    found = nn.losses.mse(nn.data.outputs_of(model, X), y)
    if history.best_epoch < history.epochs:
        assert found == pytest.approx(min(history.loss), rel=1e-12)
        assert found == pytest.approx(history.loss[history.best_epoch], rel=1e-12)
    else:  # the loss of the last weights is in no epoch of the history
        assert found < min(history.loss)


@pytest.mark.parametrize("backend", ["value", "tensor"])
@pytest.mark.parametrize(("loss", "batch_size"), [("mse", 2), ("sse", 3), (own_root, 2)])
def test_of_small_batches_the_best_weights_are_those_of_the_lowest_loss_of_all(
    loss, batch_size, backend
):
    X, y = [[math.sin(3 * i)] for i in range(9)], [math.cos(5 * i) for i in range(9)]
    model, seen = nn.MLP(1, [2, 1], "tanh", backend=backend, seed=1), []
    seen.append(model.state_dict())
    history = nn.fit(
        model, X, y, loss, optim.SGD(model.parameters(), lr=0.05, momentum=0.9), epochs=40, seed=0,
        batch_size=batch_size, patience=5, progress=False,
        callbacks=[lambda model, history: seen.append(model.state_dict())],
    )  # fmt: skip
    best = model.state_dict()

    def whole(weights):
        model.load_state_dict(weights)
        with no_grad():
            return nn.data.number_of(nn.losses.loss_of(loss)(nn.data.outputs_of(model, X), y))

    losses = list(map(whole, seen))
    assert whole(best) == min(losses) == losses[history.best_epoch]


def test_a_training_that_only_makes_things_worse_is_undone():
    model = nn.Neuron(1, seed=0)
    before = model.state_dict()
    far = optim.SGD(model.parameters(), lr=1e3)
    history = nn.fit(model, *LINE, optimizer=far, epochs=1, patience=1, progress=False)
    assert history.best_epoch == 0
    assert model.state_dict() == before


def test_an_epoch_that_a_callback_ends_may_be_the_best():
    for validation in (None, LINE):
        model, before = nn.Neuron(1, seed=0), nn.Neuron(1, seed=0).state_dict()
        history = nn.fit(model, *LINE, lr=0.01, epochs=5, patience=3, validation=validation,
                         callbacks=[lambda *_: True], progress=False)  # fmt: skip
        assert (history.stopped, history.best_epoch) == ("callback", 1)
        assert model.state_dict() != before


def test_what_an_interrupted_first_epoch_has_learnt_is_kept_under_a_patience():
    class Interrupting(optim.SGD):
        def step(self, loss=None):
            if self.steps == 2:
                raise KeyboardInterrupt
            super().step(loss)

    model, before = nn.Neuron(1, seed=0), nn.Neuron(1, seed=0).state_dict()
    history = nn.fit(model, *LINE, optimizer=Interrupting(model.parameters(), lr=0.01), epochs=5,
                     batch_size=1, patience=3, progress=False)  # fmt: skip
    assert (history.stopped, history.epochs) == ("interrupted", 0)
    assert model.state_dict() != before


def test_a_callback_sees_every_epoch_and_can_stop():
    counts = []

    def at_five(model, history):
        counts.append(history.epochs)
        return history.epochs == 5

    _, history = line(callbacks=[at_five])
    assert (counts, history.stopped) == ([1, 2, 3, 4, 5], "callback")


def test_a_schedule_is_stepped_once_an_epoch():
    model = nn.Neuron(1, seed=0)
    sgd = optim.SGD(model.parameters(), lr=0.1)
    nn.fit(model, *LINE, optimizer=sgd, epochs=3, batch_size=5, schedule=optim.step_decay(1, 0.5),
           progress=False)  # fmt: skip
    assert sgd.lr == 0.1 / 8


def test_clipping_bounds_each_step():
    model = nn.Neuron(1, init="zeros")
    nn.fit(model, [[1.0]], [1e6], optimizer="sgd", lr=1.0, epochs=1, clip=1.0, progress=False)
    moved = math.hypot(*(p.data for p in model.parameters()))
    assert moved == pytest.approx(1.0, rel=1e-6)


def test_an_optimiser_may_be_a_name_an_object_or_a_function_that_makes_one():
    losses = []
    for kind in ("name", "function"):
        optimizer = "adam" if kind == "name" else lambda ps, lr: optim.Adam(ps, lr)
        losses.append(line(optimizer=optimizer)[1].loss)
    model = nn.Neuron(1, seed=0)
    adam = optim.Adam(model.parameters(), 0.1)
    history = nn.fit(model, *LINE, optimizer=adam, epochs=20, batch_size=None, progress=False)
    assert losses[0] == losses[1] == history.loss
    with pytest.raises(ValueError, match="has its learning rate already"):
        line(optimizer=adam, lr=0.1)


def test_a_users_own_module_and_loss_are_trained_like_any_other():
    class Decay(nn.Module):
        def __init__(self):
            self.rate = Value(0.1)

        def __call__(self, x):
            return exp(-self.rate * x[0])

    model = Decay()
    X = [[t / 4] for t in range(12)]
    y = [math.exp(-0.7 * x) for (x,) in X]
    nn.fit(model, X, y, lambda outputs, ys: nn.losses.mae(outputs, ys), lr=0.01, epochs=300,
           progress=False)  # fmt: skip
    assert model.rate.data == pytest.approx(0.7, abs=0.02)


# ---- interrupts and numbers that are none --------------------------------------------------------


def test_ctrl_c_returns_what_was_learnt():
    def press(model, history):
        if history.epochs == 5:
            signal.raise_signal(signal.SIGINT)

    model, history = line(callbacks=[press])
    five, _ = line(epochs=5)
    assert (history.stopped, history.epochs) == ("interrupted", 5)
    assert model.state_dict() == five.state_dict()
    assert "interrupted: 5 epochs, 5 iterations" in str(history)


def test_ctrl_c_in_the_middle_of_a_step_takes_the_step_back():
    class Interrupted(optim.SGD):
        def change(self, x, g, memory):
            if self.steps == 3 and self.params[-1].data == x:
                raise KeyboardInterrupt
            return super().change(x, g, memory)

    model = nn.Neuron(1, seed=0)
    history = nn.fit(model, *LINE, optimizer=Interrupted(model.parameters(), lr=0.1), epochs=9,
                     batch_size=None, progress=False)  # fmt: skip
    assert history.iterations == 2
    assert model.state_dict() == line(epochs=2, compile=False)[0].state_dict()


def test_a_loss_that_is_no_number_names_epoch_batch_and_operation_and_keeps_good_weights():
    class Root(nn.Module):
        def __init__(self):
            self.w = Value(1.0, label="w")

        def __call__(self, x):
            return (self.w * x[0]).log()

    model = Root()
    with pytest.raises(FloatingPointError) as caught:
        nn.fit(model, [[1.0], [1.0]], [-9.0, -9.0], optimizer="sgd", lr=0.06, epochs=9,
               batch_size=1, shuffle=False, progress=False)  # fmt: skip
    text = str(caught.value)
    # w = 1, then 1 - 0.12 * 9 < 0, whose log is nan
    assert "the loss became nan in epoch 1, batch 2: log of -0.08" in text
    assert "last weights with a finite loss" in text
    assert model.w.data == 1.0


def test_a_gradient_that_is_not_finite_is_never_applied():
    class Root(nn.Module):
        def __init__(self):
            self.w = Value(0.0)

        def __call__(self, x):
            return self.w.sqrt()

    model = Root()
    with pytest.raises(
        FloatingPointError, match=r"a gradient is not finite in epoch 1, batch 1: .*sqrt"
    ):
        nn.fit(model, [[1.0]], [1.0], progress=False)
    assert model.w.data == 0.0


def test_a_huge_learning_rate_ends_in_a_message_and_finite_weights():
    model = nn.MLP(1, [4, 1], seed=0)
    with pytest.raises(FloatingPointError, match="lower learning rate"):
        nn.fit(model, *LINE, optimizer="sgd", lr=1e150, epochs=50, progress=False)
    assert all(math.isfinite(p.data) for p in model.parameters())


# ---- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs is 0, and must be at least 1"),
        ({"batch_size": 0}, "batch_size is 0, and must be at least 1"),
        ({"patience": 0}, "patience is 0"),
        ({"clip": -1.0}, "clip is -1.0"),
        ({"lr": -0.1}, "the learning rate is -0.1"),
        ({"validation": ([[1.0]], [])}, "y is empty"),
    ],
)
def test_fit_refuses_settings_that_make_no_training(settings, message):
    with pytest.raises(ValueError, match=message):
        line(**settings)


def test_a_wrong_feature_count_names_both():
    with pytest.raises(ValueError, match="a sample has 1 features, but this Neuron takes 2"):
        nn.fit(nn.MLP(2, [1]), *LINE, progress=False)


def test_a_class_outside_the_outputs_is_named():
    with pytest.raises(ValueError, match=r"7\.0 is not a class: they are 0 to 2"):
        nn.fit(nn.MLP(1, [3]), [[1.0]], [7], "cross_entropy", progress=False)


def test_a_model_that_uses_no_parameter_is_told_so():
    class Constant(nn.Module):
        def __init__(self):
            self.w = Value(1.0)

        def __call__(self, x):
            return self.w.data * x[0]

    with pytest.raises(TypeError, match="does not depend on any parameter"):
        nn.fit(Constant(), *LINE, progress=False)


def strangers(model):
    """Optimisers that share no parameter with the model."""
    other = nn.MLP(2, [3, 1], seed=9)
    return {
        "of another model": optim.SGD(other.parameters(), lr=0.1, weight_decay=0.1),
        "of the model before .to": optim.Adam(model.to("tensor").parameters()),
        "of a copy": optim.Newton(model.to("value").parameters()),
    }


@pytest.mark.parametrize("which", ["of another model", "of the model before .to", "of a copy"])
def test_an_optimiser_that_moves_nothing_of_the_model_is_refused(which, tmp_path):
    model = nn.MLP(2, [3, 1], seed=0)
    stranger = strangers(model)[which]
    before = model.state_dict(), [p.data for p in stranger.params]
    path = tmp_path / "m.safetensors"
    own = optim.SGD(model.parameters())
    nn.save(model, path, own)
    for call in (
        lambda: nn.fit(model, *cloud(), optimizer=stranger, epochs=1, progress=False),
        lambda: nn.save(model, path, stranger),
        lambda: nn.load(path, model, stranger),
    ):
        with pytest.raises(ValueError, match="moves no parameter of this MLP"):
            call()
    assert nn.load(path, model, own) is model
    assert model.state_dict() == before[0]
    assert str(before[1]) == str([p.data for p in stranger.params])


def test_a_schedule_of_another_optimiser_is_refused():
    model = nn.Neuron(1, seed=0)
    mine, other = (optim.SGD(model.parameters(), lr=0.1) for _ in range(2))
    for kind in (optim.Plateau, lambda o: optim.Schedule(o, optim.cosine(5))):
        with pytest.raises(ValueError, match="the learning rate of another optimiser"):
            nn.fit(model, *LINE, optimizer=mine, schedule=kind(other), progress=False)
        with pytest.raises(ValueError, match="the learning rate of another optimiser"):
            nn.fit(model, *LINE, optimizer="sgd", schedule=kind(other), progress=False)
        nn.fit(model, *LINE, optimizer=mine, schedule=kind(mine), epochs=1, progress=False)
    with pytest.raises(TypeError, match=r"a schedule is a function, or has \.step"):
        nn.fit(model, *LINE, optimizer=mine, schedule=0.5, progress=False)


def own_sum(outputs, targets):
    return sum((o - t) ** 2 for o, t in zip(outputs, targets, strict=True))


TARGETS = {"cross_entropy": lambda i: i % 3, "hinge": lambda i: float(i % 2 or -1)}


@pytest.mark.parametrize("loss", [*nn.losses.LOSSES, own_sum, own_root])
@pytest.mark.parametrize("backend", ["value", "tensor"])
def test_the_loss_of_an_epoch_does_not_depend_on_the_batches(loss, backend):
    X = [[math.sin(i), math.cos(3 * i)] for i in range(40)]
    y = [TARGETS.get(loss, lambda i: float(i % 2))(i) for i in range(40)]
    output = "sigmoid" if loss == "bce" else None
    sizes = [4, 3 if loss == "cross_entropy" else 1]
    model = nn.MLP(2, sizes, output=output, seed=0, backend=backend)
    outputs, function = nn.data.outputs_of(model, X), nn.losses.loss_of(loss)
    for size in (1, 7, 10, 40):  # with a learning rate of 0 the model stays as it is
        history = nn.fit(
            model, X, y, loss, "sgd", 1, size, lr=0.0, seed=0, validation=(X, y), progress=False
        )
        assert history.loss == pytest.approx([float(function(outputs, y))], rel=1e-12)
        assert history.validation_loss == pytest.approx(history.loss, rel=1e-12)


def test_a_loss_that_looks_at_more_than_outputs_and_targets_is_averaged_over_the_batches():
    sizes = []

    def loss(outputs, targets):
        sizes.append(len(targets))
        if len(targets) > 5:
            raise RuntimeError("made for batches of five")
        return nn.losses.mse(outputs, targets)

    history = line(loss=loss, batch_size=5, lr=0.0, epochs=1)[1]
    expected = line(loss="mse", batch_size=5, lr=0.0, epochs=1)[1]
    assert history.loss == pytest.approx(expected.loss)
    assert sizes == [5, 5, 5, 5, 1, 21]


# ---- metrics, and the history as others expect it ------------------------------------------------


def worst(outputs, targets):
    return max(abs(o - t) for o, t in zip(outputs, targets, strict=True))


@pytest.mark.parametrize("backend", ["value", "tensor"])
@pytest.mark.parametrize(
    ("loss", "sizes", "classes"),
    [
        ("bce_with_logits", [6, 1], (0, 1)), ("hinge", [6, 1], (-1, 1)), ("mse", [6, 1], (0, 1)),
        ("cross_entropy", [6, 2], (0, 1)),
    ],
)  # fmt: skip
def test_metrics_are_in_the_history_of_each_epoch(backend, loss, sizes, classes):
    X, y = nn.data.two_moons(60, seed=1)
    y = [classes[k] for k in y]
    model = nn.MLP(2, sizes, "tanh", seed=0, backend=backend)
    chosen = ["accuracy"] if sizes[-1] > 1 else ["accuracy", "mae", worst]
    history = nn.fit(
        model, X, y, loss, epochs=3, lr=0.1, seed=0, validation=(X[:20], y[:20]), metrics=chosen,
        progress=False,
    )  # fmt: skip
    outputs = nn.data.outputs_of(model, X)
    if sizes[-1] > 1:
        right = [int(row[1] > row[0]) == k for row, k in zip(outputs, y, strict=True)]
    else:
        middle = 0.5 if loss == "mse" else 0.0
        right = [(o > middle) == (k == 1) for o, k in zip(outputs, y, strict=True)]
        assert history.metrics["worst"][-1] == pytest.approx(worst(outputs, y))
        assert history.metrics["val_worst"][-1] == pytest.approx(worst(outputs[:20], y[:20]))
    table = history.history
    names = [m if isinstance(m, str) else m.__name__ for m in chosen]
    assert list(table) == ["loss", "val_loss", *names, *[f"val_{name}" for name in names]]
    assert {len(row) for row in table.values()} == {3}
    assert table["accuracy"][-1] == sum(right) / 60
    assert table["val_accuracy"][-1] == sum(right[:20]) / 20
    assert f"accuracy {table['accuracy'][-1]:.4g}" in str(history)


def test_accuracy_takes_rows_of_probabilities_and_marks_one_by_one():
    cross_entropy = nn.losses.cross_entropy
    hot = [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    assert accuracy([[2.0, 1.0], [2.0, 1.0], [1.0, 2.0]], hot, cross_entropy) == 2 / 3
    assert accuracy([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9]], hot) == 2 / 3
    assert accuracy([[0.9, 0.9]], [[1.0, 0.0]], nn.losses.bce) == 0.5
    with pytest.raises(ValueError, match="a single 1 in each row, and a target is 1"):
        accuracy([[0.9, 0.9]], [[1.0, 1.0]], nn.losses.mse)
    with pytest.raises(ValueError, match=r"accuracy is of classes, .* and a target is 0\.25"):
        accuracy([0.5, 1.0], [0.25, 1.0])
    with pytest.raises(ValueError, match="have no classes"):
        accuracy([[0.9, 0.9]], [[1.0, 0.0, 1.0]])


def shapes_of(outputs, targets):
    """One output and one target for each sample, in every shape that says so."""
    rows = [[x] for x in outputs], [[y] for y in targets]
    for out in (outputs, rows[0]):
        yield from ((out, y) for y in (targets, rows[1]))


SINGLE = [  # outputs, classes, loss, and the samples that are right
    ([0.9, 0.2, 0.6, 0.4], [1, 1, 0, 0], None, 2),
    ([0.9, 0.2, 0.6, 0.4], [1, 1, 0, 0], "mse", 2),
    ([0.9, 0.2, -0.6, -0.4], [1, 1, 0, 0], "bce_with_logits", 4),
    ([0.9, -0.2, -0.6, 0.4], [1, 1, -1, -1], "hinge", 2),
    ([0.9, 0.2, -0.6, -0.4], [1, 1, -1, -1], "mse", 4),
    ([0.9, 0.2, 0.7, 0.4], [0.8, 0.1, 0.4, 0.6], "bce", 2),
]


@pytest.mark.parametrize(("outputs", "classes", "loss", "right"), SINGLE)
def test_a_column_of_outputs_has_the_accuracy_of_a_row(outputs, classes, loss, right):
    loss = loss and nn.losses.LOSSES[loss]
    for out, y in shapes_of(outputs, classes):
        for kind in (list, np.array):
            assert accuracy(kind(out), kind(y), loss) == right / 4
            if set(classes) <= {-1, 0, 1}:
                middle = 0.0 if loss is nn.losses.bce_with_logits else None
                wrong = nn.losses.zero_one(kind(out), kind(y), threshold=middle)
                assert wrong == pytest.approx(1 - right / 4)


def test_rows_have_the_accuracy_of_their_first_largest_output():
    mse, cross_entropy = nn.losses.mse, nn.losses.cross_entropy
    rows = [[0.4, 0.3, 0.3], [0.3, 0.4, 0.3]]
    for loss in (mse, None, cross_entropy):
        assert accuracy(rows, [[1, 0, 0], [1, 0, 0]], loss) == 0.5
        assert accuracy(rows, [0, 0], loss) == 0.5
        assert accuracy([[0.0, 0.0, 0.0]] * 3, [0, 1, 2], loss) == 1 / 3


@pytest.mark.parametrize("seed", range(3))
def test_the_share_of_wrong_classes_is_one_less_the_accuracy_at_ties_too(seed):
    rng = np.random.default_rng(seed)
    rows, k = rng.integers(0, 3, (50, 4)).astype(float), rng.integers(0, 4, 50)
    for kind in (np.array, Tensor, np.ndarray.tolist):
        wrong = nn.losses.zero_one(kind(rows), k.tolist())
        assert nn.data.number_of(wrong) == pytest.approx(1 - accuracy(rows, k))


def test_what_is_no_number_has_no_class():
    nan = math.nan
    assert math.isnan(accuracy([nan, 1.0], [0, 1]))
    assert math.isnan(accuracy([[nan, 1.0], [0.0, 1.0]], [0, 1]))
    assert math.isnan(nn.losses.zero_one([nan, 1.0], [0, 1]))
    assert math.isnan(nn.losses.zero_one(np.array([[nan, 1.0], [0.0, 1.0]]), [0, 1]))


@pytest.mark.parametrize(
    ("outputs", "targets", "loss"),
    [([2, 1, 0], [1, 2, 0], "mse"), ([2, 1], [-1, 0], "mse"), ([0.5], [math.nan], "mse"),
     ([0.5], [2], "bce"), ([[1.0, 0.0]], [2], "cross_entropy"), ([[1.0, 0.0]], [-1], "mse"),
     ([0.5], [0.5], "hinge")],
)  # fmt: skip
def test_accuracy_refuses_targets_that_are_no_classes(outputs, targets, loss):
    with pytest.raises(ValueError, match="accuracy is of classes"):
        accuracy(outputs, targets, nn.losses.LOSSES[loss])


@pytest.mark.parametrize("backend", ["value", "tensor"])
@pytest.mark.parametrize("loss", ["bce_with_logits", "mse", "hinge", "cross_entropy", "zero_one"])
def test_both_metrics_of_classes_know_the_loss_and_the_classes(loss, backend):
    X, y = nn.data.two_moons(60, seed=1)
    low = -1 if loss in ("mse", "hinge", "zero_one") else 0
    y = [k or low for k in y]
    held = [x for x, k in zip(X, y, strict=True) if k == 1][:8]  # of one class alone
    model = nn.MLP(2, [4, 2 if loss == "cross_entropy" else 1], seed=0, backend=backend)
    found = nn.fit(
        model, X, y, loss, epochs=2, lr=0.1, seed=0, validation=(held, [1] * 8), progress=False,
        metrics=["accuracy", "zero_one"],
    ).history  # fmt: skip
    for of in ("", "val_"):
        both = zip(found[f"{of}accuracy"], found[f"{of}zero_one"], strict=True)
        assert [a + z for a, z in both] == pytest.approx([1.0, 1.0])
    outputs = nn.data.outputs_of(model, held)
    wrong = [(row[1] <= row[0]) if loss == "cross_entropy" else row <= 0 for row in outputs]
    assert found["val_zero_one"][-1] == sum(wrong) / 8
    if loss == "zero_one":
        assert found["val_loss"] == found["val_zero_one"]


def test_metrics_are_named_and_unknown_ones_refused():
    assert list(line(epochs=1, metrics={"far": worst})[1].history) == ["loss", "far"]
    assert list(line(epochs=1, metrics="mae")[1].history) == ["loss", "mae"]
    with pytest.raises(ValueError, match="no metric 'acuracy': did you mean 'accuracy'"):
        line(metrics=["acuracy"])
    with pytest.raises(ValueError, match="a name of its own"):
        line(metrics=[worst, worst])
    model = nn.Neuron(1, seed=0)
    before = model.state_dict()
    with pytest.raises(ValueError, match="accuracy is of classes"):
        nn.fit(model, *LINE, epochs=1, metrics=["accuracy"], progress=False)
    assert model.state_dict() == before


def test_a_history_shows_itself_in_one_line():
    _, history = line(epochs=300)
    assert repr(history) == f"History({history})"
    assert len(repr(history)) < 100


def test_a_logging_callback_takes_five_lines(tmp_path):
    path = tmp_path / "training.csv"

    def log(model, history):
        with path.open("a") as file:
            print(history.epochs, *(row[-1] for row in history.history.values()), sep=",",
                  file=file)  # fmt: skip

    _, history = line(epochs=2, callbacks=[log], metrics=["mae"])
    rows = [[float(x) for x in row.split(",")] for row in path.read_text().splitlines()]
    assert rows == [[i + 1, history.loss[i], history.metrics["mae"][i]] for i in range(2)]


# ---- data that cannot be learnt from -------------------------------------------------------------


@pytest.mark.parametrize("backend", ["value", "tensor"])
def test_validation_data_that_do_not_fit_are_refused_before_anything_is_learnt(backend):
    X, y = cloud()
    for sizes, loss, held, message in (
        ([2], "cross_entropy", ([[0.0, 1.0]], [2]), "is not a class"),
        ([1], "bce_with_logits", ([[0.0, 1.0]], [2]), "targets of bce"),
        ([1], "mse", ([[0.0]], [2.0]), "features"),
        ([1], "mse", ([[0.0, math.nan]], [2.0]), "nan"),
    ):
        model = nn.MLP(2, sizes, seed=0, backend=backend)
        before = [str(p.data) for p in model.parameters()]
        with pytest.raises(ValueError, match=message):
            nn.fit(model, X, y, loss, epochs=1, validation=held, progress=False)
        assert [str(p.data) for p in model.parameters()] == before


@pytest.mark.parametrize(
    ("loss", "sizes", "classes"),
    [("cross_entropy", [3], (0, 1, 2)), ("bce", [1], (0, 1)), ("hinge", [1], (-1, 1))],
)
def test_a_class_that_only_the_validation_data_have_is_named(loss, sizes, classes):
    X, model = [[0.0], [1.0], [2.0]], nn.MLP(1, sizes, output="sigmoid", seed=0)
    settings = {"loss": loss, "epochs": 1, "progress": False}
    with pytest.warns(UserWarning, match=f"have the class {classes[-1]}, of which the training"):
        nn.fit(model, X, [*classes[:-1], *classes[:-1], -0][:3] if len(classes) > 2 else
               [classes[0]] * 3, validation=([[5.0]], [classes[-1]]), **settings)  # fmt: skip
    nn.fit(model, X, [classes[i % len(classes)] for i in range(3)],
           validation=([[5.0]], [classes[-1]]), **settings)  # fmt: skip


def refused():
    """What is no list of samples, with the error and its words."""
    sparse = pytest.importorskip("scipy.sparse")
    import numpy as np

    masked = np.ma.masked_array(np.ones((4, 2)), mask=[[0, 0], [0, 1], [0, 0], [0, 0]])
    return [
        (sparse.csr_matrix(np.eye(4, 2)), r"sparse matrix: make an array of it, X\.toarray"),
        (sparse.coo_array(np.eye(4, 2)), r"sparse matrix: make an array of it"),
        (masked, r"X\[1\]\[1\] is None, and must be a real number: fill in"),
        ({(0.0, 1.0), (1.0, 0.0), (2.0, 0.0), (3.0, 0.0)}, "X is a set"),
        ({"a": [1.0] * 4, "b": [1.0] * 4}, "X is a dict"),
        (5, "X is a int"),
        ([[math.nan, 1.0]] * 4, r"X\[0\]\[0\] is nan: fill in"),
        ([[]] * 4, r"X\[0\] has 0 numbers"),
    ]


@pytest.mark.parametrize("backend", ["value", "tensor"])
def test_what_is_no_list_of_samples_is_refused_and_a_generator_is_read(backend):
    model = nn.MLP(2, [1], seed=0, backend=backend)
    y = [0.0, 1.0, 0.0, 1.0]
    for X, message in refused():
        with pytest.raises((TypeError, ValueError), match=message):
            nn.fit(model, X, y, epochs=1, progress=False)
    X = [[float(i), 1.0] for i in range(4)]
    runs = [
        nn.fit(nn.MLP(2, [1], seed=0, backend=backend), xs, ys, epochs=2, seed=0, progress=False)
        for xs, ys in ((X, y), ((x for x in X), (t for t in y)))
    ]
    assert runs[0].loss == runs[1].loss


@pytest.mark.parametrize("backend", ["value", "tensor"])
def test_data_frames_are_read_by_their_numbers_and_what_is_missing_is_named(backend):
    pandas = pytest.importorskip("pandas")
    y = pandas.Series([0, 1, 0, 1], index=[7, 8, 9, 10], dtype="Int64")
    numbers = [1.0, 2.0, 3.0, 5.0]

    def run(a):
        frame = pandas.DataFrame({"a": a, "b": [1, 2, 3, 4]})
        model = nn.MLP(2, [1], seed=0, backend=backend)
        return nn.fit(model, frame, y, epochs=1, seed=0, progress=False).loss

    expected = run(numbers)
    assert run(pandas.array([1, 2, 3, 5], dtype="Int64")) == expected
    assert run(pandas.Categorical([1, 2, 3, 5])) == expected
    assert run(pandas.arrays.SparseArray(numbers)) == expected
    for a, message in (
        (pandas.array([1, None, 3, 5], dtype="Int64"), r"X\[1\]\[0\] is <NA>.*fill in"),
        (pandas.array([1, None, 3, 5], dtype="Float64"), r"X\[1\]\[0\] is <NA>.*fill in"),
        ([1.0, math.nan, 3.0, 5.0], r"X\[1\]\[0\] is nan: fill in"),
        (pandas.Categorical(list("xyxy")), r"X\[0\]\[0\] is 'x', and must be a real number"),
        (pandas.date_range("2020", periods=4), r"X\[0\]\[0\] is Timestamp"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            run(a)


def test_a_column_of_a_data_frame_is_an_array_for_a_model_of_tensors():
    pandas = pytest.importorskip("pandas")
    column = pandas.Series([1.0, 2.0])
    model = nn.MLP(2, [1], seed=0, backend="tensor")
    assert model(column).data == model([1.0, 2.0]).data
    assert nn.losses.mse(model([[1.0, 2.0]] * 2), column).data >= 0.0


# ---- the progress bar and the pictures -----------------------------------------------------------


def test_the_bar_shows_epoch_and_loss_in_a_terminal_and_nothing_in_a_file(monkeypatch):
    pytest.importorskip("tqdm")

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for stream, shown in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        model = nn.Neuron(1, seed=0)
        nn.fit(model, *LINE, epochs=3, batch_size=5)
        assert ("epoch 3/3 loss" in stream.getvalue()) is shown
        assert ("15/15" in stream.getvalue()) is shown


def test_training_goes_on_without_tqdm(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    model = nn.Neuron(1, seed=0)
    assert nn.fit(model, *LINE, epochs=2).epochs == 2


@pytest.fixture
def ax():
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib import pyplot

    figure, ax = pyplot.subplots()
    yield ax
    pyplot.close(figure)


def test_a_history_plots_both_losses_and_the_best_epoch(ax):
    history = nn.History([3.0, 2.0, 1.0], [3.0, 1.5, 2.0], 3, "early", 2)
    assert history.plot(ax) is ax
    training, validation, best = ax.lines
    assert list(training.get_xdata()) == [1, 2, 3]
    assert list(training.get_ydata()) == [3.0, 2.0, 1.0]
    assert list(validation.get_ydata()) == [3.0, 1.5, 2.0]
    assert set(best.get_xdata()) == {2}
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss")


def test_the_decision_boundary_shades_each_place_by_its_class(ax):
    class Halves(nn.Module):
        def __call__(self, x):
            return Value(x[0])

    X = [[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]
    nn.plot_decision_boundary(Halves(), X, [0, 0, 1, 1], ax, resolution=20)
    left, right = ax.collections[-2:]
    assert left.get_offsets().tolist() == X[:2]
    assert right.get_offsets().tolist() == X[2:]
    with pytest.raises(ValueError, match="two axes, but a sample has 3 features"):
        nn.plot_decision_boundary(Halves(), [[1.0, 2.0, 3.0]], [0], ax)


# ---- diagnose ------------------------------------------------------------------------------------


def cloud(n=40, features=2):
    rng = Random(0)
    X = [[rng.gauss(0, 1) for _ in range(features)] for _ in range(n)]
    return X, [float(x[0] * x[1] > 0) for x in X]


def test_the_gradient_of_ten_sigmoid_layers_vanishes():
    model = nn.MLP(2, [8] * 10 + [1], "sigmoid", seed=0)
    report = nn.diagnose_training(model, *cloud(), loss="bce_with_logits")
    assert not report
    assert any(
        "The gradient vanishes" in sentence and "layer 1" in sentence
        for sentence in report.findings
    )
    first, last = report.layers[0], report.layers[-1]
    assert first.gradient * 1e3 < last.gradient
    # each sigmoid passes on a quarter at most
    assert first.gradient < 0.25**9 * 1e3 * last.gradient


@pytest.mark.parametrize("depth", [8, 10])
def test_after_a_training_that_learnt_nothing_the_vanishing_gradient_is_its_reason(depth):
    """And not the learning rate: its steps are as small as the gradient that it multiplies."""
    X, y = nn.data.two_moons(60, seed=0)
    model = nn.MLP(2, [8] * depth + [1], "sigmoid", seed=0, backend="tensor")
    nn.fit(model, X, y, "bce_with_logits", epochs=40, progress=False, seed=0)
    found = nn.diagnose_training(model, X, y, "bce_with_logits").findings
    assert [told.split(":")[0] for told in found] == ["The gradient vanishes", "Bias shift"]


def test_what_holds_of_many_layers_is_said_once():
    X, y = nn.data.two_moons(60, seed=0)
    model = nn.MLP(2, [4] * 8 + [1], "sigmoid", init="zeros")
    titles = [told.split(":")[0] for told in nn.diagnose_training(model, X, y).findings]
    assert len(titles) == len(set(titles))
    (equal,) = [
        told for told in nn.diagnose_training(model, X, y).findings if "Equal units" in told
    ]
    assert equal.endswith("(The same holds of 7 more.)")


@pytest.mark.parametrize("backend", ["value", "tensor"])
@pytest.mark.parametrize(
    "rows", [[0.1, 0.2], [[0.1] * 4] * 2, 0.1, None, [[0.1, 0.2]] * 3, [[0.1], [0.2], [0.3], [0.4]]]
)
def test_first_weights_of_another_shape_are_refused(backend, rows):
    with pytest.raises(ValueError, match="a row of 2 numbers for each of 4 units, and not"):
        nn.MLP(2, [4, 1], init=lambda n_in, n_out, rng: rows, backend=backend)


def test_sigmoid_outputs_shift_the_mean_and_tanh_outputs_do_not():
    X, y = cloud()
    shifted = nn.diagnose_training(nn.MLP(2, [8, 8, 1], "sigmoid", seed=0), X, y)
    assert [s.split(":")[0] for s in shifted.findings] == ["Bias shift"]
    assert "(The same holds of 1 more.)" in shifted.findings[0]
    assert shifted.layers[0].mean == pytest.approx(0.5, abs=0.1)
    assert nn.diagnose_training(nn.MLP(2, [8, 8, 1], "tanh", seed=0), X, y)


def test_a_large_learning_rate_kills_half_the_relu_units_and_a_small_one_none():
    X, y = cloud()
    reports = {}
    for lr in (0.1, 3.0):
        model = nn.MLP(2, [16, 1], seed=2)
        settings = {"optimizer": "sgd", "lr": lr, "epochs": 10, "batch_size": 8, "seed": 0}
        nn.fit(model, X, y, "bce_with_logits", progress=False, **settings)
        reports[lr] = nn.diagnose_training(model, X, y, "bce_with_logits")
    assert reports[0.1].findings == []
    assert reports[3.0].layers[0].dead >= 0.5
    assert any(
        s.startswith("Dead relu") and "of 16 units of layer 1" in s for s in reports[3.0].findings
    )


def test_saturated_units_are_counted():
    model = nn.MLP(2, [8, 1], "tanh", seed=0)
    for w in model.layers[0].parameters():
        w.data = 100.0 * (w.data or 1.0)
    report = nn.diagnose_training(model, *cloud())
    assert report.layers[0].saturated > 0.9
    assert any(s.startswith("Saturated tanh") for s in report.findings)


def test_the_gradient_explodes_on_its_way_back_through_large_weights():
    model = nn.MLP(2, [4, 1], "tanh", seed=0)
    for layer, scale in zip(model.layers, (1e-3, 1e3), strict=True):
        for w in layer.parameters():
            w.data *= scale
    report = nn.diagnose_training(model, *cloud())
    assert any(s.startswith("The gradient explodes") for s in report.findings)
    assert report.layers[0].gradient > 1e3 * report.layers[1].gradient


def test_a_layer_after_dead_units_is_told_that_its_inputs_are_0():
    model = nn.MLP(2, [4, 1], "relu", seed=0)
    for b in model.layers[0].bias:
        b.data = -1e6
    (first, *_) = nn.diagnose_training(model, *cloud()).findings
    assert first.startswith("No gradient reaches layer 2")
    assert "Its inputs are 0 (dead relu)" in first


def test_a_step_stops_the_gradient():
    report = nn.diagnose_training(nn.MLP(2, [8, 1], "step", seed=0), *cloud())
    assert report.findings[0].startswith("No gradient reaches layer 1")


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["relu", "tanh", "leaky_relu", "elu", "gelu", "silu"])
@pytest.mark.parametrize("seed", range(3))
def test_a_healthy_network_is_told_so_before_and_after_training(activation, seed):
    X, y = cloud()
    model = nn.MLP(2, [16, 16, 1], activation, seed=seed)
    assert nn.diagnose_training(model, X, y, "bce_with_logits").findings == []
    nn.fit(model, X, y, "bce_with_logits", epochs=5, lr=0.01, batch_size=8, seed=0, progress=False)
    report = nn.diagnose_training(model, X, y, "bce_with_logits")
    assert report.findings == []
    assert "Nothing is wrong here." in str(report)


def test_the_diagnosis_has_the_numbers_of_each_layer():
    model = nn.MLP(1, [2, 1], "relu")
    state = {
        "layers.0.weight": [[1.0], [-1.0]], "layers.0.bias": [0.0, -9.0],
        "layers.1.weight": [[2.0, 1.0]], "layers.1.bias": [0.0],
    }  # fmt: skip
    model.load_state_dict(state)
    report = nn.diagnose_training(model, [[1.0], [3.0]], [0.0, 0.0])
    hidden, last = report.layers
    assert (hidden.name, hidden.activation, hidden.units, hidden.dead) == (
        "layer 1",
        "relu",
        2,
        0.5,
    )
    assert (hidden.mean, hidden.deviation) == pytest.approx((1.0, math.sqrt(1.5)))  # 1 0 3 0
    # the outputs are 2 and 6: d mse / d (u1, u2) = (2 + 18, 0), d mse / d w1 = 2 * (2 + 18)
    assert last.gradient == pytest.approx(math.sqrt(20**2 / 2))
    assert hidden.gradient == pytest.approx(math.sqrt(40**2 / 2))


def test_a_diagnosis_changes_nothing_and_finds_layers_in_a_users_module():
    class Mine(nn.Module):
        def __init__(self):
            self.first, self.second = nn.Layer(2, 4, "tanh", seed=0), nn.Layer(4, 1, seed=1)

        def __call__(self, x):
            return self.second(self.first(x))[0]

    model = Mine()
    before = model.state_dict()
    report = nn.diagnose_training(model, *cloud())
    assert [row.units for row in report.layers] == [4, 1]
    assert model.state_dict() == before
    assert not any(p.grad for p in model.parameters())


def test_a_model_without_layers_cannot_be_diagnosed():
    with pytest.raises(ValueError, match="it has none"):
        nn.diagnose_training(nn.Neuron(2), *cloud())


# ---- the diagnosis of a training -----------------------------------------------------------------


def titles(model, X, y, loss="mse", **settings):
    """The titles of the findings after a training."""
    settings = {"epochs": 60, "lr": 0.05, "batch_size": 16, "seed": 0, **settings}
    nn.fit(model, X, y, loss, progress=False, **settings)
    return {text.split(":")[0] for text in nn.diagnose_training(model, X, y, loss).findings}


MOONS = nn.data.two_moons(80, seed=1)
SIDES = [2 * k - 1 for k in MOONS[1]]
CURVE = [[x / 10] for x in range(-20, 20)], [math.sin(x / 5) for x in range(-20, 20)]
THREE = [[float(i % 3), 0.1 * (i % 7)] for i in range(60)], [i % 3 for i in range(60)]


def net(output=None, outputs=1, activation="tanh", n_in=2, sizes=(12,), **settings):
    return nn.MLP(n_in, [*sizes, outputs], activation, output, seed=0, backend="tensor", **settings)


def test_a_sentence_begins_with_a_capital_letter():
    report = nn.diagnose_training(net("sigmoid"), *MOONS, "bce_with_logits")
    (found,) = [x for x in report.findings if x.startswith("Squashed twice")]
    assert ". Leave the first one out" in found


FAULTS = {
    "two sigmoids": ("Squashed twice", lambda: titles(net("sigmoid"), *MOONS, "bce_with_logits")),
    "softmax and cross entropy": (
        "Softmax before cross_entropy", lambda: titles(net("softmax", 3), *THREE, "cross_entropy")
    ),
    "bounded logits": (
        "Output activation", lambda: titles(net("tanh", 3), *THREE, "cross_entropy")
    ),
    "targets out of range": (
        "Targets out of reach", lambda: titles(net("sigmoid"), MOONS[0], SIDES)
    ),
    "scores of one sign": (
        "Targets out of reach", lambda: titles(net("relu"), MOONS[0], SIDES, "hinge")
    ),
    "class numbers": ("Classes as numbers", lambda: titles(net(), *THREE)),
    "a flat loss": ("Flat loss", lambda: titles(net(), *MOONS, "zero_one")),
    "rate too high": ("The loss diverges", lambda: titles(net(n_in=1), *CURVE, lr=30.0)),
    "rate too low": ("Learning rate too low", lambda: titles(net(), *MOONS, lr=1e-6)),
    "one epoch": ("Stopped too early", lambda: titles(net(), *MOONS, epochs=1, lr=0.001)),
    "full batches": (
        "Few updates", lambda: titles(net(), *MOONS, epochs=15, lr=0.001, batch_size=None)
    ),
    "batches in order": (
        "Batches in the order of the targets",
        lambda: titles(net(n_in=1), CURVE[0], [x for (x,) in CURVE[0]], shuffle=False),
    ),
    "zeros": ("Equal units", lambda: titles(net(init="zeros"), *MOONS)),
    "no activation": (
        "No activation", lambda: titles(net(activation="linear", sizes=(8, 8)), *MOONS)
    ),
    "a hidden softmax": ("Hidden activation", lambda: titles(net(activation="softmax"), *MOONS)),
    "large features": (
        "Scale of the features", lambda: titles(net(), [[900 * a, b] for a, b in MOONS[0]], SIDES)
    ),
    "years": (
        "Scale of the features", lambda: titles(net(), [[a + 20, b] for a, b in MOONS[0]], SIDES)
    ),
    "large targets": (
        "Scale of the targets",
        lambda: titles(net(n_in=1), CURVE[0], [1000 + 90 * y for y in CURVE[1]]),
    ),
    "one class": (
        "Equal targets", lambda: titles(net(), MOONS[0], [1.0] * 80, "bce_with_logits")
    ),
    "an empty class": (
        "Classes without samples",
        lambda: titles(net(None, 4), THREE[0], [k + 1 for k in THREE[1]], "cross_entropy"),
    ),
    "few of a class": (
        "Imbalance",
        lambda: titles(net(), MOONS[0], [float(i < 4) for i in range(80)], "bce_with_logits"),
    ),
    "a class never predicted": (
        "Classes never predicted",
        lambda: titles(net(), MOONS[0], [float(i % 5 == 0) for i in range(80)], "bce_with_logits",
                       epochs=12, lr=0.0005),
    ),
    "labels in another order": (
        "Targets unrelated to the features",
        lambda: titles(net(), MOONS[0], Random(1).sample(MOONS[1], 80), "bce_with_logits"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_a_training_is_named(fault):
    title, found = FAULTS[fault]
    assert title in found()


def test_overfitting_is_named_with_its_epoch():
    rng = Random(0)
    X = [[rng.gauss(0, 1) for _ in range(6)] for _ in range(60)]
    y = [float(x[0] + rng.gauss(0, 1) > 0) for x in X]
    model = net(n_in=6, sizes=(32, 32))
    history = nn.fit(model, X[:30], y[:30], "bce_with_logits", epochs=200, lr=0.05, seed=0,
                     validation=(X[30:], y[30:]), progress=False)  # fmt: skip
    found = nn.diagnose_training(model, X[:30], y[:30], "bce_with_logits").findings
    best = min(range(200), key=history.validation_loss.__getitem__) + 1
    assert any(s.startswith("Overfitting") and f"in epoch {best} " in s for s in found)


def test_a_history_may_be_given_and_one_that_diverged_is_kept():
    model = net(n_in=1)
    with pytest.raises(FloatingPointError):
        nn.fit(model, *CURVE, optimizer="sgd", lr=1e200, epochs=9, progress=False)
    assert "The loss diverges" in str(nn.diagnose_training(model, *CURVE))
    fine = net(n_in=1)
    report = nn.diagnose_training(fine, *CURVE, history=nn.History([0.5, 0.6, 0.9, 40.0]))
    assert "The loss diverges" in str(report)
    assert "The loss" not in str(nn.diagnose_training(fine, *CURVE))


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["value", "tensor"])
@pytest.mark.parametrize("seed", range(3))
def test_a_training_that_has_succeeded_is_not_blamed(backend, seed):
    def trained(sizes, X, y, loss, output=None, n_in=2):
        model = nn.MLP(n_in, sizes, "relu", output, seed=seed, backend=backend)
        return titles(model, X, y, loss)

    assert trained([16, 1], *MOONS, "bce_with_logits") == set()
    assert trained([16, 1], *MOONS, "bce", "sigmoid") == set()
    assert trained([16, 16, 1], MOONS[0], SIDES, "hinge") == set()
    assert trained([12, 3], *THREE, "cross_entropy") == set()
    assert trained([16, 16, 1], *CURVE, "mse", n_in=1) == set()


def test_a_module_without_a_hash_is_trained_and_diagnosed():
    @dataclass
    class Pair(nn.Module):
        first: nn.Layer
        last: nn.MLP

        def __call__(self, x):
            return self.last(self.first(x))

    model = Pair(nn.Layer(2, 8, "tanh", seed=0), nn.MLP(8, [1], seed=1))
    history = nn.fit(model, *MOONS, "bce_with_logits", epochs=2, lr=1e-6, progress=False)
    assert not nn.diagnose_training(model, *MOONS, "bce_with_logits", history)
    assert nn.diagnose_training(model, *MOONS, "bce_with_logits")


def test_the_size_of_huge_gradients_is_told():
    report = nn.diagnose_training(nn.MLP(1, [1], seed=0), [[1e155]], [1e200])
    assert report.layers[0].gradient > 1e300


@pytest.mark.slow
def test_a_network_separates_two_moons():
    X, y = nn.data.two_moons(60, seed=1)
    model = nn.MLP(2, [16, 16, 1], seed=0)
    settings = {"lr": 0.05, "epochs": 50, "batch_size": 16, "seed": 0, "progress": False}
    nn.fit(model, X, y, "bce_with_logits", **settings)
    with no_grad():
        assert nn.losses.zero_one([model(x) for x in X], y, threshold=0.0).data <= 0.02


def _broken(self):
    raise RuntimeError("this property is for later")


NAMES = ("parts", "layers", "weight", "activation", "bias", "widths", "data", "label", "settings")


@pytest.mark.parametrize("name", [*NAMES, "name"])
def test_an_attribute_of_a_users_module_may_have_any_name(name):
    for x in (lambda self: self, 3, None, {"a": 1}, property(_broken)):
        if name == "name" and isinstance(x, property):
            continue  # it is read, as the title

        class Mine(nn.Module):
            def __init__(self):
                self.inner = nn.MLP(2, [2, 1])

            def __call__(self, xs):
                return self.inner(xs)

        setattr(Mine, name, x)
        model, told = Mine(), ([[0.0, 1.0], [1.0, 0.0]], [0.0, 1.0])
        history = nn.fit(model, *told, epochs=2, batch_size=1, progress=False, watch=True)
        assert history.epochs == 2
        assert "Mine" in draw(model, quiet=True).svg
    assert "<template>" in history.play(frames=2).html


# ---- what is handed to a training ----------------------------------------------------------------


@pytest.mark.parametrize("backend", ["value", "tensor"])
@pytest.mark.parametrize(
    ("loss", "output"),
    [("cross_entropy", "softmax"), ("cross_entropy", None), ("bce", "sigmoid"), ("mse", None),
     ("zero_one", None)],
)  # fmt: skip
def test_a_loss_within_a_metric_is_that_loss(loss, output, backend):
    several = loss in ("cross_entropy", "zero_one")
    model = nn.MLP(1, [3 if several else 1], output=output, init="normal", seed=3, backend=backend)
    X, y = [[40.0 * i] for i in range(-5, 6)], [i % 2 for i in range(11)]
    own, start = getattr(nn.losses, loss), "cross_entropy" if several else loss
    chosen = {"own": own, "within": lambda o, t: own(o, t), "part": lambda o, t: float(own(o, t))}
    found = nn.fit(model, X, y, start, "sgd", 2, lr=1e-9, seed=0, progress=False, metrics=chosen,
                   validation=(X, y))  # fmt: skip
    assert found.metrics["own"] == found.metrics["within"] == found.metrics["part"]
    assert found.metrics["val_own"] == found.metrics["val_within"]
    if loss != "zero_one":
        assert found.metrics["own"][-1] == pytest.approx(found.validation_loss[-1])


@pytest.mark.parametrize(
    ("validation", "told"),
    [((*LINE, LINE[1]), "not a tuple of 3"), ((LINE[0],), "not a tuple of 1"), ((), "tuple of 0"),
     ([LINE[0]], "not a list of 1"), ({"X": LINE[0]}, "not a dict"), ("0.2", "not a str"),
     (np.ones((4, 2)), "not a ndarray"), (lambda: None, "not a function")],
)  # fmt: skip
def test_validation_data_of_another_form_are_refused(validation, told):
    with pytest.raises(TypeError, match=r"validation is a pair \(X, y\), or the share.*" + told):
        line(validation=validation)


def test_one_callback_is_a_callback_and_what_is_none_is_refused_before_anything_is_learnt():
    seen = []
    for callbacks in (lambda m, h: seen.append(h), [lambda m, h: seen.append(h)],
                      (lambda m, h: seen.append(h) for _ in "a")):  # fmt: skip
        line(callbacks=callbacks, epochs=2)
    assert len(seen) == 6
    assert line(callbacks=lambda m, h: True)[1].stopped == "callback"
    assert line(callbacks=None, metrics=None, epochs=1)[1].epochs == 1
    for callbacks in ("early", ["early"], [None]):
        model = nn.Neuron(1, seed=0)
        before = model.state_dict()
        with pytest.raises(TypeError, match="a callback is a function of the model and the hist"):
            nn.fit(model, *LINE, callbacks=callbacks, progress=False)
        assert model.state_dict() == before


class _Theirs:
    """As a module of another library."""

    def __call__(self, outputs, targets):
        raise AssertionError("called")


@pytest.mark.parametrize("library", ["torch.nn.modules.loss", "jax", "keras.losses"])
@pytest.mark.parametrize("kind", ["a class", "an object", "of a subclass", "a function"])
@pytest.mark.parametrize("place", ["loss", "metrics"])
def test_a_loss_of_another_library_is_refused_by_its_name(library, kind, place):
    base = type("MSELoss", (_Theirs,), {"__module__": library})

    def mse_loss(outputs, targets):
        raise AssertionError("called")

    mse_loss.__module__ = library
    given = {"a class": base, "an object": base(), "of a subclass": type("Own", (base,), {})(),
             "a function": mse_loss}[kind]  # fmt: skip
    with pytest.raises(TypeError, match=f"of {library.split('.')[0]}, which computes on arrays"):
        line(**{place: given if place == "loss" else [given]})


@pytest.mark.parametrize("backend", ["value", "tensor"])
@pytest.mark.parametrize(
    "change", ["float", "double", "half", "bfloat16", "requires_grad_", "tolist", "list"]
)
def test_tensors_of_torch_are_data(change, backend):
    torch = pytest.importorskip("torch")
    X, y = [[i / 4, 1.0] for i in range(8)], [i % 2 for i in range(8)]

    def run(xs, ys):
        model = nn.MLP(2, [3, 1], seed=0, backend=backend)
        return nn.fit(model, xs, ys, epochs=2, seed=0, progress=False, validation=(xs, ys)).loss

    parts = [torch.tensor(part, dtype=torch.float64) for part in (X, y)]
    made = [list(t) if change == "list" else getattr(t, change)() for t in parts]
    assert run(*made) == run(X, [float(t) for t in y])
    assert nn.losses.mse(Tensor(y), parts[1].detach()).data == 0.0
