"""`valuegrad train` and `valuegrad predict`, on files as people have them."""

from __future__ import annotations

import csv
from random import Random

import pytest

import nn
from autograd.commands.main import main
from nn.files.safetensors_format import pack, read

pytestmark = pytest.mark.slow

ROWS = 60


def run(*words):
    return main([str(word) for word in words])


@pytest.fixture(autouse=True)
def _no_curve(request, monkeypatch):
    """No learning curve is drawn, which takes long, but where a test asks for it."""
    if "curve" not in request.function.__name__:
        monkeypatch.setattr("nn.tables.command_line.save_history", lambda history, path: None)


@pytest.fixture
def flowers(tmp_path):
    """A table with texts, exponents, missing cells, a column of names, and three classes."""
    rng, path = Random(0), tmp_path / "flowers.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "length", "width", "colour", "species"])
        for i in range(ROWS):
            kind = i % 3
            length = f"{2 * kind + rng.gauss(0, 0.2):.3e}" if i % 2 else f"{2.0 * kind:.2f}"
            width = rng.choice(["NA", "", "?"]) if i % 10 == 0 else f"{rng.gauss(0, 1):.2f}"
            species = "" if i == 7 else ["iris", "rose", "lily, white"][kind]
            writer.writerow([f"plant {i}", length, width, "red" if kind else "blue", species])
    return path


def train(table, *words, epochs=15):
    return run("train", table, "-o", table.parent / "model.safetensors", "--epochs", epochs,
               "--quiet", *words)  # fmt: skip


def test_a_table_with_holes_and_texts_becomes_a_model_and_predictions(flowers, capsys):
    assert train(flowers, "--target", "species", "--layers", "8,8", "--lr", "0.05") == 0
    report = capsys.readouterr().out
    assert f"{ROWS - 1} rows; 3 columns predict 'species' (3 classes)" in report
    assert "left out 1 rows without a target" in report
    assert "left out column 'id': more than 50 different texts" in report
    assert "filled 6 missing cells" in report
    assert "MLP(4 → 8 → 8 → 3, relu, float64 tensors): 139 parameters; 47 rows to" in report
    assert "train      accuracy 100.0%  (47 of 47)" in report
    table = report.split("column for each answer\n")[1].splitlines()
    assert table[0].split() == ["iris", "lily,", "white", "rose"]
    counts = [[int(word) for word in line.split() if word.isdigit()] for line in table[1:4]]
    assert sum(map(sum, counts)) == 12
    assert sum(counts[i][i] for i in range(3)) >= 11
    model = flowers.parent / "model.safetensors"
    assert f"wrote {model}" in report

    new = flowers.parent / "new.csv"
    new.write_text("colour,length,width,note\nblue,1e-1,0.5,a\nred,4.0,,b\ngreen,2.1,-1,c\n")
    assert run("predict", model, new) == 0
    answers = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row["species"] for row in answers] == ["iris", "lily, white", "rose"]
    assert list(answers[0]) == ["colour", "length", "width", "note", "species"]
    assert list(answers[0].values()) == ["blue", "1e-1", "0.5", "a", "iris"]
    assert run("predict", model, flowers, "-o", flowers.parent / "out.csv") == 0
    out = list(csv.DictReader((flowers.parent / "out.csv").read_text().splitlines()))
    agree = [row["predicted species"] == row["species"] for row in out]
    assert sum(agree) >= ROWS - 2  # one has no species


def test_the_learning_curve_is_a_picture(flowers):
    pytest.importorskip("matplotlib")
    assert train(flowers, "--target", "species", "--curve", flowers.parent / "c.png", epochs=2) == 0
    assert (flowers.parent / "c.png").read_bytes().startswith(b"\x89PNG")


def test_a_column_of_numbers_is_predicted_in_its_own_units(tmp_path, capsys):
    path = tmp_path / "line.csv"
    rows = [f"{x / 10};{3000 + 100 * x}" for x in range(40)]
    path.write_text("\ufeffx;price\n" + "\n".join(rows) + "\n")
    assert train(path, "--target", "price", "--activation", "tanh", epochs=60) == 0
    assert "(a number)" in (report := capsys.readouterr().out)
    assert float(report.split("validation R² ")[1].split()[0]) > 0.95
    assert run("predict", tmp_path / "model.safetensors", path) == 0
    answers = [line.split(";") for line in capsys.readouterr().out.splitlines()[1:]]
    assert all(abs(float(said) - float(price)) < 300 for _, price, said in answers)


