"""Replays that are pickled, saved and loaded; and files that are damaged."""

from __future__ import annotations

import io
import json
import math
import pickle
import tracemalloc
import zipfile
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import autograd
from autograd import Replay, Value, compile, register, where

pytestmark = pytest.mark.slow

Pair = namedtuple("Pair", "x y")
W = Value(0.5, "w")


def model(p: Any, x: Any, power: int = 2) -> Any:
    """With a leaf, a guard, a choice, a list, a setting and both kinds of sum."""
    total = autograd.sum([p["w"][0] * x, p["w"][1], W * x]) + p["b"] * 2.0 + x * x + 1.0
    if x > -1.0:
        total = total + autograd.logsumexp([x, total, 0.5])
    return where(total > 0, total**power, total.exp())


P = {"w": [0.5, -1.5], "b": 0.25}
ANSWERS = [(x, k) for x in (0.3, -2.0, -900.0) for k in (2, 3)]


def recorded() -> Replay:
    step = compile(model, argnums=(0, 1))
    for x, power in ANSWERS:
        step.value_and_grad(P, x, power=power)
    return step


def answers(step: Any) -> list[Any]:
    return [step.value_and_grad(P, x, power=power) for x, power in ANSWERS]


# ---- pickle --------------------------------------------------------------------------------------


def test_a_replay_is_pickled_with_its_recordings_and_its_function_by_name() -> None:
    step = recorded()
    other = pickle.loads(pickle.dumps(step))
    assert other.f is model
    assert len(other.recordings) == len(step.recordings) == 4
    assert answers(other) == answers(step)
    assert len(other.recordings) == 4
    assert other.value_and_grad(P, 0.3, power=5) == step.value_and_grad(P, 0.3, power=5)
    assert other.listing() == step.listing()


def test_leaves_go_with_it_and_stay_one_within_one_pickle() -> None:
    w = Value(2.0, "w")
    step = compile(lambda x: w * x)
    step(1.0)
    other, leaf = pickle.loads(pickle.dumps((step, w)))
    assert other.recordings[0].leaves == [leaf]
    leaf.data = 5.0
    assert (other(3.0), step(3.0)) == (15.0, 6.0)


def test_a_replay_of_a_function_that_no_name_finds_replays_and_no_more() -> None:
    step = compile(lambda x: x * x if x > 0 else x)
    step(2.0)
    other = pickle.loads(pickle.dumps(step))
    assert other.value_and_grad(3.0) == (9.0, 6.0)
    with pytest.raises(RuntimeError, match="no recording of <lambda> holds for these arguments"):
        other(-1.0)
    with pytest.raises(RuntimeError, match="no recording of <lambda> holds"):
        other([1.0, 2.0])
    again = pickle.loads(pickle.dumps(other))
    assert again(3.0) == 9.0


# ---- files ---------------------------------------------------------------------------------------


def test_a_replay_is_saved_and_loaded(tmp_path: Path) -> None:
    step = recorded()
    path = tmp_path / "step.npz"
    step.save(path)
    assert [p.name for p in tmp_path.iterdir()] == ["step.npz"]
    for other in (Replay.load(path), Replay.load(str(path), model)):
        assert answers(other) == answers(step)
        assert other.listing() == step.listing()
        assert repr(other) == repr(step)
        (leaf,) = other.recordings[0].leaves
        assert (leaf.data, leaf.label, leaf is W) == (0.5, "w", False)
        leaf.data = 10.0
        assert answers(other) != answers(step)
    assert (
        Replay.load(path, model).value_and_grad(P, 1.0, power=1)[0] == model(P, Value(1.0), 1).data
    )
    with pytest.raises(RuntimeError, match="no recording of model holds for these arguments"):
        Replay.load(path).value_and_grad(P, 1.0, power=1)


def test_all_structures_are_kept(tmp_path: Path) -> None:
    def f(p: Any, q: Any, a: Any) -> Any:
        return {"x": [p[0] * q[1], (q["k"], 3.0)], 5: a * 2}

    step = compile(f)
    args = ((1.0, [2.0]), {"k": 3.0, 1: 4.0}, np.array([[1.0, 2.0]]))
    expected = step(*args)
    step.save(tmp_path / "f")
    found = Replay.load(tmp_path / "f")(*args)
    assert repr(found) == repr(expected)


