"""Pictures: what is drawn, against mathematics."""

from __future__ import annotations

import math
import pickle
import sys
import warnings
from itertools import combinations, pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

import autograd
import nn
from autograd import Tensor, Value, where
from nn.losses import mse
from nn.optim import OPTIMIZERS, SGD, Adam, minimize
from nn.plotting import save_history

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402

few = settings(max_examples=20, deadline=None)  # a picture takes a while
NUMBERS = st.floats(-3.0, 3.0).map(lambda x: round(x, 3))


@pytest.fixture(autouse=True)
def _close_all():
    yield
    pyplot.close("all")


def lines_of(ax):
    """The lines of the axes without the points: x and y of each."""
    return [np.array(line.get_data()) for line in ax.lines if line.get_linestyle() != "None"]


def marks_of(ax, filled):
    """The single points of the axes, filled or open."""
    return {
        (round(float(mark.get_xdata()[0]), 6), round(float(mark.get_ydata()[0]), 6))
        for mark in ax.lines
        if mark.get_linestyle() == "None" and (mark.get_markerfacecolor() != "white") == filled
    }


# ---- activations and their slopes ----------------------------------------------------------------

SMOOTH = {
    "sigmoid": lambda x: (1 / (1 + math.exp(-x)), math.exp(-x) / (1 + math.exp(-x)) ** 2),
    "tanh": lambda x: (math.tanh(x), 1 / math.cosh(x) ** 2),
    "softplus": lambda x: (math.log1p(math.exp(x)), 1 / (1 + math.exp(-x))),
    "elu": lambda x: (x, 1.0) if x > 0 else (math.expm1(x), math.exp(x)),
    "linear": lambda x: (x, 1.0),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_an_activation_and_its_slope_are_their_closed_forms_without_gaps(name):
    ax = nn.plot_activation(name)
    for k, (xs, ys) in enumerate(lines_of(ax)):
        assert (xs[0], xs[-1], len(xs)) == (-4.0, 4.0, 401)
        assert ys == pytest.approx([SMOOTH[name](x)[k] for x in xs], abs=1e-12)
    assert marks_of(ax, True) == marks_of(ax, False) == set()


@pytest.mark.parametrize(
    ("name", "values", "slopes", "opens"),
    [
        ("relu", set(), {(0.0, 0.0)}, {(0.0, 1.0)}),
        ("leaky_relu", set(), {(0.0, 0.01)}, {(0.0, 1.0)}),
        ("step", {(0.0, 0.0)}, {(0.0, 0.0)}, {(0.0, 1.0)}),
    ],
)
def test_a_kink_or_a_jump_has_its_limits_open_and_its_convention_filled(
    name, values, slopes, opens
):
    ax = nn.plot_activation(name)
    assert marks_of(ax, True) == values | slopes
    assert marks_of(ax, False) == opens
    assert ax.get_title() == f"{name}\nslope at 0: {next(iter(slopes))[1]:g}"


@few
@given(NUMBERS, NUMBERS, NUMBERS)
@example(0.1, -1.0, 1.0)
@example(0.0, 1.0, 0.0)
@example(4.0 / 3.0, 0.0, 1.0)
def test_a_line_is_broken_exactly_where_the_function_jumps(place, left, right):
    assume(abs(right - left) > 0.1)
    ax = nn.plot_activation(lambda x: where(x > place, right + 0.0 * x, left), over=(-4.0, 4.0))
    xs, ys = lines_of(ax)[0]
    assert xs[np.isnan(ys)] == pytest.approx([place], abs=1e-9)
    assert (ys[xs < place - 1e-6] == left).all()
    assert (ys[xs > place + 1e-6] == right).all()
    assert all(not abs(b - a) > 1e-9 for a, b in pairwise(ys))
    assert (round(place, 6), round(right, 6)) in marks_of(ax, False)
    assert (round(place, 6), round(left, 6)) in marks_of(ax, True)
    pyplot.close("all")


@few
@given(NUMBERS)
@example(0.013)
@example(0.42)  # but for rounding among the numbers drawn
@example(1.0)
def test_no_line_crosses_a_pole(pole):
    ax = nn.plot_activation(lambda x: 1.0 / (x - pole))
    xs, ys = lines_of(ax)[0]
    for (a, y), (b, z) in pairwise(zip(xs, ys, strict=True)):
        assert not (a < pole < b and math.isfinite(y + z))
    nearest = min(abs(x - pole) for x in xs if abs(x - pole) > 1e-6)
    assert np.nanmax(abs(ys)) <= 1.001 / nearest  # not up to the pole, which is without end
    pyplot.close("all")


def test_a_steep_line_is_not_broken_and_a_removable_point_is():
    ax = nn.plot_activation(lambda x: (1e4 * x).sigmoid())
    assert not np.isnan(lines_of(ax)[0]).any()
    ax = nn.plot_activation(autograd.sign)
    assert marks_of(ax, False) == {(0.0, -1.0), (0.0, 1.0)}
    ax = nn.plot_activation(lambda x: where(x == 0.0, 2.0, 0.0 * x))
    assert marks_of(ax, False) == {(0.0, 0.0)}
    assert (0.0, 2.0) in marks_of(ax, True)


def test_what_is_not_finite_is_a_gap_and_is_counted():
    ax = nn.plot_activation(autograd.sqrt)
    # 200 numbers below 0 have neither value nor slope, and the slope at 0 is infinite
    assert ax.get_title() == "sqrt\n(401 not finite)"
    xs, ys = lines_of(ax)[0]
    assert np.isnan(ys).sum() == 200
    assert np.isnan(ys[xs < 0]).all()


def test_several_activations_are_side_by_side_by_name():
    axes = nn.plot_activation({"line": "linear", "square": lambda x: x * x}, over=(0.0, 2.0))
    assert [ax.get_title() for ax in axes] == ["line", "square"]
    (_, ys), (xs, slopes) = lines_of(axes[1])
    assert ys == pytest.approx(xs**2)
    assert slopes == pytest.approx(2 * xs)
    given = pyplot.subplots(1, 2)[1]
    assert nn.plot_activation(["tanh", "relu"], ax=given) == list(given)


# ---- losses --------------------------------------------------------------------------------------


def test_cross_entropy_and_squared_error_of_a_target_1():
    left, right = nn.plot_losses(["mse", "bce"])
    (p, squares), (_, logs) = lines_of(left)
    assert squares == pytest.approx((p - 1) ** 2)
    assert logs == pytest.approx(-np.log(p))
    (_, squares), (_, logs) = lines_of(right)
    assert squares == pytest.approx(2 * (p - 1))
    assert logs == pytest.approx(-1 / p)


def test_through_a_sigmoid_the_gradient_of_cross_entropy_is_the_error():
    right = nn.plot_losses(["mse", "bce"], target=0.0, activation="sigmoid", over=(-6, 6))[1]
    (z, squares), (_, logs) = lines_of(right)
    p = 1 / (1 + np.exp(-z))
    assert logs == pytest.approx(p)
    assert squares == pytest.approx(2 * p * p * (1 - p))


def test_a_loss_may_be_a_function_and_may_have_a_kink():
    left, right = nn.plot_losses({"double": lambda p, y: 2 * abs(p[0] - y[0])}, over=(0, 2))
    assert marks_of(right, True) == {(1.0, 0.0)}
    assert marks_of(right, False) == {(1.0, -2.0), (1.0, 2.0)}
    assert marks_of(left, True) == set()


def test_a_loss_is_drawn_up_to_the_ends_of_its_domain():
    left, _ = nn.plot_losses("bce", over=(0.0, 1.0))
    p, logs = lines_of(left)[0]
    assert (p[0], p[-1]) == (0.0, 1.0)
    assert logs[np.isfinite(logs)] == pytest.approx(-np.log(p[np.isfinite(logs)]))
    assert np.isnan(logs[p == 0]).all()  # 100, where the log is clamped, is no limit of the curve


# ---- trainings -----------------------------------------------------------------------------------


def history(losses, size, samples=100, validation=()):
    updates = math.ceil(samples / size) * len(losses)
    return nn.History(losses, list(validation), updates, settings={"batch_size": size})


@few
@given(st.lists(st.integers(1, 100), min_size=2, max_size=5, unique=True), st.integers(1, 6))
def test_several_histories_are_drawn_against_epochs_and_iterations(sizes, epochs):
    runs = [history([1.0 / n for n in range(1, epochs + 1)], size) for size in sizes]
    ax = nn.plot_history(runs)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == [f"batch size {size}" for size in sizes]
    assert all(xs.tolist() == list(range(1, epochs + 1)) for xs, _ in lines_of(ax))
    ax = nn.plot_history(runs, against="iterations")
    for size, (xs, ys) in zip(sizes, lines_of(ax), strict=True):
        assert xs.tolist() == [math.ceil(100 / size) * n for n in range(1, epochs + 1)]
        assert ys == pytest.approx([1.0 / n for n in range(1, epochs + 1)])
    looks = [(line.get_color(), line.get_linestyle()) for line in ax.lines]
    assert len(set(looks)) == len(sizes)
    pyplot.close("all")


def test_the_iterations_of_a_fit_are_those_of_its_history():
    X, y = [[x / 10.0] for x in range(10)], [x / 5.0 for x in range(10)]
    runs = [
        nn.fit(nn.Neuron(1, seed=0), X, y, epochs=3, batch_size=n, progress=False) for n in (3, 10)
    ]
    ax = nn.plot_history(runs, against="iterations")
    assert [xs.tolist() for xs, _ in lines_of(ax)] == [[4, 8, 12], [1, 2, 3]]


def test_what_is_not_finite_in_a_history_is_a_gap_between_points():
    ax = nn.plot_history(nn.History([3.0, math.nan, 1.0, math.inf, 0.5], [2.0]))
    training, validation = ax.lines
    assert np.isnan(training.get_ydata()).tolist() == [False, True, False, True, False]
    assert (training.get_marker(), validation.get_marker()) == (".", "None")
    assert ax.get_title() == "learning curve\n(2 not finite)"
    assert ax.get_yscale() == "log"


def test_validation_is_thin_beside_several_trainings():
    ax = nn.plot_history([history([2.0, 1.0], 1, validation=[3.0, 2.0]), history([2.0], 2)])
    assert [line.get_linewidth() for line in ax.lines] == [1.8, 0.8, 1.8]
    assert ax.get_title() == "learning curve\n(thin: validation)"
    ax.figure.canvas.draw()
    assert ax.get_legend().get_window_extent().x0 >= ax.bbox.x1 - 1  # beside the curves
    assert ax.lines[0].get_color() == ax.lines[1].get_color() != ax.lines[2].get_color()


def test_a_report_is_drawn_as_it_is():
    X = [[math.sin(i * j + j) for j in range(1, 4)] for i in range(30)]
    model = nn.MLP(3, [6, 5, 1], "relu", "sigmoid", seed=1)
    report = nn.diagnose_training(model, X, [float(x[0] > 0) for x in X], "bce")
    means, gradients, dead, saturated = report.plot()
    rows = report.layers
    assert lines_of(means)[0][1].tolist() == [row.mean for row in rows]
    ends = means.collections[0].get_segments()
    assert [end[1] - end[0] for end in np.array(ends)[:, :, 1]] == pytest.approx(
        [2 * row.deviation for row in rows]
    )
    assert lines_of(gradients)[0][1].tolist() == [row.gradient for row in rows]
    assert lines_of(dead)[0][1][:2].tolist() == [row.dead for row in rows[:2]]
    assert np.isnan(lines_of(dead)[0][1][2])  # a sigmoid is never dead
    assert np.isnan(lines_of(saturated)[0][1][:2]).all()
    assert lines_of(saturated)[0][1][2] == rows[2].saturated
    ticks = [text.get_text() for text in means.get_xticklabels()]
    assert ticks == ["layer 1\nrelu", "layer 2\nrelu", "layer 3\nsigmoid"]


def layers(*gradients):
    return nn.TrainingReport(
        [nn.LayerReport(f"layer {i}", "tanh", 4, 0, 0, g, 0, 1) for i, g in enumerate(gradients)],
        [],
    )


def test_networks_of_other_activations_are_drawn_together_and_a_tick_names_what_they_share():
    networks = [nn.MLP(2, [3, 1], activation=name, seed=0) for name in ("sigmoid", "relu")]
    both = [nn.diagnose_training(model, [[0, 1], [1, 0]], [0, 1]) for model in networks]
    axes = nn.plot_training(dict(zip(("sigmoid", "relu"), both, strict=True)))
    assert [tick.get_text() for tick in axes[0].get_xticklabels()] == ["layer 1", "layer 2\nlinear"]
    assert [len(ax.lines) for ax in axes] == [2, 2, 2, 2]


def test_reports_of_several_epochs_go_from_light_to_dark():
    axes = nn.plot_training({f"epoch {n}": layers(n, n * n) for n in (1, 2, 3)})
    lines = axes[1].lines
    assert [line.get_ydata().tolist() for line in lines] == [[1, 1], [2, 4], [3, 9]]
    greys = [sum(matplotlib.colors.to_rgb(line.get_color())) for line in lines]
    assert greys == sorted(greys, reverse=True)
    axes = nn.plot_training(layers(0.0, math.inf))
    assert axes[1].get_title() == "gradient by the weights\n(1 not finite)"
    assert axes[1].get_yscale() == "linear"  # a log scale would hide a gradient of 0


# ---- the perceptron ------------------------------------------------------------------------------

POINTS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=20, unique=True)


