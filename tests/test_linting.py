"""The lint: what it finds, and that it is silent about what is right."""

import math
import re

import pytest

import autograd
from autograd import Tensor, Value, lint, record_lines, where
from autograd.core.rules import RULES, flat
from autograd.seeing.linting import CHECKS


def checks(root, parameters=()):
    return [finding.check for finding in lint(root, parameters)]


def xs(*numbers):
    return [Value(x, f"x{i}") for i, x in enumerate(numbers)]


def test_a_sound_graph_has_nothing_odd():
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    loss = (a * b + a.tanh()) ** 2
    loss.backward()
    assert lint(loss, [a, b]) == []
    assert str(lint(loss, [a, b])) == "nothing odd was found"


def test_a_parameter_that_the_loss_does_not_depend_on():
    w, unused = Value(2.0, label="w"), Value(3.0, label="unused")
    found = lint(w * 2.0, [w, unused])
    assert [f.node for f in found] == [unused]
    assert "does not depend on the parameter unused" in str(found)


def test_a_parameter_whose_number_was_taken():
    w = Value(2.0, label="w")
    assert checks(Value(3.0) * w.data, [w]) == ["unreached"]


def test_a_parameter_on_the_branch_not_taken():
    x, y = Value(2.0, "x"), Value(3.0, "y")
    assert [f.node for f in lint(where(x > 0, x, y), [x, y])] == [y]


@pytest.mark.parametrize("unit", ["tanh", "sigmoid", "erf"])
def test_a_saturated_unit(unit):
    assert checks(getattr(autograd, unit)(Value(30.0))) == ["saturated"]
    assert checks(getattr(autograd, unit)(Value(-30.0))) == ["saturated"]
    assert checks(getattr(autograd, unit)(Value(1.0))) == []


FLAT_ROWS = [name for name, row in RULES.items() if set(row.columns) == {flat}]


def applied(name, x):
    """The operation of that name, with numbers after its first input."""
    return RULES[name].compute(x, *[0.25, 2.0][: len(RULES[name].columns) - 1])


@pytest.mark.parametrize("kind", [Value, lambda x, label: Tensor([x, x], label=label)])
@pytest.mark.parametrize("name", FLAT_ROWS)
def test_a_gradient_that_is_killed_is_told_with_the_operation_and_its_line(name, kind):
    w, b = kind(0.3, label="w"), kind(2.0, label="b")
    with record_lines():
        killed = applied(name, w * w)
        root = (killed + b).tanh()
    assert {"floor", "round", "sign", "step", "floordiv", "less"} <= set(FLAT_ROWS)
    for parameters in ([], [w], [w, b]):
        (found,) = lint(root, parameters)
        assert (found.check, found.node) == ("flat", killed)
        assert "the gradient of w is 0" in str(found)
        assert f"{name}(" in str(found)
        assert "RULES[name].compute(x" in found.line
    assert not lint(root, [b])
    assert not lint(killed * w, [w])  # there is another way
    assert checks(applied(name, applied("floor", w))) == ["flat"]
    assert checks(killed) == ["flat"]


def test_what_kills_the_gradients_of_many_is_told_once():
    ws = [Value(i + 0.3, f"w{i}") for i in range(20)]
    (found,) = lint(round(sum(ws)) * 2.0)
    assert "w0, w1, w2, w3, w4 and 15 more is 0" in found.what.replace("\n", " ")
    assert len(lint(sum(map(round, ws)))) == 20


def test_a_dead_unit_and_a_remainder_are_no_flat_operations():
    x = Value(-1.0, "x")
    assert checks(x.relu() + x % 2.0) == []
    assert checks(autograd.maximum(x, 0.0) * x.relu()) == []


def test_a_softmax_by_hand_without_the_shift():
    values = xs(1.0, 2.0, 3.0)
    exps = [x.exp() for x in values]
    assert checks(exps[0] / sum(exps)) == ["softmax without shift"]
    assert checks(exps[1] / autograd.sum(exps)) == ["softmax without shift"]
    assert checks(exps[2] / (exps[0] + (exps[1] + exps[2]))) == ["softmax without shift"]


def test_a_softmax_of_tensors_side_by_side_is_one_of_their_elements():
    low, high = Tensor([1.0, -80.0]), Tensor([-80.0, 2.0])
    for x, y, found in ((low, high, ["softmax without shift"]), (low - 1.0, high - 2.0, [])):
        above, other = x.exp(), y.exp()
        assert checks((above / (above + other)).sum()) == found


def test_a_softmax_with_the_shift_and_other_quotients_are_left_alone():
    values = xs(1.0, 2.0, 3.0)
    most = max(x.data for x in values)
    exps = [(x - most).exp() for x in values]
    assert checks(exps[0] / sum(exps)) == []
    assert checks(values[0].exp() / values[1].exp()) == []
    assert checks(values[0].exp() / (values[0].exp() + 1.0)) == []
    assert checks(autograd.softmax(values)[0]) == []


