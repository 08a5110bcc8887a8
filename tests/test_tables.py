"""Tables: what a cell and a column mean, in every command, and what becomes of damaged files."""

from __future__ import annotations

import csv
import io
import json
import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from autograd.commands.main import main
from autograd.delimited import LOOKS, SEPARATORS, Notation, Records, TableError, look
from nn.files.safetensors_format import pack, read
from nn.tables.judging import Reading, giveaways, judge, read_training
from nn.tables.tabular import WORDS

np = pytest.importorskip("numpy")
pytestmark = pytest.mark.slow

ROWS = 60


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to train in; no learning curve is drawn, which takes longer than all else."""
    monkeypatch.setattr("nn.tables.command_line.save_history", lambda history, path: None)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def numbers(rows=ROWS, seed=0):
    """Rows of two numbers, a text, and a number that depends on them."""
    rng = Random(seed)
    found = []
    for i in range(rows):
        a, b, c = rng.gauss(10, 3), rng.randrange(100), ["red", "green", "blue"][i % 3]
        found.append(
            [f"{a:.3f}", str(b), c, f"{3 * a - b / 7 + 5 * (i % 3) + rng.gauss(0, 1):.3f}"]
        )
    return found


def write(path, rows, header=("a", "b", "c", "y"), separator=",", end="\n", **settings):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=separator, lineterminator=end, **settings).writerows(
            [header, *rows]
        )


def train(*words, table="t.csv", target="y"):
    return main(["train", table, "--target", target, "--epochs", "1", "--quiet", *words])


def one_line(capsys):
    error = capsys.readouterr().err
    assert error.startswith("valuegrad: ")
    assert error.count("\n") == 1
    return error


def columns():
    """What a trained model has learnt of its columns."""
    return {c["name"]: c for c in json.loads(read("model.safetensors")[1]["table"])["columns"]}


def classes():
    return json.loads(read("model.safetensors")[1]["table"])["classes"]


# ---- one odd cell --------------------------------------------------------------------------------

ODD = {
    "<1.0": "a bound", "1,234": "a number with commas", "12,5": "a number with a decimal comma",
    "$5": "a currency", "€ 5": "a currency", "5 kr": "a number with a unit", "n.d.": "a text",
    "unknown": "a text", "5%": "a percentage", "1_2": "a number with underscores",
    "2020-01-31": "a date", "31/1/2020": "a date", "12:30": "a time", "inf": "infinite",
    "1e999": "too large a number", "-1.7e308": "too large a number",
    "1.234,5": "a number with a decimal comma", "0x1F": "a text",
    "1 234": "a number with thousands separators", "1'234.5": "a number with thousands separators",
    "~3": "a bound", "٣": "a text", "1.2.3": "a date", "(5)": "a text", "5-10": "a text",
}  # fmt: skip


@pytest.mark.parametrize(("cell", "what"), ODD.items())
@pytest.mark.parametrize("place", ["a", "b", "y"])
def test_one_odd_cell_is_an_error_that_names_its_place_and_what_to_do(
    cell, what, place, here, capsys
):
    rows, j = numbers(), "abcy".index(place)
    k = Random(cell + place).randrange(ROWS)
    rows[k][j] = cell
    write("t.csv", rows)
    assert train() == 2
    error = one_line(capsys)
    for word in (f"t.csv line {k + 2}, column {place!r}: {cell!r} is {what}", "--missing",
                 f"--category {place!r}", f"--number {place!r}"):  # fmt: skip
        assert word in error


@pytest.mark.parametrize(("odd", "mistaken"), [(1, True), (6, True), (7, False), (30, False)])
def test_a_column_of_which_nine_cells_in_ten_are_numbers_is_one_of_numbers(odd, mistaken, here):
    rows = numbers()
    for k in range(odd):
        rows[k][1] = f"text {k % 5}"
    write("t.csv", rows)
    assert train() == (2 if mistaken else 0)


@pytest.mark.parametrize(("rows", "odd"), [(8, 1), (10, 3), (30, 10)])
def test_one_word_among_fewer_numbers_is_a_mistake_too(rows, odd, here, capsys):
    table = numbers(rows)
    for k in range(odd):
        table[k][1] = "unknown"
    write("t.csv", table)
    assert train() == 2
    assert "t.csv line 2, column 'b': 'unknown' is a text" in one_line(capsys)


def test_the_users_word_decides_on_odd_cells(here, capsys):
    rows = numbers()
    rows[7][1], rows[9][1] = "unknown", "n.d."
    write("t.csv", rows)
    true = [float(row[1]) for row in rows if row[1] not in ("unknown", "n.d.")]
    for words in (
        ["--missing", "unknown,n.d."],
        ["--number", "b"],
        ["--missing", "unknown", "--missing", "n.d."],
    ):
        assert train("--validation", "0.02", *words) == 0
        assert columns()["b"]["mean"] == pytest.approx(sum(true) / len(true), abs=1.0)
        assert "filled 2 missing cells" in capsys.readouterr().out
    assert train("--category", "b") == 0
    assert {"unknown", "n.d.", rows[0][1]} <= set(columns()["b"]["texts"])
    rows[3][3] = "n.d."
    write("t.csv", rows)
    assert train("--number", "b,y") == 0
    assert "left out 1 rows without a target" in capsys.readouterr().out


@pytest.mark.parametrize("form", ["{}%", "${}", "{}_000", "{},5", "{},234", "<{}"])
def test_a_column_of_numbers_in_another_notation_is_not_one_of_names(form, here, capsys):
    write("t.csv", [[form.format(i), *row[1:]] for i, row in enumerate(numbers(), 10)])
    assert train() == 2
    assert "t.csv line 2, column 'a'" in one_line(capsys)
    assert train("--category", "a") == 0
    write("t.csv", [[form.format(i % 5), *row[1:]] for i, row in enumerate(numbers(), 10)])
    assert train() == 0
    assert "note: column 'a' is read as texts: a " in capsys.readouterr().out


def test_a_target_of_names_is_not_one_of_classes(here, capsys):
    for form in ("{} kg", "name {}", "2020-01-{}"):
        write("t.csv", [[*row[:3], form.format(i)] for i, row in enumerate(numbers(), 10)])
        assert train() == 2
        assert "one of 60 classes in 60 rows" in one_line(capsys)


# ---- what numbers look like ----------------------------------------------------------------------

MARKS = [("point", ""), ("point", "comma"), ("comma", "point"), ("comma", "spaces"),
         ("point", "apostrophe"), ("comma", ""), ("point", "spaces")]  # fmt: skip


def spelled(x, decimal, thousands, mark=0):
    text = f"{x:,.4f}" if thousands else f"{x:.4f}"
    by = {"comma": ",", "point": ".", "spaces": " \u00a0\u202f"[mark % 3], "apostrophe": "'"}
    return text.translate(str.maketrans({",": by.get(thousands, ""), ".": by[decimal]}))


@given(st.floats(-1e9, 1e9), st.sampled_from(MARKS), st.integers(0, 2))
def test_a_number_is_read_as_it_was_written(x, marks, mark):
    text = spelled(x, *marks, mark)
    assert Notation(*marks).number(text) == float(f"{x:.4f}")
    assert Notation(*marks).number(text.replace("-", "\u2212")) == float(f"{x:.4f}")


@given(st.text("0123456789.,' _-+eE\u2212\u0663", max_size=9), st.sampled_from(MARKS))
def test_no_notation_reads_what_another_could_mean(text, marks):
    """A reading is float's, of the text with its marks replaced, and thousands are in threes."""
    if (x := Notation(*marks).number(text)) is None:
        return
    assert "_" not in text
    assert "\u0663" not in text
    point = "." if marks[0] == "point" else ","
    whole, _, rest = text.replace("\u2212", "-").partition(point)
    assert all(mark not in rest for mark in ",.'")
    for mark in {"comma": ",", "point": ".", "apostrophe": "'", "spaces": " ", "": ""}[marks[1]]:
        _first, *groups = whole.lstrip("+-").split(mark)
        assert all(
            group[:3].isdigit() and len(group.split("e")[0].split("E")[0]) == 3 for group in groups
        )
        whole = whole.replace(mark, "")
    assert x == float(f"{whole}.{rest}" if rest or point in text else whole)