def classes_by_a_line(points, a, b, c):
    """The classes on either side of a line, and the points that are not too close to it."""
    far = [(x, y) for x, y in points if abs(a * x + b * y + c) > 0.3]
    return [list(point) for point in far], [int(a * x + b * y + c > 0) for x, y in far]


@few
@given(POINTS, NUMBERS, NUMBERS, st.floats(-1, 1), st.sampled_from([0, -1]))
@example([(0, 0), (0, 1), (1, 0), (1, 1)], 1.0, 1.0, -1.5, -1)
def test_the_last_line_of_a_perceptron_separates_and_the_others_are_those_it_had(
    points, a, b, c, low
):
    X, y = classes_by_a_line(points, a, b, c)
    assume(len(set(y)) == 2)
    y = [k or low for k in y]
    unit = nn.Perceptron(2).fit(X, y, epochs=1000, record=True)
    plain = nn.Perceptron(2).fit(X, y, epochs=1000)
    assert plain.state_dict() == unit.state_dict()
    assert (plain.corrections_, len(unit.corrections_)) == ([], sum(unit.errors_))
    ax = nn.plot_perceptron(unit, X, y)
    *earlier, last = lines_of(ax)
    shown = unit.corrections_[-100:]
    found = [c for c in shown if any(c.weight)]
    assert len(earlier) == len(found)
    for correction, (xs, ys) in zip(found, earlier, strict=True):
        (w, v), bias = correction.weight, correction.bias
        assert w * xs + v * ys + bias == pytest.approx([0, 0], abs=1e-9 * max(1, abs(bias)))
    (x0, x1), (y0, y1) = last
    sides = [(x1 - x0) * (q - y0) - (y1 - y0) * (p - x0) for p, q in X]
    ones = [side for side, k in zip(sides, y, strict=True) if k == 1]
    others = [side for side, k in zip(sides, y, strict=True) if k != 1]
    assert max(ones) <= 1e-9 + min(others) or max(others) <= 1e-9 + min(ones)
    pyplot.close("all")


