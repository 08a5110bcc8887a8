"""The names of the nodes of one graph, and the text of their numbers and formulas.

A trace, an explanation and the player use the same name for a node: its label; or, if it has none,
that from the calls of modules and losses; or else v1, v2, ... counted from the oldest.
"""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from typing import Any

from ..core.graph import Node, data_of, nodes
from ..printing import symbols
from . import abbreviating
from .abbreviating import gradient, is_array, words
from .formats import columns
from .naming import NAME, Naming, printable, taken_apart

Number = Any  # a float, or an array of any library; None if there is none
MOST_OPERANDS = 8  # of an operation on a list whose formula is written out
WIDTH = 80
DASH = "—"  # the gradient of a node that no share has reached
PLACE = 0xE000  # placeholders in a template are private characters, from here on
OUT = "\ue0ff"  # and that of the result
OPERANDS = re.compile(r"[\ue000-\ue0ff]")
PLACES = re.compile(r"[\ue000-\ue0ff]|\\mathit\{out\}|\bout\b")
ATOM = re.compile(r"[\w⁽⁾]+(\.[\w⁽⁾]+)*(,[₀-₉]+)*(#\d+)?")
LINE_OF_CODE = re.compile(r"\s*(at|line:) .*:\d+: ")


def number(x: Number) -> str:
    """A number in six digits, `3.0` if it is exact; a dash for None; an array in few words."""
    if x is None:
        return DASH
    if is_array(x):
        return abbreviating.text(x)
    text = f"{float(x):.6g}"
    return f"{text}.0" if text.lstrip("-").isdigit() and float(text) == x else text


def gradient_of(x: Number) -> str:
    """A gradient, or a share of one, as `number` writes it, without the sign of a zero."""
    return number(gradient(x))


def mathematical(x: Number) -> str:
    """A number in LaTeX; a small array as a matrix, a big one as text."""
    return abbreviating.latex(x) if is_array(x) else symbols.render(float(x), "latex")


class Names:
    """A name for each node under `root`; no two are equal."""

    def __init__(self, root: Node) -> None:
        self._root = root

    @cached_property
    def naming(self) -> Naming:
        """The names that calls and modules give."""
        return Naming(nodes(self._root))

    @cached_property
    def _names(self) -> dict[Node, str]:
        return _named(nodes(self._root)[::-1], self.naming.names)

    def __getitem__(self, node: Node) -> str:
        return self._names.get(node) or words(node.label) or f"a {type(node).__name__}"

    def atom(self, node: Node) -> str:
        """The name, in brackets if it is not one word."""
        return bracketed(self[node])

    def latex(self, x: Node | Number) -> str:
        """The name, or a number, in LaTeX; a name is inert text there."""
        return latex_name(self[x]) if isinstance(x, Node) else mathematical(x)


def bracketed(name: str) -> str:
    """A name, in brackets if it would fall apart inside a formula."""
    return name if ATOM.fullmatch(name) else f"({name})"


def _named(oldest_first: list[Node], called: dict[Node, str]) -> dict[Node, str]:
    labels = {node: label for node in oldest_first if (label := words(node.label).strip())}
    own = {node: called[node] for node in oldest_first if node in called and node not in labels}
    taken = {*labels.values(), *own.values()}
    used: dict[str, int] = {}
    names, invented = {}, 0
    for node, label in (labels | own).items():  # a label comes before a name that is made
        name = label
        while used.setdefault(name, 0) or (name != label and name in taken):
            used[label] += 1
            name = f"{label}#{used[label]}"
        used[name] = 1
        names[node] = name
    for node in oldest_first:
        if node not in names:
            invented += 1
            while f"v{invented}" in taken:
                invented += 1
            names[node] = f"v{invented}"
    return names