def test_the_log_of_a_softmax():
    values = xs(1.0, 2.0)
    assert checks(autograd.softmax(values)[0].log()) == ["log of softmax"]
    exps = [x.exp() for x in values]
    assert checks((exps[0] / sum(exps)).log()) == ["softmax without shift", "log of softmax"]
    assert checks(autograd.log_softmax(values)[0]) == []


def test_a_sigmoid_before_a_cross_entropy_where_logits_would_do():
    z = Value(0.5, label="z")
    p = z.sigmoid()
    loss = -(0.3 * p.log() + 0.7 * (1.0 - p).log())
    found = lint(loss)
    assert [f.check for f in found] == ["log of sigmoid", "log of sigmoid"]
    assert "logsigmoid" in str(found)
    assert checks(z.logsigmoid()) == []


def test_data_changed_since_it_was_recorded():
    w = Value(2.0, label="w")
    loss = w * 3.0
    w.data = 5.0
    found = lint(loss, [w])
    assert [f.check for f in found] == ["stale"]
    assert "w was rebound (it is 5.0 now) after it was used" in str(found)


def test_an_update_recorded_in_the_graph():
    w = Value(1.7320508, label="w")
    (w * w * 1.1).backward()
    updated = w - 0.01 * w.grad
    assert checks(updated * updated) == ["recorded update"]
    assert checks(updated * updated, [updated]) == ["recorded update"]
    w.data -= 0.01 * w.grad
    assert checks(w * w, [w]) == []


def test_a_difference_that_is_no_update_is_left_alone():
    w = Value(2.0, label="w")
    (w * w).backward()
    assert checks((w - 0.5) * 2.0 - 0.333) == []


def test_the_first_number_that_is_not_finite():
    x = Value(0.0, label="x")
    found = lint((x.log() + 1.0) * 2.0)
    assert [(f.check, f.node.op) for f in found] == [("not finite", "log")]
    assert "v1 = log(0.0) is -inf" in str(found)


INF = math.inf
NEW_NAN = {
    "0 * inf": (lambda x, y: x * INF, 0.0, 0.0), "inf - inf": (lambda x, y: x - y, INF, INF),
    "inf / inf": (lambda x, y: x / y, INF, -INF), "0 * a node": (lambda x, y: x * y, 0.0, INF),
}  # fmt: skip


@pytest.mark.parametrize("kind", [Value, lambda x: Tensor([x, 1.0])])
@pytest.mark.parametrize(("f", "a", "b"), NEW_NAN.values(), ids=NEW_NAN)
def test_a_nan_that_comes_from_an_infinity_is_new(f, a, b, kind):
    out = f(kind(a), kind(b))
    found = [f for f in lint(out) if f.check == "not finite" and f.node.inputs]
    assert [f.node for f in found] == [out]
    assert "nan" in found[0].what
    later = out * 2.0 + 1.0
    assert [f.node for f in lint(later) if f.check == "not finite" and f.node.inputs] == [out]


STEEP = {
    "sqrt": (lambda x: autograd.sqrt(x), 0.0), "cbrt": (lambda x: autograd.cbrt(x), 0.0),
    "pow": (lambda x: x**0.5, 0.0), "asin": (lambda x: autograd.asin(x), 1.0),
    "acosh": (lambda x: autograd.acosh(x), 1.0),
}  # fmt: skip


@pytest.mark.parametrize("kind", [Value, lambda x: Tensor([x, x])])
@pytest.mark.parametrize(("f", "at"), STEEP.values(), ids=STEEP)
def test_an_infinite_slope_is_told_where_it_arises(f, at, kind):
    x = kind(at)
    steep = f(x * 1.0)
    found = lint((steep * 2.0).sum() if isinstance(x, Tensor) else steep * 2.0)
    assert [(f.check, f.node) for f in found] == [("infinite slope", steep)]
    assert "has an infinite slope" in str(found)
    spared = autograd.where(x > at, f(x), 0.0)
    assert not lint(spared.sum() if isinstance(x, Tensor) else spared)


