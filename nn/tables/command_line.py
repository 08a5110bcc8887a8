"""`valuegrad train TABLE --target COLUMN` and `valuegrad predict MODEL TABLE`."""

from __future__ import annotations

import argparse
import csv
import io
import math
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autograd import files

from ..choices import ACTIVATIONS, choose
from ..data import split
from ..files.safetensors_format import FileError, read
from ..files.serialize import load, save
from ..inputs import outputs_of
from ..layers import MLP
from ..module import Module
from ..optim import OPTIMIZERS
from ..parameters import BACKENDS
from ..plotting import save_history
from ..training.fit import fit
from .tabular import Record, Table, read_csv


def add_train_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Add `train` to the commands of a program."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "train", help="train a multi-layer perceptron on a CSV file",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )  # fmt: skip
    add = parser.add_argument
    add("table", help="a CSV file with a header")
    add("--target", required=True, help="the column to predict")
    add("--ignore", default="", metavar="A,B", help="columns to leave out")
    add("--task", choices=["auto", "classification", "regression"], default="auto", help="kind")
    add("--layers", default="16", metavar="N,N", help="sizes of the hidden layers")
    add("--activation", default="relu", help="of the hidden layers")
    add("--optimizer", default="adam", help=f"one of {', '.join(OPTIMIZERS)}")
    add("--lr", type=float, default=0.02, help="learning rate")
    add("--backend", choices=list(BACKENDS), default="tensor", help="what holds the weights")
    add("--epochs", type=int, default=50, help="passes over the data")
    add("--batch-size", type=int, default=16, help="samples for each update")
    add("--patience", type=int, default=None, help="stop after so many epochs without progress")
    add("--validation", type=float, default=0.2, help="share of the rows to hold out")
    add("--seed", type=int, default=0, help="decides first weights, split and order")
    add("-o", "--output", default="model.safetensors", help="the model")
    add("--curve", default=None, help="the learning curve (beside the model, as .png)")
    add("--quiet", action="store_true", help="no progress bar")
    parser.set_defaults(run=train_command)
    return parser


def add_predict_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Add `predict` to the commands of a program."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "predict", help="the predictions of a trained model for a CSV file"
    )
    parser.add_argument("model", help="a file that `train` has written")
    parser.add_argument("table", help="a CSV file with the columns it was trained on")
    parser.add_argument("-o", "--output", help="a CSV file for the predictions, else shown")
    parser.set_defaults(run=predict_command)
    return parser


def train_command(args: argparse.Namespace) -> int:
    """Train, report and save; the exit status."""
    return _told(_train, args)


def predict_command(args: argparse.Namespace) -> int:
    """Write the table with a column of predictions; the exit status."""
    return _told(_predict, args)


def _told(command: Any, args: argparse.Namespace) -> int:
    """Run a command; the user's mistake is one line on stderr and the status 2."""
    try:
        command(args)
    except BrokenPipeError:
        raise
    except OSError as error:
        text = f"{error.filename}: {error.strerror}" if error.strerror else str(error)
    except (ValueError, TypeError, FloatingPointError, ImportError) as error:
        text = str(error)
    else:
        return 0
    print("valuegrad:", *map(shown, text.split("\n")), file=sys.stderr)
    return 2


def _train(args: argparse.Namespace) -> None:
    choose("activation", args.activation, ACTIVATIONS)
    choose("optimiser", args.optimizer, OPTIMIZERS)
    layers = [_size(word) for word in args.layers.split(",")]
    curve = args.curve or Path(args.output).with_suffix(".png")
    for path in (args.output, curve):
        if not Path(path).absolute().parent.is_dir():
            raise ValueError(f"there is no directory for {path}")
    header, everything = read_csv(args.table)
    ignored = [name.strip() for name in args.ignore.split(",") if name.strip()]
    for name in (args.target, *ignored):
        choose("column", name, dict.fromkeys(header))
    rows = [row for row in everything if row[args.target]]
    names = [name for name in header if name != args.target and name not in ignored]
    (train, _), (held, _) = split(rows, rows, args.validation, args.seed)
    table = Table.learnt(train, names, args.target, args.task)
    if table.classes:  # all rows of a class may be held out
        table.classes = Table.learnt(rows, names, args.target, "classification").classes
    width, sizes = len(table.features(train[:1])[0]), [*layers, table.outputs]
    model = MLP(width, sizes, args.activation, seed=args.seed, backend=args.backend)

    _report_table(args.table, table, rows, len(everything) - len(rows), names)
    print(f"{repr(model).splitlines()[0]}; {len(train)} rows to train on, {len(held)} to validate")
    data = [(table.features(part), table.targets(part)) for part in (train, held)]
    history = fit(
        model, *data[0], table.loss, OPTIMIZERS[args.optimizer](model.parameters(), lr=args.lr),
        args.epochs, args.batch_size, validation=data[1], patience=args.patience, seed=args.seed,
        progress=not args.quiet,
    )  # fmt: skip
    print(history)
    _report_scores(table, model, train, held)
    save(model, args.output, table=table.record())
    print(f"wrote {args.output}")
    try:
        save_history(history, curve)
        print(f"wrote {curve}")
    except ImportError as error:
        print(f"no learning curve: {error}")


