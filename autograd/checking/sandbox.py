"""A learner's code, run in a process of its own that is ended when it does not end by itself.

Where there is `fork`, the process is a copy of this one, so what a notebook holds is there. Else
the code is sent to a new Python (by cloudpickle, or pickle). In a browser, where there are no
processes, it runs here, with a limit on its steps. What comes back is JSON: nothing that the
learner's code sends is ever run.
"""

from __future__ import annotations

import importlib
import io
import json
import linecache
import math
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import traceback
import warnings
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path

from ..core.graph import Node, data_of
from ..core.kinds import describe, is_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import CodeType
    from typing import Any

    Reply = dict[str, Any]

MEMORY = 2**30  # bytes that it may take beyond what it starts with
STEPS = 2_000_000  # lines that it may run where there are no processes
MOST_ENDED = 4  # of its processes, after which the rest is not tried; one that is late counts twice
STARTING = 60.0  # seconds that a new Python may take to import this package
PRINTED = 200  # characters of what it prints that are kept
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
    """A reply to each job: `work(job)` as JSON, or how it came to an end.

    A reply has "answer", or "error" and "line" where an exception was raised, or "ended" where the
    process was; "used" names what it called of this package, and "printed" what it printed. What
    `known`, a function of the teacher's, calls is not the learner's doing.
    """
    allowed = getattr(known, "__code__", None)
    if sys.platform == "emscripten":
        return [reply_to(work, job, allowed, STEPS) for job in jobs]
    replies: list[Reply] = []
    ended = 0
    while len(replies) < len(jobs) and ended < MOST_ENDED:
        with _process()(work, jobs[len(replies) :], allowed) as child:
            replies += child.replies(seconds)
            if len(replies) < len(jobs):
                replies.append({"ended": child.how_it_ended(seconds)})
                ended += 1 + child.late
    rest = {"ended": "it is not tried at more points, for it does not come to an end"}
    return replies + [rest] * (len(jobs) - len(replies))


def _process() -> Any:
    return _Forked if hasattr(os, "fork") and sys.platform != "darwin" else _Started


# ---- the two sides of a pipe ---------------------------------------------------------------------


class _Child:
    """A process that replies to jobs, one line of JSON for each."""

    pipe: Any  # what it sends is read here
    late = False

    def __enter__(self) -> _Child:
        self.lines: queue.Queue[bytes] = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        return self

    def _read(self) -> None:
        with suppress(OSError, ValueError):  # closed meanwhile
            for line in self.pipe:
                self.lines.put(line)
        self.lines.put(b"")

    def replies(self, seconds: float) -> Iterator[Reply]:
        """What it sends, up to its end or until one reply is late."""
        wait = STARTING  # for its first line, which says that it is ready
        while True:
            try:
                line = self.lines.get(timeout=wait)
            except queue.Empty:
                self.late = True
                return
            if not line:
                return
            if wait != STARTING:
                yield json.loads(line)
            wait = seconds

    def how_it_ended(self, seconds: float) -> str:
        if self.late:
            return f"it runs for more than {seconds:g} s: does a loop never end?"
        status = self.status()
        if status < 0:
            with suppress(ValueError):
                return f"its process is ended by {signal.Signals(-status).name}"
        return f"it ends its process, with status {status}: return the answer in place of exiting"

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.reader.join()
        self.pipe.close()

    def status(self) -> int:
        raise NotImplementedError

    def kill(self) -> None:
        raise NotImplementedError


class _Forked(_Child):
    def __init__(self, work: Any, jobs: Sequence[Any], allowed: CodeType | None) -> None:
        source, sink = os.pipe()
        self.ended: int | None = None
        with warnings.catch_warnings():  # other threads of this process hold nothing that it needs
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if not self.pid:
            try:
                os.close(source)
                _attend(work, jobs, allowed, sink)
            finally:
                os._exit(0)
        os.close(sink)
        self.pipe = os.fdopen(source, "rb")

    def status(self) -> int:
        if self.ended is None:
            self.ended = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.ended

    def kill(self) -> None:
        if self.ended is None:
            os.kill(self.pid, signal.SIGKILL)
            self.status()


class _Started(_Child):
    def __init__(self, work: Any, jobs: Sequence[Any], allowed: CodeType | None) -> None:
        sent = _pickled((work, jobs, allowed and (allowed.co_filename, allowed.co_firstlineno)))
        command = "from autograd.checking.sandbox import serve; serve()"
        paths = os.pathsep.join([str(Path(PACKAGE).parent), *filter(None, sys.path)])
        self.process = subprocess.Popen(
            [sys.executable, "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": paths},
        )  # fmt: skip
        assert self.process.stdin is not None  # it was asked for
        with suppress(BrokenPipeError), self.process.stdin as pipe:
            pipe.write(sent)
        self.pipe = self.process.stdout

    def status(self) -> int:
        return self.process.wait()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def _pickled(parts: Any) -> bytes:
    try:
        cloudpickle: Any = importlib.import_module("cloudpickle")
        return bytes(cloudpickle.dumps(parts))
    except ImportError:
        pass
    try:
        return pickle.dumps(parts)
    except Exception as error:
        raise ValueError(
            f"this code cannot be sent to a process of its own ({error}): python -m pip install "
            "cloudpickle, or keep it in a file and import it"
        ) from error