def test_numbers_at_the_edges_are_kept(tmp_path: Path) -> None:
    step = compile(lambda x: [x * math.nan, x + -0.0, x * math.inf, x * 5e-324])
    expected = step(-0.0)
    step.save(tmp_path / "f")
    assert repr(Replay.load(tmp_path / "f")(-0.0)) == repr(expected)


def test_operations_of_the_users_own_are_found_by_name(tmp_path: Path) -> None:
    op = register("replay_filed", lambda x: x * 7.0, lambda g, out, x: 7.0 * g)
    step = compile(lambda x: op(x) + 1)
    with pytest.warns(RuntimeWarning, match="replay_filed"):
        step(1.0)
    step.save(tmp_path / "f")
    assert Replay.load(tmp_path / "f").value_and_grad(2.0) == (15.0, 7.0)
    row = autograd.core.rules.RULES.pop("replay_filed")
    try:
        with pytest.raises(
            LookupError, match="no operation 'replay_filed' here; if it is your own"
        ):
            Replay.load(tmp_path / "f")
    finally:
        autograd.core.rules.RULES["replay_filed"] = row


@pytest.mark.parametrize(
    ("f", "args", "named", "text"),
    [
        (lambda p: p.x * p.y, (Pair(1.0, 2.0),), {}, "Pair cannot be written to a file"),
        (lambda p: p[1, 2] * 2, ({(1, 2): 3.0},), {}, "cannot be written to a file"),
        (lambda x, how: x, (1.0,), {"how": len}, "the keyword how=<built-in function len> cannot"),
    ],
)
def test_what_the_format_cannot_say_is_refused_and_leaves_no_file(
    f: Any, args: Any, named: Any, text: str, tmp_path: Path
) -> None:
    step = compile(f)
    step(*args, **named)
    path = tmp_path / "f"
    path.write_text("before")
    with pytest.raises(TypeError, match=text):
        step.save(path)
    assert path.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        recorded().save(tmp_path / "no" / "f")
    with pytest.raises(FileNotFoundError):
        Replay.load(tmp_path / "f")


# ---- damage --------------------------------------------------------------------------------------


NUMBERS = [-(2**15), -300, -2, -1, 0, 1, 2, 7, 60, 61, 300, 1000, 2**15 - 1]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("saved") / "f"
    recorded().save(path)
    return path.read_bytes()


def load(content: bytes, tmp_path: Path) -> Replay:
    path = tmp_path / "f"
    path.write_bytes(content)
    return Replay.load(path)


def parts(content: bytes) -> dict[str, Any]:
    return dict(np.load(io.BytesIO(content)))