def test_a_ring_is_around_the_point_that_was_on_the_wrong_side():
    X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 0, 0, 1]
    unit = nn.Perceptron(2).fit(X, y, record=True)
    weight, bias = [0.0, 0.0], 0.0
    for x, w, b in unit.corrections_:
        fired = weight[0] * x[0] + weight[1] * x[1] + bias > 0
        assert fired != y[X.index(x)]
        weight, bias = w, b
    ax = nn.plot_perceptron(unit, X, y)
    rings = [line for line in ax.lines if line.get_markerfacecolor() == "none"]
    assert [[*ring.get_xydata()[0]] for ring in rings] == [c.x for c in unit.corrections_]
    widths = [ring.get_markersize() for ring in rings if [*ring.get_xydata()[0]] == [1, 1]]
    assert widths == sorted(set(widths))  # each wider than the one before


def test_a_perceptron_that_never_separates_says_so():
    X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    unit = pickle.loads(pickle.dumps(nn.Perceptron(2).fit(X, y, epochs=60, record=True)))
    ax = nn.plot_perceptron(unit, X, y)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert f"after correction {len(unit.corrections_) - 99}" in labels
    assert ax.get_title().endswith(f"in 60 epochs\n(not separated: {unit.errors_[-1]} in the last)")
    idle = nn.Perceptron(2).fit([[1, 2]], [0], record=True)
    assert nn.plot_perceptron(idle, [[1, 2]], [0]).get_title().endswith("the weights are 0)")


