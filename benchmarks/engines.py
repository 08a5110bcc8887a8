"""The scalar engine's gears beside its peers: eager, recorded, on arrays; time and memory.

    python benchmarks/engines.py                    # time: both workloads, the whole field
    python benchmarks/engines.py --work moons --only valuegrad slotted --rounds 9
    python benchmarks/engines.py --memory           # bytes a node, by the growth of a process
    python benchmarks/engines.py --recording        # what it takes to record, in eager steps
    python benchmarks/engines.py --chain 1000000    # build, go back, free a deep graph

Who is not installed is named and left out. The field: `pip install micrograd minigrad xad torch
casadi numba jax`, and a C compiler.

Every contender lives in a process of its own, and is started, warmed and compared with the others
before anything is timed. Then they take turns, one after the other in every round, so that what
disturbs the machine disturbs all. Python's garbage collector is on. All share one processor. The
figures are nanoseconds a node: the processor's time for a step divided by the number of nodes that
valuegrad records in it, whatever the contender itself makes of the step. The time on the wall is
longer by the factor wall/cpu, when other programs want that processor too.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from importlib import metadata
from pathlib import Path
from typing import Any

from contenders import EAGER, ON_ARRAYS, RECORDED, VALUES, UnableError
from workloads import WORKLOADS

import autograd

ALL = {**EAGER, **RECORDED, **ON_ARRAYS}
BURST = 0.05  # seconds of steps that make one figure
OURS = ("valuegrad pure", "valuegrad compiled", "valuegrad replay", "valuegrad batch")
HELD = 8  # graphs whose memory is measured
ONE_THREAD = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}  # fmt: skip


# ---- in a contender's own process ----------------------------------------------------------------


def serve(task: str, name: str, subject: str) -> None:
    """Do a task and say what came out, or why it cannot be done."""
    if hasattr(os, "sched_setaffinity"):  # some peers take more threads than they are told to
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    try:
        TASKS[task](name, subject)
    except (ImportError, RecursionError, UnableError) as reason:
        say(skipped=str(reason))


def say(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


def take_turns(name: str, work: str) -> None:
    """Say how the first step went; then answer every line on stdin with the time of a step."""
    start = time.perf_counter()
    contender = ALL[name](WORKLOADS[work]())
    loss, grads = contender.step()
    say(loss=loss, grads=contender.read(grads), ready=time.perf_counter() - start)
    count = max(1, round(BURST / min(timed(contender.step)[0] for _ in range(3))))
    for _ in sys.stdin:
        say(times=timed(contender.step, count))


def timed(function: Any, count: int = 1) -> tuple[float, float]:
    """Seconds a call of the processor, and on the wall."""
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(count):
        function()
    return (time.process_time() - cpu) / count, (time.perf_counter() - wall) / count


def weigh(name: str, work: str) -> None:
    """Bytes by which the process grows with every graph that is held."""
    contender = ALL[name](WORKLOADS[work]())
    if not contender.record:
        raise UnableError("it holds no graph of its own")
    held = [contender.record(), contender.record()]
    before = resident()
    held += [contender.record() for _ in range(HELD)]
    say(bytes=(resident() - before) / HELD)


def resident() -> int:
    """Bytes of this process that are in memory."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def recording(name: str, work: str) -> None:
    """Seconds to record and of an eager step on the same engine, taking turns."""
    ours = EAGER[f"valuegrad {autograd.engine()}"](WORKLOADS[work]())
    contender = ALL[name](WORKLOADS[work]())
    if not contender.record:
        raise UnableError("it records nothing that can be told apart")
    ours.step()
    times = [(timed(contender.record)[0], timed(ours.step)[0]) for _ in range(5)]
    say(times=times)


def chain(name: str, nodes: str) -> None:
    """Seconds to build a chain of so many nodes, to go back through it, and to free it."""
    if name not in VALUES:
        raise UnableError("it keeps a tape, which has no depth")
    value, count = VALUES[name](), int(nodes)
    x, w, b = value(1.0), value(0.999), value(0.001)
    t0 = time.process_time()
    for _ in range(count // 2):
        x = x * w + b
    t1 = time.process_time()
    x.backward()
    t2 = time.process_time()
    del x
    say(times=(t1 - t0, t2 - t1, time.process_time() - t2))


TASKS = {"turns": take_turns, "memory": weigh, "recording": recording, "chain": chain}


# ---- the other side ------------------------------------------------------------------------------


class Process:
    """A contender at the other end of a pipe."""

    def __init__(self, task: str, name: str, subject: str) -> None:
        pure = {"AUTOGRAD_PURE": "1"} if name.endswith("pure") else {}
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed with the process
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--serve", task, name, subject], text=True,
            env=os.environ | ONE_THREAD | pure,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
        )  # fmt: skip

    def hear(self) -> dict[str, Any]:
        """What it says next, or what it died of."""
        assert self.process.stdout
        if line := self.process.stdout.readline():
            facts: dict[str, Any] = json.loads(line)
            return facts
        self.errors.seek(0)
        last = self.errors.read().strip().splitlines()[-1:]
        return {"skipped": f"it ended with {self.process.wait()}. {''.join(last)}"}

    def ask(self) -> dict[str, Any]:
        assert self.process.stdin
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return self.hear()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *error: object) -> None:
        self.process.communicate()
        self.errors.close()


def once(task: str, names: list[str], subject: str) -> dict[str, Any]:
    """What each contender answers to a task, one after the other; who cannot is named."""
    found = {}
    for name in names:
        with Process(task, name, subject) as process:
            facts = process.hear()
        if "skipped" in facts:
            print(f"  left out: {name}: {facts['skipped']}")
        else:
            found[name] = facts
    return found