def serve() -> None:
    """The other end of `_Started`."""
    work, jobs, allowed = pickle.load(sys.stdin.buffer)
    _attend(work, jobs, allowed, os.dup(1))


def _attend(work: Any, jobs: Sequence[Any], allowed: Any, sink: int) -> None:
    """Reply to every job, with nothing of the parent's within reach."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    sys.stdin = io.StringIO()
    sys.setprofile(None)
    sys.settrace(None)
    with suppress(Exception):  # where there are no such limits
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    with os.fdopen(sink, "wb", 0) as pipe:
        pipe.write(b"ready\n")
        for job in jobs:
            reply = reply_to(work, job, allowed)
            pipe.write(json.dumps(reply).encode() + b"\n")


# ---- one job -------------------------------------------------------------------------------------


def ask(theirs: Callable[..., Any], *args: Any) -> Any:
    """Call the learner's function: where this package is called from here, it is their doing."""
    return theirs(*args)


class OutOfSteps(BaseException):
    """Raised in a learner's code that runs on and on, where it has no process to be ended."""


def reply_to(work: Any, job: Any, allowed: Any, steps: int = 0) -> Reply:
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
            found["answer"] = work(job)
        except OutOfSteps:
            found["ended"] = f"it runs for more than {steps:,} steps: does a loop never end?"
        except BaseException as error:
            sys.setprofile(None)
            found["error"] = traceback.format_exception_only(error)[-1].strip()[:400]
            found["line"] = _own_line(error)
        finally:
            sys.settrace(before[1])
            sys.setprofile(before[0] if callable(before[0]) else None)
    return found | {"used": list(used), "printed": printed.getvalue()[:PRINTED]}


def _counting(steps: int) -> Any:
    left = [steps]

    def trace(frame: Any, event: str, arg: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise OutOfSteps
        return trace

    return trace


def _noting(used: dict[str, None], allowed: Any) -> Callable[[Any, str, Any], None]:
    """A profiler that notes calls into this package, or another that differentiates.

    Functions of plain numbers may be used; and `allowed`, the code of the teacher's function, may
    use all.
    """

    def note(frame: Any, event: str, arg: Any) -> None:
        if event == "c_call" and isinstance(getattr(arg, "__self__", None), Node):
            name, caller = f"autograd.Value.{arg.__name__}", frame
        elif event == "call" and frame.f_back is not None:
            file, top = frame.f_code.co_filename, str(frame.f_globals.get("__name__")).split(".")[0]
            ours = _ours(file) and not file.startswith(PLAIN)
            if not ours and top not in DIFFERENTIATE:
                return
            name, caller = f"{top}.{_called(frame)}", frame.f_back
        else:
            return
        theirs = caller.f_code is ask.__code__ or not _ours(caller.f_code.co_filename)
        if theirs and not _under(caller, allowed):
            used[name] = None

    return note


def _called(frame: Any) -> str:
    """The function of a frame, as the learner wrote it."""
    own = frame.f_locals.get("self")
    if isinstance(own, Node):
        return f"{type(own).__name__}.{frame.f_code.co_name}".removesuffix(".__init__")
    return str(frame.f_code.co_qualname).split(".<")[0].removesuffix(".__init__")


def _under(frame: Any, allowed: Any) -> bool:
    while frame is not None:
        code = frame.f_code
        if allowed in (code, (code.co_filename, code.co_firstlineno)):
            return True
        frame = frame.f_back
    return False


def _own_line(error: BaseException) -> str:
    """The learner's own line where an exception was raised, "" if it was in none."""
    steps = traceback.walk_tb(error.__traceback__)
    own = [(f.f_code.co_filename, line) for f, line in steps if not _ours(f.f_code.co_filename)]
    if not own:
        return ""
    file, line = own[-1]
    text = linecache.getline(file, line).strip()
    name = "its cell" if Path(file).stem.isdigit() else Path(file).name  # of a notebook
    return f"line {line} of {name}" + (f": {text}" if text else "")


def _ours(file: str) -> bool:
    return file.startswith(PACKAGE)


# ---- answers as JSON -----------------------------------------------------------------------------


def packed(x: Any) -> Any:
    """An answer as JSON can hold it; what is no number is described."""
    if isinstance(x, Mapping):
        return {"keys": [str(key) for key in x], "parts": [packed(part) for part in x.values()]}
    if isinstance(x, (list, tuple)):
        return [packed(part) for part in x]
    if isinstance(x, Node):
        return {"node": packed(data_of(x))}
    if hasattr(x, "tolist") and getattr(x, "shape", None):
        return {"array": packed(x.tolist())}
    if is_number(x) and not isinstance(x, bool):
        return float(x)
    return {"odd": None if x is None else describe(x)}


def unpacked(x: Any) -> Any:
    """The answer again; TypeError in words for what is no number."""
    if isinstance(x, list):
        return tuple(map(unpacked, x))
    if not isinstance(x, dict):
        return math.nan if x is None else x
    if "parts" in x:
        return dict(zip(x["keys"], map(unpacked, x["parts"]), strict=True))
    if "array" in x:
        import numpy as np

        return np.array(unpacked(x["array"]))
    if "node" in x:
        return unpacked(x["node"])
    if x["odd"] is None:
        raise TypeError("it returns None: did it forget to return its result?")
    raise TypeError(f"it returns {x['odd']}, where a number is due")