def test_marks_are_words_or_themselves_and_differ():
    assert (
        Notation(",", ".").number("1.234,5")
        == Notation("comma", "point").number("1.234,5")
        == 1234.5
    )
    for wrong in (("comma", "comma"), ("dot", ""), ("point", "_")):
        with pytest.raises(TableError, match=r"one of|is given for"):
            Notation(*wrong)
    assert all(look(cell)[0] == what for cell, what in ODD.items())
    assert len({what for _, what, _ in LOOKS}) >= 10


@pytest.mark.parametrize("separator", SEPARATORS)
@pytest.mark.parametrize(
    ("decimal", "thousands"), [("point", ""), ("comma", "point"), ("comma", "")]
)
def test_the_same_file_has_the_same_numbers_in_every_command(
    separator, decimal, thousands, here, capsys
):
    rng, mark = Random(1), SEPARATORS[separator]
    true = [[rng.uniform(-9e3, 9e3), rng.uniform(-9e3, 9e3)] for _ in range(ROWS)]
    rows = [[spelled(x, decimal, thousands) for x in row] for row in true]
    write("t.csv", rows, ("x", "y"), mark)
    words = ["--separator", separator, "--decimal", decimal, "--thousands", thousands]
    true = [[float(f"{x:.4f}") for x in row] for row in true]
    records = Records("t.csv", separator)
    reading = Reading(Notation(decimal, thousands))
    X, y, *_ = read_training(records, judge(records, "y", [], "auto", reading), reading)
    assert X[:, 0].tolist() == [x for x, _ in true]
    assert y == [y for _, y in true]
    assert main(["grad", "x*y", "--from", "t.csv", "--json", *words]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [list(row["variables"].values()) for row in found] == true
    (here / "f.py").write_text("def f(x, y):\n    return x * y\n")
    assert main(["check", "f.py:f", "--at", "t.csv", "--json", *words]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["line"] for row in found] == list(range(2, ROWS + 2))
    assert [[r["analytic"] for r in row["rows"]] for row in found] == [[y, x] for x, y in true]
    assert train(*words) == 0
    capsys.readouterr()
    assert main(["predict", "model.safetensors", "t.csv", *words[:2]]) == 0
    said = [Notation(decimal).number(row[2]) for row in
            csv.reader(io.StringIO(capsys.readouterr().out), delimiter=mark)][1:]  # fmt: skip
    model = nn.load("model.safetensors")
    assert model(X[:, :1]).data.tolist() == pytest.approx(said, rel=1e-7)


def test_check_reads_numbers_as_tables_do(here, capsys):
    (here / "f.py").write_text("def f(x):\n    return x * x\n")
    assert main(["check", "f.py:f", "--at", "x=\u22122.5"]) == 0
    for word in ("1_2", "5%", "inf", "0x10", "[1, 1_2]", "[]", "True"):
        capsys.readouterr()
        assert main(["check", "f.py:f", "--at", f"x={word}"]) == 2
        assert "neither a number nor a list of numbers" in one_line(capsys)
    (here / "t.csv").write_text("x\n1\n$5\n")
    assert main(["check", "f.py:f", "--at", "t.csv"]) == 2
    assert "t.csv line 3, x: '$5' is not a number but a currency" in one_line(capsys)


def test_a_file_may_declare_its_separator_and_headers_may_hold_others(here):
    body = '"Weight, kg";"Height, cm"\n70;180\n'
    for text, names in (
        ("sep=;\na;b\n1;2\n", ["a", "b"]),
        ('"sep=|"\r\na|b,c\r\n1|2\r\n', ["a", "b,c"]),
        (body, ["Weight, kg", "Height, cm"]),
        ("\ufeffsep=;\n" + body, ["Weight, kg", "Height, cm"]),
        ("x;y, z\n1,5;2,5\n", ["x", "y, z"]),
        ("a\r1\r2\r", ["a"]),
    ):
        (here / "t.csv").write_bytes(text.encode())
        assert Records("t.csv").names == names
    (here / "t.csv").write_text("a, b;c, d\n1,5;2,5\n")
    with pytest.raises(TableError, match="cut by ',' and by ';': say which, --separator"):
        Records("t.csv")


# ---- missing words -------------------------------------------------------------------------------


def test_words_for_a_missing_number_are_data_among_texts_and_names_in_a_header(here, capsys):
    words = sorted(WORDS)
    rows = [[row[0], "" if i % 9 == 0 else words[i % len(words)].upper() if i % 4 == 0 else row[1],
             ["None", "-", "NA"][i % 3], row[3]] for i, row in enumerate(numbers(90))]  # fmt: skip
    write("t.csv", rows, ("Na", "b", "-", "y"))
    assert train("--validation", "0.02") == 0
    found = columns()
    assert list(found) == ["Na", "b", "-"]
    assert found["-"]["texts"] == ["-", "NA", "None"]
    true = [float(row[1]) for row in rows if row[1].isdigit()]
    assert found["b"]["mean"] == pytest.approx(sum(true) / len(true), abs=2.0)
    assert f"filled {90 - len(true)} missing cells" in capsys.readouterr().out
    assert train("--missing", "NA,-") == 0
    assert columns()["-"]["texts"] == ["None"]
    assert train(target="-") == 0
    assert classes() == ["-", "NA", "None"]
    assert train("--missing", "NA", target="-") == 0
    assert classes() == ["-", "None"]


def test_a_class_that_is_a_number_is_one_class_however_it_is_written(here):
    write(
        "t.csv",
        [[row[0], ["1", "1.0", "2", "+2"][i % 4]] for i, row in enumerate(numbers())],
        ("a", "y"),
    )
    assert train() == 0
    assert classes() == ["1", "2"]


@pytest.mark.parametrize("thousands", ["", "comma"])
def test_classes_are_numbers_with_all_their_digits(thousands, here, capsys):
    """2**53 and the whole number after it are one float."""
    classes_ = [str(2**53 + i) for i in range(3)]
    forms = [f"{int(c):,}" if thousands else c for c in classes_]
    rows = [[str(i % 3 + i / 100), forms[i % 3]] for i in range(60)]
    write("t.csv", rows, ("a", "y"))
    words = ["--thousands", thousands] if thousands else []
    assert train("--epochs", "60", *words) == 0
    assert classes() == forms
    assert "note" not in capsys.readouterr().out.replace("note: column 'a' alone", "")
    said = csv.DictReader(io.StringIO(predicted(capsys, "t.csv").out))
    assert {row["predicted y"] for row in said} == set(forms)


@pytest.mark.parametrize("pair", [("007", "7"), ("1.0", "1"), ("-0", "0"), ("1e1", "10")])
def test_a_class_written_in_two_ways_is_one_and_this_is_said(pair, here, capsys):
    rows = [[row[0], [*pair, "5"][i % 3]] for i, row in enumerate(numbers())]
    write("t.csv", rows, ("a", "y"))
    assert train() == 0
    assert sorted(classes()) == sorted([pair[0], "5"])
    note = f"note: column 'y': {pair[1]!r} and {pair[0]!r} are one number and one class"
    assert note in capsys.readouterr().out
    assert train("--category", "y") == 0
    assert classes() == sorted([*pair, "5"])
    assert "one number and one class" not in capsys.readouterr().out


@pytest.mark.parametrize("value", ["5", "0.1", "1.7e12"])
@pytest.mark.parametrize("task", ["auto", "regression"])
def test_a_target_that_never_changes_is_refused(value, task, here, capsys):
    write("t.csv", [[*row[:3], value] for row in numbers()])
    assert train("--task", task) == 2
    assert f"'y' is always {value!r}: there is nothing to learn" in one_line(capsys)


@pytest.mark.parametrize(("form", "reason"), [
    ("\u200b{}", "a text with invisible characters"), ("name {}", "more than 50 different texts"),
])  # fmt: skip
def test_where_no_column_is_left_the_reasons_are_told(form, reason, here, capsys):
    write("t.csv", [[form.format(i), row[3]] for i, row in enumerate(numbers())], ("a", "y"))
    assert train() == 2
    error = one_line(capsys)
    assert "no column to predict 'y' from: 'a' is left out" in error or "column 'a'" in error
    assert reason in error


def test_a_class_that_no_row_to_train_on_has_is_told_by_its_name(here, capsys):
    rows = [[row[0], ["10", "20"][i % 2]] for i, row in enumerate(numbers())]
    order = list(range(60))
    hold = nn.data.split(order, order, 0.2, 0)[1][0]
    rows[hold[0]][1] = "5"
    write("t.csv", rows, ("a", "y"))
    assert train() == 0
    out, err = capsys.readouterr()
    assert "note: no row to train on has 'y' '5': it cannot be learnt" in out
    assert "Warning" not in err


# ---- predict -------------------------------------------------------------------------------------


def predicted(capsys, *words):
    capsys.readouterr()
    assert main(["predict", "model.safetensors", *words]) == 0
    return capsys.readouterr()


def test_predict_writes_every_record_back_as_it_was(here, capsys):
    write("t.csv", numbers())
    assert train() == 0
    text = ('\ufeff"a";b ; c;"note; 1"\r\n\r\n 1.50 ;2.0;red;"x""y"\r\n;;;\r\n'
            '3;;blue;"two\nlines"\r\n4;5;purple;\u2212\r\n-1e1;7;;z')  # fmt: skip
    (here / "n.csv").write_bytes(text.encode())
    _out, err = predicted(capsys, "n.csv", "-o", "o.csv")
    said = (here / "o.csv").read_bytes().decode()
    rows = list(csv.reader(io.StringIO(said, newline=""), delimiter=";"))
    assert [len(row) for row in rows] == [6] * 7
    assert rows[0][4:] == ["y", "reason"]
    assert [row[5] for row in rows[1:]] == ["blank", "", "blank", "no b", "", "no c"]
    assert [bool(row[4]) for row in rows[1:]] == [not row[5] for row in rows[1:]]
    assert all(math.isfinite(float(row[4])) for row in rows[1:] if row[4])
    old, new = text.split("\r\n"), said.split("\r\n")
    assert all(line.startswith(before) for before, line in zip(old, new, strict=True))
    assert "no prediction for 4 of 6 rows (blank: 2; no b: 1; no c: 1)" in err
    assert "column 'c': 'purple', in 1 rows, is not in the training data" in err
    predicted(capsys, "o.csv", "-o", "p.csv", "--separator", ";")
    names = next(
        iter(csv.reader(io.StringIO((here / "p.csv").read_text(), newline=""), delimiter=";"))
    )
    assert names[4:] == ["y", "reason", "predicted y", "predicted reason"]
    predicted(capsys, "p.csv", "-o", "q.csv")
    names = next(
        iter(csv.reader(io.StringIO((here / "q.csv").read_text(), newline=""), delimiter=";"))
    )
    assert names[8:] == ["predicted y 2", "predicted reason 2"]


def test_a_missing_number_is_filled_where_training_had_some(here, capsys):
    rows = numbers()
    rows[5][1] = "NA"
    write("t.csv", rows)
    assert train() == 0
    model, mean = nn.load("model.safetensors"), columns()["b"]["mean"]
    write("n.csv", [["1", "-", "red"], ["-", "1", "red"], ["?", "", ""]], ("a", "b", "c"))
    found = list(csv.DictReader(io.StringIO(predicted(capsys, "n.csv").out)))
    assert [row["reason"] for row in found] == ["", "no a", "no a, b, c"]
    assert float(found[0]["y"]) == pytest.approx(
        float(model(np.array([[1, mean, 0, 0, 1.0]])).data[0])
    )


@pytest.mark.parametrize("first", [1.7e12, 1e15, 0.0])
def test_a_prediction_is_written_with_all_its_digits(first, here, capsys):
    rows = [[f"{i}.5", repr(first + 1000.0 * i + (i % 7) / 4)] for i in range(60)]
    write("t.csv", rows, ("a", "y"))
    assert train("--epochs", "80", "--task", "regression") == 0
    r2 = float(capsys.readouterr().out.split("validation R² ")[1].split()[0])
    assert r2 > 0.8
    found = [
        float(row["predicted y"])
        for row in csv.DictReader(io.StringIO(predicted(capsys, "t.csv").out))
    ]
    model = nn.load("model.safetensors")
    assert found == np.ravel(model(np.array([[float(row[0])] for row in rows])).data).tolist()
    write("d.csv", [[row[0].replace(".", ",")] for row in rows], ("a",), separator=";")
    words = ["--decimal", "comma", "--separator", ";"]
    said = csv.DictReader(io.StringIO(predicted(capsys, "d.csv", *words).out), delimiter=";")
    assert [float(row["y"].replace(",", ".")) for row in said] == found


def test_a_number_with_a_point_in_a_table_of_commas_is_named(here, capsys):
    rows = [[cell.replace(".", ",") for cell in row] for row in numbers()]
    write("t.csv", rows, separator=";")
    assert train("--decimal", "comma") == 0
    for cell in ("0.5", "-12.25", ".5", "1.5e3"):
        write("n.csv", [[cell, "2", "red"]], ("a", "b", "c"), separator=";")
        capsys.readouterr()
        assert main(["predict", "model.safetensors", "n.csv"]) == 2
        error = one_line(capsys)
        assert f"{cell!r} is a number with a decimal point" in error
        assert "--decimal point" in error


def test_a_row_too_far_out_for_a_finite_prediction_has_none(here, capsys):
    write("t.csv", numbers())
    assert train() == 0
    write(
        "n.csv", [["1e305", "1e305", "red"], ["1e300", "-1e300", "red"], ["1", "2", "red"]], "abc"
    )
    for row in csv.DictReader(io.StringIO(predicted(capsys, "n.csv").out)):
        assert math.isfinite(float(row["y"])) if row["y"] else row["reason"]


# ---- leaks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "Unnamed: 0"])
@pytest.mark.parametrize("index", [lambda i: i, lambda i: i + 1, lambda i: (i * 37) % 601])
def test_an_index_without_a_name_is_left_out_and_named(name, index, here, capsys):
    write("t.csv", [[index(i), *row] for i, row in enumerate(numbers())], (name, *"abcy"))
    assert train() == 0
    assert list(columns()) == ["a", "b", "c"]
    told = f"left out column {name or 'column 1'!r}: an index without a name"
    assert told in capsys.readouterr().out


def test_a_column_that_tells_the_target_is_pointed_out(here, capsys):
    rng = Random(2)
    targets = [float(row[3]) for row in numbers()]
    rows = [[y, 2 - 3 * y, math.exp(y / 20), rng.random(), y] for y in targets]
    write("t.csv", rows, ("same", "line", "curve", "free", "y"))
    assert train() == 0
    out = capsys.readouterr().out
    assert "note: column 'same' is equal to the target" in out
    assert "note: column 'line' alone predicts the target" in out
    assert "note: column 'curve' alone predicts the target" in out
    assert "'free'" not in out
    kinds = ["x", "y", "z"]
    rows = [
        [kinds[i % 3].upper(), i % 3 + rng.random() / 2, f"{i % 3}{rng.randrange(3)}",
         rng.random(), rng.choice("pq"), kinds[i % 3]]
        for i in range(90)
    ]  # fmt: skip
    write("t.csv", rows, ("other name", "cut", "finer", "free", "coin", "y"))
    assert train("--category", "finer") == 0
    out = capsys.readouterr().out
    assert "'other name' is equal, up to its names, to the target" in out
    for name in ("cut", "finer"):
        assert f"column {name!r} alone predicts the target" in out
    assert "'free'" not in out
    assert "'coin'" not in out


# ---- what cannot be read -------------------------------------------------------------------------


def test_sums_of_huge_and_tiny_numbers_do_not_overflow(here, capsys):
    for scale in (1e200, 1e-200, 1e300):
        rows = [[float(row[0]) * scale, row[1], row[2], float(row[3]) * scale] for row in numbers()]
        write("t.csv", rows)
        assert main(["train", "t.csv", "--target", "y", "--epochs", "60", "--quiet"]) == 0
        out = capsys.readouterr().out
        assert float(out.split("validation R² ")[1].split()[0]) > 0.8
    pytest.importorskip("sklearn")
    from nn.estimators import MLPRegressor

    X = np.array([[float(row[0]), float(row[1])] for row in numbers()])
    y = X @ [1.0, 2.0]
    found = MLPRegressor(random_state=0).fit(X * 1e200, y * 1e200).predict(X * 1e200)
    assert np.corrcoef(found / 1e200, y)[0, 1] > 0.95


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('a,y\n1,2\n3,"4\n5,6\n', "t.csv line 3: a quote is opened and never closed"),
        ('a,y\n1,2\n"3" x,4\n', "t.csv line 3: text follows a closing quote"),
        ("a,y\n1,2\n" + "9" * 140_000 + ",4\n" + "1,3\n" * 40, "t.csv line 3, column 'a': '99999"),
        ("a,y\n" + "1,2\n" * 40 + "z" * 140_000 + ",4\n", "t.csv line 42, column 'a': 'zzzz"),
        ("a,y\n1,2\n3,4,5\n", "t.csv line 3: number of cells 3, in the header 2"),
        ("a,y\n1,\xe9\n", "t.csv line 2 is not UTF-8 text"),
    ],
)
def test_what_cannot_be_read_is_one_line_with_its_place(text, told, here, capsys):
    (here / "t.csv").write_bytes(text.encode("latin-1"))
    assert train() == 2
    error = one_line(capsys)
    assert told in error
    assert len(error) < 500


