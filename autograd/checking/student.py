"""`check_student`: a learner's gradient, rule or engine, judged in words."""

from __future__ import annotations

from ..core.graph import Node
from ..core.kinds import describe
from .student_report import StudentReport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def check_student(
    theirs: Any, f: Any = None, *, at: Any = None, seconds: float = 5.0, adapter: Any = None
) -> StudentReport:
    """Judge a learner's work, and name the mistakes in words; true when all is right.

    `check_student(df, f)` judges a gradient: `df(*args)` is to be the gradient of `f(*args)`, a
    tuple of several for several arguments. `f` is built on Values or plain Python. `at` is a point
    (a tuple of arguments) or a list of them; points close by are tried too. Without it, points are
    chosen.

    `check_student(rule, "tanh")` judges a rule: `rule(g, out, x)` is to be what `tanh` hands back
    to x where g arrives; of an operation on two, it is a tuple of two functions.

    `check_student(TheirValue)` judges a whole engine: a class with operators, `.data`, `.grad` and
    `.backward()`. For other names give `adapter`, a dict with any of "make" (a number to a node),
    "data", "grad" (a node to a number), "backward" (of a root), and functions such as "tanh".

    Their code runs in a process of its own, in which each trial may take `seconds`. It is not to
    call this package's derivatives. TypeError or ValueError for what cannot be judged.

    >>> report = check_student(lambda x, y: (y, y), lambda x, y: x * y, at=[(2.0, -3.0)])
    >>> print(report.faults[0].text)
    the gradient by y is wrong: it is the gradient by x
    """
    if not isinstance(seconds, (int, float)) or not seconds > 0:
        raise ValueError(f"seconds is the time for one trial, more than 0, not {describe(seconds)}")
    if isinstance(f, str):
        from .student_rules import judge_rule

        return judge_rule(theirs, f, seconds)
    if isinstance(theirs, type) and f is None:
        if issubclass(theirs, Node):
            raise TypeError(f"{theirs.__name__} is this package's own: give a class of theirs")
        from .student_engine import judge_engine

        return judge_engine(theirs, adapter, seconds)
    _demand_functions(theirs, f)
    from .student_functions import judge_gradient

    return judge_gradient(theirs, f, at, seconds)


def _demand_functions(theirs: Any, f: Any) -> None:
    for name, part in (("theirs", theirs), ("f", f)):
        if not callable(part):
            raise TypeError(
                f"{name} is {describe(part)}: check_student takes a gradient and its function f, a "
                "rule and the name of its operation, or a class alone"
            )