# ---- surfaces ------------------------------------------------------------------------------------


@few
@given(NUMBERS, NUMBERS, NUMBERS)
def test_the_contours_of_a_plane_are_its_level_lines(a, b, c):
    assume(abs(a) + abs(b) > 0.1)
    ax = nn.plot_surface(lambda x, y: a * x + b * y + c, over=((-1, 2), (0, 3)), resolution=7)
    filled, contours = ax.collections
    assert (ax.get_xlim(), ax.get_ylim()) == ((-1.0, 2.0), (0.0, 3.0))
    corners = [a * x + b * y + c for x in (-1, 2) for y in (0, 3)]
    assert filled.levels[0] == pytest.approx(min(corners))
    assert filled.levels[-1] == pytest.approx(max(corners))
    for level, path in zip(contours.levels, contours.get_paths(), strict=True):
        for x, y in path.vertices:
            assert a * x + b * y + c == pytest.approx(level, abs=1e-6)
    pyplot.close("all")


def valley(x, y):
    """Rosenbrock's function (1960) with walls ten times less steep."""
    return (1 - x) ** 2 + 10 * (y - x * x) ** 2


@pytest.mark.parametrize("name", [*OPTIMIZERS, "momentum", "nesterov", "bfgs"])
def test_a_path_ends_where_the_optimiser_ends(name):
    makers = {
        "momentum": lambda p: SGD(p, lr=1e-3, momentum=0.9),
        "nesterov": lambda p: SGD(p, lr=1e-3, momentum=0.9, nesterov=True),
    }
    x, y = params = [Value(-1.2), Value(1.0)]
    if name == "bfgs":
        minimize(lambda: valley(x, y), params, options={"maxiter": 20})
    else:
        optimizer = makers.get(name, OPTIMIZERS.get(name))(params)
        for _ in range(20):
            optimizer.zero_grad()
            loss = valley(x, y)
            loss.backward()
            optimizer.step(loss)
    paths = {"path": makers.get(name, name), "again": makers.get(name, name)}
    ax = nn.plot_surface(valley, (-1.2, 1.0), paths=paths, steps=20, resolution=2)
    points, again = (np.transpose(line) for line in lines_of(ax)[:2])
    assert points[0].tolist() == [-1.2, 1.0]
    assert points.tolist() == again.tolist()
    assert points[-1] == pytest.approx([x.data, y.data], rel=1e-12)
    (low, high), (below, above) = ax.get_xlim(), ax.get_ylim()
    assert ((points > [low, below]) & (points < [high, above])).all()


