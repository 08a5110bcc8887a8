"""What pyright knows of the public types of `autograd` and `nn`: at least 95 % of each.

pip install pyright && python .ci/typed.py
"""

from __future__ import annotations

import json
import subprocess
import sys

LEAST = 0.95


def completeness(package: str) -> tuple[float, list[str]]:
    """The share of a package's public symbols with known types, and the others."""
    command = [sys.executable, "-m", "pyright", "--outputjson", "--ignoreexternal"]
    done = subprocess.run([*command, "--verifytypes", package], capture_output=True, text=True)
    found = json.loads(done.stdout)["typeCompleteness"]
    unknown = [s["name"] for s in found["symbols"] if s["isExported"] and not s["isTypeKnown"]]
    return found["completenessScore"], unknown


def main() -> int:
    """Print the scores; 0 if both are high enough."""
    low = False
    for package in ("autograd", "nn"):
        score, unknown = completeness(package)
        print(f"{package}: {score:.1%} of its public symbols have known types")
        if score < LEAST:
            low = True
            print("\n".join(unknown))
    return int(low)


if __name__ == "__main__":
    sys.exit(main())
