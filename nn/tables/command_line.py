"""`valuegrad train TABLE --target COLUMN`, `predict MODEL TABLE` and `draw MODEL`."""

from __future__ import annotations

import argparse
import math
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

from autograd import delimited, draw, files

from ..choices import ACTIVATIONS, choose
from ..data import on_tensors, outputs_of, split
from ..files.safetensors_format import FileError, read
from ..files.serialize import load, save
from ..layers import MLP, Sequential
from ..module import Module
from ..optim import OPTIMIZERS
from ..parameters import BACKENDS, Array, np
from ..plotting import save_history
from ..training.fit import History, fit
from .judging import Judged, Reading, giveaways, judge, read_training
from .tabular import DAMAGED, Table

AT_ONCE = 2000  # samples


def add_train_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Add `train` to the commands of a program."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "train", help="train a multi-layer perceptron on a CSV file",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )  # fmt: skip
    add = parser.add_argument
    add("table", help="a CSV file with a header")
    add("--target", required=True, help="the column to predict")
    for option, about in (
        ("--ignore", "columns to leave out"),
        ("--category", "columns of names, even if they look like numbers"),
        ("--number", "columns of numbers, in which every text is a missing one"),
        ("--missing", "words that stand for a missing cell"),
    ):
        add(option, action="append", default=[], metavar="A,B", help=about)
    delimited.add_options(parser)
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
    return parser


def add_predict_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Add `predict` to the commands of a program."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "predict", help="the predictions of a trained model for a CSV file"
    )
    parser.add_argument("model", help="a file that `train` has written")
    parser.add_argument("table", help="a CSV file with the columns it was trained on")
    parser.add_argument("-o", "--output", help="a CSV file for the predictions, else shown")
    delimited.add_options(parser)
    return parser


def add_draw_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Add `draw` to the commands of a program."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "draw", help="a picture of a saved model"
    )
    add = parser.add_argument
    add("model", help="a file that `train` or nn.save has written")
    add("-o", "--output", default="model.svg", help="the picture: .svg .png .pdf .html .dot .mmd")
    add("--numbers", action="store_true", help="write the weights")
    return parser


def _told(command: Callable[[argparse.Namespace], None]) -> Callable[[argparse.Namespace], int]:
    """The command, with an exit status; the user's mistake is one line on stderr, and 2."""

    @wraps(command)
    def told(args: argparse.Namespace) -> int:
        try:
            command(args)
        except BrokenPipeError:
            raise
        except OSError as error:
            text = f"{error.filename}: {error.strerror}" if error.strerror else str(error)
        except (ValueError, TypeError, ArithmeticError, ImportError) as error:
            text = str(error)
        else:
            return 0
        print("valuegrad:", *map(shown, text.split("\n")), file=sys.stderr)
        return 2

    return told


@_told
def draw_command(args: argparse.Namespace) -> None:
    """Write the picture, and print what it shows."""
    _kept(args.model, args.output)
    drawing = draw(load(args.model), numbers=args.numbers, quiet=True)
    drawing.save(args.output)
    print(f"{drawing}\nwrote {args.output}")


@_told
def train_command(args: argparse.Namespace) -> None:
    """Train, report and save."""
    layers, curve = _checked(args)
    table, X, y, targets = _read(args)
    (learn, _), (hold, _) = split(order := list(range(len(y))), order, args.validation, args.seed)
    table.fit(X[learn], y[learn])
    table.fill(X)
    np.subtract(X, table.scaling.means, out=X)  # in place: X is as large as the table
    np.divide(X, table.scaling.scales, out=X)
    y = (y - table.mean) / table.scale
    outputs = len(table.classes) if len(table.classes) > 2 else 1
    network = MLP(X.shape[1], [*layers, outputs], args.activation, seed=args.seed,
                  backend=args.backend)  # fmt: skip
    print(
        f"{repr(network).splitlines()[0]}; {len(learn)} rows to train on, {len(hold)} to validate"
    )
    known = {targets[i] for i in learn} if table.classes else set(targets)
    for name in dict.fromkeys(targets[i] for i in hold if targets[i] not in known):
        print(shown(f"note: no row to train on has {table.target!r} {name!r}: it cannot be learnt"))
    history = _trained(network, table.loss, X, y, learn, hold, args)
    print(history)
    model = table.model(network)
    scored = Sequential(*model.parts[1:])  # the data are standardised already
    for title, part in (("train", learn), ("validation", hold)):
        found = table.predictions(_outputs(scored, X[part]))
        _report_scores(table, title, found, [targets[i] for i in part])
    save(model, args.output, table=table.record())
    print(f"wrote {args.output}")
    try:
        save_history(history, curve)
        print(f"wrote {curve}")
    except (ImportError, ValueError) as error:  # no matplotlib, or no complete epoch
        print(f"no learning curve: {error}")


