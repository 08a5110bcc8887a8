"""A learner's code, run in a process of its own that is ended when it does not end by itself.

Where there is `fork`, the process is a copy of this one, so what a notebook holds is there. Else
the code is sent to a new Python by cloudpickle. In a browser, where there are no
processes, it runs here, with a limit on its steps. What comes back is JSON: nothing that the
learner's code sends is ever run.
"""

from __future__ import annotations

import importlib
import io
import json
import linecache
import os
import pickle
import signal
import sys
import traceback
import warnings
from contextlib import redirect_stderr, redirect_stdout, suppress
from functools import partial
from pathlib import Path
from types import ModuleType

from ..core.graph import Node, data_of
from ..core.kinds import describe, is_number
from ..extras import COMMAND

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    Reply = dict[str, Any]
    Place = tuple[str, int] | None  # the file and the first line of a function

METHOD = "fork" if hasattr(os, "fork") and sys.platform != "darwin" else "spawn"
MEMORY = 2**30  # bytes that it may take beyond what it starts with
STEPS = 2_000_000  # lines that it may run where there are no processes
MOST_ENDED = 4  # of its processes, after which the rest is not tried; one that is late counts twice
STARTING = 60.0  # seconds that a new Python may take to import this package
PRINTED = 200  # characters of what it prints that are kept
LATE = "it runs for more than {}: does a loop never end?"
PACKAGE = str(Path(__file__).parent.parent) + os.sep
PLAIN = tuple(  # starts of files whose functions may be called: they differentiate nothing
    PACKAGE + os.path.join(*parts)
    for parts in (("core", "functions"), ("core", "ieee"), ("core", "kinds"),
                  ("checking", "sandbox"), ("checking", "student"))
)  # fmt: skip
DIFFERENTIATE = {"torch", "jax", "tensorflow", "sympy", "casadi", "numdifftools", "mygrad"}


def run(
    work: Callable[[Any], Any], jobs: Sequence[Any], seconds: float, known: Any = None
) -> list[Reply]:  # fmt: skip
    """A reply to each job: what `work(job)` is as JSON, or how it came to an end.

    A reply has "answer"; or "told" in words, with its "kind": "raises", "endless" or, for what is
    no JSON, "answer". "used" names what it called of this package, and "printed" what it printed.
    What `known`, a function of the teacher's, calls is not the learner's doing.
    """
    code = getattr(known, "__code__", None)
    allowed = code and (code.co_filename, code.co_firstlineno)
    if sys.platform == "emscripten":
        return [_reply(work, job, allowed, STEPS) for job in jobs]
    replies: list[Reply] = []
    ended = 0
    while len(replies) < len(jobs) and ended < MOST_ENDED:
        replies += _replies(work, jobs[len(replies) :], allowed, seconds)
        ended += replies[-1].get("ended", 0)
    told = "it is not tried at more points, for it does not come to an end"
    return replies + [{"kind": "endless", "told": told}] * (len(jobs) - len(replies))


def _replies(work: Any, jobs: Sequence[Any], allowed: Place, seconds: float) -> Iterator[Reply]:
    """Yield the replies of one process, up to its end."""
    child, pipe = _started(work, jobs, allowed)
    try:
        for turn in range(1 + len(jobs)):
            if not pipe.poll(seconds if turn else STARTING):
                yield {"kind": "endless", "told": LATE.format(f"{seconds:g} s"), "ended": 2}
                return
            reply = json.loads(pipe.recv_bytes())
            if turn:  # the first says that it is ready
                yield reply
    except (EOFError, OSError, ValueError):
        child.join(seconds)
        yield {"kind": "endless", "told": _end(child.exitcode), "ended": 1}
    finally:
        child.kill()
        child.join()
        pipe.close()


def _end(status: int | None) -> str:
    if status is not None and status < 0:
        return f"its process is ended by {signal.Signals(-status).name}"
    return f"it ends its process, with status {status}: return the answer in place of exiting"


def _started(work: Any, jobs: Sequence[Any], allowed: Place) -> tuple[Any, Any]:
    """A process that replies to jobs, and the end of a pipe that its replies come from."""
    import multiprocessing

    if multiprocessing.current_process().daemon:
        raise RuntimeError(
            "a learner's code runs in a process of its own, which a worker of multiprocessing.Pool "
            "may not start: judge in a concurrent.futures.ProcessPoolExecutor"
        )
    context: Any = multiprocessing.get_context(METHOD)
    source, sink = context.Pipe(duplex=False)
    task: Any = work, jobs, allowed
    task = task if METHOD == "fork" else _sent(task)
    child = context.Process(target=_attend, args=(sink, task), daemon=True)
    main = sys.modules["__main__"]
    try:
        if METHOD != "fork":  # else a new Python runs the user's program again
            sys.modules["__main__"] = ModuleType("__main__")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # it needs no other thread's locks
            child.start()
    finally:
        sys.modules["__main__"] = main
    sink.close()
    return child, source


