"""How long a change of a leaf takes in the player's page: `python -m benchmarks.live [nodes ...]`.

The page computes the graph and its gradients again and writes the numbers in sight; the time
includes the browser's layout.
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path
from typing import Any

from autograd import Value, nodes, trace

CHANGES = 100
CHANGE = f"""() => {{
    const times = [], leaf = LIVE.leaves[0];
    for (let i = 0; i < {CHANGES}; i++) {{
        const began = performance.now();
        LIVE.data[leaf] = Math.sin(i);
        again();
        document.body.offsetHeight;
        times.push(performance.now() - began);
    }}
    return Math.min(...times);
}}"""


def network(count: int) -> Value:
    """A tanh network of two inputs and one hidden layer, of about so many nodes."""
    some = random.Random(0)
    xs = [Value(0.5, label="x0"), Value(-0.3, label="x1")]
    total = Value(0.1, label="b")
    while len(nodes(total)) < count:
        hidden = Value(some.uniform(-1, 1))
        for x in xs:
            hidden = hidden + Value(some.uniform(-1, 1)) * x
        total = total + Value(some.uniform(-1, 1)) * hidden.tanh()
    return total**2


def main(counts: list[int]) -> None:
    """Print the times for graphs of these sizes."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started, tempfile.TemporaryDirectory() as folder:
        chromium = started.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--headless", "--no-sandbox"]
        )
        for count in counts:
            root = network(count)
            path = Path(folder) / "page.html"
            trace(root).save(path)
            tab = chromium.new_page(viewport={"width": 1280, "height": 900})
            tab.goto(path.as_uri())
            tab.keyboard.press("End")
            session = tab.context.new_cdp_session(tab)
            session.send("Performance.enable", {"timeDomain": "threadTicks"})
            before = busy(session)
            best = tab.evaluate(CHANGE)
            each = (busy(session) - before) / CHANGES * 1e3
            print(
                f"{len(nodes(root)):>6,} nodes, {path.stat().st_size:>9,} bytes: {each:.1f} ms of "
                f"processor time a change, at best {best:.1f} ms"
            )


def busy(session: Any) -> float:
    """The processor time of the page's main thread, in seconds."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(x["value"] for x in metrics if x["name"] == "TaskDuration")


if __name__ == "__main__":
    main(list(map(int, sys.argv[1:])) or [100, 480, 5_000])