def recorded(backend, **settings):
    """The parameters of a model at the four corners of a surface over (0, 1), and at its origin."""
    model = nn.MLP(3, [4, 2], "tanh", seed=0, backend=backend)
    for p in model.parameters():
        p.data = p.data + 0.1
    seen = []

    def loss():
        seen.append(np.array([*nn.parameters.flat(model.state_dict())]))
        out = model(np.array([1.0, 2.0, 3.0]))
        return (out * out).sum() if backend == "tensor" else autograd.dot(out, out)

    ax = nn.plot_surface(loss, model, over=(0, 1), resolution=2, seed=3, **settings)
    return model, seen, ax


@pytest.mark.parametrize("backend", ["value", "tensor"])
def test_a_random_direction_has_the_length_of_the_parameters_filter_by_filter(backend):
    model, (origin, first, second, both), _ = recorded(backend)
    assert both - origin == pytest.approx((first - origin) + (second - origin))
    rows = [[3, 3, 3, 3], [4], [4, 4], [2]]  # weights of four units, their biases; of two, theirs
    cuts = np.cumsum([n for row in rows for n in row])[:-1]
    for moved in (first - origin, second - origin):
        lengths = [np.linalg.norm(x) for x in np.split(moved, cuts)]
        assert lengths == pytest.approx([np.linalg.norm(x) for x in np.split(origin, cuts)])
    assert [*nn.parameters.flat(model.state_dict())] == origin.tolist()


def test_both_backends_have_one_surface_and_one_path():
    pictures = [
        recorded(b, paths={"a": lambda p: Adam(p, lr=0.1)}, steps=5) for b in ("value", "tensor")
    ]
    (_, seen, ax), (_, others, bx) = pictures
    assert np.array(seen) == pytest.approx(np.array(others))
    assert lines_of(ax)[0] == pytest.approx(lines_of(bx)[0])


def test_points_in_the_plane_are_where_they_are_and_others_are_projected():
    rng = np.random.default_rng(0)
    origin, (d1, d2) = rng.normal(size=5), rng.normal(size=(2, 5))
    params = [Value(x) for x in origin]
    normal = np.linalg.qr(np.array([d1, d2, *rng.normal(size=(3, 5))]).T)[0][:, 4]
    points = [origin, origin + 0.5 * d1 - 2.0 * d2, origin + d2 + 7.0 * normal]
    ax = nn.plot_surface(
        lambda: autograd.dot(params, params), params, directions=[d1, d2.tolist()],
        paths={"points": points}, resolution=2,
    )  # fmt: skip
    assert np.transpose(lines_of(ax)[0]) == pytest.approx(np.array([[0, 0], [0.5, -2], [0, 1]]))


def test_a_direction_may_be_a_parameter_or_its_name():
    model = nn.Neuron(3, seed=0)
    model.bias.data = 0.5
    X, y = [[1.0, 0.0, 2.0], [0.0, 1.0, 1.0]], [1.0, -1.0]
    ax = nn.plot_surface(model, data=(X, y), directions=["weight.2", model.bias], resolution=3)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("weight.2", "bias")
    assert ax.lines[0].get_xydata().tolist() == [[model.weight[2].data, 0.5]]
    over = ((-1.0, 1.0), (0.0, 1.0))
    filled = nn.plot_surface(
        model, data=(X, y), directions=["weight.2", "bias"], over=over, resolution=3
    ).collections[0]
    lowest = []
    for w in (-1.0, 0.0, 1.0):
        for b in (0.0, 0.5, 1.0):
            scores = [model.weight[0].data + 2 * w + b, model.weight[1].data + w + b]
            lowest.append(mse(scores, y))
    assert (filled.levels[0], filled.levels[-1]) == pytest.approx((min(lowest), max(lowest)))