def test_a_long_cell_among_texts_is_a_cell(here, capsys):
    rows = numbers()
    rows[0][2] = "z" * 200_000
    write("t.csv", rows)
    assert train("--ignore", "c") == 0
    assert train() == 0


def test_what_is_said_of_columns_is_true(here, capsys):
    rows = [
        [i % 2 + i / 7, f"country {i % 60}", "", f"2020-01-{i % 28 + 1:02}", i % 2]
        for i in range(120)
    ]
    write("t.csv", rows, ("x", "country", "none", "day", "y"))
    assert train() == 0
    out = capsys.readouterr().out
    assert "left out column 'country': more than 50 different texts\n" in out
    assert "left out column 'none': empty" in out
    assert "note: column 'day' is read as texts: a date" in out


# ---- preprocessing is part of the model ----------------------------------------------------------


@pytest.mark.parametrize("target", ["y", "c"])
@pytest.mark.parametrize("backend", ["tensor", "value"])
def test_a_model_from_a_table_has_its_scaling_and_its_names_everywhere(
    target, backend, here, capsys
):
    write("t.csv", numbers())
    assert train("--backend", backend, target=target) == 0
    model = nn.load("model.safetensors")
    said = [row[-1] for row in csv.reader(io.StringIO(predicted(capsys, "t.csv").out))][1:]
    encoded = [
        [float(a), float(b), *([c == "blue", c == "green", c == "red"] if target == "y" else [y])]
        for a, b, c, y in numbers()
    ]
    encoded = [[float(x) for x in row] for row in encoded]
    names = ["a", "b", "c=blue", "c=green", "c=red"] if target == "y" else ["a", "b", "y"]
    assert model.features == names
    assert model.classes == ([] if target == "y" else ["blue", "green", "red"])

    def right(outputs):
        if target == "y":
            return list(outputs) == pytest.approx([float(x) for x in said], rel=1e-6)
        return [model.classes[int(np.argmax(row))] for row in outputs] == said

    tensors = model.to("tensor")
    assert right(tensors(np.array(encoded)).data)
    values = model.to("value")
    outputs = [values(row) for row in encoded]
    assert right(
        [x.data for x in outputs] if target == "y" else [[z.data for z in x] for x in outputs]
    )
    nn.save(tensors, "copy.safetensors")
    assert right(nn.load("copy.safetensors")(np.array(encoded)).data)
    onnx = pytest.importorskip("onnx")
    ort = pytest.importorskip("onnxruntime")
    nn.export_onnx(model, "m.onnx")
    kept = {p.key: json.loads(p.value) for p in onnx.load("m.onnx").metadata_props}
    assert kept == (
        {"features": names, "classes": model.classes} if model.classes else {"features": names}
    )
    session = ort.InferenceSession("m.onnx", providers=["CPUExecutionProvider"])
    assert right(session.run(None, {"input": np.array(encoded)})[0])