HATS = {"ŷ": r"\hat{y}", "Ŷ": r"\hat{Y}"}
ESCAPES = {"\\": r"\backslash ", "^": r"\wedge ", "~": r"\sim ", **{c: f"\\{c}" for c in "{}$%&#_"}}
GREEK = r"""\alpha \beta \gamma \delta \epsilon \zeta \eta \theta \iota \kappa \lambda \mu \nu \xi o
    \pi \rho \varsigma \sigma \tau \upsilon \phi \chi \psi \omega \Gamma \Delta \Theta \Lambda \Xi
    \Pi \Sigma \Phi \Psi \Omega \partial \text{?}"""
LETTERS = "αβγδεζηθικλμνξοπρςστυφχψωΓΔΘΛΞΠΣΦΨΩ∂" + "\ufffd"
ESCAPES |= {c: f"{command} " for c, command in zip(LETTERS, GREEK.split(), strict=True)}
ESCAPES |= {c: f"{{}}_{{{i}}}" for i, c in enumerate("₀₁₂₃₄₅₆₇₈₉")}
ESCAPES |= {c: f"{{}}^{{{i}}}" for i, c in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}
SPECIAL = re.escape("".join(ESCAPES))  # pdflatex knows these as commands only


def latex_name(name: str) -> str:
    r"""`a`, `x_{1}`, `\mathit{loss}`; anything but a word is set as text, every character inert.

    >>> latex_name("x1"), latex_name("loss"), latex_name("50% off"), latex_name("w¹₂₁")
    ('x_{1}', '\\mathit{loss}', '\\text{50}\\%\\text{ off}', '{w^{1}_{2,1}}')
    """
    if found := NAME.fullmatch(name):
        word, up, down = taken_apart(found)
        if up or down or word in HATS:
            base = HATS.get(word) or (word if len(word) == 1 else f"{{{latex_name(word)}}}")
            below = f"_{{{down}}}" if down else ""
            return f"{{{base}^{{{up}}}{below}}}" if up else base + below  # a power may follow
    if found := re.fullmatch(r"([^\W\d_]+)_?(\d*)", name):
        word, digits = found.groups()
        if not word.isascii():
            word = _text(word)
        elif len(word) > 1:
            word = rf"\mathit{{{word}}}"
        return f"{word}_{{{digits}}}" if digits else word
    return _text(name)


def _text(name: str) -> str:
    runs = re.findall(f"[{SPECIAL}]|[^{SPECIAL}]+", name)
    return "".join(ESCAPES.get(run) or rf"\text{{{run}}}" for run in runs)


def signed(x: Number) -> str:
    """A number in LaTeX, in brackets if it is negative."""
    text = mathematical(x)
    return rf"\left({text}\right)" if text.startswith("-") else text


# ---- lines of a terminal -------------------------------------------------------------------------


def padded(text: str, width: int, right: bool = False) -> str:
    """The text, padded with spaces to so many columns."""
    space = " " * (width - columns(text))
    return space + text if right else text + space


def folded(text: str, width: int = WIDTH) -> str:
    """The text as the terminal can show it, long lines broken at spaces.

    They are continued four columns further in. One that shows the user's own code is never broken.
    """
    lines = []
    for line in printable(text).split("\n"):
        if LINE_OF_CODE.match(line):
            lines.append(line)
            continue
        indent = " " * (len(line) - len(line.lstrip()) + 4)
        parts = [""]
        for word in re.findall(r"\s*\S+", line):
            if columns(parts[-1] + word) > width and parts[-1].strip():
                parts.append(indent + word.lstrip())
            else:
                parts[-1] += word
        lines += parts
    return "\n".join(lines)


# ---- formulas ------------------------------------------------------------------------------------


def operation(node: Node, names: Names, style: str = "text", numbers: bool = False) -> str:
    """The operation that made a node, in names or in numbers: `a * b`, `2.0 * (-3.0)`."""
    return _filled(node, names, style, None, numbers)


def slope(node: Node, position: int, names: Names, style: str = "text") -> str:
    """The local derivative for one input as a formula in names; "" if there is none to show.

    At a tie, where each has a half, [x > y] is [x = y]/2.
    """
    found = _filled(node, names, style, position, False)
    tied = node.op in ("maximum", "minimum") and len({*map(data_of, node.inputs)}) == 1
    return found.replace(" > ", " = ") + "/2" if tied and found else found


