"""What pyright knows of the public types of `autograd` and `nn`: 95 in 100 at least.

pip install pyright && python .ci/typed.py ENVIRONMENT

The packages are those installed in the environment, which must not be an editable installation:
pyright does not find the types of one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

LEAST = {"autograd": 0.95, "nn": 0.95}


def completeness(package: str, environment: str) -> tuple[float, list[str]]:
    """The share of a package's public symbols with known types, and the others."""
    command = [sys.executable, "-m", "pyright", "--outputjson", "--ignoreexternal"]
    path = f"{environment}/bin{os.pathsep}{os.environ['PATH']}"  # it asks the first Python of it
    with tempfile.TemporaryDirectory() as elsewhere:  # it would read the packages of this folder
        done = subprocess.run(
            [*command, "--verifytypes", package], capture_output=True, text=True, cwd=elsewhere,
            env={**os.environ, "PATH": path},
        )  # fmt: skip
    found = json.loads(done.stdout)["typeCompleteness"]
    if not found["symbols"]:
        raise SystemExit(f"pyright finds no types of {package} in {environment}")
    unknown = [s["name"] for s in found["symbols"] if s["isExported"] and not s["isTypeKnown"]]
    return found["completenessScore"], unknown


def main(environment: str) -> int:
    """Print the scores; 0 if both are high enough."""
    low = False
    for package, least in LEAST.items():
        score, unknown = completeness(package, environment)
        print(f"{package}: {score:.1%} of its public symbols have known types")
        if score < least:
            low = True
            print("\n".join(unknown))
    return int(low)


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1])))