def test_a_model_of_an_earlier_release_is_scaled_by_its_table(here, capsys):
    network = nn.MLP(2, [1], seed=0, backend="tensor")
    columns = [{"name": "a", "mean": 5.0, "scale": 2.0, "texts": []},
               {"name": "b", "mean": -1.0, "scale": 0.5, "texts": []}]  # fmt: skip
    table = {"target": "y", "columns": columns, "classes": [], "mean": 100.0, "scale": 10.0}
    nn.save(network, "model.safetensors", table=json.dumps(table))
    (here / "n.csv").write_text("a,b\n7,-1\n,-1.5\n")
    found = [float(row["y"]) for row in csv.DictReader(predicted(capsys, "n.csv").out.splitlines())]
    scaled = network(np.array([[1.0, 0.0], [0.0, -1.0]])).data
    assert found == pytest.approx((100 + 10 * scaled).tolist(), rel=1e-7)


def test_a_damaged_description_of_a_table_is_one_line(here, capsys):
    write("t.csv", numbers())
    assert train() == 0
    blocks, metadata = read("model.safetensors")
    table = json.loads(metadata["table"])
    column = table["columns"][0]
    damages = [{**table, key: wrong} for key in table for wrong in (3, [3], {"x": 1}, None)
               if key not in ("mean", "scale") or wrong != 3]  # fmt: skip
    damages += [{**table, "columns": [{**column, key: wrong}]} for key in ("name", "texts", "scale")
                for wrong in (0, [3], None)]  # fmt: skip
    for damage in [*damages, {**table, "columns": []}, {**table, "columns": [column]}, []]:
        (here / "m.safetensors").write_bytes(
            pack(blocks, {**metadata, "table": json.dumps(damage)})
        )
        capsys.readouterr()
        status = main(["predict", "m.safetensors", "t.csv"])
        assert status == 2, damage
        one_line(capsys)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_scaling_and_names_go_to_torch(dtype):
    torch = pytest.importorskip("torch")
    there, back = nn.Standardize([5.0, -2.0], [0.1, 30.0]), nn.Standardize([-3.0], [0.25])
    network = nn.MLP(2, [4, 1], seed=0, backend="tensor", dtype=dtype)
    model = nn.Sequential(there, network, back, features=["p", "q"], classes=["no", "yes"])
    theirs = nn.to_torch(model)
    X = np.array([[5.2, 10.0], [4.9, -40.0]], dtype)
    assert theirs(torch.tensor(X)).tolist() == pytest.approx(model(X).data.tolist(), rel=1e-5)
    assert (theirs.features, theirs.classes) == (["p", "q"], ["no", "yes"])