def packed(arrays: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def with_header(content: bytes, **changes: Any) -> bytes:
    arrays = parts(content)
    header = json.loads(arrays["header"].tobytes()) | changes
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    return packed(arrays)


def test_other_files_are_refused(saved: bytes, tmp_path: Path) -> None:
    image = b"\x89PNG\r\n\x1a\n" + bytes(100)
    pickled = pickle.dumps({"a": 1})
    plain = io.BytesIO()
    np.save(plain, np.arange(3))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as z:
        z.writestr("header", "{}")
    objects = packed({"header": np.array([{}], object)})
    for content in (
        b"", b"text", image, pickled, plain.getvalue(), archive.getvalue(), objects,
        packed({"header": np.zeros(3, np.uint8)}), saved[:100], saved[:-30],
        with_header(saved, format="another"), with_header(saved, recordings=[{}]),
        with_header(saved, argnums="x"), with_header(saved, keep=0),
        with_header(saved, rewrites=["none such"]),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="is not a replay, or is damaged"):
            load(content, tmp_path)


def test_a_file_takes_no_more_memory_than_it_has_bytes(saved: bytes, tmp_path: Path) -> None:
    arrays = parts(saved)
    large = io.BytesIO()
    np.savez_compressed(large, **{**arrays, "0.ins": np.zeros(10_000_000, np.int32)})
    claims = saved.replace(b"'shape': (", b"'shape': (999999999999", 1)
    nested = packed({"header": arrays["header"][None]})
    for content in (large.getvalue(), claims, nested):
        tracemalloc.start()
        with pytest.raises(ValueError, match="is not a replay, or is damaged"):
            load(content, tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 20 * len(content) + 1_000_000
        tracemalloc.stop()


def test_each_missing_part_is_named(saved: bytes, tmp_path: Path) -> None:
    for name in parts(saved):
        arrays = parts(saved)
        del arrays[name]
        with pytest.raises(ValueError, match=f"is damaged: it has no {name}$"):
            load(packed(arrays), tmp_path)


def test_numbers_of_tensors_that_were_looked_at_are_not_lost(tmp_path: Path) -> None:
    t = autograd.Tensor(2.0)
    step = compile(lambda x: x * float(t.data))
    assert step(3.0) == 6.0
    with pytest.raises(TypeError, match="looks at Tensors that it closes over"):
        step.save(tmp_path / "f")
    assert not (tmp_path / "f").exists()


def test_another_version_is_told(saved: bytes, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is of version 3 of the format, and this reads 2: record"):
        load(with_header(saved, version=3), tmp_path)


def test_an_operation_that_is_not_known_is_told(saved: bytes, tmp_path: Path) -> None:
    names = json.loads(parts(saved)["header"].tobytes())["codes"]
    later = ["exp_of_later" if name == "exp" else name for name in names]
    with pytest.raises(ValueError, match="there is no operation 'exp_of_later' here"):
        load(with_header(saved, codes=later), tmp_path)
    order = [*reversed(names)]
    arrays = parts(saved)
    for name in arrays:
        if name.endswith(".code"):
            arrays[name] = (len(names) - 1 - arrays[name]).astype(np.int16)
    again = load(with_header(packed(arrays), codes=order), tmp_path)
    assert answers(again) == answers(recorded())  # codes are those of the file, not of the program


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_numbers_that_cannot_be_are_refused_and_others_run(
    saved: bytes, tmp_path: Path, data: st.DataObject
) -> None:
    """Whatever a file says, the loops in C stay within their arrays."""
    arrays = parts(saved)
    for _ in range(data.draw(st.integers(1, 3))):
        name = data.draw(st.sampled_from(sorted(arrays.keys() - {"header"})))
        array = arrays[name].copy()
        if array.size and data.draw(st.booleans()):
            array[data.draw(st.integers(0, array.size - 1))] = data.draw(st.sampled_from(NUMBERS))
        else:
            changes = [array[:-1], array[1:], array.astype(np.int64), array.reshape(-1, 1)]
            array = data.draw(st.sampled_from([*changes, np.append(array, array)]))
        arrays[name] = array
    said = ""
    try:
        step = load(packed(arrays), tmp_path)
    except (ValueError, LookupError) as error:
        said = str(error)
    if said:
        assert "is not a replay, or is damaged" in said or "there is no operation" in said
        return
    for recording in step.recordings:
        recording.machine()
    try:
        answers(step)
        step.batch(P, [0.1] * 9, in_axes=(None, 0), power=2)
    except (RuntimeError, TypeError):  # no recording holds, or there is no gradient
        pass


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(flips=st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 7)), min_size=1, max_size=4))
def test_flipped_bytes_are_noticed_or_harmless(
    request: pytest.FixtureRequest, tmp_path: Path, flips: list[tuple[int, int]]
) -> None:
    content = bytearray(request.getfixturevalue("saved"))  # too long to be shown as an argument
    for place, bit in flips:
        content[place % len(content)] ^= 1 << bit
    said = ""
    try:
        load(bytes(content), tmp_path)
    except ValueError as error:
        said = str(error)
    assert not said or "is not a replay, or is damaged" in said or "is of version" in said


FIELDS = ["format", "version", "codes", "function", "argnums", "keep", "rewrites", "recordings"]
OF_A_RECORDING = ["arguments", "settings", "result", "inputs", "labels", "rows"]


def header_of(content: bytes) -> Any:
    return json.loads(parts(content)["header"].tobytes())


@pytest.mark.parametrize("name", [*FIELDS, *OF_A_RECORDING])
@pytest.mark.parametrize("wrong", ["gone", {"a": 1.5}])
def test_a_header_without_a_part_is_a_value_error_that_names_it(
    saved: bytes, tmp_path: Path, name: str, wrong: Any
) -> None:
    header = header_of(saved)
    said = header if name in FIELDS else header["recordings"][2]
    said[name] = wrong
    if wrong == "gone":
        del said[name]
    if name == "settings" and wrong != "gone":
        said[name] = []
    arrays = parts(saved)
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with pytest.raises(ValueError, match=f"is not a replay, or is damaged: .*'{name}'"):
        load(packed(arrays), tmp_path)


