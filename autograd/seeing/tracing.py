"""The backward pass, step by step: `trace(root)` keeps what the walk yields, frame by frame.

A trace reads the one walk and computes no gradient of its own. It walks only as far as frames are
asked for, so a trace of any graph is made at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Final, overload

from .. import pages
from ..arrays.partial import bare
from ..core.graph import Node, nodes, sweep
from ..core.kinds import describe
from .drawing import check_samples
from .frames import Frame, Share
from .wording import Names, Number, folded, gradient_of


def trace(
    root: object, seed: Number = 1.0, *, lang: str | None = None, samples: int | str = 1
) -> Trace:
    """The backward pass from `root` as frames, and the forward pass in `.forward`.

    It shows the shares of a pass in which every gradient begins at 0, and writes no `.grad`. In a
    notebook it is a player; `.save("backprop.html")` writes that player as a page, in English for
    lang="en", in Korean for lang="ko", and otherwise in the language of the reader's browser. Of a
    batch it plays `samples` box by box, or "all", and the others as one box, which opens.

    On the page of a graph of Values the leaves' numbers can be typed and dragged, and all others
    follow. It says so where a comparison that the program made, `if x > 0:`, would go otherwise;
    numbers that the program read with `.data` are constants there.

    >>> from autograd import Value
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> t = trace(a * b)
    >>> t.step()
    frame 1 of 3, backward through v1 = a * b = -6.0
      arriving: d v1/d v1 = 1.0
      to a: 1.0 × -3.0 = -3.0  a.grad 0.0 → -3.0  local: d(a * b)/da = b
      to b: 1.0 ×  2.0 = 2.0   b.grad 0.0 → 2.0   local: d(a * b)/db = a
    """
    if not isinstance(root, Node):
        raise TypeError(
            f"trace takes a node, a Value or a Tensor, not {describe(root)}: trace the result of a "
            "computation on Values or Tensors"
        )
    check_samples(samples)
    return Trace(root, root.start(seed), pages.language(lang), samples)


class Trace(Sequence[Frame]):
    """The backward frames of one graph, and a place among them.

    Frames are numbered from 1, in what they print, in the player and in `.goto`: `.goto(4)` is what
    the player calls backward 4. As a sequence a trace counts from 0: `trace[3]` is that frame.
    """

    def __init__(self, root: Node, seed: Number, lang: str = "", samples: int | str = 1) -> None:
        self.root = root
        self.seed = seed
        self.lang = lang  # of the player; "" for the browser's
        self.samples = samples
        self.names: Final = Names(root)
        self.position: int = 0  # the number of the current frame; 0 before the first
        self._views: list[Any] = []  # of the player, laid out once
        self._restart()

    def _restart(self) -> None:
        self._frames: list[Frame] = []
        self._at: dict[Node, Frame] = {}
        self._gathered: dict[Node, Number] = {self.root: self.seed}
        self._walk = sweep(self.root, self.seed)

    @property
    def name(self) -> str:
        """The name of the root."""
        return self.names[self.root]

    # ---- frames ----

    def _fetch(self, count: float) -> None:
        """Walk on until there are so many frames, or the walk ends."""
        while len(self._frames) < count:
            try:
                node, g, shares = next(self._walk)
                g, *shares = map(bare, (g, *shares))
            except StopIteration:
                return
            except BaseException:  # the next call raises it again: the trace has not ended
                self._restart()
                raise
            handed = tuple(self._hand(node, shares))
            frame = self._at[node] = Frame(self, len(self._frames), node, g, handed)
            self._frames.append(frame)

    def _hand(self, node: Node, shares: Sequence[Number]) -> Iterator[Share]:
        """The shares that exist, with the running sum: the walk's additions, in its order."""
        for i, (x, amount) in enumerate(zip(node.inputs, shares, strict=True)):
            if amount is None:
                continue
            before = self._gathered.get(x)
            after = self._gathered[x] = amount if before is None else before + amount
            yield Share(x, i, amount, 0.0 if before is None else before, after)

    def __len__(self) -> int:
        self._fetch(float("inf"))
        return len(self._frames)

    @overload
    def __getitem__(self, place: int) -> Frame: ...
    @overload
    def __getitem__(self, place: slice) -> list[Frame]: ...
    def __getitem__(self, place: int | slice) -> Frame | list[Frame]:
        early = isinstance(place, int) and place >= 0
        self._fetch(place + 1 if early else float("inf"))  # type: ignore[operator]
        try:
            return self._frames[place]
        except IndexError:
            raise IndexError(f"there is no frame at {place}: {len(self)} frames, from 0") from None

    @property
    def frames(self) -> dict[Node, Frame]:
        """Each node that a share reaches, with its frame."""
        self._fetch(float("inf"))
        return self._at

    def find(self, node: Node) -> Frame | None:
        """The frame of a node; None if no share reaches it."""
        return self.frames.get(node)

    @cached_property
    def forward(self) -> list[Frame]:
        """A frame for each operation, in the order they were recorded."""
        made = [node for node in reversed(self.nodes) if node.inputs]
        return [Frame(self, i, node) for i, node in enumerate(made)]

    @cached_property
    def computed(self) -> dict[Node, int]:
        """Each operation with the number of its frame in the forward pass."""
        return {frame.node: frame.number for frame in self.forward}

    @cached_property
    def nodes(self) -> list[Node]:
        """The nodes of the graph, youngest first."""
        return nodes(self.root)

    # ---- stepping ----

    @property
    def frame(self) -> Frame | None:
        """The current frame; None before the first."""
        return self[self.position - 1] if self.position else None

    def step(self) -> Frame:
        """Go to the next frame. IndexError after the last."""
        self._fetch(self.position + 1)
        if self.position == len(self._frames):
            raise IndexError("the backward pass is at its last frame: .reset() to begin again")
        return self.goto(self.position + 1)

    def back(self) -> Frame:
        """Go to the frame before. IndexError at the first."""
        if self.position < 2:
            raise IndexError("there is no frame before the first: .step() to go on")
        return self.goto(self.position - 1)

    def goto(self, i: int) -> Frame:
        """Go to frame number `i`, the first being 1 and the last -1; IndexError for any other."""
        self._fetch(i if i > 0 else float("inf"))
        if i == 0 or abs(i) > len(self._frames):
            advice = "; .reset() goes to before the first" * (i == 0)
            raise IndexError(f"there is no frame {i}: {len(self)} frames, from 1{advice}")
        frame = self._frames[i - (i > 0)]
        self.position = frame.number
        return frame

    def until(self, node: object) -> Frame:
        """Go on to the frame of `node`. LookupError, without a step, if it does not lie ahead."""
        if not isinstance(node, Node):
            raise TypeError(f".until takes a node of the graph, not {describe(node)}")
        i = self.position
        while True:
            self._fetch(i + 1)
            if i == len(self._frames):
                raise LookupError(self._not_ahead(node))
            if self._frames[i].node is node:
                return self.goto(i + 1)
            i += 1

    def _not_ahead(self, node: Node) -> str:
        name = self.names[node]
        if self.find(node):
            return f"the frame of {name} has been passed: .reset() to begin again"
        return f"no share reaches {name}: {self.name} does not depend on it"

    def reset(self) -> Trace:
        """Go back to before the first frame."""
        self.position = 0
        return self

    def gradients(self) -> dict[str, Number]:
        """The gradient of each node after this frame, by name; None if no share has reached it."""
        known = self.known(self.position - 1)
        return {self.names[node]: known.get(node) for node in reversed(self.nodes)}

    def known(self, last: int) -> dict[Node, Number]:
        """The gradients after a frame, of the nodes that a share has reached."""
        shares = (share for frame in self[: last + 1] for share in frame.shares)
        return {self.root: self.seed, **{share.input: share.after for share in shares}}

    # ---- showing ----

    def __repr__(self) -> str:
        place = f"at frame {self.position}" if self.position else "before its first frame"
        return f"<Trace of {self.name}, {place}>"

    def __str__(self) -> str:
        """The current frame, and every gradient so far."""
        frame = [str(self.frame)] if self.frame else [repr(self)]
        table = self.gradients().items()
        cells = [f"{name} {gradient_of(g)}" for name, g in table]
        shown = cells if len(cells) <= 60 else [*cells[:60], f"... {len(cells) - 60:,} more"]
        return "\n".join([*frame, folded("gradients: " + " | ".join(shown))])

    @property
    def html(self) -> str:
        """The player as one page that loads nothing else."""
        from .paging import page

        return page(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the player as one HTML page, whole or not at all."""
        pages.save(path, self.html, "a player")

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        from .paging import notebook

        return {"text/html": notebook(self), "text/plain": repr(self)}