def _checked(args: argparse.Namespace) -> tuple[list[int], str | Path]:
    """The sizes of the hidden layers, and the path of the curve; an error before any work."""
    choose("activation", args.activation, ACTIVATIONS)
    choose("optimiser", args.optimizer, OPTIMIZERS)
    layers = [_size(word) for word in args.layers.split(",")]
    files.check(args.output)
    curve = args.curve or Path(args.output).with_suffix(".png")
    _kept(args.table, args.output, curve)
    return layers, curve


def _kept(*paths: str | Path) -> None:
    """Check what is to be written, all but the first; ValueError for one that is another's file."""
    found = list[Path]()
    for path in paths:
        real = files.check(path) if path is not paths[0] else Path(path).resolve()
        if real in found or (real.exists() and any(o.exists() and real.samefile(o) for o in found)):
            raise ValueError(f"{path} is to be read or written already: name another file for it")
        if real.is_file() or not real.exists():  # a device may be written many times
            found.append(real)


def _trained(
    network: MLP, loss: str, X: Array, y: Array, learn: list[int], hold: list[int],
    args: argparse.Namespace,
) -> History:  # fmt: skip
    """Train a network on some rows, and validate it on others."""
    mover = OPTIMIZERS[args.optimizer](network.parameters(), lr=args.lr)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "the validation data have the class")  # told above
        return fit(
            network, X[learn], y[learn], loss, mover, args.epochs, args.batch_size,
            validation=(X[hold], y[hold]), patience=args.patience, seed=args.seed,
            progress=not args.quiet,
        )  # fmt: skip


def _read(args: argparse.Namespace) -> tuple[Table, Array, Array, list[Any]]:
    """The meaning of the columns; the features, the targets as numbers, and as they are written."""
    records = delimited.Records(args.table, args.separator)
    (target,) = _names([args.target], records, whole=True)
    ignored, category, number = (
        _names(words, records) for words in (args.ignore, args.category, args.number)
    )
    if target in ignored:
        raise ValueError(f"--ignore names the target {target!r}: ignore other columns")
    for name in (name for name in category if name in number):
        raise ValueError(f"--category and --number both name {name!r}: say one of them")
    reading = Reading(_notation(args), _words(args.missing), category, number)
    judged = judge(records, target, ignored, args.task, reading)
    X, targets, holes, bare = read_training(records, judged, reading)
    table, places = judged.table, {name: i for i, name in enumerate(judged.table.classes)}
    y = np.array([places[t] if places else t for t in targets], float)
    notes = [*judged.notes, *giveaways(table, X, y)]
    _report_table(args.table, judged, len(y), holes, bare, notes)
    return table, X, y, targets


def _size(word: str) -> int:
    try:
        return int(word)
    except ValueError:
        raise ValueError(f"--layers are sizes such as 16,16, and not {word!r}") from None


def _notation(args: argparse.Namespace, table: Table | None = None) -> delimited.Notation:
    """How numbers are written: as the options say, else as in the table learnt from."""
    decimal, thousands = (table.decimal, table.thousands) if table else ("point", "")
    return delimited.Notation(
        args.decimal or decimal, thousands if args.thousands is None else args.thousands
    )


def _words(options: Sequence[str]) -> list[str]:
    """The words of options that may hold several, each whole or between commas."""
    found = [w.strip() for option in options for w in (option, *option.split(","))]
    return list(dict.fromkeys(found))


def _names(options: Sequence[str], records: delimited.Records, whole: bool = False) -> list[str]:
    """Names of columns: an option is one name, or several between commas."""
    found = []
    for option in options:
        words = [option] if whole or option in records.names else option.split(",")
        for name in filter(None, map(str.strip, words)):
            choose("column", name, dict.fromkeys(records.names))
            found.append(name)
    return found


def _report_table(
    path: str, judged: Judged, rows: int, holes: int, bare: int, notes: Sequence[str]
) -> None:
    table = judged.table
    what = f"{len(table.classes)} classes" if table.classes else "a number"
    print(f"{path}: {rows} rows; {len(table.columns)} columns predict {table.target!r} ({what})")
    if dropped := judged.rows - rows - bare:
        print(f"left out {dropped} rows without a target")
    if bare:
        print(f"left out {bare} rows without a value in any column that predicts")
    for name, reason in judged.left_out.items():
        print(shown(f"left out column {name!r}: {reason}"))
    for note in notes:
        print(shown(f"note: {note}"))
    if holes:
        print(f"filled {holes} missing cells: a number with its column's mean, a text with none")


