"""Models in files: what comes back, what bad files do, what an interrupt leaves."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

import nn
from autograd import Tensor, Value, files
from nn import optim
from nn.files.safetensors_format import FileError, pack, read


def model(seed=1):
    return nn.MLP(2, [3, 2], "tanh", "softmax", seed=seed)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "m.safetensors"


@pytest.mark.parametrize(
    "make",
    [
        model,
        lambda: nn.MLP(3, [1], "gelu"),
        lambda: nn.Layer(2, 3, "elu", seed=1),
        lambda: nn.Neuron(4, "sigmoid", seed=1),
        lambda: nn.Perceptron(2).fit([[1.0, 2.0]], [1]),
    ],
)
def test_a_model_comes_back_with_its_structure_and_every_bit_of_its_weights(make, path):
    saved = make()
    nn.save(saved, path)
    loaded = nn.load(path)
    assert type(loaded) is type(saved)
    assert repr(loaded) == repr(saved)
    assert loaded.state_dict() == saved.state_dict()


def test_the_weights_of_a_users_module_fill_one_that_was_built(path):
    class Mine(nn.Module):
        def __init__(self):
            self.scale, self.inner = Value(2.5), model()

    nn.save(Mine(), path, note="my own")
    fresh = Mine()
    fresh.scale.data = 0.0
    assert nn.load(path, fresh) is fresh
    assert fresh.scale.data == 2.5
    assert read(path)[1]["note"] == "my own"
    with pytest.raises(FileError, match="no module 'Mine' here, and none is imported"):
        nn.load(path)


def test_training_goes_on_from_a_saved_optimiser_as_if_nothing_had_happened(path):
    X, y = [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1]

    def train(model, adam, epochs):
        nn.fit(model, X, y, "cross_entropy", adam, epochs, None, progress=False)

    whole = model()
    adam = optim.Adam(whole.parameters(), lr=0.1)
    train(whole, adam, 3)
    nn.save(whole, path, adam)
    train(whole, adam, 3)
    half = nn.load(path)
    fresh = optim.Adam(half.parameters())
    nn.load(path, half, fresh)
    train(half, fresh, 3)
    assert half.state_dict() == whole.state_dict()


def test_the_official_library_reads_the_file_and_writes_one_that_is_read(path):
    safetensors = pytest.importorskip("safetensors.numpy")
    saved = model()
    nn.save(saved, path)
    theirs = safetensors.load_file(path)
    assert theirs["layers.0.weight"].shape == (3, 2)
    assert {k: v.tolist() for k, v in theirs.items()} == saved.state_dict()
    safetensors.save_file({k: v.astype("f4") for k, v in theirs.items()}, path)
    other = nn.load(path, model(2))
    rounded = [struct.unpack("f", struct.pack("f", p.data))[0] for p in saved.parameters()]
    assert [p.data for p in other.parameters()] == rounded


# ---- files that are not what they should be ------------------------------------------------------


def rewritten(change):
    """A good file whose header (a dict) and body were changed."""

    def make(raw):
        length = struct.unpack("<Q", raw[:8])[0]
        header, body = json.loads(raw[8 : 8 + length]), raw[8 + length :]
        body = change(header, body) or body
        text = json.dumps(header).encode()
        return struct.pack("<Q", len(text)) + text + body

    return make


def entry(**changes):
    return rewritten(lambda header, body: header["layers.0.weight"].update(changes))


def structure(**changes):
    def change(header, body):
        old = json.loads(header["__metadata__"]["structure"])
        header["__metadata__"]["structure"] = json.dumps({**old, **changes})

    return rewritten(change)


BAD = {
    "empty": (lambda raw: b"", "truncated"),
    "cut in the numbers": (lambda raw: raw[:-1], "truncated: its numbers take 136 bytes, 135"),
    "cut in the header": (lambda raw: raw[:40], r"its header has \d+ bytes, 32 are there"),
    "longer": (lambda raw: raw + b"x", "1 bytes more than its header says"),
    "10 GB header": (lambda raw: struct.pack("<Q", 10**10) + raw, "10,000,000,000 bytes"),
    "pickle": (lambda raw: pickle.dumps({"w": 1.0}), "this is a pickle"),
    "zip": (lambda raw: b"PK\x03\x04" + raw, "as torch.save writes it"),
    "no JSON": (lambda raw: struct.pack("<Q", 4) + b"\xff{}}", "its header is not JSON"),
    "deep JSON": (lambda raw: struct.pack("<Q", 200_000) + b"[" * 200_000, "header is not JSON"),
    "a list": (lambda raw: struct.pack("<Q", 2) + b"[]", "not a JSON object"),
    "a name twice": (lambda raw: struct.pack("<Q", 15) + b'{"a":1,"a":[]} ', "the same name twice"),
    "metadata": (rewritten(lambda h, b: h.update(__metadata__={"a": 1})), "not strings by name"),
    "dtype": (entry(dtype="I64"), "numbers of type 'I64', not F64 or F32"),
    "dtype list": (entry(dtype=["F64"]), "numbers of type"),
    "half the size": (entry(dtype="F32"), "has 48 bytes, too few or too many"),
    "wrong shape": (entry(shape=[2, 3]), r"has the shape \(3, 2\) here, and \(2, 3\) in the state"),
    "huge shape": (entry(shape=[2**62, 2**62]), "48 bytes, too few or too many"),
    "empty shape": (entry(shape=[2**62, 0], data_offsets=[0, 0]), "has the shape"),
    "negative shape": (entry(shape=[-3, -2]), "has the shape"),
    "overlap": (entry(data_offsets=[8, 56]), "starts at byte"),
    "offset beyond": (entry(data_offsets=[10**15, 10**15 + 48]), "starts at byte"),
    "no shape": (entry(shape=None), "has the shape None"),
    "no place": (rewritten(lambda h, b: h["layers.0.bias"].clear()), "is not described"),
    "a block less": (rewritten(lambda h, b: h.pop("layers.0.bias") and None), "starts at byte"),
    "no structure": (rewritten(lambda h, b: h.pop("__metadata__") and None), "without a structure"),
    "unknown module": (structure(module="os.system"), "no module 'os.system' here"),
    "module list": (structure(module=["MLP"]), "none is imported because a file says so"),
    "huge model": (structure(widths=[2, 10**12, 2]), "parameters, but the file has 17"),
    "odd widths": (structure(widths=[2, -3, 2]), "not a list of sizes"),
    "one width": (structure(widths=[2]), "too few or too many"),
    "settings": (structure(settings={"seed": 1}), "the settings of its MLP"),
    "activation": (structure(settings={"activation": "eval"}), "no activation 'eval'"),
}  # fmt: skip


WRONG_STRUCTURE = (
    "no structure", "unknown module", "module list", "huge model", "odd widths", "one width",
    "settings", "activation",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", BAD)
def test_a_file_that_is_not_right_is_an_error_that_names_it_and_changes_nothing(name, path):
    change, message = BAD[name]
    nn.save(model(), path)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(FileError, match=message) as caught:
        nn.load(path)
    assert "m.safetensors: " in str(caught.value)
    mine = model(2)
    before = mine.state_dict()
    if name in WRONG_STRUCTURE:  # the weights are good: they fill a model that was built
        assert nn.load(path, mine).state_dict() == model().state_dict()
    else:
        with pytest.raises(FileError):
            nn.load(path, mine)
        assert mine.state_dict() == before


def test_weights_of_another_shape_leave_the_model_as_it_was(path):
    nn.save(model(), path)
    other = nn.MLP(2, [4, 2], seed=3)
    before = other.state_dict()
    with pytest.raises(
        FileError, match=r"'layers.0.weight' has the shape \(4, 2\) here, and \(3, 2\)"
    ):
        nn.load(path, other)
    assert other.state_dict() == before


def test_the_state_of_another_optimiser_leaves_model_and_optimiser_as_they_were(path):
    saved = model()
    nn.save(saved, path, optim.Adam(saved.parameters()))
    mine = model(2)
    before, sgd = mine.state_dict(), optim.SGD(mine.parameters(), momentum=0.9)
    with pytest.raises(FileError, match="its optimiser is 'Adam', not SGD"):
        nn.load(path, mine, sgd)
    assert (mine.state_dict(), sgd.steps, sgd.lr) == (before, 0, 0.01)


def test_a_file_without_an_optimiser_says_so(path):
    nn.save(model(), path)
    mine = model(2)
    with pytest.raises(FileError, match="no optimizer in its metadata"):
        nn.load(path, mine, optim.SGD(mine.parameters()))


def test_a_missing_file_is_the_usual_error(path):
    with pytest.raises(FileNotFoundError):
        nn.load(path)


def test_a_save_interrupted_half_way_leaves_the_old_file(path, monkeypatch):
    nn.save(model(1), path)
    old = path.read_bytes()

    def fail(*_):
        raise KeyboardInterrupt

    for step in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, step, fail)
            with pytest.raises(KeyboardInterrupt):
                nn.save(model(2), path)
        assert path.read_bytes() == old
        assert os.listdir(path.parent) == [path.name]


def test_a_file_has_the_permissions_that_open_would_give(path):
    nn.save(model(), path)
    plain = Path(f"{path}.txt")
    plain.write_text("")
    assert path.stat().st_mode == plain.stat().st_mode


def test_numbers_of_every_size_come_back_bit_by_bit(path):
    numbers = [0.1, -0.0, 5e-324, 1.7976931348623157e308, 1 / 3]
    path.write_bytes(pack({"a": numbers, "b": 2.0, "c": [[[1.0]], [[2.0]]]}, {"é": "ü"}))
    blocks, metadata = read(path)
    assert struct.pack("5d", *blocks["a"]) == struct.pack("5d", *numbers)
    assert (blocks["b"], blocks["c"], metadata) == (2.0, [[[1.0]], [[2.0]]], {"é": "ü"})


@pytest.mark.parametrize(
    ("metadata", "error", "message"),
    [
        ({"epoch": 3}, TypeError, "metadata are strings: write epoch='3', not 3"),
        ({"note": None}, TypeError, "metadata are strings"),
        ({"loss": float("nan")}, TypeError, "metadata are strings"),
        ({"names": ["a"]}, TypeError, "metadata are strings"),
        ({"raw": b"a"}, TypeError, "metadata are strings"),
        ({"format": "mine"}, ValueError, "nn.save keeps its own"),
        ({"structure": "mine"}, ValueError, "nn.save keeps its own"),
        ({"half": "\ud800"}, ValueError, "cannot be written as UTF-8"),
        ({"half\ud800": ""}, ValueError, "cannot be written as UTF-8"),
    ],
)
def test_metadata_that_could_not_be_read_leave_the_old_file(metadata, error, message, path):
    nn.save(model(), path, note="the old one")
    before = path.read_bytes()
    with pytest.raises(error, match=message):
        nn.save(model(2), path, **metadata)
    assert path.read_bytes() == before
    assert nn.load(path).state_dict() == model().state_dict()


class Holder(nn.Module):
    def __init__(self, **parts):
        vars(self).update(parts)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"optimizer": nn.MLP(1, [1])}, "'optimizer.layers.0.weight' is taken"),
        ({"__metadata__": Value(1.0)}, "'__metadata__' is taken"),
        ({"d": {"\ud800": Value(1.0)}}, "cannot be written as UTF-8"),
        ({"d": {1: Value(1.0), "1": Value(2.0)}}, r"two parameters have the name 'd\.1'"),
        ({"empty": Tensor([[]])}, "could not be read again: block 'empty'"),
        ({"deep": Tensor([[[[[[[[[1.0]]]]]]]]])}, "could not be read again: block 'deep'"),
    ],
    ids=["optimizer", "metadata", "half a character", "two of a name", "empty", "nine axes"],
)
def test_a_model_that_could_not_be_read_again_leaves_the_old_file(parts, message, path):
    nn.save(model(), path)
    with pytest.raises(ValueError, match=message):
        nn.save(Holder(**parts), path)
    assert nn.load(path).state_dict() == model().state_dict()


def test_a_disk_that_loses_what_is_written_leaves_the_old_file(path, monkeypatch):
    nn.save(model(), path)

    class Lossy(io.FileIO):
        def write(self, content):
            super().write(bytes(len(content)))
            return len(content)

    with monkeypatch.context() as patch:
        patch.setattr(files, "open", lambda path, mode: Lossy(path, mode), raising=False)
        with pytest.raises(OSError, match=r"cannot write .*the disk does not hold"):
            nn.save(model(2), path)
    assert os.listdir(path.parent) == [path.name]
    assert nn.load(path).state_dict() == model().state_dict()


@pytest.mark.slow
def test_a_process_killed_while_it_saves_leaves_a_file_that_is_read(path):
    nn.save(model(), path)
    code = (
        "import nn, sys, itertools\n"
        "models = [nn.MLP(2, [30, 1], seed=i, backend='tensor') for i in range(2)]\n"
        "print(flush=True)\n"
        "for i in itertools.count():\n    nn.save(models[i % 2], sys.argv[1])"
    )
    for pause in (0.0, 0.01, 0.03):
        with subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE) as child:
            child.stdout.readline()
            time.sleep(pause)
            child.kill()
        nn.load(path)


@pytest.mark.parametrize("length", [0x180, 0x280, 0x4B50])
def test_a_header_whose_length_begins_as_a_pickle_or_a_zip_file_does_is_a_header(length, tmp_path):
    path = tmp_path / "m.safetensors"
    found = 0
    for size in range(length):
        packed = pack({"x": [1.0]}, {"note": "n" * size})
        if (found := int.from_bytes(packed[:8], "little")) == length:
            break
    assert found == length
    path.write_bytes(packed)
    assert read(path)[0] == {"x": [1.0]}