def on_arrays(node: Node) -> bool:
    """Whether an operation takes or makes a Tensor, so that its shares are not plain products."""
    return node.broadcasts or bool(node._rule and node._rule.of_arrays)


def handed_back(node: Node, names: Names | None = None) -> list[tuple[str, str]]:
    """For each input of an operation on arrays, its share as a formula, in text and in LaTeX.

    Without names it has private characters, as in a `template`.
    """
    from . import array_wording

    holes = {x: chr(PLACE + i) for i, x in enumerate(node.inputs) if isinstance(x, Node)}
    holes[node] = OUT

    def called(x: Node | Number, style: str) -> str:
        if not isinstance(x, Node):
            return written(x) if style == "text" else mathematical(x)
        if names is None:
            return holes[x]
        return names.atom(x) if style == "text" else latex_name(names[x])

    return array_wording.handed_back(node, called)


def operands(node: Node) -> tuple[Any, ...]:
    """The inputs that fill the places of a `template`: all, or of many the first and the last."""
    inputs = node.inputs
    return inputs if len(inputs) <= MOST_OPERANDS else (inputs[0], inputs[-1])


def template(node: Node, position: int | None, style: str = "text") -> str:
    """The operation of a node, or a local derivative, with a private character for each operand.

    "" if there is no formula to show. Of many operands the first and the last are shown.
    """
    count = len(node.inputs)
    if count > MOST_OPERANDS:
        op, dots = node.op, "…"
        if style == "latex":
            op, dots = rf"\operatorname{{{latex_name(op)}}}", r"\dots"
        return f"{op}({chr(PLACE)}, {dots}, {chr(PLACE + 1)})" if position is None else ""
    places = [chr(PLACE + i) for i in range(count)]
    if node._rule.of_arrays:
        from . import array_wording

        return array_wording.written(node, places, style)
    kept = () if position is None else tuple(
        None if isinstance(x, Node) else x for x in node.inputs
    )  # fmt: skip  # a constant simplifies a slope: that of x**2 is 2 x
    return _template(node.op, count, position, kept, style)


def _filled(node: Node, names: Names, style: str, position: int | None, numbers: bool) -> str:
    inputs, made = operands(node), template(node, position, style)

    def fill(found: re.Match[str]) -> str:
        before, after = made[: found.start()], made[found.end() :]
        alone = before[-1:] in ("", "(", "{") and after[:1] in ("", ")", "}")
        alone |= len(inputs) < len(node.inputs)
        x = inputs[ord(found[0]) - PLACE] if len(found[0]) == 1 else node
        return _written(x, names, style, numbers, alone)

    return (OPERANDS if position is None else PLACES).sub(fill, made)


@lru_cache(maxsize=2048)
def _template(
    op: str, count: int, position: int | None, kept: tuple[float | None, ...], style: str
) -> str:
    """A formula in which a private character stands for each operand."""
    places: list[Any] = [chr(PLACE + i) for i in range(count)]
    try:
        if position is None:
            return symbols.operation(op, places, style=style)
        given = [p if k is None else k for p, k in zip(places, kept, strict=True)]
        return symbols.formula(op, position, given, style=style)
    except Exception:  # a registered column that cannot take symbols, whatever it raises
        return "" if position is not None else f"{op}({', '.join(places)})"


def _written(x: Node | Number, names: Names, style: str, numbers: bool, alone: bool) -> str:
    """An operand in a formula, in brackets if it would fall apart there."""
    left, right = ("(", ")") if style == "text" else (r"\left(", r"\right)")
    if numbers or not isinstance(x, Node):
        data = x.data if isinstance(x, Node) else x
        text = written(data) if style == "text" else mathematical(data)
        whole = not text.startswith("-")
    else:
        text = names[x] if style == "text" else latex_name(names[x])
        whole = bool(ATOM.fullmatch(names[x]))
    return text if alone or whole else left + text + right


def written(x: Number) -> str:
    """A number; an array by its elements if they are few, otherwise by its shape."""
    return abbreviating.operand(x) if is_array(x) else number(x)
