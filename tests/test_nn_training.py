"""The training loop, its history, its pictures, and the diagnosis of a network."""

from __future__ import annotations

import io
import math
import signal
import sys
from random import Random

import pytest

import nn
from autograd import Value, exp, no_grad
from nn import optim

LINE = [[x / 10] for x in range(-10, 11)], [2 * x / 10 + 1 for x in range(-10, 11)]


def line(**settings):
    """A straight line, fitted by a neuron that starts from the same place every time."""
    model = nn.Neuron(1, seed=0)
    defaults = {"optimizer": "sgd", "lr": 0.1, "epochs": 20, "batch_size": None, "seed": 0}
    history = nn.fit(model, *LINE, progress=False, **{**defaults, **settings})
    return model, history


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


def test_sigmoid_outputs_shift_the_mean_and_tanh_outputs_do_not():
    X, y = cloud()
    shifted = nn.diagnose_training(nn.MLP(2, [8, 8, 1], "sigmoid", seed=0), X, y)
    assert [s.split(":")[0] for s in shifted.findings] == ["Bias shift", "Bias shift"]
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


@pytest.mark.slow
def test_a_network_separates_two_moons():
    X, y = nn.data.two_moons(60, seed=1)
    model = nn.MLP(2, [16, 16, 1], seed=0)
    settings = {"lr": 0.05, "epochs": 50, "batch_size": 16, "seed": 0, "progress": False}
    nn.fit(model, X, y, "bce_with_logits", **settings)
    with no_grad():
        assert nn.losses.zero_one([model(x) for x in X], y, threshold=0.0).data <= 0.02
