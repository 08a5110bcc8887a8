"""The rows as C: the committed header is what the table prints, and the table alone decides."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from autograd.core import ieee
from autograd.core.functions import where
from autograd.core.kinds import FUNCTIONS
from autograd.core.rules import RULES, TABLE, Rule
from autograd.printing import emit
from autograd.printing.code import C, arithmetic, definition

HEADER = emit.HEADER.read_text() if emit.HEADER.exists() else ""


def printed(name: str) -> str:
    """A row on one line."""
    return " ".join((emit.row_in_c(RULES[name]) or "").split())


def of_columns(name: str, *columns: Any) -> str | None:
    """How a row of that name with these columns is printed."""
    text = emit.row_in_c(Rule(name, RULES[name].compute, *columns))
    return text and " ".join(text.split())


def test_the_committed_header_is_what_the_table_prints_now():
    assert emit.header() == HEADER, "run `python -m autograd.printing.emit`"


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLE)
def test_a_changed_column_changes_the_header(name, monkeypatch):
    def changed(g, out, *xs):
        shares = column(g, out, *xs)
        return [3.0 * s for s in shares] if RULES[name].variadic else 3.0 * (shares or g)

    column, *others = RULES[name].columns
    monkeypatch.setattr(RULES[name], "columns", (changed, *others))
    assert emit.header() != HEADER


def test_a_changed_definition_and_a_changed_primitive_change_the_header(monkeypatch):
    monkeypatch.setattr(FUNCTIONS["silu"], "definition", lambda x: x * x)
    assert emit.header() != HEADER
    monkeypatch.undo()
    assert emit.header() == HEADER
    monkeypatch.setattr(emit, "ARITHMETIC", (ieee.maximum, *emit.ARITHMETIC))
    assert emit.header() != HEADER


def test_every_row_of_the_table_is_printed_in_its_order():
    rows = re.findall(r"^(?:RULE|LIST)\((\w+),", HEADER, re.MULTILINE)
    assert rows == list(TABLE)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mul", "RULE(mul, 2, X * Y, PASS(0, G * Y) PASS(1, G * X))"),
        ("div", "RULE(div, 2, X / Y, PASS(0, G / Y) PASS(1, -G * OUT / Y))"),
        ("tanh", "RULE(tanh, 1, tanh(X), PASS(0, G * vg_sech2(X)))"),
        ("where", "RULE(where, 3, (X ? Y : Z), PASS_IF(1, X, G) PASS_IF(2, !(X), G))"),
        ("sum", "LIST(sum, vg_sum(N, XS), EACH(G))"),
        ("mean", "LIST(mean, vg_mean(N, XS), EACH(G / N))"),
        ("dot", "LIST(dot, vg_dot(N, XS), EACH(G * OTHER))"),
        ("logsumexp", "LIST(logsumexp, vg_logsumexp(N, XS), PARTS EACH(G * PART))"),
        (
            "log_softmax",
            "LIST(log_softmax, vg_log_softmax(N, XS), PARTS FIRST(G * OTHER_PARTS) "
            "REST(-G * PART))",
        ),
    ],
)
def test_a_row_is_printed_from_its_columns(name, expected):
    assert printed(name) == expected


def test_a_column_that_multiplies_in_another_order_is_printed_in_that_order():
    text = of_columns("mul", lambda g, out, x, y: g * (y * out), lambda g, out, x, y: y * g * x)
    assert text == "RULE(mul, 2, X * Y, PASS(0, G * (Y * OUT)) PASS(1, Y * G * X))"


def test_nothing_is_simplified_that_a_signed_zero_would_notice():
    assert of_columns("neg", lambda g, out, x: 0.0 + g * 1.0 - 0.0 * x) == (
        "RULE(neg, 1, -X, PASS(0, 0.0 + G * 1.0 - 0.0 * X))"
    )
    assert "1.0 / (x + 0.0)" in definition(FUNCTIONS["inverse_where_positive"], C)


def test_a_choice_of_numbers_is_passed_and_only_a_withheld_share_is_not():
    chooses = of_columns("abs", lambda g, out, x: where(x > 0, g, 0.0))
    assert chooses == "RULE(abs, 1, fabs(X), PASS(0, (X > 0.0 ? G : 0.0)))"


def test_what_is_used_twice_is_computed_once():
    text = definition(FUNCTIONS["sech2"], C)
    assert text.count("exp(") == 1
    assert "const double t1 = exp(" in text


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("abs", lambda g, out, x: g if x > 0 else -g),  # a branch that symbols cannot take
        ("sum", lambda g, out, *xs: [i * g for i in range(len(xs))]),  # a share for each place
        ("sum", lambda g, out, *xs: [g * x for x in xs]),
        ("sum", lambda g, out, *xs: [g * (len(xs) - 1)] * len(xs)),
    ],
)
def test_a_row_without_a_form_in_c_is_not_printed(name, column):
    assert of_columns(name, column) is None


def test_plain_arithmetic_is_translated_and_nothing_else():
    text = arithmetic(ieee.step, C)
    assert "return (x > 0.0) ? 1.0 : ((x <= 0.0) ? 0.0 : x);" in text
    for function in (ieee.div, ieee.power_terms, ieee.tops):
        with pytest.raises(TypeError, match="no plain arithmetic"):
            arithmetic(function, C)


def test_the_command_says_whether_the_header_is_current_and_rewrites_it(
    tmp_path, monkeypatch, capsys
):
    twin = emit.TWIN.read_text()
    monkeypatch.setattr(emit, "HEADER", tmp_path / "rules.h")
    monkeypatch.setattr(emit, "TWIN", tmp_path / "twin.py")
    emit.TWIN.write_text(re.sub("FINGERPRINT = 0x.{8}", "FINGERPRINT = 0x00000000", twin))
    assert emit.main(["--check"]) == 1
    assert emit.main([]) == 0
    assert (tmp_path / "rules.h").read_text() == HEADER
    assert (tmp_path / "twin.py").read_text() == twin
    assert emit.main(["--check"]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"rules.h", "twin.py"}
    said = capsys.readouterr().out.splitlines()
    assert (said[0], said[-1]) == ("rules.h is out of date", "rules.h is up to date")


USER = """
#include "rules.h"
enum {
#define RULE(NAME, ARITY, FORWARD, SHARES) VG_##NAME,
#define LIST(NAME, FORWARD, SHARES) VG_##NAME,
#include "rules.h"
};
double shares(int code, ptrdiff_t N, const double *XS, double G, double *shares)
{
    double OUT = 0.0;
    const double X = XS[0], Y = XS[N > 1], Z = XS[N > 2 ? 2 : 0], W = XS[N > 3 ? 3 : 0];
#define PASS(i, share) shares[i] += (share);
#define PASS_IF(i, condition, share) if (condition) { PASS(i, share) }
    switch (code) {
#define RULE(NAME, ARITY, FORWARD, SHARES) case VG_##NAME: OUT = FORWARD; SHARES break;
#define LIST(NAME, FORWARD, SHARES) case VG_##NAME: { OUT = FORWARD; SHARES } break;
#include "rules.h"
    }
    return OUT;
}
"""


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler")
def test_the_header_compiles_without_a_warning(tmp_path: Path):
    (tmp_path / "user.c").write_text(USER)
    done = subprocess.run(
        ["cc", "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic", "-c", "user.c",
         f"-I{emit.HEADER.parent}"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
