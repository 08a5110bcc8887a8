"""Faults inside a network: numbers for each layer, and sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import autograd
from autograd import gradients, trees

from .data import Samples, forward_of, number_of, ready
from .layers import Layer
from .losses import LOSSES, Loss, loss_of
from .module import Module, watching
from .parameters import Array, Node, flat, is_tensor, np, plain
from .symptoms import Training, findings
from .training.fit import History, latest

# Thresholds for a sentence, so wide that a healthy network gets none.
FAR = 1e3  # gradients of the first and the last layer, per weight
FAR_STUCK = 1e2  # likewise, after a training whose loss is still that of guessing
MANY_DEAD = 0.4  # units of a layer that never fire
MANY_SATURATED = 0.5  # outputs of a layer in the flat ends of a sigmoid or tanh
SHIFTED = 1.5  # the mean of a layer's outputs, in their standard deviations
EFFECTS = "Learning rate too low", "Stopped too early", "Few updates", "Classes never predicted"
FLAT = 0.01  # a slope below this part of the steepest one is a flat end


@dataclass
class LayerReport:
    """One layer over all samples.

    `dead` is the share of its units whose output is 0 for every sample (only with relu),
    `saturated` the share of outputs in the flat ends (only with sigmoid and tanh), `gradient` the
    root mean square of the loss's derivatives by its weights, `mean` and `deviation` those of its
    outputs.
    """

    name: str
    activation: str
    units: int
    dead: float
    saturated: float
    gradient: float
    mean: float
    deviation: float


@dataclass
class TrainingReport:
    """A row for each layer, and a sentence for each fault; true if there are none."""

    layers: list[LayerReport]
    findings: list[str]

    def __bool__(self) -> bool:
        return not self.findings

    def plot(self, ax: Any = None) -> Any:
        """Draw the numbers of each layer, with matplotlib, and return the four axes."""
        from .plotting import plot_training

        return plot_training(self, ax)

    def __str__(self) -> str:
        lines = ["layer                  units   dead  saturated  gradient      mean ± deviation"]
        for row in self.layers:
            lines.append(
                f"{row.name + ' ' + row.activation:<22} {row.units:>5}  {row.dead:>4.0%}  "
                f"{row.saturated:>9.0%}  {row.gradient:>8.1e}  "
                f"{row.mean:>8.3g} ± {row.deviation:.3g}"
            )
        return "\n".join([*lines, "", *(self.findings or ["Nothing is wrong here."])])

    __repr__ = __str__


Diagnosis = TrainingReport  # the name in pickles of earlier versions


def diagnose_training(
    model: Module, X: Samples, y: Samples, loss: str | Loss = "mse",
    history: History | None = None,
) -> TrainingReport:  # fmt: skip
    """Look for faults in a model, its data, its loss, and its training by `nn.fit`.

    Each `Layer` has a row: dead, saturated and shifted units and bad gradients. The other findings
    are of the output layer and the loss, the targets, the features, the first weights and, with the
    `history` (by default that of the latest fit of this model), the learning rate, the batches and
    the epochs; for these a copy of the model is trained on. A training that has succeeded is not
    blamed for what its units look like. Nothing changes, not even `.grad`. ValueError if the model
    has no `Layer`.
    """
    rows, targets = ready(model, X, y)
    layers = [module for module in model.modules() if isinstance(module, Layer)]
    if not layers:
        raise ValueError("this looks at the Layers of a model, and it has none")
    loss = loss_of(loss)
    returned, out, outputs = observed(model, rows, targets, loss, layers)
    called = [(i, m) for i, m in enumerate(layers, 1) if id(m) in outputs]
    reports = [
        report_of(
            m.activation, m.name or f"layer {i}", outputs[id(m)], gradients(out, [*flat(m.weight)])
        )
        for i, m in called
    ]
    numbers, last = numbers_of(returned), called[-1][1] if called else None
    if numbers is None or not last or [*flat(numbers)] != [*flat(outputs[id(last)])]:
        last = None
    history = latest(model) if history is None else history
    training = Training(model, rows, targets, loss, number_of(out), numbers, last, history)
    found = [*findings(training), *_squashed_twice(training, out)]
    if not training.succeeded:
        faults = _gradient_findings(reports, training.stuck)
        if training.stuck and any(told.startswith("The gradient vanishes") for told in faults):
            found = [told for told in found if not told.startswith(EFFECTS)]
        found = [*faults, *_unit_findings(reports), *found]
    return TrainingReport(reports, _once(found))


def _squashed_twice(training: Training, out: Node) -> list[str]:
    """A sentence if the graph of the loss has a sigmoid or a softmax of another."""
    if training.loss in LOSSES.values():  # two samples show the same, and sooner
        out = training.loss(forward_of(training.model)(training.rows[:2]), training.targets[:2])
    twice = [x for x in autograd.lint(out) if x.check == "squashed twice"]
    return [f"Squashed twice: {x.what}. {x.cure[0].upper()}{x.cure[1:]}." for x in twice[:1]]


def observed(
    model: Module, rows: Samples, targets: Samples, loss: Loss, modules: Sequence[Module]
) -> tuple[Any, Node, dict[int, Array]]:
    """The result of the model, its loss, and the outputs of modules that were called, by their id.

    Outputs have a row for each sample, or for each place in one, and a column for each unit.
    """
    heard: dict[int, list[Array]] = {id(m): [] for m in modules}

    def watch(module: Module, result: Any) -> None:
        if id(module) in heard and (found := _rows(result)) is not None:
            heard[id(module)].append(found)

    with watching(watch):
        returned = forward_of(model)(rows)
        out = loss(returned, targets)
    return returned, out, {key: np.concatenate(parts) for key, parts in heard.items() if parts}


def numbers_of(outputs: Any) -> Any:
    """The outputs as an array of numbers; None if they are not."""
    try:
        return np.array(trees.replace(outputs, plain), dtype=float)
    except (TypeError, ValueError):
        return None


def _rows(result: Any) -> Array | None:
    """The outputs of a call, a row for each sample or place; None if they are not numbers."""
    if (found := numbers_of(result)) is None:
        return None
    if found.ndim == 4:  # channels of pictures
        found = np.moveaxis(found, 1, -1)
    units = 1 if is_tensor(result) and found.ndim == 1 else found.shape[-1] if found.ndim else 1
    return found.reshape(-1, units)


def report_of(activation: str, name: str, outputs: Array, slopes: Sequence[Any]) -> LayerReport:
    """The numbers of a layer from its outputs and the gradients by its weights."""
    with np.errstate(all="ignore"):
        mean = float(outputs.mean())
        dead = ~outputs.any(axis=0) if activation == "relu" else np.zeros(1)
        return LayerReport(
            name, activation, outputs.shape[1], float(dead.mean()),
            float(_is_flat(activation, outputs).mean()),
            _rms(np.concatenate([np.ravel(x) for x in slopes])), mean, _rms(outputs - mean),
        )  # fmt: skip


def _rms(numbers: Array) -> float:
    largest = float(np.abs(numbers).max(initial=0.0))
    if not 0.0 < largest < math.inf:
        return largest
    return largest * math.sqrt(np.square(numbers / largest).mean())  # squares might overflow


def _is_flat(activation: str, out: Array) -> Array:
    """True where the slope, a function of the output, is far below the steepest."""
    if activation == "sigmoid":
        return 4.0 * out * (1.0 - out) < FLAT
    return (1.0 - out) * (1.0 + out) < FLAT if activation == "tanh" else np.zeros(1)


def _gradient_findings(reports: list[LayerReport], stuck: bool) -> list[str]:
    first, last = reports[0], reports[-1]
    if not math.isfinite(first.gradient + last.gradient):
        return ["A gradient is not finite: lower the learning rate, or standardise the features."]
    if stopped := [row for row in reports if row.gradient == 0]:
        row = stopped[-1]
        return [
            f"No gradient reaches {row.name}: its weights cannot learn. Its inputs are 0 (dead "
            "relu), units after it are flat (step, dead relu), or the loss is at its minimum."
        ]
    if first.gradient * (FAR_STUCK if stuck else FAR) < last.gradient:
        return [
            f"The gradient vanishes: {first.gradient:.1e} per weight in {first.name}, against "
            f"{last.gradient:.1e} in {last.name}. Use relu with He's first weights, or fewer "
            "layers."
        ]
    if first.gradient > FAR * last.gradient:
        return [
            f"The gradient explodes: {first.gradient:.1e} per weight in {first.name}, against "
            f"{last.gradient:.1e} in {last.name}. Use smaller first weights, or clip the gradient."
        ]
    return []


def _unit_findings(reports: list[LayerReport]) -> list[str]:
    found = []
    for row in reports:
        if row.dead >= MANY_DEAD:
            found.append(
                f"Dead relu: {round(row.dead * row.units)} of {row.units} units of {row.name} "
                "return 0 for every sample and learn nothing more. Lower the learning rate and "
                "start again, or use leaky_relu."
            )
        if row.saturated >= MANY_SATURATED:
            found.append(
                f"Saturated {row.activation}: {row.saturated:.0%} of the outputs of {row.name} "
                "are in its flat ends, where almost no gradient passes. Use smaller first "
                "weights, or standardise the features."
            )
    for row in reports[:-1]:  # the last layer's mean follows the targets
        if abs(row.mean) > SHIFTED * row.deviation > 0:
            found.append(
                f"Bias shift: the outputs of {row.name} have mean {row.mean:.2g} and deviation "
                f"{row.deviation:.2g}, so the next layer sees inputs of one sign "
                f"({row.activation}). tanh is centred at 0 (LeCun et al. 1998)."
            )
    return found


def _once(found: list[str]) -> list[str]:
    """The first sentence of each title, with the number of those left out: one for each layer."""
    titled: dict[str, list[str]] = {}
    for told in found:
        titled.setdefault(told.partition(":")[0], []).append(told)
    return [
        first + (f" (The same holds of {len(more)} more.)" if more else "")
        for first, *more in titled.values()
    ]
