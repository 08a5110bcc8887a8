"""How long a change of a leaf takes in the player's page: `python -m benchmarks.live [nodes ...]`.

The page computes the graph and its gradients again and writes the numbers in sight; the time
includes the browser's layout.
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

from autograd import Value, nodes, trace

CHANGE = """() => {
    const total = [], computing = [], leaf = LIVE.leaves[0];
    for (let i = 0; i < 100; i++) {
        const began = performance.now();
        LIVE.data[leaf] = Math.sin(i);
        LIVE.evaluate();
        computing.push(performance.now() - began);
        again();
        document.body.offsetHeight;
        total.push(performance.now() - began);
    }
    const median = xs => xs.sort((a, b) => a - b)[50];
    return [median(computing), computing[0], median(total), total[0]];
}"""


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
            median, best, all_median, all_best = tab.evaluate(CHANGE)
            print(
                f"{len(nodes(root)):>6,} nodes, {path.stat().st_size:>9,} bytes: computes in "
                f"{best:.2f} ms (median {median:.2f}), all in {all_best:.1f} ms "
                f"(median {all_median:.1f})"
            )


if __name__ == "__main__":
    main(list(map(int, sys.argv[1:])) or [100, 480, 5_000])
