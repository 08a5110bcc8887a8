"""Imports: they run one way, `import autograd` is light, and the other `autograd` is noticed."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "autograd"

# What each room of the engine may import from the package. `__init__` is the table of contents.
LAYERS = {
    "core.twin": set(),
    "core.ieee": set(),
    "core.kinds": {"core.ieee"},
    "core.functions": {"core.twin", "core.ieee", "core.kinds"},
    "core.rules": {"core.functions", "core.kinds"},
    "core.modes": {"core.kinds"},
    "core.graph": {"core.twin", "core.modes", "core.kinds", "core.rules"},
    "core.value": {
        "core.twin", "core.functions", "core.modes", "core.graph", "core.kinds", "core.rules",
    },
    "trees": set(),
    "support.meeting": {"core.graph", "core.modes"},
    "transforms": {
        "arrays.transforms",  # when the first array comes
        "core.functions", "core.graph", "core.kinds", "core.modes", "core.rules", "core.value",
        "support.meeting", "trees",
    },
    "support.numbers": {"core.ieee", "core.kinds"},
    "support.kinks": {"core.functions", "core.graph", "core.modes", "core.rules"},
    "support.errors": {"core.graph", "core.kinds", "core.modes", "core.rules"},
    "support.decorating": {"core.kinds", "core.modes"},
    "support.names": {"core.graph", "core.kinds", "core.value"},
    "support.special": {"core.ieee", "core.kinds"},
    "support.scopes": {"core.graph", "core.kinds", "core.modes", "trees"},
    "printing.mathml": set(),
    "printing.symbols": {"core.functions", "core.kinds", "core.rules", "printing.mathml"},
}  # fmt: skip
LIGHT = {
    "builtins", "__future__", "_thread", "_weakref", "cmath", "collections", "contextvars", "copy",
    "functools", "gc", "heapq", "inspect", "itertools", "linecache", "math", "numbers", "operator",
    "os", "re", "reprlib", "sys", "types", "typing", "warnings", "importlib",
}  # fmt: skip
HEAVY = [
    *("autograd.seeing." + name for name in ("tracing", "player", "frames", "wording")),
    "numpy", "graphviz", "pygraphviz", "scipy", "dataclasses", "importlib.metadata", "typing",
    "inspect", "ast", "json", "threading", "pickle", "copy", "fractions", "decimal", "numbers",
    "tempfile", "subprocess", "argparse", "csv",
]  # fmt: skip


def imports(source: str, package: str = "autograd") -> tuple[set[str], set[str]]:
    """What a module of `package` imports when it runs: of the package itself, and others."""
    own: set[str] = set()
    others: set[str] = set()

    def note(module: str | None) -> None:
        if module is not None:
            top, _, rest = module.partition(".")
            own.add(rest or "__init__") if top == "autograd" else others.add(top)

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return  # only a type checker reads these
        if isinstance(node, ast.Call):
            note(asked_for(node, package))
        if isinstance(node, ast.Import):
            for alias in node.names:
                note(alias.name)
        if isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                module = ".".join([*above, *filter(None, [module])])
            top, _, rest = module.partition(".")
            if top != "autograd":
                others.add(top)
            elif is_folder(rest):
                own.update(f"{rest}.{alias.name}".lstrip(".") for alias in node.names)
            else:
                own.add(rest)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(source))
    return own, others


UNKNOWN = "?"  # a module whose name is computed


def asked_for(call: ast.Call, package: str) -> str | None:
    """The module that a call of `import_module` or `__import__` names; None for another call."""
    if ast.unparse(call.func).rpartition(".")[2] not in (
        "import_module",
        "_import_module",
        "__import__",
    ):
        return None
    name = call.args[0]
    if not isinstance(name, ast.Constant):
        return UNKNOWN
    stripped = name.value.lstrip(".")
    level = len(name.value) - len(stripped)
    if not level:
        return stripped
    base = call.args[1] if len(call.args) > 1 else None
    base_name = base.value if isinstance(base, ast.Constant) else package
    return ".".join([*base_name.split(".")[: len(base_name.split(".")) - level + 1], stripped])


def is_folder(module: str) -> bool:
    """Whether a dotted name below the package is a folder, so that modules are imported from it."""
    return (PACKAGE / module.replace(".", "/")).is_dir()


def rooms() -> dict[str, Path]:
    """Every module of the package, by its dotted name below it."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = path
    return found


def imports_of(room: str) -> tuple[set[str], set[str]]:
    """What `imports` finds in a module of the package."""
    path = rooms()[room]
    package = ".".join(("autograd", *path.parent.relative_to(PACKAGE).parts))
    return imports(path.read_text(), package)