@pytest.mark.parametrize("header", [[], None, 3, "text", {}])
def test_a_header_that_is_none_is_refused(saved: bytes, tmp_path: Path, header: Any) -> None:
    arrays = parts(saved)
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with pytest.raises(ValueError, match="is damaged: its header"):
        load(packed(arrays), tmp_path)


def rezipped(content: bytes, how: int, changes: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", how) as new:
        for name in old.namelist():
            new.writestr(name, changes.get(name, old.read(name)))
        for name in changes.keys() - set(old.namelist()):
            new.writestr(name, changes[name])
    return made.getvalue()


def claiming(shape: tuple[int, ...], dtype: str = "<f8", content: bytes = b"") -> bytes:
    """A NumPy file that says it has an array of that shape."""
    file = io.BytesIO()
    header = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + content


HOSTILE = {
    "unpacks to much more": lambda saved: rezipped(
        saved, zipfile.ZIP_DEFLATED, {"0.constants.npy": claiming((2**25,), "<f8", bytes(2**28))}
    ),
    "unpacks to much more in a part of no use": lambda saved: rezipped(
        saved, zipfile.ZIP_DEFLATED, {"9.other.npy": bytes(2**28)}
    ),
    "claims 8 TB": lambda saved: rezipped(
        saved, zipfile.ZIP_STORED, {"0.constants.npy": claiming((10**12,))}
    ),
    "claims a header of 8 TB": lambda saved: rezipped(
        saved, zipfile.ZIP_STORED, {"header.npy": claiming((2**43,), "|u1")}
    ),
    "claims more numbers than there are": lambda saved: rezipped(
        saved, zipfile.ZIP_STORED, {"0.seen.npy": claiming((1 << 62, 4), "<f8", bytes(32))}
    ),
    "claims 10^9 arguments": lambda saved: with_arguments(saved, 10**9),
    "claims 10^12 arguments": lambda saved: with_arguments(saved, 10**12),
    "offsets that overflow": lambda saved: with_offsets(saved),
    "the same bytes under many names": lambda saved: repeated(saved, 2000),
}


def with_arguments(content: bytes, n: int) -> bytes:
    said = header_of(content)["recordings"]
    for one in said:
        one |= {"arguments": [1, None, n], "inputs": n}
    return with_header(content, recordings=said)


def with_offsets(content: bytes) -> bytes:
    """Offsets whose differences are positive only where they overflow."""
    arrays = parts(content)
    n, last = len(arrays["0.code"]), len(arrays["0.ins"])
    start = [0, 2**31 - 1, -(2**31), -1, *range(last - n + 4, last + 1)]
    return packed(arrays | {"0.start": np.array(start[: n + 1], np.int32)})


def repeated(content: bytes, times: int) -> bytes:
    """A zip file whose directory has one part, which has most of its bytes, many times."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("header.npy", bytes(10**6))
        archive.filelist *= times
    return made.getvalue()


@pytest.mark.parametrize("how", HOSTILE)
def test_a_file_is_refused_before_more_is_read_than_it_may_hold(
    saved: bytes, tmp_path: Path, how: str
) -> None:
    content = HOSTILE[how](saved)
    assert len(content) < 2**22
    (tmp_path / "f").write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="is not a replay, or is damaged"):
            Replay.load(tmp_path / "f")
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()


def test_many_arguments_of_which_few_are_used(tmp_path: Path) -> None:
    step = compile(lambda a: a[0] * 2.0)
    step(np.ones(10**5))
    step.save(tmp_path / "f")
    assert Replay.load(tmp_path / "f")(np.full(10**5, 3.0)) == 6.0


def test_errors_of_the_system_stay_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        Replay.load(tmp_path)


def test_a_keyword_of_a_type_that_a_file_cannot_give_back_is_refused(tmp_path: Path) -> None:
    step = compile(lambda x, by: x * float(by))
    step(1.0, by=np.float64(2.0))
    with pytest.raises(TypeError, match=r"by=.* cannot be written to a file"):
        step.save(tmp_path / "f")
