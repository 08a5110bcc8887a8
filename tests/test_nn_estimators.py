"""The estimators, by scikit-learn's own checks and by what they learn."""

from __future__ import annotations

import copy
import pickle
import warnings
from io import BytesIO

import numpy as np
import pytest

import nn
from autograd import stack_values
from nn.parameters import flat

pytest.importorskip("sklearn")

from sklearn.datasets import load_iris, make_moons
from sklearn.linear_model import LogisticRegression
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


# ---- weights, and files of several libraries -----------------------------------------------------

KINDS = ["MLPClassifier", "MLPRegressor"]


def weighing(kind, backend, X, y, weights=None, **settings):
    settings = {"epochs": 6, "layers": (5,), "batch_size": 8, "random_state": 0, **settings}
    return getattr(nn, kind)(backend=backend, **settings).fit(X, y, sample_weight=weights)


@pytest.mark.parametrize("backend", ["tensor", "value"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_of_weight_three_is_three_and_one_of_weight_none_is_not_there(kind, backend):
    rng = np.random.default_rng(0)
    X, y, weights = rng.normal(size=(30, 2)), rng.integers(0, 3, 30), rng.integers(0, 4, 30)
    repeated = weighing(kind, backend, X.repeat(weights, axis=0), y.repeat(weights))
    found = weighing(kind, backend, X, y, weights)
    assert (found.predict(X) == repeated.predict(X)).all()
    order = rng.permutation(30)
    assert (weighing(kind, backend, X[order], y[order], weights[order]).predict(X)
            == found.predict(X)).all()  # fmt: skip


@pytest.mark.parametrize("backend", ["tensor", "value"])
def test_weights_are_those_of_the_mean_that_is_made_small(backend):
    """A line without a slope: the minimum of the weighted mean is the weighted mean of y."""
    X, y, weights = np.zeros((3, 1)), np.array([0.0, 1.0, 5.0]), np.array([0.5, 0.25, 2.75])
    settings = {"layers": (), "epochs": 900, "batch_size": None, "lr": 0.4, "patience": None,
                "optimizer": "sgd", "weight_decay": 0.0}  # fmt: skip
    model = weighing("MLPRegressor", backend, X, y, weights, **settings)
    assert model.predict(X[:1]) == pytest.approx([np.average(y, weights=weights)], rel=1e-9)
    classes = weighing("MLPClassifier", backend, X, [0, 1, 1], weights, **settings)
    assert classes.predict_proba(X[:1])[0, 1] == pytest.approx(3.0 / 3.5, rel=1e-6)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 6])
@pytest.mark.parametrize("backend", ["tensor", "value"])
@pytest.mark.parametrize("kind", KINDS)
def test_weights_mean_the_same_in_small_batches(kind, backend, batch_size):
    """As the learning rate goes to 0, the steps of an epoch add up to that of the full batch."""
    rng = np.random.default_rng(0)
    X, y, weights = rng.normal(size=(12, 2)), np.arange(12) % 3, rng.uniform(0.01, 1.0, 12)
    settings = {"epochs": 1, "layers": (), "patience": None, "optimizer": "sgd", "lr": 1e-7,
                "weight_decay": 0.0}  # fmt: skip

    def moved(size):
        state = [
            weighing(kind, backend, X, y, weights, **{**settings, "lr": lr}, batch_size=size)
            for lr in (settings["lr"], 0.0)
        ]
        after, before = (np.array(list(flat(m.model_.state_dict()))) for m in state)
        return after - before

    assert moved(batch_size) / (12 // batch_size) == pytest.approx(moved(None), rel=1e-5)


@pytest.mark.parametrize("batch_size", [1, 4, 16, None])
def test_rare_weights_stay_rare_in_every_batch(batch_size):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 2)), np.arange(400) % 2
    weights = np.where(y == 1, 0.01, 1.0)
    lr = 0.2 if batch_size is None else 0.02
    model = weighing("MLPClassifier", "tensor", X, y, weights, layers=(), epochs=60, lr=lr,
                     batch_size=batch_size, patience=None, weight_decay=0.0)  # fmt: skip
    found = LogisticRegression(C=1e9).fit(X, y, sample_weight=weights).predict_proba(X)[:, 1]
    assert model.predict_proba(X)[:, 1].mean() == pytest.approx(found.mean(), abs=0.005)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_count_in_the_scales_and_their_unit_does_not(kind):
    rng = np.random.default_rng(0)
    X, weights = rng.normal(size=(30, 2)), rng.uniform(0.0, 1.0, 30) * (np.arange(30) % 3 > 0)
    y = np.arange(30) % 2
    model = weighing(kind, "tensor", X, y, weights, batch_size=None)
    scaler = StandardScaler().fit(X, sample_weight=weights)
    assert model._means == pytest.approx(scaler.mean_, rel=1e-12)
    assert model._scales == pytest.approx(scaler.scale_, rel=1e-12)
    assert (weighing(kind, "tensor", X, y, weights / 8, batch_size=None).predict(X)
            == pytest.approx(model.predict(X), rel=1e-9))  # fmt: skip
    if kind == "MLPRegressor":
        assert model._centres == pytest.approx([np.average(y, weights=weights)])


