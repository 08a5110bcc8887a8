"""Optimisers, each update by hand from its paper; schedules; clipping; curvature."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import nn
from autograd import Tensor, Value
from nn import optim

G1, G2 = 3.0, -2.0  # the gradients of the two steps that are worked out by hand


def two_steps(make, x=1.0):
    """Where a parameter stands after each of two steps with those gradients."""
    p = Value(x)
    optimizer = make([p])
    places = []
    for g in (G1, G2):
        p.grad = g
        optimizer.step()
        places.append(p.data)
    return places


def test_gradient_descent_goes_against_the_gradient():
    assert two_steps(lambda ps: optim.SGD(ps, lr=0.1)) == pytest.approx([0.7, 0.9])


def test_momentum_keeps_nine_tenths_of_the_velocity():
    # v1 = 3, x1 = 1 - 0.3; v2 = 2.7 - 2 = 0.7, x2 = 0.7 - 0.07
    assert two_steps(lambda ps: optim.SGD(ps, lr=0.1, momentum=0.9)) == pytest.approx([0.7, 0.63])


def test_nesterov_looks_ahead():
    # x1 = 1 - 0.1 (3 + 0.9 * 3); x2 = x1 - 0.1 (-2 + 0.9 * 0.7)
    def make(ps):
        return optim.SGD(ps, lr=0.1, momentum=0.9, nesterov=True)

    assert two_steps(make) == pytest.approx([0.43, 0.567])


def test_weight_decay_adds_the_weight_to_its_gradient():
    # x1 = 1 - 0.1 (3 + 0.5); x2 = 0.65 - 0.1 (-2 + 0.325)
    found = two_steps(lambda ps: optim.SGD(ps, lr=0.1, weight_decay=0.5))
    assert found == pytest.approx([0.65, 0.8175])


def test_adagrad_divides_by_the_root_of_all_squares_so_far():
    found = two_steps(lambda ps: optim.Adagrad(ps, lr=0.1, eps=2.0))
    assert found == pytest.approx([0.94, 0.94 + 0.1 * 2 / (math.sqrt(13) + 2.0)])


@pytest.mark.parametrize("name", [name for name in optim.OPTIMIZERS if name != "newton"])
def test_a_gradient_of_zero_moves_nothing(name):
    p = Value(1.0)
    decay = {"weight_decay": 0.0} if name == "adamw" else {}
    optim.OPTIMIZERS[name]([p], lr=0.1, **decay).step()
    assert p.data == 1.0


def test_rmsprop_divides_by_the_root_of_a_moving_mean_of_squares():
    found = two_steps(lambda ps: optim.RMSProp(ps, lr=0.1, alpha=0.75, eps=0.0))
    # the mean square is 9/4 and then 27/16 + 1 = 43/16
    assert found == pytest.approx([0.8, 0.8 + 0.1 * 2 / math.sqrt(43 / 16)])


def test_adam_corrects_its_means_for_their_start_at_zero():
    found = two_steps(lambda ps: optim.Adam(ps, lr=0.1, betas=(0.5, 0.75), eps=0.0))
    # m: 1.5, then -0.25, over 1 - 1/4; v: 9/4, then 43/16, over 1 - 9/16
    second = 0.1 * (-0.25 / 0.75) / math.sqrt(43 / 16 / (7 / 16))
    assert found == pytest.approx([0.9, 0.9 - second])


def test_adamw_shrinks_the_weight_itself_and_leaves_the_means_alone():
    found = two_steps(
        lambda ps: optim.AdamW(ps, lr=0.1, betas=(0.5, 0.75), eps=0.0, weight_decay=0.5)
    )
    first = 1.0 * (1 - 0.05) - 0.1
    second = 0.1 * (-0.25 / 0.75) / math.sqrt(43 / 16 / (7 / 16))
    assert found == pytest.approx([first, first * 0.95 - second])


def test_newton_meets_the_minimum_of_a_quadratic_in_one_step():
    x, y = Value(5.0), Value(-3.0)
    loss = (x - 1) ** 2 + 3 * (y + 2) ** 2 + x * y
    optim.Newton([x, y]).step(loss)
    # 2 (x - 1) + y = 0 and 6 (y + 2) + x = 0
    assert (x.data, y.data) == pytest.approx((24 / 11, -26 / 11))


def test_newton_says_when_a_direction_has_no_curvature_and_damping_gives_it_some():
    x, y = Value(5.0), Value(-3.0)
    with pytest.raises(ValueError, match=r"singular .* give Newton a damping"):
        optim.Newton([x, y]).step((x - y) ** 2)
    assert (x.data, y.data) == (5.0, -3.0)
    optim.Newton([x, y], damping=1.0).step((x - y) ** 2)
    assert (x.data, y.data) == pytest.approx((1.8, 0.2))


def test_newton_needs_the_loss():
    with pytest.raises(TypeError, match=r"optimizer\.step\(loss\)"):
        optim.Newton([Value(1.0)]).step()


@pytest.mark.parametrize("name", list(optim.OPTIMIZERS))
def test_every_optimiser_by_name_brings_the_loss_down(name):
    model = nn.MLP(1, [1], seed=0)
    X, y = [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]
    lr = {"lr": 0.05} if name != "newton" else {}
    history = nn.fit(model, X, y, optimizer=name, epochs=30, batch_size=None, progress=False, **lr)
    assert history.loss[-1] < 0.5 * history.loss[0]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "Newton-CG"])
def test_minimize_finds_the_floor_of_rosenbrocks_valley(method):
    pytest.importorskip("scipy")
    x, y = Value(-1.2), Value(1.0)
    result = optim.minimize(lambda: (1 - x) ** 2 + 100 * (y - x**2) ** 2, [x, y], method)
    assert result.success
    assert (x.data, y.data) == pytest.approx((1.0, 1.0), abs=1e-4)
    assert list(result.x) == [x.data, y.data]


def test_minimize_fits_a_network():
    pytest.importorskip("scipy")
    model = nn.MLP(2, [4, 1], "tanh", seed=0)
    X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    optim.minimize(lambda: nn.losses.mse([model(x) for x in X], y), model.parameters())
    assert [model(x).data for x in X] == pytest.approx(y, abs=1e-3)


def test_an_interrupted_minimize_leaves_the_best_point_so_far():
    pytest.importorskip("scipy")
    x, seen = Value(8.0), []

    def loss():
        out = (x - 1.0) ** 4
        seen.append((out.data, x.data))
        if len(seen) == 6:
            raise KeyboardInterrupt
        return out

    with pytest.raises(KeyboardInterrupt):
        optim.minimize(loss, [x])
    assert x.data == min(seen[:-1])[1] != 8.0


# ---- state ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda ps: optim.SGD(ps, 0.1, momentum=0.9),
        optim.Adam, optim.AdamW, optim.RMSProp, optim.Adagrad,
    ],
)  # fmt: skip
def test_an_optimiser_goes_on_from_its_state_as_if_nothing_had_happened(make):
    def run(optimizer, p, gradients):
        for g in gradients:
            p.grad = g
            optimizer.step()

    p, q = Value(1.0), Value(1.0)
    whole, first = make([p]), make([q])
    run(whole, p, [1.0, -2.0, 3.0, 0.5])
    run(first, q, [1.0, -2.0])
    second = make([q])
    second.load_state_dict(first.state_dict())
    run(second, q, [3.0, 0.5])
    assert p.data == q.data


def test_a_state_of_another_number_of_parameters_changes_nothing():
    one, two = optim.Adam([Value(1.0)]), optim.Adam([Value(1.0), Value(2.0)])
    one.step()
    with pytest.raises(ValueError, match="of 1 parameters, but there are 2"):
        two.load_state_dict(one.state_dict())
    assert (two.steps, two.memory) == (0, [{}, {}])


# ---- clipping and schedules ----------------------------------------------------------------------


def test_clipping_the_norm_keeps_the_direction():
    params = [Value(0.0), Value(0.0)]
    params[0].grad, params[1].grad = 3.0, -4.0
    assert optim.clip_grad_norm(params, 1.0) == 5.0
    assert [p.grad for p in params] == pytest.approx([0.6, -0.8], rel=1e-6)
    assert optim.clip_grad_norm(params, 2.0) == pytest.approx(1.0, rel=1e-6)
    assert [p.grad for p in params] == pytest.approx([0.6, -0.8], rel=1e-6)


def test_a_gradient_without_elements_has_no_length():
    empty, p = Tensor(np.zeros((0, 2))), Tensor([3.0, 4.0])
    empty.grad, p.grad = np.zeros((0, 2)), np.array([3.0, 4.0])
    assert optim.clip_grad_norm([empty], 1.0) == 0.0
    assert optim.clip_grad_norm([empty, p], 1.0) == 5.0
    assert p.grad == pytest.approx([0.6, 0.8], rel=1e-6)


def test_clipping_values_cuts_each_gradient_off():
    params = [Value(0.0), Value(0.0), Value(0.0)]
    for p, g in zip(params, (3.0, -4.0, 0.5), strict=True):
        p.grad = g
    optim.clip_grad_value(params, 1.0)
    assert [p.grad for p in params] == [1.0, -1.0, 0.5]


def rates(factor, steps):
    optimizer = optim.SGD([Value(0.0)], lr=2.0)
    schedule = optim.Schedule(optimizer, factor)
    found = [optimizer.lr]
    for _ in range(steps):
        schedule.step()
        found.append(optimizer.lr)
    return found


def test_schedules_are_factors_of_the_first_rate():
    assert rates(optim.step_decay(2, by=0.5), 5) == [2.0, 2.0, 1.0, 1.0, 0.5, 0.5]
    assert rates(optim.warm_up(4), 5) == [0.0, 0.5, 1.0, 1.5, 2.0, 2.0]
    assert rates(optim.cosine(4), 5) == pytest.approx(
        [2.0, 1 + math.sqrt(0.5), 1.0, 1 - math.sqrt(0.5), 0.0, 0.0]
    )
    assert rates(lambda n: optim.warm_up(2)(n) * optim.step_decay(3)(n), 3) == [0.0, 1.0, 2.0, 0.2]


def test_a_second_schedule_starts_from_the_same_first_rate():
    optimizer = optim.SGD([Value(0.0)], lr=2.0)
    for _ in range(3):
        schedule = optim.Schedule(optimizer, optim.warm_up(4, 0.5))
        assert optimizer.lr == 1.0
        schedule.step()
        assert optimizer.lr == 1.25
        optim.Schedule(optimizer, optim.cosine(1)).step()
        assert optimizer.lr == 0.0


def test_a_second_training_with_a_schedule_learns_as_the_first_did():
    X, y = [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]
    model = nn.Neuron(1, seed=0)
    mover = optim.SGD(model.parameters(), lr=0.1)
    start, losses = model.state_dict(), []
    for _ in range(3):
        model.load_state_dict(start)
        history = nn.fit(model, X, y, optimizer=mover, epochs=5, batch_size=None,
                         schedule=optim.cosine(5), progress=False)  # fmt: skip
        losses.append(history.loss)
    assert losses[0] == losses[1] == losses[2]
    assert losses[0][-1] < losses[0][0]


SCHEDULES = {
    "steps": lambda o: optim.Schedule(o, optim.step_decay(2, 0.5)),
    "cosine": lambda o: optim.Schedule(o, optim.cosine(8)),
    "warm up": lambda o: optim.Schedule(o, optim.warm_up(4)),
    "plateau": lambda o: optim.Plateau(o, 0.5, patience=0, threshold=0.2),
}


@pytest.mark.parametrize("by_file", [False, True])
@pytest.mark.parametrize("kind", SCHEDULES)
@pytest.mark.parametrize("make", [optim.SGD, optim.Adam])
def test_a_training_with_a_schedule_goes_on_from_its_state_as_if_not_interrupted(
    make, kind, by_file, tmp_path
):
    X, y = [[0.0], [1.0], [2.0], [0.5]], [1.0, 3.0, 5.0, 2.5]

    def train(model, mover, schedule, epochs):
        nn.fit(model, X, y, optimizer=mover, epochs=epochs, batch_size=2, shuffle=False,
               schedule=schedule, progress=False)  # fmt: skip

    whole, half = (nn.MLP(1, [2, 1], "tanh", seed=0) for _ in range(2))
    mover = make(whole.parameters(), lr=0.05)
    train(whole, mover, SCHEDULES[kind](mover), 7)
    first = make(half.parameters(), lr=0.05)
    schedule = SCHEDULES[kind](first)
    train(half, first, schedule, 3)
    if by_file:
        nn.save(half, tmp_path / "m.safetensors", first)
        half = nn.load(tmp_path / "m.safetensors")
    second = make(half.parameters(), lr=0.3)
    if by_file:
        nn.load(tmp_path / "m.safetensors", half, second)
    else:
        second.load_state_dict(first.state_dict())
    resumed = SCHEDULES[kind](second)
    resumed.load_state_dict(json.loads(json.dumps(schedule.state_dict())))
    train(half, second, resumed, 4)
    assert half.state_dict() == whole.state_dict()
    assert (second.lr, second.initial_lr) == (mover.lr, mover.initial_lr)


def test_a_state_from_before_initial_rates_is_read():
    optimizer = optim.Adam([Value(1.0)], lr=0.5)
    optimizer.load_state_dict({"lr": 0.25, "steps": 2, "memory": {}})
    assert (optimizer.lr, optimizer.initial_lr) == (0.25, None)
    with pytest.raises(ValueError, match="initial learning rate"):
        optimizer.load_state_dict({"lr": 1.0, "initial_lr": -1.0, "steps": 0, "memory": {}})
    assert (optimizer.lr, optimizer.steps) == (0.25, 2)


def test_a_plateau_slows_down_after_more_than_patience_steps_without_progress():
    optimizer = optim.SGD([Value(0.0)], lr=1.0)
    plateau = optim.Plateau(optimizer, by=0.5, patience=1)
    found = []
    for loss in (3.0, 2.0, 2.0, 2.0, 2.0, 2.0, 1.0):
        plateau.step(loss)
        found.append(optimizer.lr)
    assert found == [1.0, 1.0, 1.0, 0.5, 0.5, 0.25, 0.25]


# ---- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(optim.OPTIMIZERS))
@pytest.mark.parametrize("lr", [-0.1, math.nan, math.inf])
def test_a_learning_rate_is_a_finite_number_and_not_negative(name, lr):
    with pytest.raises(ValueError, match=r"the learning rate is .*, and must be at least 0"):
        optim.OPTIMIZERS[name]([Value(1.0)], lr=lr)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: optim.SGD([]), ValueError, "there are no parameters"),
        (lambda: optim.SGD([Value(1.0) * 2.0]), TypeError, "that no operation has made"),
        (lambda: optim.SGD([1.0]), TypeError, "a parameter is a Value"),
        (lambda: optim.SGD([Value(1.0)], lr="fast"), TypeError, "is a number, not 'fast'"),
        (lambda: optim.SGD([Value(1.0)], nesterov=True), ValueError, "nesterov needs a momentum"),
        (lambda: optim.Adam([Value(1.0)], betas=(0.9, 1.0)), ValueError, "beta 2 is 1.0"),
        (lambda: optim.Adam([Value(1.0)], weight_decay=-1.0), ValueError, "weight_decay is -1.0"),
        (lambda: optim.step_decay(0), ValueError, "every is 0"),
        (lambda: optim.Plateau(optim.SGD([Value(1.0)])).step(), TypeError, "watches the loss"),
    ],
)
def test_what_makes_no_optimiser_is_refused_with_a_reason(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_an_unknown_optimiser_is_answered_with_the_nearest_name():
    with pytest.raises(ValueError, match="no optimiser 'adma': did you mean 'adam'"):
        nn.fit(nn.MLP(1, [1]), [[1.0]], [1.0], optimizer="adma", progress=False)


def test_every_setting_of_an_optimiser_shows():
    params = nn.MLP(1, [1]).parameters()
    shown = [repr(make(params)) for make in (
        lambda ps: optim.SGD(ps, momentum=0.9), lambda ps: optim.AdamW(ps, 0.1),
        lambda ps: optim.Newton(ps, damping=0.5),
    )]  # fmt: skip
    assert shown == [
        "SGD(2 parameters, lr=0.01, momentum=0.9, nesterov=False, weight_decay=0.0)",
        "AdamW(2 parameters, lr=0.1, betas=(0.9, 0.999), weight_decay=0.01, eps=1e-08)",
        "Newton(2 parameters, lr=1.0, damping=0.5)",
    ]


def test_a_loss_that_depends_on_none_of_the_parameters_is_not_minimised():
    pytest.importorskip("scipy")
    model, other = (nn.MLP(1, [1], seed=seed) for seed in range(2))
    with pytest.raises(ValueError, match="depends on none of these parameters"):
        optim.minimize(lambda: nn.losses.mse([model([1.0])], [2.0]), other.parameters())
