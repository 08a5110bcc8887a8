"""Every file that the product writes is written whole or not at all."""

from __future__ import annotations

import io
import os
import stat
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

import autograd
import nn
from autograd import Value, draw, files, trace
from autograd.printing import emit
from nn.plotting import save_history
from nn.tables.command_line import (
    add_predict_parser,
    add_train_parser,
    predict_command,
    train_command,
)

pytestmark = pytest.mark.slow

ROOT = Value(2.0, label="x") ** 2


def replay(path):
    f = autograd.compile(lambda x: x * x)
    f(2.0)
    f.save(path)


def header(path):
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        twin = Path(folder, "twin.py")
        twin.write_text("FINGERPRINT = 0x00000000\n")
        patch.setattr(emit, "HEADER", path)
        patch.setattr(emit, "TWIN", twin)
        patch.setattr(emit, "header", lambda: "#define VG_FINGERPRINT 0x1u")
        emit.main([])


def onnx(path):
    pytest.importorskip("onnx")
    nn.export_onnx(nn.MLP(1, [1], seed=0), path)


def learning_curve(path):
    pytest.importorskip("matplotlib")
    save_history(nn.History([2.0, 1.0]), path)


WRITERS = {
    "a picture.svg": lambda path: draw(ROOT, engine="builtin").save(path),
    "a picture.html": lambda path: draw(ROOT, engine="builtin").save(path),
    "a picture.dot": lambda path: draw(ROOT).save(path),
    "a player.html": lambda path: trace(ROOT).save(path),
    "a replay": replay,
    "the printed header.h": header,
    "a model.safetensors": lambda path: nn.save(nn.MLP(1, [1], seed=0), path),
    "a model.onnx": onnx,
    "a curve.svg": learning_curve,
}


@pytest.fixture(scope="module", params=WRITERS)
def writer(request, tmp_path_factory):
    write, name = WRITERS[request.param], request.param
    write(tmp_path_factory.mktemp("first") / name)  # loads and caches what it needs
    return write, name


class Interrupted(io.FileIO):
    """A file whose writing is interrupted when a part of it is there."""

    def write(self, content):
        super().write(memoryview(content).cast("B")[:3])
        raise KeyboardInterrupt


def fail(error):
    def failing(*_):
        raise error

    return failing


MISHAPS = {
    "interrupted when half is written": (
        files, "open", lambda path, mode: Interrupted(os.fspath(path), mode), KeyboardInterrupt
    ),
    "interrupted when all is written": (os, "fsync", fail(KeyboardInterrupt()), KeyboardInterrupt),
    "out of space": (os, "fsync", fail(OSError(28, "No space left on device")), OSError),
    "not renamed": (os, "replace", fail(PermissionError(13, "Denied")), PermissionError),
    "a read-only directory": (files, "open", fail(PermissionError(13, "Denied")), PermissionError),
    "a read-only file": (os, "access", lambda *_: False, PermissionError),
}  # fmt: skip


HALF, *_ = MISHAPS


@pytest.mark.parametrize(("mishap", "before"), [*[(m, b"before") for m in MISHAPS], (HALF, None)])
def test_after_any_mishap_the_old_file_is_whole_and_nothing_is_beside_it(
    writer, mishap, before, tmp_path, monkeypatch
):
    write, name = writer
    path = tmp_path / name
    if before:
        path.write_bytes(before)
    where, what, failing, error = MISHAPS[mishap]
    with monkeypatch.context() as patch:
        patch.setattr(where, what, failing, raising=False)
        with pytest.raises(error):
            write(path)
    assert os.listdir(tmp_path) == ([name] if before else [])
    assert not before or path.read_bytes() == before


def test_a_directory_that_is_not_there_is_named(writer, tmp_path):
    write, name = writer
    with pytest.raises(FileNotFoundError, match=r"no directory .*nowhere.*create it"):
        write(tmp_path / "nowhere" / name)
    assert os.listdir(tmp_path) == []


def test_a_directory_is_not_replaced_by_a_file(writer, tmp_path):
    write, name = writer
    (tmp_path / name).mkdir()
    with pytest.raises(IsADirectoryError, match="it is a directory"):
        write(tmp_path / name)
    assert os.listdir(tmp_path) == [name]
    assert os.listdir(tmp_path / name) == []


@pytest.mark.skipif(os.name != "posix", reason="these permissions are POSIX's")
def test_a_new_file_has_the_permissions_that_open_gives_and_an_old_one_keeps_its_own(
    writer, tmp_path
):
    write, name = writer
    (tmp_path / "as open makes it").write_text("")
    write(tmp_path / name)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert len(modes) == 1
    for mode in (0o600, 0o640, 0o755):
        (tmp_path / name).chmod(mode)
        write(tmp_path / name)
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == mode


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_a_link_stays_a_link_and_leads_to_the_new_file(writer, tmp_path):
    write, name = writer
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    link, target = tmp_path / "a" / name, tmp_path / "b" / "target"
    link.symlink_to(target)
    for _ in range(2):
        write(link)
        assert link.is_symlink()
        assert target.stat().st_size > 0
    assert os.listdir(tmp_path / "b") == ["target"]


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_links_that_lead_to_themselves_are_refused_and_stay(writer, tmp_path):
    write, name = writer
    (tmp_path / name).symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / name)
    with pytest.raises(OSError, match="its links lead to themselves"):
        write(tmp_path / name)
    assert (tmp_path / name).is_symlink()
    assert sorted(os.listdir(tmp_path)) == sorted([name, "b"])


@pytest.mark.skipif(os.name != "posix", reason="named pipes are POSIX's")
def test_a_pipe_is_written_into_and_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    found = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()))
    reader.start()
    files.write(pipe, b"all of it")
    reader.join(10)
    assert found == [b"all of it"]
    assert pipe.is_fifo()


def test_the_command_line_writes_its_answers_likewise(tmp_path, monkeypatch, capsys):
    import argparse

    parser = argparse.ArgumentParser()
    subparsers = parser.add_subparsers()
    add_train_parser(subparsers), add_predict_parser(subparsers)
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text("a,b\n" + "".join(f"{i},{i / 7}\n" for i in range(20)))
    words = "train t.csv --target b --epochs 1 --layers 2 --quiet --task regression"
    options = parser.parse_args(words.split())
    assert train_command(options) == 0
    Path("out.csv").write_text("before")
    options = parser.parse_args(["predict", "model.safetensors", "t.csv", "-o", "out.csv"])
    monkeypatch.setattr(os, "replace", fail(OSError(28, "No space left on device")))
    assert predict_command(options) == 2
    assert "cannot write out.csv: No space left on device" in capsys.readouterr().err
    assert Path("out.csv").read_text() == "before"
    assert not [name for name in os.listdir() if name.startswith(".")]


def test_no_other_place_in_the_product_writes_a_file():
    root = Path(autograd.__file__).parents[1]
    ways = ("os.replace", "mkstemp", "NamedTemporaryFile", ".write_text(", ".write_bytes(")
    found = {
        path.relative_to(root).as_posix()
        for package in ("autograd", "nn")
        for path in (root / package).rglob("*.py")
        if any(way in path.read_text() for way in ways)
    }
    assert found == {"autograd/files.py"}