# ---- time ----------------------------------------------------------------------------------------


def race(work: Any, names: list[str], rounds: int) -> None:
    """Start all, compare them, let them take turns, print the table."""
    nodes, loss, grads = truth(work)
    title(work, f"{nodes:,} nodes, loss {loss:.9f}, {len(grads):,} gradients")
    ready: dict[str, float] = {}
    times: dict[str, list[tuple[float, float]]] = {}
    with ExitStack() as stack:
        running = {}
        for name in names:
            process = stack.enter_context(Process("turns", name, work.name))
            facts = process.hear()
            if trouble := facts.get("skipped") or disagreement(facts, loss, grads):
                print(f"  left out: {name}: {trouble}")
            else:
                running[name], ready[name], times[name] = process, facts["ready"], []
        for _ in range(rounds):
            for name, process in running.items():
                times[name].append(process.ask()["times"])
    table(nodes, ready, times)


def title(work: Any, figures: str) -> None:
    print(f"\n{work.name}: {work.__doc__} {figures}.")


def truth(work: Any) -> tuple[int, float, list[float]]:
    """The nodes of a step, its loss and its gradients, by this project's Value."""
    params = work.parameters(autograd.Value)
    loss = work.step(autograd.Value)(params)
    loss.backward()
    return len(autograd.nodes(loss)), loss.data, [p.grad for p in work.flat(params)]


def disagreement(facts: dict[str, Any], loss: float, grads: list[float]) -> str:
    """What is wrong with an answer; "" if all is within 1e-10 of the largest gradient."""
    size = max(map(abs, grads))
    pairs = zip([facts["loss"], *facts["grads"]], [loss, *grads], strict=True)
    apart = [abs(a - b) / size for a, b in pairs]
    right = all(x <= 1e-10 for x in apart)  # which no nan is
    return "" if right else f"it differs by {max(apart):.1e} of the largest gradient"


def table(nodes: int, ready: dict[str, float], times: dict[str, list[tuple[float, float]]]) -> None:
    """Figures of each contender, and its time in times of ours, the medians of the rounds."""
    ours = [name for name in times if name in OURS]
    heads = "".join(f"{name.removeprefix('valuegrad '):>10}" for name in ours)
    columns = "".join(f"{head:>10}" for head in ("ns a node", "min", "max", "wall/cpu", "ready s"))
    print(f"  {'':22}{columns}   in times of:{heads}")
    for name, found in times.items():
        times_a_node = [1e9 * cpu / nodes for cpu, _ in found]
        figures = statistics.median(times_a_node), min(times_a_node), max(times_a_node)
        waiting = statistics.median(wall / cpu for cpu, wall in found)
        ratios = [
            statistics.median(a / b for (a, _), (b, _) in zip(found, times[other], strict=True))
            for other in ours
        ]
        print(
            f"  {name:22}" + "".join(f"{x:10.{1 if x > 99 else 2}f}" for x in figures)
            + f"{waiting:10.2f}{ready[name]:10.1f}{'':15}" + "".join(f"{x:10.3g}" for x in ratios)
        )  # fmt: skip


# ---- memory, recording, depth --------------------------------------------------------------------


def memory(work: Any, names: list[str]) -> None:
    nodes, _, _ = truth(work)
    title(work, f"{nodes:,} nodes. Bytes a node that a graph, or a recording, holds after backward")
    for name, facts in once("memory", names, work.name).items():
        print(f"  {name:22}{facts['bytes'] / nodes:10.1f}")


def recordings(work: Any, names: list[str]) -> None:
    title(work, "Seconds to record and run once, an eager step of valuegrad, and the median ratio")
    for name, facts in once("recording", names, work.name).items():
        record, eager = (statistics.median(column) for column in zip(*facts["times"], strict=True))
        ratio = statistics.median(a / b for a, b in facts["times"])
        print(f"  {name:22}{record:10.3f}{eager:10.3f}{ratio:10.2f}")


def chains(nodes: int, names: list[str]) -> None:
    print(f"\nA chain of {nodes:,} nodes: ns a node to build, to go back, to free")
    for name, facts in once("chain", names, str(nodes)).items():
        print(f"  {name:22}" + "".join(f"{1e9 * t / nodes:10.1f}" for t in facts["times"]))


def machine() -> str:
    """What this was measured with."""
    versions = []
    for name in ("micrograd", "minigrad", "xad", "torch", "casadi", "numba", "jax", "numpy"):
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            versions.append(f"no {name}")
    return (
        f"Python {platform.python_version()}, valuegrad {autograd.__version__} "
        f"({autograd.engine()}), {os.cpu_count()} processors {platform.machine()}, "
        f"load {os.getloadavg()[0]:.1f}; {', '.join(versions)}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", choices=WORKLOADS, action="append", help="both, if not said")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="contenders that start so")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--memory", action="store_true", help="bytes a node")
    parser.add_argument("--recording", action="store_true", help="the cost of recording")
    parser.add_argument("--chain", type=int, metavar="NODES", help="a deep graph")
    parser.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        sys.setrecursionlimit(100_000)  # the backward() of some is recursive
        return serve(*args.serve)
    chosen = tuple(args.only or [""])
    names = [name for name in ALL if name.startswith(chosen)]
    print(machine())
    if args.chain:
        return chains(args.chain, [name for name in names if name in EAGER])
    for work in [WORKLOADS[name]() for name in args.work or WORKLOADS]:
        if args.memory:
            memory(work, [name for name in names if name not in ON_ARRAYS])
        elif args.recording:
            recordings(work, [name for name in names if name in RECORDED])
        else:
            race(work, names, args.rounds)
    return None


if __name__ == "__main__":
    main()
