"""Thirty public tables, each trained by one command, beside scikit-learn's defaults.

Each table is written as CSV and trained by `valuegrad train FILE --target COLUMN`, with nothing
else said but columns to ignore. scikit-learn's networks get the same features (as that command
encodes them), the same rows to train on and the same to validate, after a SimpleImputer and a
StandardScaler; so does a linear model. Scores: accuracy of classes, R² of a number.

    python -m pip install statsmodels vega_datasets palmerpenguins
    python benchmarks/tables.py             (two minutes)
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import tempfile
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from palmerpenguins import load_penguins
from sklearn import datasets
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from statsmodels import datasets as econometric
from vega_datasets import local_data

from autograd.commands.main import main
from autograd.delimited import Notation, Records
from nn.data import split
from nn.tables.judging import Reading, judge, read_training

# package: {table: target, or target and columns to ignore}
TABLES = {
    "scikit-learn": {
        "iris": "target", "wine": "target", "breast_cancer": "target", "digits": "target",
        "diabetes": "target",
    },
    "palmerpenguins": {"penguins": "species"},
    "vega_datasets": {
        "cars": "Miles_per_Gallon Name", "barley": "yield", "airports": "longitude iata,name,city",
        "iris": "species", "driving": "gas", "anscombe": "Y", "stocks": "price",
        "wheat": "wheat", "ohlc": "close",
    },
    "statsmodels": {
        "anes96": "vote", "fair": "affairs", "randhie": "mdvis", "star98": "NABOVE",
        "modechoice": "choice", "macrodata": "realcons", "grunfeld": "invest", "engel": "foodexp",
        "cancer": "cancer", "ccard": "AVGEXP", "statecrime": "violent", "elnino": "DEC",
        "spector": "GRADE", "scotland": "YES", "copper": "WORLDCONSUMPTION",
    },
}  # fmt: skip


def frame(package: str, name: str) -> Any:
    """The table as a data frame."""
    if package == "scikit-learn":
        return getattr(datasets, f"load_{name}")(as_frame=True).frame
    if package == "vega_datasets":
        return getattr(local_data, name)()
    return load_penguins() if package == "palmerpenguins" else getattr(
        econometric, name).load_pandas().data  # fmt: skip


def trained(path: str, target: str, ignored: list[str]) -> float:
    """The validation score that the command prints."""
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        status = main(["train", path, "--target", target, "--quiet", *ignored])
    if status:
        raise SystemExit(f"{path}: exit status {status}")
    accuracy, r2 = re.search(
        r"^validation +(?:accuracy +(\S+)%|R² (\S+))", told.getvalue(), re.MULTILINE
    ).groups()
    return float(accuracy) / 100 if accuracy else float(r2)


def peers(path: str, target: str, ignored: str) -> tuple[str, int, int, list[float]]:
    """The kind of score, the shape of the table, and the scores of scikit-learn's models."""
    records, reading = Records(path), Reading(Notation())
    judged = judge(records, target, ignored.split(","), "auto", reading)
    X, y, *_ = read_training(records, judged, reading)
    rows = list(range(len(y)))
    (learn, _), (hold, _) = split(rows, rows, 0.2, 0)
    y = np.array(y)
    models: list[Callable[[], Any]] = (
        [lambda: MLPClassifier(random_state=0), LogisticRegression]
        if judged.table.classes
        else [lambda: MLPRegressor(random_state=0), Ridge]
    )
    found = []
    for make in models:
        model = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), make())
        found.append(model.fit(X[learn], y[learn]).score(X[hold], y[hold]))
    kind = "accuracy" if judged.table.classes else "R²"
    return kind, len(y), len(judged.table.columns), found


def measure() -> None:
    """Print a line for each table."""
    warnings.simplefilter("ignore")  # scikit-learn's 200 epochs run out
    print("| table | rows x columns | score | `valuegrad train` | sklearn MLP | linear | seconds |")
    print("|---|---|---|---|---|---|---|")
    for package, tables in TABLES.items():
        for name, words in tables.items():
            target, _, ignored = words.partition(" ")
            frame(package, name).to_csv("table.csv", index=False)
            start = time.perf_counter()
            own = trained("table.csv", target, ["--ignore", ignored] if ignored else [])
            seconds = time.perf_counter() - start
            kind, rows, columns, (theirs, linear) = peers("table.csv", target, ignored)
            print(f"| {package} {name} | {rows:,} x {columns} | {kind} | **{own:.3f}** | "
                  f"{theirs:.3f} | {linear:.3f} | {seconds:.1f} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as room:
        os.chdir(room)
        measure()