def _sent(task: Any) -> bytes:
    try:
        cloudpickle: Any = importlib.import_module("cloudpickle")
    except ImportError as error:
        raise ValueError(
            f"code is sent to a process of its own by cloudpickle: {COMMAND} cloudpickle"
        ) from error
    return bytes(cloudpickle.dumps(task))


def _attend(sink: Any, task: Any) -> None:
    """Reply to every job, with nothing of the parent's within reach."""
    work, jobs, allowed = pickle.loads(task) if isinstance(task, bytes) else task
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    sys.settrace(None)
    with suppress(Exception):  # where there are no such limits
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    sink.send_bytes(b'"ready"')
    for job in jobs:
        sink.send_bytes(json.dumps(_reply(work, job, allowed)).encode())


# ---- one job -------------------------------------------------------------------------------------


def ask(theirs: Callable[..., Any], *args: Any) -> Any:
    """Call the learner's function: where this package is called from here, it is their doing."""
    return theirs(*args)


class OutOfSteps(BaseException):
    """Raised in a learner's code that runs on and on, where it has no process to be ended."""


def _reply(work: Any, job: Any, allowed: Place, steps: int = 0) -> Reply:
    """The reply to one job, whatever the learner's code does."""
    printed = io.StringIO()
    used: dict[str, None] = {}
    found: Reply = {}
    before = sys.getprofile(), sys.gettrace()
    with redirect_stdout(printed), redirect_stderr(printed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if steps:
                sys.settrace(_counting(steps))
            sys.setprofile(_noting(used, allowed))
            answer = work(job)
        except OutOfSteps:
            found = {"kind": "endless", "told": LATE.format(f"{steps:,} steps")}
        except BaseException as error:
            sys.setprofile(None)
            told = traceback.format_exception_only(error)[-1].strip()[:400]
            found = {"kind": "raises", "told": f"it raises {told}{_own_line(error)}"}
        finally:
            sys.settrace(before[1])
            sys.setprofile(before[0] if callable(before[0]) else None)
    if not found:
        try:
            found["answer"] = json.loads(
                json.dumps(answer, default=partial(_plain, used), skipkeys=True)
            )
        except (TypeError, ValueError) as error:
            found = {"kind": "answer", "told": str(error)}
    return found | {"used": list(used), "printed": printed.getvalue()[:PRINTED]}


def _plain(used: dict[str, None], x: Any) -> Any:
    """A number of a type that JSON lacks, in a type that it has; TypeError for anything else."""
    if isinstance(x, Node):
        used["autograd.Value"] = None
        return data_of(x)
    if hasattr(x, "tolist"):
        return x.tolist()
    if is_number(x):
        return float(x)
    raise TypeError(f"it returns {describe(x)}, where a number is due")


def _counting(steps: int) -> Any:
    left = iter(range(steps))

    def trace(frame: Any, event: str, arg: Any) -> Any:
        if next(left, None) is None:
            raise OutOfSteps
        return trace

    return trace


def _noting(used: dict[str, None], allowed: Place) -> Callable[[Any, str, Any], None]:
    """A profiler that notes calls into this package, or another that differentiates.

    Functions of plain numbers may be used; and the teacher's function, `allowed`, may use all.
    """

    def note(frame: Any, event: str, arg: Any) -> None:
        if event == "c_call" and isinstance(getattr(arg, "__self__", None), Node):
            name, caller = f"autograd.Value.{arg.__name__}", frame
        elif event == "call" and frame.f_back is not None:
            file, top = frame.f_code.co_filename, str(frame.f_globals.get("__name__")).split(".")[0]
            ours = file.startswith(PACKAGE) and not file.startswith(PLAIN)
            if not ours and top not in DIFFERENTIATE:
                return
            called = frame.f_code.co_qualname.split(".<")[0].removesuffix(".__init__")
            name, caller = f"{top}.{called}", frame.f_back
        else:
            return
        code = caller.f_code
        theirs = code is ask.__code__ or not code.co_filename.startswith(PACKAGE)
        if theirs and not _under(caller, allowed):
            used[name] = None

    return note


def _under(frame: Any, allowed: Place) -> bool:
    """True if a frame is that of a function, or one that it called."""
    while frame is not None:
        if (frame.f_code.co_filename, frame.f_code.co_firstlineno) == allowed:
            return True
        frame = frame.f_back
    return False


def _own_line(error: BaseException) -> str:
    """The learner's own line where an exception was raised, "" if it was in none."""
    steps = [(f.f_code.co_filename, line) for f, line in traceback.walk_tb(error.__traceback__)]
    own = [step for step in steps if not step[0].startswith(PACKAGE)]
    if not own:
        return ""
    file, line = own[-1]
    text = linecache.getline(file, line).strip()
    name = "its cell" if Path(file).stem.isdigit() else Path(file).name  # of a notebook
    return f" (line {line} of {name}" + (f": {text})" if text else ")")