OF_THE_TWIN = {"core.twin": {"_engine"}}  # the C module


@pytest.mark.parametrize("room", LAYERS)
def test_imports_run_one_way(room):
    own, others = imports_of(room)
    assert own - OF_THE_TWIN.get(room, set()) <= LAYERS[room]
    assert others <= LIGHT


def test_nothing_in_the_core_imports_by_a_string_but_the_twin_its_c_module():
    for room, path in rooms().items():
        if room.startswith("core") and room != "core.twin":
            calls = [x for x in ast.walk(ast.parse(path.read_text())) if isinstance(x, ast.Call)]
            assert not [x for x in calls if asked_for(x, "autograd.core") is not None], room
    (call,) = [
        asked_for(x, "autograd.core")
        for x in ast.walk(ast.parse(rooms()["core.twin"].read_text()))
        if isinstance(x, ast.Call) and asked_for(x, "autograd.core") is not None
    ]
    assert call == "autograd._engine"


def test_the_core_names_nothing_above_it():
    """Not in an import of any form, nor in a string that could become one."""
    above = {room.partition(".")[0] for room in rooms()} - {"core", "__init__", "__main__"}
    for room in rooms():
        if room.startswith("core"):
            own = {name.partition(".")[0] for name in imports_of(room)[0]}
            assert own <= {"core", "_engine"}, room
            for x in ast.walk(ast.parse(rooms()[room].read_text())):
                if isinstance(x, ast.Constant) and isinstance(x.value, str) and " " not in x.value:
                    parts = x.value.strip(".").removeprefix("autograd.").split(".")
                    assert len(parts) == 1 or parts[0] not in above, (room, x.value)


def test_every_layer_stands_on_earlier_ones_only():
    order = list(LAYERS)
    for i, room in enumerate(order):
        assert LAYERS[room] - {"arrays.transforms"} <= set(order[:i])


@pytest.mark.slow
def test_the_engine_never_imports_a_looker_on():
    lookers_on = set(rooms()) - set(LAYERS) - {"__init__"}
    assert {"seeing.drawing", "__main__", "commands.expression", "checking"} <= lookers_on
    for room in LAYERS:
        own, _ = imports_of(room)
        assert not own & lookers_on - LAYERS[room]
        assert "__init__" not in own
    for looker in lookers_on:
        own, _ = imports_of(looker)
        assert "__main__" not in own


@pytest.mark.slow
def test_arrays_are_looked_at_and_never_look():
    """The folders: arrays stand on the engine, checking and seeing on both, commands on all."""
    for room in rooms():
        folder = room.partition(".")[0]
        own = {name.partition(".")[0] for name in imports_of(room)[0]}
        if folder == "arrays":
            assert not own & {"checking", "seeing", "commands", "__main__"}, room
        if folder in ("checking", "seeing"):
            assert not own & {"commands", "__main__"}, room


@pytest.mark.slow
def test_nn_is_never_imported_by_what_it_stands_on():
    """`commands` carries out what `nn` declares, and nothing else knows of it."""
    for room in rooms():
        _, others = imports_of(room)
        assert "nn" not in others or room.partition(".")[0] == "commands", room


@pytest.mark.slow
def test_names_of_modules_are_computed_only_where_the_user_chooses_them():
    """All else is resolved, so no import hides from the tests above."""
    computed = {room for room in rooms() if UNKNOWN in imports_of(room)[1]}
    computed |= {
        f"nn.{path.stem}"
        for path in (ROOT / "nn").rglob("*.py")
        if UNKNOWN in imports(path.read_text(), "nn")[1]
    }
    assert computed == {"__init__", "commands.main", "commands.doctor", "extras"}


def test_every_folder_of_the_product_is_installed():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {path.parent for top in ("autograd", "nn") for path in (ROOT / top).rglob("*.py")}
    names = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert set(settings["packages"]) == names