def _report_scores(table: Table, title: str, found: Sequence[Any], truth: Sequence[Any]) -> None:
    if not table.classes:
        print(f"{title:<10} R² {r2(found, truth):.4f}")
        return
    right = sum(a == t for a, t in zip(found, truth, strict=True))
    print(f"{title:<10} accuracy {right / len(truth):6.1%}  ({right} of {len(truth)})")
    if title == "validation":
        print("\nvalidation: a row for each true class, a column for each answer")
        print(confusion(table.classes, truth, found), end="\n\n")


@_told
def predict_command(args: argparse.Namespace) -> None:
    """Write the table with a column of predictions."""
    for path in (args.model, args.table) if args.output else ():
        _kept(path, args.output)
    metadata = read(args.model)[1]
    if "table" not in metadata:
        raise FileError(f"{args.model} is not a model that `valuegrad train` has written")
    table = Table.restored(metadata["table"])
    model = load(args.model)
    if not isinstance(model, Sequential):  # a file of an earlier release, without the scaling
        model = table.model(model)
    if model.classes != table.classes:
        raise ValueError(DAMAGED)
    records = delimited.Records(args.table, args.separator)
    notation, unseen = _notation(args, table), Counter[tuple[str, str]]()
    answers, reasons = list[str](), list[str]()
    for chunk, X, lacks in table.features(records, notation, unseen):
        table.fill(X)
        told = _reasons(table, chunk, lacks)
        outputs = iter(_outputs(model, X[[not reason for reason in told]]))
        for reason in told:
            out = None if reason else next(outputs)
            fits = out is not None and bool(np.isfinite(out).all())
            reasons.append(reason or ("" if fits else "numbers too large"))
            answer = table.predictions([out])[0] if fits else ""
            answers.append(answer if isinstance(answer, str) else notation.written(answer))
    added = [_free(table.target, records.names)]
    if any(reasons):
        added.append(_free("reason", [*records.names, *added]))
    lines = [records.preamble + records.extended(records.header, added)]
    for record, *cells in zip(records, answers, reasons, strict=True):
        lines.append(records.extended(record, cells[: len(added)]))
    if args.output:
        files.write(args.output, "".join(lines).encode())
        print(f"wrote {args.output}")
    else:
        print("".join(lines), end="")
    _report_gaps(reasons, unseen)


def _outputs(model: Module, X: Array) -> list[Any]:
    """The outputs for samples, some at a time: their intermediate results take more than they."""
    parts = (X[i : i + AT_ONCE] for i in range(0, len(X), AT_ONCE))
    as_taken = parts if on_tensors(model) else (part.tolist() for part in parts)
    return [out for part in as_taken for out in outputs_of(model, part)]


def _reasons(table: Table, chunk: list[delimited.Record], lacks: Array) -> list[str]:
    """For each record why it cannot be predicted; empty where it can."""
    found = []
    for record, row in zip(chunk, lacks.tolist(), strict=True):
        names = [
            column.name
            for column, lack in zip(table.columns, row, strict=True)
            if lack and (all(row) or not column.holes)
        ]
        found.append("blank" if record.blank else f"no {', '.join(names)}" if names else "")
    return found


def _free(name: str, names: Sequence[str]) -> str:
    """A name that no column has."""
    tries = (
        name,
        f"predicted {name}",
        *(f"predicted {name} {i}" for i in range(2, len(names) + 3)),
    )
    return next(x for x in tries if x not in names)


def _report_gaps(reasons: Sequence[str], unseen: Counter[tuple[str, str]]) -> None:
    """Say on stderr what was not predicted, and which texts training did not know."""
    if kinds := Counter(filter(None, reasons)):
        each = "; ".join(f"{reason}: {n}" for reason, n in kinds.most_common(5))
        which = f"{kinds.total()} of {len(reasons)} rows ({each})"
        print(shown(f"valuegrad: no prediction for {which}"), file=sys.stderr)
    for (name, text), n in unseen.most_common(10):
        print(shown(f"valuegrad: column {name!r}: {text!r}, in {n} rows, is not in the training "
                    "data and counts as none of its texts"), file=sys.stderr)  # fmt: skip
    if len(unseen) > 10:
        print(f"valuegrad: and {len(unseen) - 10} more texts", file=sys.stderr)


# ---- scores --------------------------------------------------------------------------------------


def shown(text: str) -> str:
    """A foreign text, without characters that control a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


def r2(predictions: Sequence[float], truth: Sequence[float]) -> float:
    """The share of the variance that is explained (1 is perfect, 0 is the mean's)."""
    mean = math.fsum(truth) / len(truth)
    spread = math.hypot(*(t - mean for t in truth))
    missed = math.hypot(*(t - a for t, a in zip(truth, predictions, strict=True)))
    return 1.0 - (missed / spread) * (missed / spread) if spread else math.nan


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