def test_few_whole_numbers_are_classes_unless_told_otherwise(tmp_path, capsys):
    path = tmp_path / "bits.csv"
    path.write_text("a,b,y\n" + "0,0,0\n0,1,1\n1,0,1\n1,1,0\n" * 6)
    train(path, "--target", "y", epochs=2)
    assert "(2 classes)" in capsys.readouterr().out
    train(path, "--target", "y", "--task", "regression", epochs=2)
    assert "(a number)" in capsys.readouterr().out


def test_the_same_seed_writes_the_same_model(flowers):
    path = flowers.parent / "model.safetensors"
    models = []
    for seed in (1, 1, 2):
        assert train(flowers, "--target", "species", "--seed", seed, epochs=2) == 0
        models.append(path.read_bytes())
    assert models[0] == models[1] != models[2]


def test_both_backends_write_the_same_model(flowers, capsys):
    path = flowers.parent / "model.safetensors"
    answers = []
    for backend in ("value", "tensor"):
        assert train(flowers, "--target", "species", "--backend", backend, epochs=2) == 0
        capsys.readouterr()
        assert run("predict", path, flowers) == 0
        answers.append((read(path)[0], capsys.readouterr().out))
    assert answers[0][1] == answers[1][1]
    for name, block in answers[0][0].items():
        for row, other in zip(block, answers[1][0][name], strict=True):
            assert row == pytest.approx(other, rel=1e-10)
    assert train(flowers, "--target", "species", "--backend", "torch") == 2


BAD_TABLES = {
    "": "is empty",
    "x,y\n": "has a header and no rows",
    "x,y\n1,2,3\n": "t.csv line 2: number of cells 3, in the header 2",
    "x,x,y\n1,2,3\n": "line 1: two columns are called 'x'",
    "x,y\n1,a\n2,a\n3,a\n4,a\n5,a\n": "'y' is always 'a'",
    "y\na\nb\na\nb\na\n": "there is no column to predict 'y' from",
    "x,y\n1,a\n2,b\n": "leaves one side empty",
    "x,z\n1,a\n2,b\n": "no column 'y'",
}


@pytest.mark.parametrize("text", BAD_TABLES)
def test_a_table_that_cannot_be_learnt_from_is_one_line_on_stderr(text, tmp_path, capsys):
    path = tmp_path / "t.csv"
    path.write_text(text)
    assert train(path, "--target", "y") == 2
    error = capsys.readouterr().err
    assert error.startswith("valuegrad: ")
    assert BAD_TABLES[text] in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--target", "specis"], "no column 'specis': did you mean 'species'"),
        (["--target", "species", "--layers", "16,x"], "sizes such as 16,16, and not 'x'"),
        (["--target", "species", "--layers", "0"], "the size of a layer is 0"),
        (["--target", "species", "--activation", "rellu"], "did you mean 'relu'"),
        (["--target", "species", "--optimizer", "adm"], "did you mean 'adam'"),
        (["--target", "species", "--lr", "-1"], "the learning rate is -1.0"),
        (["--target", "species", "--task", "regression"], "'species' holds texts"),
        (["--target", "species", "--curve", "/nowhere/c.png"], "no directory '/nowhere'"),
    ],
)  # fmt: skip
def test_a_wrong_word_is_one_line_on_stderr(words, message, flowers, capsys):
    assert train(flowers, *words) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_predict_tells_what_is_wrong_with_model_or_table(flowers, capsys):
    model = flowers.parent / "model.safetensors"
    assert run("predict", model, flowers) == 2
    assert "No such file" in capsys.readouterr().err
    nn.save(nn.MLP(2, [1]), model)
    assert run("predict", model, flowers) == 2
    assert "not a model that `valuegrad train` has written" in capsys.readouterr().err
    train(flowers, "--target", "species", epochs=1)
    capsys.readouterr()
    table = flowers.parent / "new.csv"
    table.write_text("length,colour\n1,red\n")
    assert run("predict", model, table) == 2
    assert "the table lacks the column 'width'" in capsys.readouterr().err
    table.write_text("length,colour,width\n1,red,wide\n")
    assert run("predict", model, table) == 2
    assert "new.csv line 2, column 'width': 'wide' is a text" in capsys.readouterr().err
    blocks, metadata = read(model)
    model.write_bytes(pack(blocks, {**metadata, "table": '{"columns": 3}'}))
    assert run("predict", model, flowers) == 2
    assert "description of its table is damaged" in capsys.readouterr().err


def test_a_cell_cannot_steer_the_terminal(tmp_path, capsys):
    path = tmp_path / "t.csv"
    path.write_text("x,y\n" + "1,\x1b[31ma\n2,b\n" * 10)
    assert train(path, "--target", "y", epochs=1) == 0
    assert "\x1b" not in capsys.readouterr().out
