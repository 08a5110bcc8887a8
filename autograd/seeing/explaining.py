"""`explain(root, wrt)`: why a gradient has its value."""

from __future__ import annotations

from ..core.graph import Node, nodes
from ..core.kinds import describe
from .paths import Explanation, Index
from .tracing import trace

MOST_PATHS = 5


def explain(root: object, wrt: object, paths: int = MOST_PATHS, at: Index = None) -> Explanation:
    """Why d root / d wrt has its value: the number of paths, the heaviest, and what cancels.

    For a node between leaves and root, also what its own rule hands on of that gradient.

    For Tensors, op by op: what each operation hands back along a path, with shapes and norms. With
    `at`, an index, the gradient of that one element of `wrt`, number by number.

    >>> from autograd import Value
    >>> x = Value(3.0, label="x")
    >>> print(explain(x * x - 2 * x, x))
    d v3/d x = 4.0, the sum over 3 paths from x to v3
      3.0 (37.5 %) along x → v1 → v3
        = d v3/d v1 × d v1/d x
        = 1 × x
        = 1.0 × 3.0
      3.0 (37.5 %) along x → v1 → v3
        = d v3/d v1 × d v1/d x
        = 1 × x
        = 1.0 × 3.0
      -2.0 (25 %) along x → v2 → v3
        = d v3/d v2 × d v2/d x
        = -1 × 2
        = -1.0 × 2.0
    6.0 and -2.0 meet: 2.0 cancels
    """
    if not isinstance(root, Node) or not isinstance(wrt, Node):
        culprit = wrt if isinstance(root, Node) else root
        advice = "pass the Value or Tensor itself"
        raise TypeError(f"explain(root, wrt) takes two nodes, not {describe(culprit)}: {advice}")
    if isinstance(paths, bool) or not isinstance(paths, int) or paths < 1:
        raise ValueError(f"paths is how many to show, 1 or more, not {paths!r}")
    if any(node.broadcasts for node in (wrt, *nodes(root))):
        from .array_explaining import explain_arrays

        return explain_arrays(root, wrt, paths, at)
    if at is not None:
        raise TypeError(f"at is an element of a Tensor, and {describe(wrt)} is a number")
    return Explanation(trace(root), wrt, paths)