def _size(word: str) -> int:
    try:
        return int(word)
    except ValueError:
        raise ValueError(f"--layers are sizes such as 16,16, and not {word!r}") from None


def _report_table(
    path: str, table: Table, rows: Sequence[Record], dropped: int, names: Sequence[str]
) -> None:
    what = f"{len(table.classes)} classes" if table.classes else "a number"
    used = [column.name for column in table.columns]
    print(
        f"{path}: {len(rows)} rows, {len(used)} columns to predict {table.target!r} from ({what})"
    )
    if dropped:
        print(f"left out {dropped} rows without a target")
    if unused := [name for name in names if name not in used]:
        print(f"left out columns that are empty or have a text of their own in every row: "
              f"{shown(', '.join(unused))}")  # fmt: skip
    if holes := sum(not row[name] for row in rows for name in used):
        print(f"filled {holes} missing cells: a number with its column's mean, a text with none")


def _predictions(table: Table, model: Module, rows: Sequence[Record]) -> list[Any]:
    return table.predictions(outputs_of(model, table.features(rows)))


def _report_scores(
    table: Table, model: Module, train: Sequence[Record], held: Sequence[Record]
) -> None:
    for title, rows in (("train", train), ("validation", held)):
        found = _predictions(table, model, rows)
        truth = [row[table.target] for row in rows]
        if table.classes:
            right = sum(a == t for a, t in zip(found, truth, strict=True))
            print(f"{title:<10} accuracy {right / len(rows):6.1%}  ({right} of {len(rows)})")
        else:
            print(f"{title:<10} R² {r2(found, [float(t) for t in truth]):.4f}")
    if table.classes:
        print("\nvalidation: a row for each true class, a column for each answer")
        print(confusion(table.classes, truth, found), end="\n\n")


def _predict(args: argparse.Namespace) -> None:
    metadata = read(args.model)[1]
    if "table" not in metadata:
        raise FileError(f"{args.model} is not a model that `valuegrad train` has written")
    table = Table.restored(metadata["table"])
    model = load(args.model)
    header, rows = read_csv(args.table)
    found = _predictions(table, model, rows)
    column = table.target if table.target not in header else f"predicted {table.target}"
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*header, column])
    for row, x in zip(rows, found, strict=True):
        writer.writerow([*row.values(), x if isinstance(x, str) else f"{x:.6g}"])
    if args.output:
        files.write(args.output, out.getvalue().encode())
        print(f"wrote {args.output}")
    else:
        print(out.getvalue(), end="")


# ---- scores --------------------------------------------------------------------------------------


def shown(text: str) -> str:
    """A foreign text, without characters that control a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


def r2(predictions: Sequence[float], truth: Sequence[float]) -> float:
    """The share of the variance that is explained (1 is perfect, 0 is the mean's)."""
    mean = math.fsum(truth) / len(truth)
    spread = math.fsum((t - mean) ** 2 for t in truth)
    missed = math.fsum((t - a) ** 2 for t, a in zip(truth, predictions, strict=True))
    return 1.0 - missed / spread if spread else math.nan


def confusion(classes: Sequence[str], truth: Sequence[str], predictions: Sequence[str]) -> str:
    """A table with a row for each true class and a column for each prediction."""
    counts = Counter(zip(truth, predictions, strict=True))
    names = [shown(name) for name in classes]
    first, widths = max(map(len, names)), [max(len(name), 4) for name in names]
    lines = [" " * first + "".join(f"  {n:>{w}}" for n, w in zip(names, widths, strict=True))]
    for name, true in zip(names, classes, strict=True):
        cells = [f"  {counts[true, c]:>{w}}" for c, w in zip(classes, widths, strict=True)]
        lines.append(f"{name:<{first}}" + "".join(cells))
    return "\n".join(lines)
