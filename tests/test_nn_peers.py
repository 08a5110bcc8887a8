"""Optimisers, losses and schedules beside PyTorch's.

Not part of the ordinary run: `python -m pytest -m peers tests/test_nn_peers.py`, with torch.
"""

from __future__ import annotations

from typing import Any

import pytest

import nn
from autograd import Value
from nn import optim

pytestmark = pytest.mark.peers


class Torch:
    """PyTorch, imported when a test of this lane first runs."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # somebody looks around, doctest for one
            raise AttributeError(name)
        return getattr(pytest.importorskip("torch"), name)


torch = Torch()

CASES = {
    "gradient descent": ("SGD", {"lr": 0.02}),
    "momentum": ("SGD", {"lr": 0.02, "momentum": 0.9}),
    "nesterov": ("SGD", {"lr": 0.02, "momentum": 0.9, "nesterov": True}),
    "weight decay": ("SGD", {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.1}),
    "adagrad": ("Adagrad", {"lr": 0.1, "weight_decay": 0.01}),
    "rmsprop": ("RMSProp", {"lr": 0.01}),
    "rmsprop with momentum": ("RMSProp", {"lr": 0.01, "momentum": 0.9, "weight_decay": 0.1}),
    "adam": ("Adam", {}),
    "adam with settings": ("Adam", {"lr": 0.05, "betas": (0.8, 0.9), "weight_decay": 0.1}),
    "adamw": ("AdamW", {"lr": 0.05}),
}
X = [[0.5, -1.0], [1.5, 0.3], [-0.7, 0.8], [-1.2, -0.4], [0.1, 0.9]]
Y = [0, 1, 2, 1, 0]


def both_models() -> tuple[nn.MLP, Any]:
    """The same network twice: ours, and PyTorch's in float64."""
    ours = nn.MLP(2, [4, 3], "tanh", seed=0)
    theirs = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Tanh(), torch.nn.Linear(4, 3))
    theirs = theirs.double()
    for i, name in ((0, "0"), (1, "2")):
        for part in ("weight", "bias"):
            numbers = torch.tensor(ours.state_dict()[f"layers.{i}.{part}"], dtype=torch.float64)
            theirs.get_parameter(f"{name}.{part}").data = numbers
    return ours, theirs


def step_both(ours: nn.MLP, theirs: Any, optimizer: Any, their_optimizer: Any) -> None:
    optimizer.zero_grad()
    nn.losses.cross_entropy([ours(x) for x in X], Y).backward()
    their_optimizer.zero_grad()
    inputs = torch.tensor(X, dtype=torch.float64)
    torch.nn.functional.cross_entropy(theirs(inputs), torch.tensor(Y)).backward()


def assert_same(ours: nn.MLP, theirs: Any) -> None:
    expected = [x for p in theirs.parameters() for x in p.detach().flatten().tolist()]
    found = []
    for layer in ours.layers:
        found += [p.data for row in layer.weight for p in row] + [p.data for p in layer.bias]
    assert found == pytest.approx(expected, rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("case", CASES)
def test_an_optimiser_is_where_pytorchs_is_after_50_steps(case):
    name, settings = CASES[case]
    ours, theirs = both_models()
    optimizer = getattr(optim, name)(ours.parameters(), **settings)
    their_name = {"RMSProp": "RMSprop"}.get(name, name)
    their_optimizer = getattr(torch.optim, their_name)(theirs.parameters(), **settings)
    for _ in range(50):
        step_both(ours, theirs, optimizer, their_optimizer)
        optimizer.step()
        their_optimizer.step()
    assert_same(ours, theirs)


def test_clipping_is_pytorchs():
    ours, theirs = both_models()
    optimizer = optim.SGD(ours.parameters(), lr=0.5)
    their_optimizer = torch.optim.SGD(theirs.parameters(), lr=0.5)
    for _ in range(50):
        step_both(ours, theirs, optimizer, their_optimizer)
        length = optim.clip_grad_norm(ours.parameters(), 0.3)
        theirs_length = torch.nn.utils.clip_grad_norm_(theirs.parameters(), 0.3)
        assert length == pytest.approx(theirs_length.item(), rel=1e-10)
        optimizer.step()
        their_optimizer.step()
    assert_same(ours, theirs)


@pytest.mark.parametrize("kind", ["step", "cosine", "warm up", "plateau"])
def test_a_schedule_gives_pytorchs_rates(kind):
    schedulers = torch.optim.lr_scheduler
    ours = optim.SGD([Value(0.0)], lr=0.3)
    theirs = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    losses = [1 / (1 + i) if i < 6 else 0.2 for i in range(40)]
    schedule, their_schedule = {
        "step": lambda: (
            optim.Schedule(ours, optim.step_decay(7, 0.5)),
            schedulers.StepLR(theirs, 7, 0.5),
        ),
        "cosine": lambda: (
            optim.Schedule(ours, optim.cosine(40)),
            schedulers.CosineAnnealingLR(theirs, 40),
        ),
        "warm up": lambda: (
            optim.Schedule(ours, optim.warm_up(10, 0.25)),
            schedulers.LinearLR(theirs, 0.25, total_iters=10),
        ),
        "plateau": lambda: (
            optim.Plateau(ours, patience=3),
            schedulers.ReduceLROnPlateau(theirs, patience=3),
        ),
    }[kind]()
    for loss in losses:
        assert ours.lr == pytest.approx(theirs.param_groups[0]["lr"], rel=1e-10, abs=1e-15)
        theirs.step()
        schedule.step(loss)
        their_schedule.step(*([loss] if kind == "plateau" else []))


@pytest.mark.parametrize(
    ("ours", "theirs", "targets"),
    [
        ("mse", "mse_loss", [0.3, -2.0, 5.0]),
        ("mae", "l1_loss", [0.3, -2.0, 5.0]),
        ("huber", "huber_loss", [0.3, -2.0, 5.0]),
        ("bce_with_logits", "binary_cross_entropy_with_logits", [0.0, 1.0, 0.3]),
    ],
)
def test_a_loss_and_its_slopes_are_pytorchs(ours, theirs, targets):
    outputs = [0.7, -1.3, 3.1]
    nodes = [Value(x) for x in outputs]
    loss = nn.losses.LOSSES[ours](nodes, targets)
    loss.backward()
    inputs = torch.tensor(outputs, dtype=torch.float64, requires_grad=True)
    expected = getattr(torch.nn.functional, theirs)(
        inputs, torch.tensor(targets, dtype=torch.float64)
    )
    expected.backward()
    assert loss.data == pytest.approx(expected.item(), rel=1e-14)
    assert [x.grad for x in nodes] == pytest.approx(inputs.grad.tolist(), rel=1e-14)
