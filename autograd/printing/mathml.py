"""Formulas as presentation MathML, which browsers typeset and screen readers read.

What is typeset is the text that `symbols` prints, by its own grammar: brackets, powers, products
and what is side by side, sums. All other characters are operators, so any text can be typeset, and
none of it is ever markup.
"""

from __future__ import annotations

import re
from typing import NamedTuple

SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
TOKEN = re.compile(
    r'[\ue000-\uf8ff]|\d+(?:\.\d+)?(?:e[-+]\d+)?|"[^"]*"|[^\W\d_ᵀ\ue000-\uf8ff][\w.]*?(?=ᵀ|[^\w.]|$)'
    r"|//|->| / |\S"
)
CLOSED = {"(": ")", "[": "]", "|": "|", "⌊": "⌋"}
PRODUCTS = {"*": "⋅", "//": "//", "%": "mod", "@": "@"}
PREFIXES = ("ln", "√")
ENDS = ("if", "else", *"+-,=<>≤≥≠")  # of a product
SHUT = (")", "]", "⌋")


class Part(NamedTuple):
    """A piece of MathML, and the same without the brackets around it."""

    whole: str
    bare: str


def typeset(text: str) -> str:
    """The MathML of a formula in text, to stand inside a <math> element.

    >>> typeset("a / b^2")
    '<mfrac><mi>a</mi><msup><mi>b</mi><mn>2</mn></msup></mfrac>'
    """
    tokens = TOKEN.findall(text)[::-1]
    found = []
    while tokens:  # what follows a bracket that closes nothing
        found.append(_row(tokens, ""))
        if tokens:
            found.append(_tag("mo", tokens.pop()))
    return _group(found)


def _tag(name: str, text: str) -> str:
    inert = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"<{name}>{inert}</{name}>"


def _group(parts: list[str]) -> str:
    parts = [part for part in parts if part]
    return parts[0] if len(parts) == 1 else f"<mrow>{''.join(parts)}</mrow>"


def _row(tokens: list[str], end: str) -> str:
    """Products and what is between them, as far as a closing bracket."""
    found = []
    while tokens and tokens[-1] != end and tokens[-1] not in SHUT:
        sign = tokens[-1]
        found.append(_between(tokens.pop()) if sign in ENDS else _product(tokens, end))
    return _group(found)


def _between(sign: str) -> str:
    return f"<mtext> {sign} </mtext>" if sign.isalpha() else _tag("mo", sign.replace("-", "−"))


def _product(tokens: list[str], end: str) -> str:
    found = [_power(tokens)]
    while tokens and tokens[-1] not in (*ENDS, *SHUT, end):
        if tokens[-1] in ("/", " / "):
            over = 1 if tokens.pop() == "/" else len(found)  # 2 * 1/x, and 2 * x / y
            above = found[-1].bare if over == 1 else _group([part.whole for part in found])
            below = _power(tokens).bare if tokens else "<mrow></mrow>"
            found[-over:] = [Part(*[f"<mfrac>{above}{below}</mfrac>"] * 2)]
        else:
            sign = PRODUCTS.get(tokens[-1], "\u2062")  # side by side: the invisible times
            if sign != "\u2062":
                tokens.pop()
            found.append(Part(*[_tag("mo", sign)] * 2))
            if tokens and tokens[-1] not in (*SHUT, end):
                found.append(_power(tokens))
    return found[0].whole if len(found) == 1 else _group([part.whole for part in found])


def _power(tokens: list[str]) -> Part:
    part = _atom(tokens)
    while tokens and tokens[-1] in ("^", "ᵀ"):
        raised = "<mo>⊤</mo>"
        if tokens.pop() == "^":
            minus = tokens[-1:] == ["-"] and tokens.pop()
            raised = _atom(tokens).bare if tokens else "<mrow></mrow>"
            raised = f"<mrow><mo>−</mo>{raised}</mrow>" if minus else raised
        part = Part(*[f"<msup>{part.whole}{raised}</msup>"] * 2)
    return part


def _atom(tokens: list[str]) -> Part:
    token = tokens.pop()
    if token in CLOSED:
        inner = _row(tokens, CLOSED[token])
        closed = tokens.pop() if tokens else CLOSED[token]
        whole = f"<mrow>{_tag('mo', token)}{inner}{_tag('mo', closed)}</mrow>"
        return Part(whole, inner if token == "(" and "<mo>,</mo>" not in inner else whole)
    if token in PREFIXES and tokens:
        inner = _atom(tokens).whole
        prefixed = f"<mrow><mi>ln</mi>{inner}</mrow>"
        return Part(*[f"<msqrt>{inner}</msqrt>" if token == "√" else prefixed] * 2)
    part = _leaf(token)
    if tokens and tokens[-1] in "([" and part.startswith(("<mi>", "<msup>")):
        index, argument = tokens[-1] == "[", _atom(tokens)
        part = f"<mrow>{part}{argument.whole}</mrow>" if index else _called(token, part, argument)
    return Part(part, part)


def _called(name: str, part: str, argument: Part) -> str:
    match name:
        case "sqrt":
            return f"<msqrt>{argument.bare}</msqrt>"
        case "cbrt":
            return f"<mroot>{argument.bare}<mn>3</mn></mroot>"
        case "exp":
            return f"<msup><mi>e</mi>{argument.bare}</msup>"
    return f"<mrow>{part}<mo>\u2061</mo>{argument.whole}</mrow>"  # the function's application


def _leaf(token: str) -> str:
    if token[0].isdigit() and token[0].isascii():
        digits, _, power = token.partition("e")
        ten = f"<msup><mn>10</mn>{typeset(str(int(power)))}</msup>" if power else ""
        return f"<mrow><mn>{digits}</mn><mo>×</mo>{ten}</mrow>" if ten else _tag("mn", token)
    if token[0].isalpha() or "\ue000" <= token[0] <= "\uf8ff":
        word = token.rstrip("⁰¹²³⁴⁵⁶⁷⁸⁹")
        if word not in ("", token):
            power = token[len(word) :].translate(SUPERSCRIPTS)
            return f"<msup>{_tag('mi', word)}{_tag('mn', power)}</msup>"
        return _tag("mi", token)
    return _tag("mtext" if token[0] == '"' else "mo", token)
