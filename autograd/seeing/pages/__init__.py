"""The pages of a picture and of the player, as the files beside this one; they load nothing else.

The scripts format numbers as `wording.number` and `formats.number` do.
"""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Mapping


def filled(name: str, parts: Mapping[str, str]) -> str:
    """A file of this folder, in which `@@NAME@@` is a part, and `@@name.js@@` another file."""
    data = pkgutil.get_data(__name__, name)  # from a wheel or a zip
    assert data is not None

    def put(found: re.Match[str]) -> str:
        return parts[found[1]] if found[1] in parts else filled(found[1], parts)

    return re.sub(r"@@([\w.]+)@@", put, data.decode())