def test_standardize_takes_what_a_model_takes_and_refuses_what_is_not_data():
    there, back = nn.Standardize([1.0, 2.0], [4.0, 0.5]), nn.Standardize([-0.25, -4.0], [0.25, 2.0])
    assert there([5.0, 3.0]) == [1.0, 2.0]
    assert back(there(np.array([[5.0, 3.0]]))).tolist() == [[5.0, 3.0]]
    assert there([[5, 3]]).tolist() == [[1.0, 2.0]]
    for wrong in (([1.0], [0.0]), ([1.0], [1.0, 2.0]), ([math.nan], [1.0]), ([], [])):
        with pytest.raises(ValueError, match="scales"):
            nn.Standardize(*wrong)
    with pytest.raises(ValueError, match="3 features, but the scales are for 2"):
        there(np.ones((4, 3)))
    with pytest.raises(ValueError, match="3 features, but the scales are for 2"):
        there([1.0, 2.0, 3.0])


# ---- a corpus of damaged files -------------------------------------------------------------------


def damaged(i):
    """A damaged file, and the numbers that it has if it can be read; None where it must not be."""
    rng = Random(i)
    rows, header = numbers(40, seed=i), ["a", "b", "c", "y"]
    separator, end = rng.choice(",;\t|"), rng.choice(["\n", "\r\n", "\r"])
    quoting = rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    true = [[float(row[0]), float(row[1]), float(row[3])] for row in rows]
    k, j = rng.randrange(40), rng.choice([0, 1, 3])
    at = {0: 0, 1: 1, 3: 2}[j]
    damage = [
        "none",
        "encoding",
        "quote",
        "missing",
        "odd",
        "ragged",
        "huge",
        "blank",
        "number",
        "utf16",
    ][i % 10]
    if damage == "missing":
        rows[k][j] = rng.choice([*sorted(WORDS), ""])
        true[k][at] = math.nan
    elif damage == "odd":
        rows[k][j], true = rng.choice(list(ODD)), None
    elif damage == "ragged":
        rows[k], true = rng.choice([rows[k][:-1], [*rows[k], "1"]]), None
    elif damage == "huge":
        rows[k][j], true = rng.choice("x9") * 150_000, None
    elif damage == "number":
        rows[k][j] = rng.choice(["\u22121.5", "+1.5", "1.5e0", " 1.5 ", "1.50"])
        true[k][at] = -1.5 if rows[k][j][0] == "\u2212" else 1.5
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=separator, lineterminator=end, quoting=quoting).writerows(
        [header, *rows]
    )
    text = file.getvalue()
    if damage == "quote":
        lines, true = text.split(end), None
        lines[k + 1] = rng.choice(['"', '"x"y']) + lines[k + 1].replace('"', "")
        text = end.join(lines)
    if damage == "blank":
        lines = text.split(end)
        lines.insert(k + 1, rng.choice(["", separator * 3, "  "]))
        text = end.join(lines)
    if damage == "encoding":
        text = rng.choice(["\ufeff" + text, text.replace("red", "r\xe9d")])
        if "\xe9" in text and rng.random() < 0.5:
            return text.encode("latin-1"), None
    return (text.encode("utf-16"), None) if damage == "utf16" else (text.encode(), true)