def test_messages_name_packages_and_no_extra_which_not_every_install_can_resolve():
    for path in [*(ROOT / "autograd").rglob("*.py"), *(ROOT / "nn").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert path.name == "extras.py" or "valuegrad[" not in node.value, path


def test_nn_uses_public_names_only():
    for path in (ROOT / "nn").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("autograd"):
                assert not any(alias.name.startswith("_") for alias in node.names), path


@pytest.mark.parametrize(
    ("source", "own", "others"),
    [
        ("from . import seeing", {"seeing"}, set()),
        ("from .seeing import drawing", {"seeing.drawing"}, set()),
        ("from .seeing.drawing import draw", {"seeing.drawing"}, set()),
        ("import autograd.seeing.drawing", {"seeing.drawing"}, set()),
        ("import autograd", {"__init__"}, set()),
        ("from autograd.seeing.drawing import draw", {"seeing.drawing"}, set()),
        ("from autograd import draw", {"draw"}, set()),
        ("def f():\n    import numpy.linalg", set(), {"numpy"}),
        ("try:\n    from numpy import array\nexcept ImportError: pass", set(), {"numpy"}),
        ("import_module('.seeing.drawing', 'autograd')", {"seeing.drawing"}, set()),
        ("import_module('autograd.seeing.drawing')", {"seeing.drawing"}, set()),
        ("importlib.import_module('..arrays', 'autograd.core')", {"arrays"}, set()),
        ("def f():\n    import_module('.arrays', __package__)", {"arrays"}, set()),
        ("__import__('autograd.arrays')", {"arrays"}, set()),
        ("__import__('numpy')", set(), {"numpy"}),
        ("import_module(name)", set(), {UNKNOWN}),
        ("if TYPE_CHECKING:\n    from .seeing.drawing import draw", set(), set()),
    ],
)
def test_the_reader_of_imports_sees_every_way_of_importing(source, own, others):
    assert imports(source) == (own, others)


# ---- what is loaded ------------------------------------------------------------------------------


def python(program: str, *options: str, path: str = "", cwd: Path = ROOT) -> tuple[str, str, int]:
    """What a fresh interpreter prints, complains of, and exits with."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), path]))
    done = subprocess.run(
        [sys.executable, *options, "-c", program],
        capture_output=True, text=True, cwd=cwd, env=environment, timeout=60,
    )  # fmt: skip
    return done.stdout, done.stderr, done.returncode


def loaded_by(statement: str) -> set[str]:
    """The modules that a statement loads, beyond those of a bare interpreter."""
    program = (
        f"import sys; before = set(sys.modules); {statement}; "
        "print(*(set(sys.modules) - before), sep='\\n')"
    )
    out, err, code = python(program, "-S")  # without site, whose .pth files load what they like
    assert code == 0, err
    return set(out.split())


def test_importing_autograd_loads_nothing_heavy():
    loaded = loaded_by("import autograd")
    assert "autograd.core.value" in loaded
    assert not loaded & set(HEAVY)
    rooms = {name.partition(".")[2] for name in loaded if name.startswith("autograd.")}
    assert rooms <= {"_engine", "core", "graph", "rules", "value", "support", *LAYERS} - {
        "transforms", "printing.symbols", "support.numbers", "support.errors",
        "support.decorating", "support.meeting",
    }  # fmt: skip
    assert len(loaded) < 48, sorted(loaded)


def test_that_proof_can_fail():
    loaded = loaded_by("import autograd, dataclasses, json, importlib.metadata")
    assert {"dataclasses", "json", "importlib.metadata", "inspect"} <= loaded & set(HEAVY)


def test_computing_loads_nothing_heavy_either():
    loaded = loaded_by(
        "from autograd import Value, gradients; x = Value(2.0); y = (x * 3 + x.tanh()) ** 2; "
        "y.backward(); gradients(y, [x], create_graph=True)"
    )
    assert not loaded & set(HEAVY)


def test_graphs_of_values_are_seen_where_numpy_is_not_installed():
    program = (
        "import sys; sys.modules['numpy'] = None\n"  # so that importing it is an ImportError
        "from autograd import Value, diagnose, draw, explain, lint, trace\n"
        "x = Value(0.0, label='x'); y = abs(x) * 2 + x.exp()\n"
        "print('<svg' in draw(y, engine='builtin').svg, '<html' in trace(y).html, explain(y, x))\n"
        "print(lint(y, [x]), diagnose(y, {x: 0.0}))"
    )
    out, err, code = python(program)
    assert code == 0, err
    assert out.startswith("True True d v4/d x = 1.0")
    assert "exactly at its kink: x = 0.0" in out
    assert "claimed 0.0, and it is 1.0" in out


def test_a_star_brings_what_does_without_numpy_where_numpy_is_not_installed():
    program = (
        "import sys; sys.modules['numpy'] = None\nfrom autograd import *\nimport autograd\n"
        "x = Value(3.0); y = x * x; y.backward()\n"
        "print(x.grad, bool(gradcheck(relu, 1.0)), bool(check_graph(y)), bool(trace(y)))\n"
        "left_out = set(autograd.__dir__()) & {'Tensor', 'compile', 'mutation_score', 'zeros'}\n"
        "print(len(left_out), left_out & {*autograd.__all__, *globals()})"
    )
    out, err, code = python(program)
    assert code == 0, err
    assert out.split("\n") == ["6.0 True True True", "4 set()", ""]


def test_transforms_are_loaded_when_they_are_asked_for():
    assert "autograd.transforms" in loaded_by("from autograd import grad")
    assert "autograd.transforms" in loaded_by("import autograd; autograd.hessian")


def test_every_public_name_can_be_had_and_an_unknown_one_says_so():
    import autograd

    for name in autograd.__dir__():
        assert getattr(autograd, name) is not None
    with pytest.raises(AttributeError, match="module 'autograd' has no attribute 'gard'"):
        _ = autograd.gard


@pytest.mark.slow
def test_a_star_brings_every_public_name_and_hides_none_of_pythons():
    import autograd

    hidden = {"abs", "max", "min", "pow", "round", "sum"}
    modules = {name for name, x in vars(autograd).items() if type(x) is type(sys)}
    public = {name for name in autograd.__dir__() if name[0] != "_"} - modules
    assert set(autograd.__all__) == public - hidden - {"TYPE_CHECKING", "annotations"}
    program = (
        "from autograd import *\nw, b = [Value(2.0), Value(3.0)], Value(10.0)\n"
        "out = sum((w * x for w, x in zip(w, [1.0, 2.0])), b)\nout.backward()\n"
        "print(out.data, b.grad, bool(gradcheck(relu, 1.0)))"
    )
    assert python(program)[0].split() == ["18.0", "1.0", "True"]


def test_an_import_from_inside_a_folder_is_read_as_python_reads_it():
    assert imports("from ..graph import Node", "autograd.seeing") == ({"graph"}, set())
    assert imports("from .. import graph", "autograd.seeing") == ({"graph"}, set())
    assert imports("from . import formats", "autograd.seeing") == ({"seeing.formats"}, set())
    assert imports("from .formats import Box", "autograd.seeing") == ({"seeing.formats"}, set())


def test_the_package_is_typed():
    assert (PACKAGE / "py.typed").exists()


# ---- the clash of names --------------------------------------------------------------------------


@pytest.fixture
def namesake(tmp_path: Path) -> Path:
    """A folder in which the other distribution named autograd is installed."""
    (tmp_path / "autograd").mkdir()
    (tmp_path / "autograd" / "__init__.py").write_text("")
    (tmp_path / "autograd" / "tracer.py").write_text("")
    return tmp_path


def test_the_other_autograd_on_the_path_is_warned_of_once_with_what_to_do(namesake):
    out, err, code = python("import autograd; print(autograd.__version__)", path=str(namesake))
    assert code == 0
    assert out.strip().count(".") == 2
    assert err.count("RuntimeWarning") == 1
    assert f"another distribution named 'autograd' (HIPS) is installed in {namesake}" in err
    assert "pip uninstall autograd valuegrad" in err


def test_the_warning_points_at_the_users_own_line(namesake, tmp_path):
    script = tmp_path / "mine.py"
    script.write_text("pass\nimport autograd\n")
    program = f"import runpy; runpy.run_path({str(script)!r})"
    _, err, _ = python(program, path=str(namesake))
    assert f"{script}:2: RuntimeWarning" in err


def test_the_warning_can_be_made_an_error(namesake):
    _, err, code = python("import autograd", "-W", "error::RuntimeWarning", path=str(namesake))
    assert code == 1
    assert "keep them in separate virtual environments" in err


def test_no_namesake_no_warning(tmp_path):
    (tmp_path / "autograd").mkdir()  # some other folder of that name is nobody's business
    out, err, code = python("import autograd", "-W", "error", path=str(tmp_path))
    assert (out, err, code) == ("", "", 0)


# ---- the size of the core ------------------------------------------------------------------------


def code_lines(source: str) -> int:
    """Lines that are neither blank nor a comment, docstrings apart."""
    documented: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            match node.body:
                case [ast.Expr(ast.Constant(str())) as doc, *_]:
                    documented |= set(range(doc.lineno, (doc.end_lineno or 0) + 1))
    lines = enumerate(source.splitlines(), 1)
    return sum(bool(x.strip()) and x.strip()[0] != "#" and i not in documented for i, x in lines)


def test_the_core_can_be_read_in_an_evening():
    """2,400 lines, of which 1,700 are code. What is not the engine belongs in another room."""
    sources = [path.read_text() for path in (PACKAGE / "core").glob("*.py")]
    assert sum(len(source.splitlines()) for source in sources) < 2_400
    assert sum(map(code_lines, sources)) < 1_700


def test_code_lines_are_counted_without_what_is_said_about_them():
    assert (
        code_lines('"""A\nroom."""\n\n# a comment\nx = 1  # one\n\ndef f():\n    """Do."""\n') == 2
    )
