"""60 faulty trainings and 60 healthy ones: which faults does `nn.diagnose_training` name?

    python benchmarks/diagnosing_training.py [--half tuned|reported] [--seed N] [--all]

The kinds of fault are those of published studies of training bugs (Humbatova et al. 2020, Taxonomy
of Real Faults in Deep Learning Systems; Humbatova et al. 2021, DeepCrime; Zhang et al. 2021,
AUTOTRAINER). Each is put into a training that is healthy without it. A fault is named if a finding
of its own kind is among the sentences; a healthy training is accused if there is any sentence. The
thresholds were chosen on one half of the trainings; the other has the same faults in other tasks.
Needs scikit-learn.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
from sklearn import datasets

import nn

NAMES = {
    "learning rate": ["The loss diverges", "The loss jumps", "Learning rate too low", "Dead relu",
                      "Large weights"],
    "initialisation": ["Equal units", "Large weights", "Small weights", "Saturated",
                       "The gradient vanishes", "The gradient explodes"],
    "activation": ["No activation", "Output activation", "Targets out of reach", "Saturated",
                   "The gradient vanishes", "No gradient reaches", "Hidden activation",
                   "Bias shift"],
    "loss": ["Squashed twice", "Softmax before cross_entropy", "Output activation",
             "Classes as numbers", "Targets out of reach", "Flat loss"],
    "labels": ["Targets unrelated", "Classes without samples", "Imbalance", "Equal targets",
               "Classes never predicted", "Targets out of reach"],
    "normalisation": ["Scale of the features", "Scale of the targets"],
    "batch": ["Batches in the order", "Few updates", "larger batches"],
    "epochs": ["Stopped too early", "Overfitting"],
}  # fmt: skip


# ---- healthy trainings ---------------------------------------------------------------------------


def standard(x: Any) -> Any:
    return (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-12)


def tables(seed: int) -> dict[str, tuple[Any, Any]]:
    """Samples and targets: whole numbers from 0 on are classes."""
    rng = np.random.default_rng(seed)
    cloud = rng.normal(size=(120, 2))
    some = rng.permutation(500)[:200]
    bundled = {
        name: getattr(datasets, f"load_{name}")(return_X_y=True)
        for name in ("iris", "wine", "breast_cancer", "diabetes")
    }
    pixels, digits = datasets.load_digits(return_X_y=True)
    wave = rng.uniform(-2.0, 2.0, (120, 1))
    friedman = datasets.make_friedman1(200, noise=0.5, random_state=seed)
    return {
        "moons": datasets.make_moons(120, noise=0.1, random_state=seed),
        "circles": datasets.make_circles(120, noise=0.05, factor=0.5, random_state=seed),
        "blobs": datasets.make_blobs(120, centers=3, random_state=seed % 5),
        "signs": (cloud, (cloud[:, 0] * cloud[:, 1] > 0).astype(int)),
        "iris": bundled["iris"],
        "wine": bundled["wine"],
        "cancer": tuple(part[:200] for part in bundled["breast_cancer"]),
        "digits": (pixels[some] / 16.0, digits[some]),
        "wave": (wave, np.sin(2.0 * wave[:, 0])),
        "bowl": (cloud, standard((cloud**2).sum(axis=1))),
        "friedman": (friedman[0], standard(friedman[1])),
        "plane": (cloud, cloud @ [1.0, -2.0] + 0.1 * rng.normal(size=120)),
    }


TWO = ("moons", "circles", "signs", "cancer")
MORE = ("blobs", "iris", "wine", "digits")
AMOUNTS = ("wave", "bowl", "friedman", "plane")


class Plan:
    """A training: the arguments of `nn.MLP` and of `nn.fit`, which a fault changes."""

    def __init__(self, task: str, seed: int) -> None:
        X, y = tables(seed)[task]
        X = X if task in ("digits", "friedman") else standard(X)
        rng, self.task, self.seed = Random(f"{task} {seed}"), task, seed
        self.X, self.y, self.output = np.asarray(X), np.asarray(y), None
        self.loss, self.outputs = "mse", 1
        if task in MORE:
            self.loss, self.outputs = "cross_entropy", int(self.y.max()) + 1
        elif task in TWO:
            self.loss = rng.choice(["bce_with_logits", "bce", "hinge", "bce_with_logits"])
            self.output = "sigmoid" if self.loss == "bce" else None
            self.y = 2 * self.y - 1 if self.loss == "hinge" else self.y
        self.activation = rng.choice(["relu", "tanh", "leaky_relu", "gelu", "silu", "elu"])
        self.sizes = rng.choice([[16], [16, 16], [24], [12, 12]])
        self.backend = rng.choice(["tensor", "tensor", "value"]) if len(self.X[0]) < 5 else "tensor"
        optimizer, lr = rng.choice([("adam", 0.02), ("rmsprop", 0.01), ("sgd", 0.02)])
        sgd = lambda params, lr: nn.optim.SGD(params, lr, momentum=0.9)
        self.told: dict[str, Any] = {
            "optimizer": sgd if optimizer == "sgd" else optimizer, "lr": lr,
            "epochs": rng.choice([80, 120]), "batch_size": rng.choice([8, 16, 32]), "seed": seed,
        }  # fmt: skip
        self.changed: Callable[[nn.MLP], object] = lambda model: None

    def run(self) -> list[str]:
        """The titles of the findings after the training."""
        model = nn.MLP(
            self.X.shape[1], [*self.sizes, self.outputs], self.activation, self.output,
            seed=self.seed, backend=self.backend,
        )  # fmt: skip
        self.changed(model)
        y = self.y if self.loss == "cross_entropy" else self.y.astype(float)
        try:
            nn.fit(model, self.X, y, self.loss, progress=False, **self.told)
        except FloatingPointError:
            pass
        except ValueError as error:
            return [f"Targets out of reach: {error}"]
        return nn.diagnose_training(model, self.X, y, self.loss).findings


# ---- faults --------------------------------------------------------------------------------------


def scaled(factor: float) -> Callable[[nn.MLP], object]:
    def change(model: nn.MLP) -> None:
        state = {name: np.array(x) * factor for name, x in model.state_dict().items()}
        model.load_state_dict({name: x.tolist() for name, x in state.items()})

    return change


def filled(number: float) -> Callable[[nn.MLP], object]:
    def change(model: nn.MLP) -> None:
        state = {name: np.array(x) * 0.0 + number for name, x in model.state_dict().items()}
        model.load_state_dict({name: x.tolist() for name, x in state.items()})

    return change


def of(**told: Any) -> Callable[[Plan], object]:
    """A fault in the arguments of `nn.fit`."""
    return lambda plan: plan.told.update(told)


def setting(**changes: Any) -> Callable[[Plan], object]:
    """A fault in the plan itself."""
    return lambda plan: [setattr(plan, name, x) for name, x in changes.items()]


def both(*faults: Callable[[Plan], object]) -> Callable[[Plan], object]:
    return lambda plan: [fault(plan) for fault in faults]


def hinged(plan: Plan) -> None:
    plan.y = 2.0 * (plan.y > 0) - 1.0
    plan.loss, plan.output = "hinge", "sigmoid"


def shuffled(plan: Plan) -> None:
    plan.y = np.random.default_rng(plan.seed).permutation(plan.y)


def off_by_one(plan: Plan) -> None:
    plan.y, plan.outputs = plan.y + 1, plan.outputs + 1


def unbalanced(plan: Plan) -> None:
    low = np.flatnonzero(plan.y == plan.y.min())
    keep = np.concatenate([low[:3], np.flatnonzero(plan.y != plan.y.min())])
    plan.X, plan.y = plan.X[keep], plan.y[keep]


def wrong_range(plan: Plan) -> None:
    plan.loss, plan.output, plan.y = "mse", "sigmoid", 2.0 * (plan.y > 0) - 1.0


def features(change: Callable[[Any], Any]) -> Callable[[Plan], object]:
    def fault(plan: Plan) -> None:
        plan.X = change(plan.X)

    return fault


def targets(plan: Plan) -> None:
    plan.y = plan.y * 1000.0 + 5000.0


def year(X: Any) -> Any:
    X = X.copy()
    X[:, 0] = 2000.0 + 5.0 * X[:, 0]
    return X


def in_order(plan: Plan) -> None:
    order = np.argsort(plan.y, kind="stable")
    plan.X, plan.y = plan.X[order], plan.y[order]
    plan.told["shuffle"] = False


def overfitted(plan: Plan) -> None:
    rng = np.random.default_rng(plan.seed)
    plan.X = np.hstack([plan.X, rng.normal(size=(len(plan.X), 6))])
    flipped = rng.random(len(plan.y)) < 0.2
    plan.y = np.where(flipped, rng.permutation(plan.y), plan.y)
    held = len(plan.X) // 2
    plan.told |= {"validation": (plan.X[held:], plan.y[held:].astype(float)), "epochs": 300}
    plan.X, plan.y, plan.sizes = plan.X[:held], plan.y[:held], [32, 32]


Fault = tuple[tuple[str, ...], Callable[[Plan], object]]
ANY = (*TWO, *MORE, *AMOUNTS)
BENT = ("moons", "circles", "signs", "wave", "bowl")  # no line separates or fits them
FAULTS: dict[str, list[Fault]] = {
    "learning rate": [
        (ANY, of(optimizer="adam", lr=3.0)), (ANY, of(optimizer="adam", lr=1e-6)),
        (AMOUNTS, of(optimizer="sgd", lr=20.0)), (ANY, of(optimizer="sgd", lr=1e-5)),
    ],
    "initialisation": [
        (ANY, lambda plan: setattr(plan, "changed", filled(0.0))),
        (ANY, lambda plan: setattr(plan, "changed", scaled(40.0))),
        (BENT, both(setting(changed=scaled(1e-3), sizes=[16] * 4), of(optimizer="sgd"))),
        (ANY, lambda plan: setattr(plan, "changed", filled(0.5))),
    ],
    "activation": [
        (BENT, setting(activation="linear", sizes=[16, 16])),
        (BENT, setting(activation="sigmoid", sizes=[8] * 10)),
        (AMOUNTS, setting(output="relu")),
        (BENT, setting(activation="step")),
    ],
    "loss": [
        (TWO, setting(output="sigmoid", loss="bce_with_logits")),
        (MORE, setting(output="softmax")),
        (MORE, setting(outputs=1, loss="mse")),
        (TWO, hinged),
    ],
    "labels": [
        (ANY, shuffled), (MORE, off_by_one), (TWO, unbalanced), (TWO, wrong_range),
    ],
    "normalisation": [
        (ANY, features(lambda X: X * 1000.0)), (ANY, features(year)), (AMOUNTS, targets),
        (ANY, features(lambda X: X * 1e-3)),
    ],
    "batch": [
        ((*TWO, *MORE), in_order),
        (BENT, of(batch_size=None, epochs=20, optimizer="adam", lr=0.003)),
        (AMOUNTS, both(setting(activation="tanh"), of(batch_size=1, optimizer="sgd", lr=0.15))),
        (AMOUNTS, in_order),
    ],
    "epochs": [
        (ANY, of(epochs=1, optimizer="adam", lr=0.005, batch_size=32)),
        (BENT, of(epochs=3, optimizer="adam", lr=0.005, batch_size=32)),
        (TWO, overfitted),
        (BENT, of(epochs=15, optimizer="adam", lr=0.001)),
    ],
}  # fmt: skip


def faulty(first_seed: int = 0) -> list[tuple[str, str, Plan]]:
    """(half, kind, training) of each: every fault stands in both halves, in other tasks."""
    found, n = [], first_seed
    for turn in range(8):
        for kind, faults in FAULTS.items():
            tasks, change = faults[turn // 2]
            plan = Plan(Random(f"{kind} {turn} {first_seed}").choice(tasks), seed=n)
            change(plan)
            found.append(("reported" if turn % 2 else "tuned", kind, plan))
            n += 1
    return found[:60]


def healthy(first_seed: int = 0) -> list[tuple[str, str, Plan]]:
    """Each task with several seeds, which choose the network, the optimiser and the batches."""
    return [
        (
            ("tuned", "reported")[i // len(ANY) % 2],
            "healthy",
            Plan(ANY[i % len(ANY)], first_seed + 100 + i),
        )
        for i in range(60)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", choices=["tuned", "reported"])
    parser.add_argument("--seed", type=int, default=0, help="other tasks, networks and data")
    parser.add_argument("--all", action="store_true", help="print every training and its findings")
    args = parser.parse_args()
    total: Counter[tuple[str, str]] = Counter()
    named: Counter[tuple[str, str]] = Counter()
    for half, kind, plan in faulty(args.seed) + healthy(args.seed):
        if args.half in (None, half):
            findings = plan.run()
            titles = NAMES.get(kind, [""])
            hit = any(title in text for text in findings for title in titles)
            total[kind, half] += 1
            named[kind, half] += hit
            if args.all or hit == (kind == "healthy"):
                print(half, kind, plan.task, plan.seed, plan.activation, plan.loss, findings)
    halves = ["tuned", "reported"] if args.half is None else [args.half]
    print("\n|", " | ".join(["", *(f"{half}: named of all" for half in halves)]), "|")
    print("|---" * (1 + len(halves)) + "|")
    for kind in [*FAULTS, "healthy"]:
        cells = [f"{named[kind, half]} of {total[kind, half]}" for half in halves]
        print(f"| {kind} | {' | '.join(cells)} |")
    for half in halves:
        hits = sum(n for (kind, h), n in named.items() if h == half and kind != "healthy")
        n = sum(n for (kind, h), n in total.items() if h == half and kind != "healthy")
        print(f"{half}: {hits} of {n} faults named, {hits / n:.1%}; "
              f"{named['healthy', half]} of {total['healthy', half]} healthy accused")  # fmt: skip


if __name__ == "__main__":
    main()