def test_weights_of_millions_make_no_millions_of_samples():
    X, y = np.arange(20.0)[:, None], np.arange(20) % 2
    model = weighing("MLPClassifier", "tensor", X, y, np.full(20, 1e9), epochs=1, batch_size=10**6)
    assert model.history_.iterations == 1


def test_weights_that_are_negative_and_masked_samples_are_refused():
    X, y = [[0.0], [1.0]], [0, 1]
    for kind in KINDS:
        with pytest.raises(ValueError, match="sample weights are not negative, and not all 0"):
            getattr(nn, kind)().fit(X, y, sample_weight=[1.0, -1.0])
        with pytest.raises(ValueError, match="X is a masked array: fill in"):
            getattr(nn, kind)().fit(np.ma.masked_array(X, mask=[[0], [1]]), y)


@pytest.mark.parametrize("layers", [5, "ab", None, {3}, np.array(3)])
def test_layers_that_are_no_list_of_sizes_are_refused(layers):
    for kind in KINDS:
        with pytest.raises(
            ValueError, match=r"layers is a list of layer sizes such as \(16,\), not"
        ):
            getattr(nn, kind)(layers=layers).fit([[0.0], [1.0]], [0, 1])


def through_skops(x):
    io = pytest.importorskip("skops.io")
    data = io.dumps(x)
    return io.loads(data, trusted=io.get_untrusted_types(data=data))


def through_joblib(x):
    joblib = pytest.importorskip("joblib")
    file = BytesIO()
    joblib.dump(x, file)
    return joblib.load(BytesIO(file.getvalue()))


THROUGH = {
    "pickle": lambda x: pickle.loads(pickle.dumps(x)),
    "cloudpickle": lambda x: pickle.loads(pytest.importorskip("cloudpickle").dumps(x)),
    "joblib": through_joblib,
    "skops": through_skops,
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("backend", ["tensor", "value"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("library", THROUGH)
def test_a_fitted_estimator_comes_back_from_any_file_with_every_bit(library, kind, backend):
    X, y = load_iris(return_X_y=True)
    model = weighing(kind, backend, X[::5], y[::5])
    other = THROUGH[library](model)
    assert (other.predict(X) == model.predict(X)).all()
    assert other.model_.state_dict().keys() == model.model_.state_dict().keys()
    assert other.history_ == model.history_
    nn.fit(other.model_, X[::5], [0.0] * 30, outputs_alone, epochs=1, progress=False)
    assert repr(other.model_.state_dict()) != repr(model.model_.state_dict())  # it can learn


def outputs_alone(outputs, targets):
    return (outputs if hasattr(outputs, "ndim") else stack_values(
        [x for row in outputs for x in (row if isinstance(row, list) else [row])]
    )).sum()  # fmt: skip


@pytest.mark.parametrize("backend", ["tensor", "value"])
def test_skops_keeps_modules_and_refuses_what_an_operation_made(backend):
    model = nn.MLP(2, [3, 2], "tanh", seed=0, backend=backend)
    other = through_skops(model)
    assert repr(other.state_dict()) == repr(model.state_dict())
    assert repr(other([1.0, 2.0])) == repr(model([1.0, 2.0]))
    with pytest.raises(TypeError, match="skops keeps leaves, and not a result of mul"):
        through_skops(model.parameters()[0] * 2.0)