@pytest.mark.parametrize("part", range(10))
def test_a_damaged_file_has_right_numbers_or_one_clear_line(part, here, capsys):
    for i in range(part * 20, part * 20 + 20):
        content, true = damaged(i)
        (here / "t.csv").write_bytes(content)
        status = train("--layers", "2", "--task", "regression")
        captured = capsys.readouterr()
        assert status == (2 if true is None else 0), (i, captured.err)
        if true is None:
            assert captured.err.count("\n") == 1
            assert "t.csv line " in captured.err
            for words in (
                ["predict", "model.safetensors", "t.csv"],
                ["grad", "a*b*y", "--from", "t.csv"],
            ):
                assert main(words) in (0, 2)  # the target's cells need not be read
                assert capsys.readouterr().err.count("\n") <= 1
            continue
        records, reading = Records("t.csv"), Reading(Notation())
        judged = judge(records, "y", [], "regression", reading)
        X, y, *_ = read_training(records, judged, reading)
        kept = [row for row in true if not math.isnan(row[2])]
        assert np.array_equal(X[:, :2], [row[:2] for row in kept], equal_nan=True)
        assert y == [row[2] for row in kept]
        assert sorted(judged.table.columns[2].texts) in (
            ["blue", "green", "red"],
            ["blue", "green", "r\xe9d"],
        )
        assert list(giveaways(judged.table, X, np.array(y))) == []


