"""The scalar rows of the table, printed as C.

`python -m autograd.printing.emit` rewrites `autograd/c/rules.h`, and the fingerprint of the
rules in `autograd/core/twin.py`, by which a compiled engine of other rules is told and refused.

Nothing is written a second time: `code` prints what is printed. What remains (sums rounded once,
division as Python has it, the powers' derivatives) is written by hand in `autograd/c/ieee.h`.
"""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from .. import files
from ..core.kinds import FUNCTIONS
from ..core.rules import RULES, TABLE, Rule
from .code import ARITHMETIC, C, Term, arithmetic, definition, general_shares, share_of, written

HEADER = Path(__file__).parents[1] / "c" / "rules.h"
TWIN = Path(__file__).parents[1] / "core" / "twin.py"
LETTERS = ("X", "Y", "Z", "W")

INTRODUCTION = """\
/* The scalar rows of the table, as C. Printed from it by `python -m autograd.printing.emit`.

   Included for its functions, it defines them once. Included with RULE and LIST defined, it is a
   list of all rows, in the order of the table, and forgets both at its end:

     RULE(name, arity, FORWARD, SHARES)    a row with 1 to 4 inputs
     LIST(name, FORWARD, SHARES)           a row with any number of inputs

   FORWARD is an expression. SHARES is a sequence of

     PASS(i, share)                 hand `share` to input i
     PASS_IF(i, condition, share)   the same where the condition holds, and else nothing at all

   and, in a LIST, of what is defined below in terms of PASS. The file that includes this
   defines PASS, PASS_IF and the letters: a local variable, the field of a struct, the lane of an
   array.

     X Y Z W   the inputs of a RULE        N XS      the number of inputs of a LIST, and an array
     OUT       the result                  G         the gradient that arrives

   In a LIST:

     EACH(share) FIRST(share) REST(share)    PASS for every input, the first one, all others;
                                             VG_I is the input's place
     OTHER         in a dot product: the factor of this input
     PARTS         declares what the next two need
     PART          this input's share of the softmax of all
     OTHER_PARTS   the sum of the PARTs of all inputs but the first
*/
"""

LIST_WORDS = {
    "EACH(share)": "for (ptrdiff_t VG_I = 0; VG_I < N; VG_I++) { PASS(VG_I, share) }",
    "FIRST(share)": "{ const ptrdiff_t VG_I = 0; PASS(VG_I, share) }",
    "REST(share)": "for (ptrdiff_t VG_I = 1; VG_I < N; VG_I++) { PASS(VG_I, share) }",
    "OTHER": "(XS[VG_I < N / 2 ? VG_I + N / 2 : VG_I - N / 2])",
    "PARTS": "const vg_tops_of VG_TOPS = vg_tops(N, XS);",
    "PART": "vg_part(XS[VG_I], VG_TOPS)",
    "OTHER_PARTS": "vg_other_parts(N, XS, VG_TOPS)",
}


def _c(x: Any) -> str:
    return written(x, C)


# ---- rows ----------------------------------------------------------------------------------------


def row_in_c(row: Rule) -> str | None:
    """A row as RULE(...) or LIST(...); None where it has no form in C, and so runs in Python."""
    try:
        return _list_in_c(row) if row.variadic else _rule_in_c(row)
    except TypeError:  # a symbol does not do what the column asks of it: take the branch of an `if`
        return None


def _rule_in_c(row: Rule) -> str | None:
    arity = len(row.columns)
    if not 1 <= arity <= len(LETTERS):
        return None
    inputs = [Term.named(letter) for letter in LETTERS[:arity]]
    shares = (_pass(i, column, inputs) for i, column in enumerate(row.columns))
    return _entry(f"RULE({row.name}, {arity}, {_c(Term(row.name, *inputs))}", shares)


def _pass(i: int, column: Callable[..., Any], inputs: Sequence[Term]) -> str:
    condition, taken, other = share_of(column, inputs)
    if condition is None:
        return "" if taken is None else f"PASS({i}, {_c(taken)})"
    if taken is None:
        return f"PASS_IF({i}, !({_c(condition)}), {_c(other)})"
    return f"PASS_IF({i}, {_c(condition)}, {_c(taken)})"


def _list_in_c(row: Rule) -> str | None:
    """A row of a list."""
    general = general_shares(row, C)
    if general is None:
        return None
    first, rest = general
    shares = [f"EACH({first})"] if first == rest else [f"FIRST({first})", f"REST({rest})"]
    if any("PART" in share for share in shares):
        shares.insert(0, "PARTS")
    return _entry(f"LIST({row.name}, vg_{row.name}(N, XS)", shares)


def _entry(head: str, shares: Iterable[str]) -> str:
    return "\n     ".join([f"{head},", *filter(None, shares)]) + ")\n"


# ---- the header ----------------------------------------------------------------------------------


def header() -> str:
    """The text of `autograd/c/rules.h`."""
    rows = "".join(filter(None, (row_in_c(RULES[name]) for name in TABLE)))
    definitions = [FUNCTIONS[name] for name in FUNCTIONS if name in TABLE]
    functions = "\n".join(
        [
            *(arithmetic(function, C) for function in ARITHMETIC),
            '#include "ieee.h" /* which stands on the functions above */\n',
            *(definition(fact, C) for fact in definitions if fact.definition),
        ]
    )
    words = "".join(f"#define {name} {meaning}\n" for name, meaning in LIST_WORDS.items())
    forget = "".join(f"#undef {name.partition('(')[0]}\n" for name in LIST_WORDS)
    fingerprint = zlib.crc32((functions + rows + words).encode())
    return (
        f"{INTRODUCTION}\n#ifndef VG_RULES_H\n#define VG_RULES_H\n\n#include <math.h>\n"
        f"#include <stddef.h>\n\n#define VG_FINGERPRINT 0x{fingerprint:08x}u\n\n{functions}\n"
        f"#endif\n\n#ifdef RULE\n\n{words}\n{rows}\n{forget}#undef RULE\n#undef LIST\n\n#endif\n"
    )


def fingerprinted(text: str) -> str:
    """The text of `twin.py` with the fingerprint of a header."""
    (printed,) = re.findall(r"VG_FINGERPRINT (0x\w+)u", text)
    line = f"FINGERPRINT = 0x{int(printed, 16):08X}"
    return re.sub(r"^FINGERPRINT = \w+", line, TWIN.read_text("utf-8"), flags=re.MULTILINE)


def main(argv: Sequence[str]) -> int:
    """Rewrite the header; with --check, only say whether it is what the table prints now."""
    text = header()
    twin = fingerprinted(text)
    if "--check" in argv:
        current = HEADER.exists() and HEADER.read_text() == text
        current = current and TWIN.read_text("utf-8") == twin
        print(f"{HEADER.name} is {'up to date' if current else 'out of date'}")
        return 0 if current else 1
    files.write(HEADER, text.encode())
    files.write(TWIN, twin.encode())
    print(f"wrote {HEADER}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
