"""The GPT of benchmarks/: its gradients are right, it sees no future, and it learns."""

import math
import random
import sys
from pathlib import Path

import pytest

import autograd
from autograd import Value

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

import array_steps
import gpt
import slotted
from workloads import Names

np = pytest.importorskip("numpy")
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def params(value=Value, tokens=27, seed=0):
    return gpt.parameters(value, tokens, random.Random(seed))


def slopes(value, tokens, seed=0):
    """The loss and all its gradients, with a graph of that class."""
    weights = params(value, seed=seed)
    loss = gpt.loss(weights, tokens)
    loss.backward()
    return loss.data, np.array([p.grad for p in gpt.flat(weights)])


def test_it_has_4192_parameters_with_27_tokens():
    assert len(gpt.flat(params(float))) == 2 * 27 * 16 + 16 * 16 + 4 * 16 * 16 + 2 * 64 * 16 == 4192


@pytest.mark.parametrize("name", ["a", "abba", "quixota"])
def test_loss_and_gradients_are_those_of_the_network_differentiated_by_hand_on_arrays(name):
    work = Names()
    work.tokens = gpt.tokenise(LETTERS, name)
    expected, grads = array_steps.numpy(work)()
    loss, found = slopes(Value, work.tokens, seed=1)  # that of the workload
    assert loss == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(found, array_steps.flat(grads), rtol=0, atol=1e-12)


@pytest.mark.peers
@pytest.mark.parametrize("name", ["b", "olive", "maximiliana"])
def test_loss_and_gradients_are_those_of_pytorch(name):
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    tokens = gpt.tokenise(LETTERS, name)
    weights = {
        key: torch.tensor(matrix, dtype=torch.float64, requires_grad=True)
        for key, matrix in params(float).items()
    }
    now, after = torch.tensor(tokens[:-1]), torch.tensor(tokens[1:])

    def norm(x):
        return functional.rms_norm(x, (16,), eps=1e-5)

    x = weights["token"][now] + weights["position"][: len(now)]
    q, k, v = (
        functional.linear(norm(x), weights[key]).unflatten(1, (4, 4)).transpose(0, 1)
        for key in ("query", "key", "value")
    )
    found = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    x = x + functional.linear(found.transpose(0, 1).flatten(1), weights["mix"])
    hidden = functional.linear(norm(x), weights["expand"]).relu()
    x = x + functional.linear(hidden, weights["contract"])
    expected = functional.cross_entropy(functional.linear(norm(x), weights["head"]), after)
    expected.backward()

    loss, grads = slopes(Value, tokens)
    assert loss == pytest.approx(expected.item(), rel=1e-10)
    theirs = np.concatenate([w.grad.numpy().ravel() for w in weights.values()])
    np.testing.assert_allclose(grads, theirs, rtol=0, atol=1e-10 * abs(theirs).max())


@pytest.mark.slow
def test_the_slotted_value_has_the_same_gradients():
    tokens = gpt.tokenise(LETTERS, "ann")
    (loss, grads), (expected, theirs) = slopes(Value, tokens), slopes(slotted.Value, tokens)
    assert loss == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(grads, theirs, rtol=0, atol=1e-13)


def test_a_network_whose_head_is_zero_is_as_surprised_as_a_blind_guesser():
    weights = params()
    weights["head"] = [[Value(0.0) for _ in row] for row in weights["head"]]
    loss = gpt.loss(weights, gpt.tokenise(LETTERS, "ida"))
    assert loss.data == pytest.approx(math.log(27), rel=1e-14)


def test_no_place_sees_what_comes_after_it():
    weights = params()
    one, other = (gpt.logits(weights, gpt.tokenise(LETTERS, name)) for name in ("emil", "emmy"))
    assert [[x.data for x in row] for row in one[:3]] == [
        [x.data for x in row] for row in other[:3]
    ]
    assert [x.data for x in one[3]] != [x.data for x in other[3]]


def test_one_hot_rows_are_tokens_too():
    tokens = gpt.tokenise(LETTERS, "jo")
    rows = [[float(i == token) for i in range(27)] for token in tokens]
    (loss, grads), (expected, theirs) = slopes(Value, rows), slopes(Value, tokens)
    assert loss == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(grads, theirs, rtol=0, atol=1e-14)


def test_a_name_that_is_too_long_is_cut_off():
    tokens = gpt.tokenise(LETTERS, "abcdefghijklmnopqrst")
    assert tokens == list(range(17))


def test_it_learns_a_name_by_heart_and_says_it():
    weights = params(tokens=3)
    first, *_, last = gpt.train(weights, [gpt.tokenise("ab", "ba")], 25)
    assert first > 0.5
    assert last < 0.2
    assert {gpt.sample(weights, "ab", random.Random(seed)) for seed in range(3)} == {"ba"}


def test_a_step_records_the_number_of_nodes_that_the_benchmark_says():
    work = Names()
    loss = work.step(Value)(work.parameters(Value))
    assert len(autograd.nodes(loss)) == pytest.approx(71_000, rel=0.01)
    assert len(work.tokens) == 10