@pytest.mark.parametrize("fails", [False, True])
def test_the_parameters_and_their_gradients_are_kept(fails):
    params = [Value(1.0), Value(2.0), Tensor([3.0, 4.0])]
    params[0].grad = 5.0
    calls = []

    def loss():
        calls.append(1)
        if fails and len(calls) > 7:
            raise OSError("the data are gone")
        return params[0] ** 2 + params[1] ** 2 + 0.0 * float(params[2].data.sum())

    def draw():
        nn.plot_surface(
            loss, params, directions=[[1, 0, 0, 0], [0, 1, 0, 0]], paths=["adam"], steps=3
        )

    if fails:
        with pytest.raises(OSError, match="gone"):
            draw()
    else:
        draw()
    assert [p.grad for p in params[:2]] == [5.0, 0.0]
    assert [params[0].data, params[1].data, *params[2].data] == [1.0, 2.0, 3.0, 4.0]
    assert "grad" not in repr(params[1])


def test_places_without_a_finite_loss_are_gaps_and_are_counted():
    ax = nn.plot_surface(lambda x, y: autograd.log(x) + y * y, (1.0, 0.0), resolution=5)
    assert ax.get_title() == "loss surface\n(5 not finite)"  # x from 0 to 2, with log(0) five times
    nothing = nn.plot_surface(lambda x, y: x * math.nan, resolution=3)
    assert nothing.get_title() == "loss surface\n(9 not finite)"
    # a rounding above a level has fewer numbers than there are levels
    nn.plot_surface(lambda x, y: 1.0 + (x > 0) * 2.0**-52, resolution=3)
    constant = nn.plot_surface(lambda x, y: 3.0, resolution=3)
    assert constant.get_title() == "the loss is the same everywhere"


def test_a_path_that_diverges_or_leaves_says_so():
    ax = nn.plot_surface(
        lambda x, y: x**2 + y**2, (1.0, 1.0), over=(-2, 2), steps=9, resolution=3,
        paths={"far": lambda p: SGD(p, lr=3.0), "farther": lambda p: SGD(p, lr=1e200)},
    )  # fmt: skip
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["far (leaves)", "farther (diverges)", "start"]
    assert (ax.get_xlim(), ax.get_ylim()) == ((-2.0, 2.0), (-2.0, 2.0))
    assert ax.get_title().endswith("not finite)")


def test_levels_are_geometric_where_most_of_the_surface_is_low():
    even = nn.plot_surface(lambda x, y: x + y, resolution=9).collections[0].levels
    assert np.diff(even) == pytest.approx(np.diff(even)[0])
    steep = nn.plot_surface(lambda x, y: (6 * x).exp() + y * 0, resolution=9).collections[0].levels
    ratios = (steep[2:] - steep[0]) / (steep[1:-1] - steep[0])
    assert ratios == pytest.approx(ratios[0])


# ---- all pictures --------------------------------------------------------------------------------


def reports():
    return {f"epoch {n}": layers(0.1**n, 0.2**n, 0.3**n, 0.4) for n in range(1, 7)}


def learnt(n=30):
    rng = Random(0)
    X = [[rng.gauss(0, 1), rng.gauss(0, 1)] for _ in range(n)]
    y = [int(a + 2 * b > 0.2) for a, b in X]
    return nn.Perceptron(2).fit(X, y, record=True, epochs=10), X, y


def bowl(x, y):
    return x * x + 4 * y * y


PICTURES = {
    "activation": lambda ax: nn.plot_activation("relu", ax),
    "activations": lambda ax: nn.plot_activation(["step", "tanh", "leaky_relu", "elu"], ax),
    "losses": lambda ax: nn.plot_losses(["mse", "bce", "mae", "huber"], ax=ax),
    "histories": lambda ax: nn.plot_history(
        [history([2.0, 1.0, math.nan] * 40, n, 800, [2.0, 2.0]) for n in (1, 10, 100)],
        ax, "iterations",
    ),
    "training": lambda ax: nn.plot_training(reports(), ax),
    "perceptron": lambda ax: nn.plot_perceptron(*learnt(), ax),
    "boundary": lambda ax: nn.plot_decision_boundary(*learnt(), ax, resolution=9),
    "surface": lambda ax: nn.plot_surface(
        bowl, (3.0, 2.0), paths=["sgd", "adam", "bfgs"], resolution=9, ax=ax
    ),
}  # fmt: skip


