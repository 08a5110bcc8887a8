"""Installations that went wrong: each still computes, and says once what is wrong with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import autograd

ROOT = Path(autograd.__file__).parents[1]
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
COMPILED = (ROOT / "autograd" / f"_engine{SUFFIX}").is_file()
USE = (
    "import autograd, warnings\nx = autograd.Value(3.0)\n(x * x).backward()\n"
    "f = autograd.compile(lambda x: x * x)\n"
    "print(autograd.engine(), x.grad, *f.value_and_grad(3.0), autograd.__file__)"
)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A folder with a copy of the package that may be broken."""
    shutil.copytree(ROOT / "autograd", tmp_path / "autograd")
    return tmp_path


def run(program: str, *folders: Path) -> tuple[str, str]:
    """What a fresh interpreter prints and complains of, with these folders first on its path."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("AUTOGRAD")}
    first = (
        f"import sys\nsys.path[:0] = {list(map(str, folders))!r}\n"
        # an editable installation finds what these lack in its checkout
        "sys.meta_path = [x for x in sys.meta_path if '__editable__' not in x.__module__]\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", first + program],
        capture_output=True, text=True, timeout=120, env=kept, cwd=folders[0],
    )  # fmt: skip
    return done.stdout, done.stderr


DOCTOR = "from autograd.commands.main import main\nsys.exit(main(['doctor']))"


def without_library(module: Path) -> None:
    """Put an extension module in the place of another that needs a C library which is missing."""
    compiler = shutil.which("cc") or pytest.skip("there is no C compiler")
    library = module.with_name("libgone.so")
    to_share = [compiler, "-shared", "-fPIC", "-x", "c", "-"]
    subprocess.run([*to_share, "-o", library], input="int gone;", text=True, check=True)
    module.unlink(missing_ok=True)  # a mapping of it may be in use
    subprocess.run(
        [*to_share, "-o", module, "-x", "none", library, f"-Wl,-soname,{module.name}"],
        input="extern int gone; int *uses(void) { return &gone; }", text=True, check=True,
    )  # fmt: skip
    library.unlink()


@pytest.mark.skipif(sys.platform != "linux", reason="it is linked as on Linux")
@pytest.mark.parametrize("broken", [["_engine"], ["_replay"], ["_engine", "_replay"]])
def test_a_module_without_its_c_library_is_told_of_once_and_python_computes(copied, broken):
    for name in broken:
        without_library(copied / "autograd" / f"{name}{SUFFIX}")
    out, err = run(USE, copied)
    engine = "compiled" if COMPILED and broken == ["_replay"] else "pure"
    assert out.split() == [engine, "6.0", "9.0", "6.0", f"{copied}/autograd/__init__.py"]
    assert err.count("Warning") == err.count("libgone.so: cannot open shared object file") == 1
    if "_engine" in broken:
        said = next(line for line in run(DOCTOR, copied)[0].splitlines() if "engine " in line)
        assert "pure (" in said
        assert "libgone.so" in said


@pytest.mark.skipif(not COMPILED, reason="nothing was compiled")
def test_a_compiled_engine_of_another_version_beside_the_python_is_told_of_once(copied):
    twin = copied / "autograd" / "core" / "twin.py"
    twin.write_text(twin.read_text().replace("FINGERPRINT = 0x", "FINGERPRINT = 0x1"))
    out, err = run(USE, copied)
    assert out.split()[:4] == ["pure", "6.0", "9.0", "6.0"]
    assert err.count("Warning") == 1
    assert "the compiled engine is that of another version: install valuegrad again" in err


@pytest.mark.slow
def test_two_versions_on_the_path_are_told_apart_by_the_doctor(copied):
    init = copied / "autograd" / "__init__.py"
    init.write_text(init.read_text().replace(f'"{autograd.__version__}"', '"0.0.9"'))
    older, newer = f"0.0.9 in {init.parent}", f"{autograd.__version__} in {ROOT / 'autograd'}"
    for first, second, said in ((copied, ROOT, f"{older} hides {newer}"), (ROOT, copied, "")):
        out, err = run(USE, first, second)
        assert (out.split()[1:4], err) == (["6.0", "9.0", "6.0"], "")
        lines = run(DOCTOR, first, second)[0].splitlines()
        (line,) = [line for line in lines if line.startswith("copies")]
        assert line.split(maxsplit=1)[1].startswith(said or f"{newer} hides {older}")


@pytest.mark.slow
def test_the_other_autograd_in_another_folder_is_warned_of_and_the_doctor_says_what_to_do(tmp_path):
    (tmp_path / "autograd").mkdir()
    (tmp_path / "autograd" / "tracer.py").write_text("")
    told = tmp_path / "autograd-1.7.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: autograd\nVersion: 1.7.0\n")
    (told / "RECORD").write_text("autograd/tracer.py,,\n")
    out, err = run(USE, ROOT, tmp_path)
    assert out.split()[1:4] == ["6.0", "9.0", "6.0"]
    assert err.count("RuntimeWarning") == 1
    assert f"another distribution named 'autograd' (HIPS) is installed in {tmp_path}" in err
    assert (
        "CLASH: PyPI's 'autograd' (HIPS) installs a package of this name too"
        in run(DOCTOR, ROOT, tmp_path)[0]
    )
