"""Cross-validated accuracy with the defaults, beside scikit-learn's.

Five stratified folds, shuffled by the seed that also starts the networks. `nn.MLPClassifier` is as
it comes; scikit-learn's two are in a pipeline after its StandardScaler (which ours has inside).

    python benchmarks/nn_scores.py          (some minutes; --seeds 1 for a look)
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import Any

from sklearn.datasets import load_breast_cancer, load_iris, load_wine, make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import autograd
import nn

DATA: dict[str, Any] = {
    "two moons, 200": lambda: make_moons(200, noise=0.1, random_state=0),
    "iris": lambda: load_iris(return_X_y=True),
    "wine": lambda: load_wine(return_X_y=True),
    "breast cancer": lambda: load_breast_cancer(return_X_y=True),
}
MODELS: dict[str, Any] = {
    "nn.MLPClassifier": lambda seed: nn.MLPClassifier(random_state=seed),
    "sklearn MLPClassifier": lambda seed: make_pipeline(
        StandardScaler(), MLPClassifier(random_state=seed)
    ),
    "logistic regression": lambda seed: make_pipeline(StandardScaler(), LogisticRegression()),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)  # scikit-learn's 200 epochs run out
    print(f"engine {autograd.engine()}; mean of 5 folds for seeds 0 to {args.seeds - 1}")
    for name, load in DATA.items():
        X, y = load()
        for title, make in MODELS.items():
            start = time.perf_counter()
            scores = []
            for seed in range(args.seeds):
                folds = StratifiedKFold(5, shuffle=True, random_state=seed)
                scores.append(cross_val_score(make(seed), X, y, cv=folds).mean())
            each = " ".join(f"{score:.1%}" for score in scores)
            seconds = (time.perf_counter() - start) / args.seeds / 5
            print(f"{name:<16}{title:<24}{each}   {seconds:.2f} s a fit", flush=True)


if __name__ == "__main__":
    main()