def texts_of(axes):
    for ax in axes:
        yield from [ax.title, ax.xaxis.label, ax.yaxis.label]
        low, high = ax.get_xlim()
        yield from (t for t in ax.get_xticklabels() if low <= t.get_position()[0] <= high)
        low, high = ax.get_ylim()
        yield from (t for t in ax.get_yticklabels() if low <= t.get_position()[1] <= high)
        yield from ax.get_legend().get_texts() if ax.get_legend() else []


@pytest.mark.parametrize("part", [1.0, 0.75])
@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_has_a_title_and_named_axes_and_its_texts_do_not_overlap(name, part):
    drawn = PICTURES[name](None)
    axes = drawn if isinstance(drawn, list) else [drawn]
    figure = axes[0].figure
    figure.set_size_inches(figure.get_size_inches() * part)
    figure.canvas.draw()
    assert all(ax.get_title() and ax.get_xlabel() and ax.get_ylabel() for ax in axes)
    boxes = [(t.get_text(), t.get_window_extent()) for t in texts_of(figure.axes) if t.get_text()]
    for (one, a), (other, b) in combinations(boxes, 2):
        assert not a.shrunk(0.9, 0.9).overlaps(b.shrunk(0.9, 0.9)), f"{one!r} is on {other!r}"
    for text, box in boxes:
        assert figure.bbox.x0 - 2 <= box.x0 <= box.x1 <= figure.bbox.x1 + 2, f"{text!r} is cut off"


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_drawn_on_the_axes_given_and_on_no_others(name):
    n = {"activations": 4, "losses": 2, "training": 4}.get(name, 1)
    figure, axes = pyplot.subplots(1, n)
    drawn = PICTURES[name](axes)
    assert drawn is axes if n == 1 else drawn == list(axes)
    assert pyplot.get_fignums() == [figure.number]
    with pytest.raises(ValueError, match=f"{n} panels, but ax has 3 axes"):
        PICTURES[name](pyplot.subplots(1, 3)[1])


