"""The estimators, by scikit-learn's own checks and by what they learn."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import nn

pytest.importorskip("sklearn")

from sklearn.datasets import load_iris, make_moons
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

pytestmark = pytest.mark.slow

# scikit-learn's checks fit each some fifty times: smaller networks and fewer epochs than the
# defaults, which pass as well, but take minutes.
QUICK = {"layers": (6,), "epochs": 12, "lr": 0.1, "batch_size": 8}


@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_scikit_learn_finds_nothing_wrong(kind):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its checks warn of what this machine lacks
        results = check_estimator(getattr(nn, kind)(**QUICK), on_skip=None, on_fail=None)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert failed == {}
    assert sum(r["status"] == "passed" for r in results) > 45


def test_a_classifier_learns_two_moons_in_a_pipeline():
    X, y = make_moons(60, noise=0.1, random_state=0)
    pipe = make_pipeline(StandardScaler(), nn.MLPClassifier(random_state=0))
    assert pipe.fit(X, y).score(X, y) >= 0.95


def test_a_classifier_of_names_answers_names_and_probabilities():
    X, y = load_iris(return_X_y=True)
    X, names = X[::3], np.array(["setosa", "versicolor", "virginica"])[y[::3]]
    model = nn.MLPClassifier(epochs=25, random_state=0).fit(X, names)
    assert model.score(X, names) >= 0.95
    assert list(model.classes_) == ["setosa", "versicolor", "virginica"]
    shares = model.predict_proba(X)
    assert shares.sum(axis=1) == pytest.approx(1.0)
    assert (model.classes_[shares.argmax(axis=1)] == model.predict(X)).all()
    assert model.n_iter_ == model.history_.epochs == 25


def test_a_regressor_learns_rows_of_numbers_in_their_own_units():
    X = np.linspace(-1, 1, 40)[:, None]
    y = np.hstack([1000 + 500 * X, 0.001 * X**2])
    model = nn.MLPRegressor(activation="tanh", lr=0.05, epochs=60, random_state=0).fit(X, y)
    assert model.predict(X).shape == (40, 2)
    assert model.score(X, y) > 0.97
    assert nn.MLPRegressor(epochs=1).fit(X, y[:, 0]).predict(X).shape == (40,)


def test_cross_validation_and_grid_search_work():
    X, y = make_moons(40, noise=0.1, random_state=0)
    quick = nn.MLPClassifier(epochs=3, random_state=0)
    assert cross_val_score(quick, X, y, cv=2).shape == (2,)
    search = GridSearchCV(quick, {"layers": [(2,), (4,)]}, cv=2).fit(X, y)
    assert search.best_params_["layers"] in [(2,), (4,)]


def test_the_same_random_state_gives_the_same_model():
    X, y = make_moons(40, noise=0.1, random_state=0)

    def shares(state):
        return nn.MLPClassifier(epochs=2, random_state=state).fit(X, y).predict_proba(X)

    assert (shares(1) == shares(1)).all()
    assert (shares(1) != shares(2)).any()


def test_one_class_cannot_be_learnt():
    with pytest.raises(ValueError, match="two classes at least, and y has one class only"):
        nn.MLPClassifier().fit([[1.0], [2.0]], [0, 0])


def test_settings_are_checked_when_fitting():
    with pytest.raises(ValueError, match="no optimiser 'adma': did you mean 'adam'"):
        nn.MLPClassifier(optimizer="adma").fit([[1.0], [2.0]], [0, 1])
    with pytest.raises(ValueError, match="the size of a layer is 0"):
        nn.MLPRegressor(layers=(0,)).fit([[1.0], [2.0]], [0, 1])
