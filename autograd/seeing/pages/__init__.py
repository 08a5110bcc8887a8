"""The pages of a picture and of the player, as the files beside this one; they load nothing else.

The scripts format numbers as `wording.number` and `formats.number` do.
"""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Mapping


def filled(name: str, parts: Mapping[str, str], room: str = __name__) -> str:
    """A file, in which `@@NAME@@` is a part, and `@@name.js@@` another file.

    Files are in the package `room`, or else in this folder.
    """
    try:
        data = pkgutil.get_data(room, name)  # from a wheel or a zip
    except OSError:
        data = pkgutil.get_data(__name__, name)
    assert data is not None

    def put(found: re.Match[str]) -> str:
        return parts[found[1]] if found[1] in parts else filled(found[1], parts, room)

    return re.sub(r"@@([\w.]+)@@", put, data.decode())


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