@pytest.mark.parametrize("name", ["logsumexp", "softmax", "log_softmax", "sum", "mean"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_plain_numbers_may_stand_among_the_nodes_of_a_list(name, place):
    x = Value(0.5, "x")
    items = [0.25, 1.0, 2.0]
    items[place] = x
    out = getattr(autograd, name)(items)
    assert not lint(out[place] if isinstance(out, list) else out)
    squashed = getattr(autograd, name)([autograd.softmax([x, 1.0])[0], 1.0])
    found = lint(squashed[0] if isinstance(squashed, list) else squashed)
    assert [f.check for f in found] == ["squashed twice"] * (name not in ("sum", "mean"))


def test_the_users_line_is_shown_where_it_is_known():
    with record_lines():
        y = Value(40.0).tanh()
    assert "y = Value(40.0).tanh()" in str(lint(y))


def test_many_findings_of_a_kind_are_counted():
    root = autograd.sum([Value(50.0).tanh() for _ in range(30)])
    assert len(lint(root)) == 30
    assert "and 25 more like these (saturated)" in str(lint(root))


@pytest.mark.parametrize(
    ("at", "beside"),
    [
        (lambda x, y: abs(x), lambda x, y: abs(x - 1.0)),
        (lambda x, y: x.hypot(y), lambda x, y: x.hypot(y + 1.0)),
        (lambda x, y: x.maximum(y), lambda x, y: x.minimum(y - 1.0)),
        (lambda x, y: x.relu(), lambda x, y: (x + 1.0).relu()),
        (lambda x, y: x.clip(0.0, 1.0), lambda x, y: x.clip(-1.0, 1.0)),
        (lambda x, y: x.leaky_relu(0.1), lambda x, y: x.leaky_relu(1.0)),
        (lambda x, y: x.elu(2.0), lambda x, y: x.elu(1.0)),
    ],
)
def test_an_operation_that_is_exactly_at_its_kink(at, beside):
    for make in (lambda name: Value(0.0, name), lambda name: Tensor([0.0, 2.0], name)):
        x, y = make("x"), make("y")
        out = at(x, y)
        (found,) = lint((out * out).sum() if isinstance(x, Tensor) else out * out)
        assert (found.check, found.node) == ("at a kink", out)
        where = "in [12] of 2 elements" if isinstance(x, Tensor) else "x = 0.0"
        assert re.search(rf"= {out.op}\(x.*\) is exactly at its kink: {where}", found.what)
        if isinstance(x, Value):
            assert checks(beside(x, y)) == []


def test_a_length_and_an_extreme_at_their_kinks():
    t = Tensor([[0.0, 0.0], [3.0, 4.0]], "t")
    for out, count in ((t.norm(axis=1), 1), (t.std(axis=1), 1), (t.max(axis=1), 1), (t.min(), 1)):
        found = [f for f in lint(out.sum() if out.ndim else out) if f.node is out]
        assert [f.check for f in found] == ["at a kink"], out.op
        assert f"in {count} of {out.size} elements" in found[0].what
    assert checks((t + 1.0).norm(axis=1).sum()) == []


def test_what_is_flat_on_both_sides_has_no_kink_to_speak_of():
    x = Value(2.0)
    flat_ones = x.floor() + round(x) + (x - 2.0).sign() + (x - 2.0).step()
    assert set(checks(flat_ones)) == {"flat"}


def test_every_finding_says_what_to_do():
    assert all(len(cure.split()) > 4 for _, cure in CHECKS.values())


def test_a_lint_changes_nothing():
    w = Value(30.0, label="w")
    before = repr(w)
    lint(w.sigmoid().log(), [w])
    assert repr(w) == before


def test_hostile_and_long_labels_are_text():
    w = Value(30.0, label="</script>" * 2000)
    assert len(str(lint(w.sigmoid()))) < 400


@pytest.mark.parametrize("root", [3.0, None, [Value(1.0)]])
def test_a_root_that_is_no_node_is_refused(root):
    with pytest.raises(TypeError, match="lint takes the root of a graph"):
        lint(root)


def test_parameters_that_are_no_nodes_are_refused():
    with pytest.raises(TypeError, match="parameters are nodes"):
        lint(Value(1.0), ["w"])


@pytest.mark.parametrize("kind", ["values", "tensors"])
def test_a_squashed_number_that_is_squashed_again(kind):
    z = xs(0.5, -1.0, 2.0) if kind == "values" else autograd.Tensor([[0.5, -1.0, 2.0]])
    one = z[0] if kind == "values" else z

    def found(root):
        return checks(root if kind == "values" else root.sum())

    p = autograd.softmax(z, axis=-1)
    later = p[0] if kind == "values" else p
    assert found(one.sigmoid().sigmoid()) == ["squashed twice"]
    assert found((-one.sigmoid()).softplus()) == ["squashed twice"]
    assert found((-1.0 * one.sigmoid()).logsigmoid()) == ["squashed twice"]
    assert found(autograd.logsumexp(p, axis=-1)) == ["squashed twice"]
    assert "squashed twice" in found(
        autograd.log_softmax(p, axis=-1)[0] if kind == "values" else autograd.log_softmax(p, axis=1)
    )
    assert found((0.5 * one.sigmoid()).sigmoid()) == []  # a weight between them: a layer
    assert found((one.sigmoid() + 1.0).softplus()) == []
    assert found(one.tanh().sigmoid()) == []
    assert found(later.sigmoid()) == []


def test_a_sigmoid_before_a_loss_of_logits_is_found_in_the_graph_of_the_loss():
    nn = pytest.importorskip("nn")
    for backend in ("value", "tensor"):
        for output, loss in (("sigmoid", "bce_with_logits"), (None, "bce_with_logits"),
                             ("sigmoid", "bce")):  # fmt: skip
            model = nn.MLP(2, [2, 1], "tanh", output, seed=0, backend=backend)
            out = nn.losses.LOSSES[loss](
                nn.data.forward_of(model)([[1.0, 2.0], [0.5, 1.0]]), [0.3, 1.0]
            )
            assert ("squashed twice" in checks(out)) is (loss == "bce_with_logits" and bool(output))