def test_words_of_every_option_are_checked(here, capsys):
    write("t.csv", numbers())
    for words, told in ((["--decimal", "dot"], "--decimal is one of point, comma"),
                        (["--separator", "x"], "--separator is one of"),
                        (["--category", "d"], "no column 'd'"),
                        (["--number", "c"], "no cell of 'c' is a number")):  # fmt: skip
        assert train(*words) == 2
        assert told in one_line(capsys)


# ---- what is left out, and what is kept ----------------------------------------------------------


def holed(rows, bare):
    """The rows, without any feature in some of them."""
    return [["", "", "", row[3]] if i in bare else row for i, row in enumerate(rows)]


@pytest.mark.parametrize("bare", [[0], [3, 4, 59], range(30)])
def test_rows_without_any_feature_are_left_out_and_counted(bare, here, capsys):
    write("t.csv", holed(numbers(), bare))
    assert train() == 0
    out = capsys.readouterr().out
    assert f"t.csv: {ROWS - len(bare)} rows" in out
    assert f"left out {len(bare)} rows without a value in any column" in out
    assert "filled" not in out


@pytest.mark.parametrize(
    ("names", "gone"), [(["p", "q"], "rare"), (["p", "q", "s"], "r"), (["1", "2"], "0")]
)
def test_a_class_of_rows_left_out_alone_is_no_output(names, gone, here):
    rows = holed(numbers(), [3, 4])
    for i, row in enumerate(rows):
        row[3] = gone if i in (3, 4) else names[i % len(names)]
    write("t.csv", rows)
    assert train() == 0
    assert classes() == names


