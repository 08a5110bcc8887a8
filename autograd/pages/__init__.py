"""The pages of a picture and of the player, as the files beside this one; they load nothing else.

The scripts format numbers as `wording.number` and `formats.number` do. Whatever a page says is in
`words.json`, in English and in Korean, for the scripts and for `say`.
"""

from __future__ import annotations

import json
import os
import pkgutil
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from .. import files

LANGUAGES = ("en", "ko")


def _text(name: str, room: str) -> str:
    try:
        data = pkgutil.get_data(room, name)  # from a wheel or a zip
    except OSError:
        data = pkgutil.get_data(__name__, name)
    assert data is not None
    return data.decode()


def save(path: str | os.PathLike[str], page: str, what: str) -> None:
    """Write a page, whole or not at all. ValueError if its name does not end in .html."""
    if Path(path).suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"{path}: {what} is a page, and its name ends in .html")
    files.check(path)
    files.write(path, page.encode())


def filled(name: str, parts: Mapping[str, str], room: str = __name__) -> str:
    """A file, in which `@@NAME@@` is a part, and `@@name.js@@` another file.

    Files are in the package `room`, or else in this folder.
    """

    def put(found: re.Match[str]) -> str:
        return parts[found[1]] if found[1] in parts else filled(found[1], parts, room)

    return re.sub(r"@@([\w.]+)@@", put, _text(name, room))


def data(record: object) -> str:
    """Plain data for a script of a page, as JSON that cannot end the script."""
    text = json.dumps(record, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return re.sub("[\ud800-\udfff]", "\ufffd", text).replace("<", "\\u003c")


def framed(page: str, still: str, title: str, height: int = 680) -> str:
    """A page for a notebook, over a still picture, which remains if scripts may not run.

    The picture gives the height, and a sandboxed frame keeps its keys and colours to itself.
    """
    inner = page.replace("&", "&amp;").replace("'", "&#39;")
    return (
        f'<div style="position:relative;min-height:{height}px;overflow:hidden">{still}'
        f'<iframe class="valuegrad" sandbox="allow-scripts" title="{title}" style="position:'
        f"absolute;inset:0;width:100%;height:100%;border:0\" srcdoc='{inner}'></iframe></div>"
    )


def language(lang: str | None) -> str:
    """A language of the pages; "" for that of the reader's browser. ValueError for another."""
    if lang not in (None, *LANGUAGES):
        raise ValueError(
            f'lang is "en" or "ko", or None for the language of the browser, not {lang!r}'
        )
    return lang or ""


@cache
def _words(room: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = json.loads(_text("words.json", room))
    return found


def say(lang: str, key: str, *values: object, room: str = __name__) -> str:
    """The words of that key, in English where the language is not known; see `words.js`."""
    text = _words(room)[key][lang == "ko"]

    def put(found: re.Match[str]) -> str:
        value = values[int(found[1])]
        return str(value) if found[2] is None else found[2] if value == 1 else found[3]

    return re.sub(r"\{(\d)(?:\|([^|}]*)\|([^|}]*))?\}", put, text)