@pytest.mark.parametrize("name", PICTURES)
def test_without_matplotlib_a_picture_says_what_to_install(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(
        ImportError, match="a picture of nn needs matplotlib: python -m pip install matplotlib"
    ):
        PICTURES[name](None)


def test_many_points_are_drawn_without_a_warning():
    rng = Random(0)
    losses = [rng.random() for _ in range(100_000)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        runs = [nn.History(losses, iterations=10**6)] * 3
        drawn = [nn.plot_history(runs, pyplot.subplots()[1], against="iterations")]
        unit, X, y = learnt(100)
        drawn.append(nn.plot_perceptron(unit, X * 1000, y * 1000, pyplot.subplots()[1]))
        for ax in drawn:
            ax.figure.canvas.draw()
    assert len(drawn[1].lines) < 250


FIT = nn.Perceptron(2).fit([[1, 2]], [1])
MISTAKES = [
    (lambda: nn.plot_activation("tahn"), ValueError, "no activation 'tahn': did you mean 'tanh'"),
    (lambda: nn.plot_activation(5), TypeError, "activations are drawn"),
    (lambda: nn.plot_activation({}), ValueError, "list of activations is empty"),
    (lambda: nn.plot_activation(lambda x: "high"), TypeError, "returned 'high'"),
    (lambda: nn.plot_activation("tanh", over=(1, 1)), ValueError, "over goes from a number"),
    (lambda: nn.plot_activation("tanh", over=5), ValueError, "over is a pair"),
    (lambda: nn.plot_activation("tanh", over=(0, math.inf)), ValueError, "up to a larger one"),
    (lambda: nn.plot_losses("msee"), ValueError, "no loss 'msee'.*There are sse, mse"),
    (lambda: nn.plot_losses("bce", over=(-1, 1)), ValueError, "bce takes probabilities"),
    (lambda: nn.plot_history(nn.History()), ValueError, "a loss for each epoch, at least one"),
    (lambda: nn.plot_history([]), ValueError, "list of histories is empty"),
    (lambda: nn.plot_history([[1.0, 2.0]]), TypeError, "histories are drawn"),
    (lambda: nn.plot_history(nn.History([1.0], [1.0, 2.0])), ValueError, "no more for the valid"),
    (lambda: nn.plot_history(nn.History([1.0]), against="time"), ValueError, "epochs, iterations"),
    (lambda: nn.plot_training("report"), TypeError, "reports are drawn"),
    (lambda: nn.plot_training(layers()), ValueError, "without layers"),
    (lambda: nn.plot_training([layers(1), layers(1, 2)]), ValueError, "different layers"),
    (lambda: nn.plot_perceptron(FIT, [[1, 2, 3]], [0]), ValueError, "a sample has 3 features"),
    (lambda: nn.plot_perceptron(FIT, [[1, 2]], [1]), ValueError, "fit it with record=True"),
    (lambda: nn.plot_perceptron(nn.Neuron(2), [[1, 2]], [1]), TypeError, "of two inputs, not"),
    (lambda: nn.plot_surface(lambda x: x, (1.0,)), ValueError, "two parameters or more, and .* 1"),
    (lambda: nn.plot_surface(nn.MLP(2, [1])), TypeError, "a model has a loss on data"),
    (lambda: nn.plot_surface("f"), TypeError, "a function or a Module, not of 'f'"),
    (lambda: nn.plot_surface(lambda x, y: "low"), TypeError, "one number, and .* returned 'low'"),
    (lambda: nn.plot_surface(lambda x, y: [x, y]), TypeError, "one number, and the function"),
    (lambda: nn.plot_surface(bowl, paths=["sdg"]), ValueError, "no optimiser 'sdg'.*newton, bfgs"),
    (lambda: nn.plot_surface(bowl, paths={"a": SGD([Value(1)])}), TypeError, "the path 'a' is a"),
    (lambda: nn.plot_surface(bowl, paths={"a": lambda p: 3}), TypeError, "3, not an optimiser"),
    (lambda: nn.plot_surface(bowl, paths={"a": [[1.0]]}), ValueError, "each of 2 parameters"),
    (lambda: nn.plot_surface(bowl, paths={"a": []}), ValueError, "a path has points"),
    (lambda: nn.plot_surface(bowl, directions=[[1, 1], [2, 2]]), ValueError, "parallel"),
    (lambda: nn.plot_surface(bowl, directions=[[1, 1]]), ValueError, "two directions, and not 1"),
    (lambda: nn.plot_surface(bowl, directions=[[1], [2]]), ValueError, "or 2 finite numbers"),
    (lambda: nn.plot_surface(bowl, directions=["x", "z"]), ValueError, "'z'.*There are x, y"),
    (lambda: nn.plot_surface(bowl, over=(1, 0)), ValueError, "up to a larger one"),
    (lambda: nn.plot_surface(bowl, over=5), ValueError, "over is a pair"),
    (lambda: nn.plot_surface(bowl, steps=0), ValueError, "steps is 0"),
    (
        lambda: nn.plot_surface(nn.Perceptron(2), data=([[1, 2]], [1])),
        ValueError,
        "the parameters are",
    ),
]


@pytest.mark.parametrize(("draw", "kind", "words"), MISTAKES)
def test_a_mistake_is_named_and_leaves_no_figure(draw, kind, words):
    with pytest.raises(kind, match=words):
        draw()
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize(
    ("draw", "place"),
    [
        (lambda: nn.plot_activation(lambda x: x + 1 / (x.data - 1.0)), "x = 1"),
        (lambda: nn.plot_surface(lambda x, y: x + 1 / (y.data - 1.0)), "the loss at (-1, 1)"),
        (lambda: nn.plot_surface(lambda x, y: 1 / 0, paths=["adam"]), "the path 'adam'"),
    ],
)
def test_the_error_of_a_function_says_where_it_was_called(draw, place):
    with pytest.raises(ZeroDivisionError) as caught:
        draw()
    assert place in " ".join(caught.value.__notes__)


def test_a_history_without_an_epoch_writes_no_file(tmp_path):
    with pytest.raises(ValueError, match="before its first epoch"):
        save_history(nn.History(), tmp_path / "curve.png")
    assert list(tmp_path.iterdir()) == []


def test_classes_and_features_have_the_names_they_are_given():
    X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [3, 3, 3, 7]
    unit = nn.Perceptron(2).fit(X, [0, 0, 0, 1])

    class Model:
        def predict(self, rows):
            return [7 if answer else 3 for answer in unit.predict(rows)]

    ax = nn.plot_decision_boundary(
        Model(), X, y, classes=["low", "high"], features=["hour", "cost"]
    )
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["low", "high"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("hour", "cost")
    usual = nn.plot_decision_boundary(Model(), X, y)
    assert [text.get_text() for text in usual.get_legend().get_texts()] == ["class 3", "class 7"]


@pytest.mark.parametrize("names", [{"classes": ["a"]}, {"features": ["x"] * 3}, {"classes": "ab"}])
def test_as_many_names_are_taken_as_there_are_classes_and_features(names):
    X, y = [[0, 0], [1, 1]], [0, 1]
    unit = nn.Perceptron(2).fit(X, y)
    (what,) = names
    with pytest.raises(ValueError, match=f"{what} takes 2 names"):
        nn.plot_decision_boundary(unit, X, y, **names)