@pytest.mark.parametrize("values", [("p", "q"), ("1", "2"), ("0.5", "1.5"), ("", "2")])
def test_a_target_that_is_one_where_features_are_is_refused(values, here, capsys):
    rows = holed(numbers(), [3, 4])
    for i, row in enumerate(rows):
        row[3] = values[i not in (3, 4)]
    write("t.csv", rows)
    assert train() == 2
    assert "there is nothing to learn" in one_line(capsys)
    assert not (here / "model.safetensors").exists()


@pytest.mark.parametrize("place", ["b", "y"])
@pytest.mark.parametrize("code", ["007", "00", "0815"])
def test_codes_that_are_read_as_numbers_are_pointed_out(place, code, here, capsys):
    rows = numbers()
    rows[7]["abcy".index(place)] = code
    write("t.csv", rows)
    told = f"note: column {place!r} is read as numbers, {code!r} as {int(code)}: say --category"
    for words, said in (((), True), (("--number", place), False), (("--category", place), False)):
        assert train(*words, "--task", "auto") == 0
        assert (told in capsys.readouterr().out) is said


def test_a_class_written_as_a_code_keeps_its_name(here, capsys):
    rows = [[*row[:3], ["007", "042"][i % 2]] for i, row in enumerate(numbers())]
    write("t.csv", rows)
    assert train() == 0
    assert "is read as numbers" not in capsys.readouterr().out
    assert classes() == ["007", "042"]


@pytest.mark.parametrize("link", [None, "symlink_to", "hardlink_to"])
@pytest.mark.parametrize(
    "words",
    [
        ["train", "t.csv", "--target", "y", "-o", "OUT"],
        ["train", "t.csv", "--target", "y", "--curve", "OUT"],
        ["predict", "m.safetensors", "t.csv", "-o", "OUT"],
    ],
)
def test_no_command_writes_over_the_table_that_it_reads(words, link, here, capsys):
    write("t.csv", numbers())
    before = (here / "t.csv").read_bytes()
    if link:
        getattr(here / "l.csv", link)(here / "t.csv")
    assert train("-o", "m.safetensors") == 0
    state = {path: path.read_bytes() for path in here.iterdir()}
    capsys.readouterr()
    for name in ("l.csv",) if link else ("t.csv", "./t.csv", str(here / "t.csv")):
        assert main([word.replace("OUT", name) for word in words]) == 2
        assert "name another file" in one_line(capsys)
    assert {path: path.read_bytes() for path in here.iterdir()} == state
    assert (here / "t.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["train", "t.csv", "--target", "y", "-o", "m.png"], "name another file"),
        (["train", "t.csv", "--target", "y", "-o", "x.st", "--curve", "x.st"], "name another file"),
        (["train", "t.csv", "--target", "y", "-o", "."], "is a directory"),
        (["train", "t.csv", "--target", "y", "--curve", "."], "is a directory"),
        (["predict", "m.st", "t.csv", "-o", "m.st"], "name another file"),
        (["draw", "m.st", "-o", "m.st"], "name another file"),
    ],
)
def test_no_file_of_a_command_takes_the_place_of_another(words, told, here, capsys):
    write("t.csv", numbers())
    assert train("-o", "m.st") == 0
    state = {path: path.read_bytes() for path in here.iterdir()}
    capsys.readouterr()
    assert main(words) == 2
    assert told in one_line(capsys)
    assert {path: path.read_bytes() for path in here.iterdir()} == state


def test_words_that_contradict_each_other_are_refused(here, capsys):
    write("t.csv", numbers())
    for words, told in ((["--ignore", "a,y"], "--ignore names the target 'y'"),
                        (["--category", "c,a", "--number", "b,a"],
                         "--category and --number both name 'a'")):  # fmt: skip
        assert train(*words) == 2
        assert told in one_line(capsys)
    assert not (here / "model.safetensors").exists()
