"""ONNX files of functions, of graphs and of models, with their gradients if these are wanted."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from .. import extras, files
from ..arrays.building import stack
from ..arrays.libraries import NUMPY, Array, DType, library_of
from ..arrays.tensor import Tensor
from ..core.graph import Node, birth, gradients, nodes, refuse_stale
from ..core.kinds import describe
from ..core.modes import Mode
from ..replaying.array_recordings import holding, recording_alone
from ..support.errors import line_of
from ..trees import leaves
from . import onnx_arrays  # noqa: F401  # which enters the library of a graph's arrays
from .onnx_graph import FLOATS, INT, Graph, Size, Traced

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os


Function = Callable[..., Any]
OPSET = 18  # of 2022: what runtimes of today read
OURS = "valuegrad"
PLAINLY = {"recording": True, "anomaly": False, "lines": False}  # no mode looks at numbers
EXAMPLES = (10007, 10009, 10037, 10039), (20011, 20021, 20023, 20029)  # of free lengths: primes


class Input(NamedTuple):
    """An input of a file; one with numbers may be left out, and has these then."""

    name: str
    shape: tuple[Any, ...]  # a name is a free length
    dtype: DType
    numbers: Array = None


def export_onnx(
    f: Function | Node, path: str | os.PathLike[str], inputs: Any = (), *, gradient: bool = False,
    names: Mapping[Tensor, str] | None = None, metadata: Mapping[str, str] | None = None,
) -> None:  # fmt: skip
    """Write a function on Tensors, or the graph of a node, to an ONNX file.

    `inputs` has for each argument an array or a Tensor like it, or a shape of float64, in which a
    name such as "batch" is a free length, or a pair of a shape and a dtype; in a dict they are
    under their names, else under those of f's parameters. The leaves of a graph are inputs under
    their labels, and may be left out, for their numbers are in the file.

    With `gradient` there is an output "grad_x" for every input x of real numbers, and for every
    Tensor that f uses, under its label or that in `names`; these are then inputs that may be left
    out. If the result is not one number, "grad_output" is one more input: the gradient with
    respect to it, to start from.

    TypeError, with the operation and its line, for what ONNX lacks, and for a step that looks at
    numbers; ValueError where a result depends on a free length as a file cannot say. Needs `onnx`.
    """
    onnx: Any = extras.imported("onnx", "export_onnx")
    if not isinstance(f, Node) and not callable(f):
        raise TypeError(f"export_onnx takes a function or a node, not {describe(f)}")
    f, given = again(f) if isinstance(f, Node) else (f, _inputs(f, inputs))
    free = list(dict.fromkeys(n for x in given for n in x.shape if isinstance(n, str)))
    if len(free) > len(EXAMPLES[0]):
        raise ValueError(f"at most {len(EXAMPLES[0])} lengths are free, not {', '.join(free)}")
    with recording_alone:
        traced = [
            _Call(f, given, dict(zip(free, lengths, strict=False)), gradient, names or {})
            for lengths in EXAMPLES[: 1 + bool(free)]
        ]
    made, *others = [x.model(onnx, getattr(f, "__name__", type(f).__name__)) for x in traced]
    if any(made.SerializeToString() != other.SerializeToString() for other in others):
        raise ValueError(
            f"the result depends on the length {' or '.join(map(repr, free))} as no file can say: "
            "give every axis a number"
        )
    onnx.helper.set_model_props(made, dict(metadata or {}))
    made = onnx.shape_inference.infer_shapes(made, strict_mode=True)
    onnx.checker.check_model(made)
    files.write(path, made.SerializeToString())


class _Call:
    """The graph of one call of f, and its inputs and outputs."""

    def __init__(
        self, f: Function, inputs: Sequence[Input], lengths: Mapping[str, int], gradient: bool,
        names: Mapping[Tensor, str],
    ) -> None:  # fmt: skip
        self.inputs, self.lengths = list(inputs), lengths
        own = {} if inputs and inputs[0].numbers is not None else self._used(f, names)
        self.graph = Graph([x.name for x in inputs])
        args = list(map(self._entered, inputs))
        held = {x: Input(self.graph.name(n), x.shape, x.dtype, x._data) for x, n in own.items()}
        swapped = {x: self._entered(given)._data for x, given in held.items()}
        if gradient:
            self.inputs += held.values()
        else:
            self.graph.constants |= {x.name: x.numbers for x in held.values()}
        with holding(swapped), Mode(**PLAINLY):
            roots = leaves(f(*args))
            for root in roots:
                if not isinstance(root, Tensor):
                    raise TypeError(f"an ONNX file has Tensors as results, not {describe(root)}")
            told = ["output", *[f"output_{i}" for i in range(1, len(roots))]]
            self.outputs = {self.graph.name(n): x._data for n, x in zip(told, roots, strict=True)}
            if gradient:
                self._differentiate(roots, [*args, *held])

    def _entered(self, x: Input) -> Any:
        """An input as f gets it."""
        known = {n: Size.of(i, Counter([n])) for n, i in self.lengths.items()}
        given = self.graph.given(x.name, tuple([known.get(n, n) for n in x.shape]), x.dtype)
        return Tensor(given) if given.dtype in FLOATS else given

    def _used(self, f: Function, names: Mapping[Tensor, str]) -> dict[Tensor, str]:
        """The Tensors from outside that f uses, and their names."""
        self.graph, start = Graph([]), birth()
        with Mode(**PLAINLY):
            roots = [x for x in leaves(f(*map(self._entered, self.inputs))) if isinstance(x, Node)]
        under: Any = dict.fromkeys(x for root in roots for x in nodes(root)[::-1])
        found = [x for x in under if not x._inputs and x._born < start]
        for x in found:
            if not isinstance(x, Tensor) or library_of(x._data) is not NUMPY:
                raise TypeError(f"an ONNX file is made from Tensors on NumPy, not {describe(x)}")
        return {x: names.get(x) or x.label or f"parameter_{i}" for i, x in enumerate(found)}

    def _differentiate(self, roots: Sequence[Tensor], given: Sequence[Any]) -> None:
        if len(roots) != 1:
            raise ValueError(f"a gradient is that of one result, and there are {len(roots)}")
        (root,) = roots
        if not isinstance(root._data, Traced):
            raise ValueError("a gradient is that of a result that depends on an input")
        seed: Any = 1.0
        if root.size != 1:
            form = Input(self.graph.name("grad_output"), root.shape, root.dtype)
            self.inputs.append(form)
            seed = self._entered(form)._data
        wrt = {
            x: n for x, (n, *_) in zip(given, self.inputs, strict=False) if isinstance(x, Tensor)
        }
        for name, g in zip(wrt.values(), gradients(root, wrt, seed), strict=True):
            self.outputs[self.graph.name(f"grad_{name}")] = g

    def model(self, onnx: Any, title: str) -> Any:
        """The file, of the nodes and constants that the outputs need."""
        make, kind = onnx.helper.make_tensor_value_info, onnx.helper.np_dtype_to_tensor_dtype
        steps = [*self.graph.nodes]
        for name, x in self.outputs.items():
            at = x.at if isinstance(x, Traced) else self.graph.constant(x)
            steps.append(("Identity", (at,), name, {}))
        kept, wanted = list[Any](), {*self.outputs}
        for op, inputs, output, settings in reversed(steps):
            if output in wanted:
                wanted |= {*inputs}
                to = {"to": kind(settings["to"])} if "to" in settings else {}
                kept.append(onnx.helper.make_node(op, inputs, [output], **{**settings, **to}))
        numbers = {x.name: x.numbers for x in self.inputs if x.numbers is not None}
        numbers |= {n: x for n, x in self.graph.constants.items() if n in wanted}

        def form(name: str, x: Any) -> Any:
            return make(name, kind(np.dtype(x.dtype)), [getattr(n, "label", n) for n in x.shape])

        array, opset = onnx.numpy_helper.from_array, onnx.helper.make_opsetid("", OPSET)
        made = onnx.helper.make_graph(
            kept[::-1], title, [form(x.name, x) for x in self.inputs],
            [form(name, x) for name, x in self.outputs.items()],
            [array(np.array(x, order="C"), name) for name, x in numbers.items()],
        )  # fmt: skip
        return onnx.helper.make_model(made, producer_name=OURS, opset_imports=[opset], ir_version=8)


# ---- what is exported ----------------------------------------------------------------------------


def _inputs(f: Function, given: Any) -> list[Input]:
    """The inputs of a function, by name."""
    if not isinstance(given, (list, tuple, dict)):
        raise TypeError(f"inputs is a list of shapes and arrays, or a dict, not {describe(given)}")
    if not isinstance(given, dict):
        names = list[str]()
        with suppress(TypeError, ValueError):  # a function of C's may have no signature
            known = inspect.signature(f).parameters.values()
            names = [x.name for x in known if x.kind < x.VAR_POSITIONAL]
        names += [f"input_{i}" for i in range(len(names), len(given))]
        given = dict(zip(names, given, strict=False))
    return [_input(name, x) for name, x in given.items()]


def _input(name: str, x: Any) -> Input:
    Graph([]).name(name)  # ValueError for a name that no file has
    if isinstance(x, (tuple, list)):
        shape, dtype = x if len(x) == 2 and isinstance(x[0], (tuple, list)) else (x, float)
        for n in shape:
            if n.__class__ not in (str, int) or n == "" or (n.__class__ is int and n < 0):
                raise TypeError(f"the shape of {name} is of lengths and names, not {describe(n)}")
        dtype = np.dtype(dtype)
    else:
        array = np.asarray(x._data if isinstance(x, Node) else x)
        shape, dtype = array.shape, INT if array.dtype.kind in "iu" else array.dtype
    if dtype not in (*FLOATS, INT, np.dtype(bool)):
        raise TypeError(f"{name} is of {dtype}: take float64, float32, integers or booleans")
    return Input(name, tuple(shape), dtype)


def again(root: Node) -> tuple[Function, list[Input]]:
    """The graph of a node as a function of its leaves, and these as inputs."""
    order, graph = nodes(root)[::-1], Graph([])
    given = [x for x in order if not x._inputs]
    arrays = [np.asarray(x._data) for x in given]
    names = [graph.name(x.label or f"leaf_{i}") for i, x in enumerate(given)]

    def run(*args: Tensor) -> Any:
        made: dict[Any, Any] = dict(zip(given, args, strict=True))
        for x in order:
            if x._inputs:
                refuse_stale(x)
                try:
                    made[x] = _computed(
                        x._rule, [made[i] if isinstance(i, Node) else i for i in x._inputs]
                    )
                except TypeError as error:
                    line = f", made at {line_of(x)}" if line_of(x) else ""
                    error.add_note(f"it is the node {x.label and repr(x.label)} of {x.op}{line}")
                    raise
        return made[root]

    return run, [Input(n, x.shape, x.dtype, x) for n, x in zip(names, arrays, strict=True)]


def _computed(row: Any, xs: list[Any]) -> Any:
    """A row on Tensors, also in the places of Values."""
    if row.name == "element":
        return xs[0][row.settings["index"]]
    if row.name == "stack_values":
        return stack([x if isinstance(x, Tensor) else Tensor(x) for x in xs]).reshape(
            row.settings["shape"]
        )
    return xs[0] if row.name == "elements" else row.compute(*xs)
