"""A film as a page: network, predictions, losses and layers at each frame.

All numbers are those of `reels`; the page shows them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import cached_property
from html import escape
from typing import Final

from autograd import draw, pages

from .choices import count
from .training.fit import History

ROOM = "nn.pages"  # of the files
UNWATCHED = (
    "this run was not watched: nn.fit(..., watch=True) keeps the weights of which a film is made"
)


class Playing:
    """The film of some runs side by side: it shows itself, and `.save("film.html")`.

    ValueError for a run that was not watched, or for other titles than one for each run.
    """

    def __init__(
        self, runs: Sequence[History], titles: Iterable[str] = (), frames: int = 200,
        lang: str | None = None,
    ) -> None:  # fmt: skip
        for run in runs:
            if not isinstance(run, History):
                raise TypeError(f"a film is of histories of nn.fit, not of {run!r}")
            if run.film is None:
                raise ValueError(UNWATCHED)
        self.runs: Final = list(runs)
        self.lang: Final = pages.language(lang)
        self.frames: Final = count("frames", frames, 2)
        self.titles: Final = [titles] if isinstance(titles, str) else list(map(str, titles))
        if self.titles and len(self.titles) != len(self.runs):
            raise ValueError(f"there are {len(self.runs)} runs and {len(self.titles)} titles")

    @cached_property
    def html(self) -> str:
        """The page, which loads nothing from a network."""
        from .reels import Reel

        reels = [Reel(run, self.frames) for run in self.runs]
        titles: Sequence[str | None] = self.titles or [None] * len(reels)
        told = [reel.record() | {"title": x} for reel, x in zip(reels, titles, strict=True)]
        pictures = (f"<template>{''.join(reel.pictures)}</template>" for reel in reels)
        parts = {
            "LANG": self.lang, "TITLE": escape(self._say("title")), "PICTURES": "".join(pictures),
            "DATA": pages.data(told),
        }  # fmt: skip
        return pages.filled("film.html", parts, ROOM)

    def _say(self, key: str) -> str:
        return pages.say(self.lang, key, room=ROOM)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page, whole or not at all; the name ends in .html."""
        pages.save(path, self.html, "a film")

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        last = [draw(run.film[-1], quiet=True) for run in self.runs if run.film]
        still = "".join(picture._repr_mimebundle_()["text/html"] for picture in last)
        framed = pages.framed(self.html, still, escape(self._say("title")), 800)
        return {"text/html": framed, "text/plain": repr(self)}

    def __repr__(self) -> str:
        films = " and ".join(repr(run.film) for run in self.runs)
        return f"{films}: .save('film.html') writes a page"
