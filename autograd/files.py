"""Files, each written whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def check(path: str | os.PathLike[str]) -> Path:
    """The file that a path leads to; an OSError that says why it cannot be written."""
    target = Path(os.path.realpath(path))
    if target.is_symlink():  # realpath stops where links lead round in a circle
        raise OSError(f"cannot write {path}: its links lead to themselves; choose another file")
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"cannot write {path}: there is no directory {str(target.parent)!r}; create it first"
        )
    if target.is_dir():
        raise IsADirectoryError(f"cannot write {path}: it is a directory; name a file in it")
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(f"cannot write {path}: it is read-only; choose another file")
    return target


@contextmanager
def whole(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A file to write, which takes the place of `path` when the block ends.

    If the block fails, or is interrupted, the old file stays as it was and nothing is left beside
    it. An existing file keeps its permissions. A pipe or a device is written directly.
    """
    target = check(path)
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as file:
            yield file
        return
    beside = target.with_name(f".{os.urandom(8).hex()}.tmp")
    try:
        with open(beside, "xb") as file:
            if target.exists():
                os.chmod(beside, stat.S_IMODE(target.stat().st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    except OSError as error:
        reason = error.strerror or error
        raise type(error)(f"cannot write {path}: {reason}; choose another place") from error
    finally:
        beside.unlink(missing_ok=True)


def write(path: str | os.PathLike[str], content: bytes) -> None:
    """Write these bytes to a file, and read them back before it takes the place of another."""
    with whole(path) as file:
        file.write(content)
        file.flush()
        if os.path.isfile(file.name) and Path(file.name).read_bytes() != content:
            raise OSError(errno.EIO, "the disk does not hold what was written")
