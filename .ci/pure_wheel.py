"""Build the wheel that needs no compiler and runs anywhere: valuegrad-...-py3-none-any.whl.

    python .ci/pure_wheel.py dist

A project that declares extension modules gets a wheel for one platform, even where none was built.
So this builds from a copy of the tree in which pyproject.toml declares none.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
LEFT_BEHIND = (".*", "*.so", "*.pyd", "*.egg-info", "build", "dist", "__pycache__")


def without_extensions(pyproject: str) -> str:
    """A pyproject.toml less its [[tool.setuptools.ext-modules]]."""
    tables = re.split(r"^(?=\[)", pyproject, flags=re.MULTILINE)
    kept = [t for t in tables if not t.startswith("[[tool.setuptools.ext-modules]]")]
    if len(kept) == len(tables):
        raise SystemExit("pyproject.toml declares no extension modules any more: use `pip wheel .`")
    return "".join(kept)


def main(folder: str = "dist") -> None:
    """Build the wheel into a folder."""
    with tempfile.TemporaryDirectory() as work:
        tree = Path(work) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
        pyproject = tree / "pyproject.toml"
        pyproject.write_text(without_extensions(pyproject.read_text()))
        pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
        subprocess.run([*pip, "-w", folder, str(tree)], check=True)
    (wheel,) = Path(folder).glob("valuegrad-*-py3-none-any.whl")
    print(wheel)


if __name__ == "__main__":
    main(*sys.argv[1:])
