"""Five small engines as learners write them, all right, and the faults that are planted in them."""

from __future__ import annotations

CLOSURES = """
import math

class Value:
    def __init__(self, data, _children=(), _op=""):
        self.data = data
        self.grad = 0.0
        self._backward = lambda: None
        self._prev = tuple(_children)
        self._op = _op

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data + other.data, (self, other), "+")
        def _backward():
            self.grad += out.grad
            other.grad += out.grad
        out._backward = _backward
        return out

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data * other.data, (self, other), "*")
        def _backward():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad
        out._backward = _backward
        return out

    def __pow__(self, other):
        assert isinstance(other, (int, float)), "only powers of numbers"
        out = Value(self.data**other, (self,), f"**{other}")
        def _backward():
            self.grad += other * self.data ** (other - 1) * out.grad
        out._backward = _backward
        return out

    def relu(self):
        out = Value(0.0 if self.data < 0 else self.data, (self,), "ReLU")
        def _backward():
            self.grad += (out.data > 0) * out.grad
        out._backward = _backward
        return out

    def tanh(self):
        t = math.tanh(self.data)
        out = Value(t, (self,), "tanh")
        def _backward():
            self.grad += (1 - t**2) * out.grad
        out._backward = _backward
        return out

    def exp(self):
        out = Value(math.exp(self.data), (self,), "exp")
        def _backward():
            self.grad += out.data * out.grad
        out._backward = _backward
        return out

    def backward(self):
        topo, visited, stack = [], set(), [(self, False)]
        while stack:
            v, done = stack.pop()
            if done:
                topo.append(v)
            elif v not in visited:
                visited.add(v)
                stack.append((v, True))
                stack.extend((child, False) for child in v._prev)
        for v in topo:
            if v._prev:
                v.grad = 0.0
        self.grad = 1.0
        for v in reversed(topo):
            v._backward()

    def __neg__(self): return self * -1
    def __radd__(self, other): return self + other
    def __sub__(self, other): return self + (-other)
    def __rsub__(self, other): return other + (-self)
    def __rmul__(self, other): return self * other
    def __truediv__(self, other): return self * other**-1
    def __rtruediv__(self, other): return other * self**-1
"""

SHARES = '''
import math

class Var:
    """Each node keeps its parents, each with a function of the gradient."""

    def __init__(self, value, parents=()):
        self.value = float(value)
        self.parents = list(parents)
        self.grad = None

    def __add__(self, other):
        other = lift(other)
        return Var(self.value + other.value, [(self, lambda g: g), (other, lambda g: g)])

    def __sub__(self, other):
        other = lift(other)
        return Var(self.value - other.value, [(self, lambda g: g), (other, lambda g: -g)])

    def __mul__(self, other):
        other = lift(other)
        return Var(self.value * other.value,
                   [(self, lambda g: g * other.value), (other, lambda g: g * self.value)])

    def __truediv__(self, other):
        other = lift(other)
        return Var(self.value / other.value,
                   [(self, lambda g: g / other.value),
                    (other, lambda g: -g * self.value / other.value**2)])

    def __pow__(self, n):
        return Var(self.value**n, [(self, lambda g: g * n * self.value ** (n - 1))])

    def __neg__(self):
        return Var(-self.value, [(self, lambda g: -g)])

    def __radd__(self, other): return lift(other) + self
    def __rsub__(self, other): return lift(other) - self
    def __rmul__(self, other): return lift(other) * self
    def __rtruediv__(self, other): return lift(other) / self

    def log(self):
        return Var(math.log(self.value), [(self, lambda g: g / self.value)])

    def sin(self):
        return Var(math.sin(self.value), [(self, lambda g: g * math.cos(self.value))])

    def cos(self):
        return Var(math.cos(self.value), [(self, lambda g: -g * math.sin(self.value))])

    def sigmoid(self):
        s = 1 / (1 + math.exp(-self.value)) if self.value > -700 else 0.0
        return Var(s, [(self, lambda g: g * s * (1 - s))])

    def sqrt(self):
        root = math.sqrt(self.value)
        return Var(root, [(self, lambda g: g / (2 * root))])

    def backward(self):
        uses = {}
        stack, seen = [self], {self}
        while stack:
            node = stack.pop()
            for parent, _ in node.parents:
                uses[parent] = uses.get(parent, 0) + 1
                if parent not in seen:
                    seen.add(parent)
                    stack.append(parent)
        arrived = {self: 1.0}
        ready = [self]
        while ready:
            node = ready.pop()
            g = arrived[node]
            node.grad = g if node.parents else (node.grad or 0.0) + g
            for parent, share in node.parents:
                arrived[parent] = arrived.get(parent, 0.0) + share(g)
                uses[parent] -= 1
                if uses[parent] == 0:
                    ready.append(parent)

def lift(x):
    return x if isinstance(x, Var) else Var(x)
'''

TAPE = """
import math

tape = []

class Value:
    def __init__(self, data):
        self.data = data
        self.grad = 0.0

    def __add__(self, other): return record(self, other, lambda a, b: a + b, lambda a, b: (1, 1))
    def __mul__(self, other): return record(self, other, lambda a, b: a * b, lambda a, b: (b, a))
    def __sub__(self, other): return record(self, other, lambda a, b: a - b, lambda a, b: (1, -1))
    def __truediv__(self, other):
        return record(self, other, lambda a, b: a / b, lambda a, b: (1 / b, -a / b**2))
    def __radd__(self, other): return wrap(other) + self
    def __rmul__(self, other): return wrap(other) * self
    def __rsub__(self, other): return wrap(other) - self
    def __rtruediv__(self, other): return wrap(other) / self
    def __neg__(self): return 0 - self
    def __pow__(self, n):
        return record(self, float(n), lambda a, b: a**b, lambda a, b: (b * a ** (b - 1), 0.0))

    def backward(self):
        grads = {id(self): 1.0}
        for out, inputs, slopes in reversed(tape):
            g = grads.get(id(out), 0.0)
            out.grad = g
            for x, slope in zip(inputs, slopes):
                grads[id(x)] = grads.get(id(x), 0.0) + g * slope
        made = {id(out) for out, _, _ in tape}
        leaves = {id(x): x for _, inputs, _ in tape for x in inputs if id(x) not in made}
        if id(self) not in made:
            leaves[id(self)] = self
        for key, leaf in leaves.items():
            leaf.grad += grads.get(key, 0.0)
        tape.clear()

def wrap(x):
    return x if isinstance(x, Value) else Value(x)

def record(x, y, compute, slopes):
    x, y = wrap(x), wrap(y)
    out = Value(compute(x.data, y.data))
    tape.append((out, (x, y), slopes(x.data, y.data)))
    return out

def one(x, value, slope):
    out = Value(value)
    tape.append((out, (x,), (slope,)))
    return out

def exp(x):
    return one(x, math.exp(x.data), math.exp(x.data))

def tanh(x):
    t = math.tanh(x.data)
    return one(x, t, 1 - t * t)

def relu(x):
    return one(x, max(x.data, 0.0), 1.0 if x.data > 0 else 0.0)

def log(x):
    return one(x, math.log(x.data), 1 / x.data)

def sin(x):
    return one(x, math.sin(x.data), math.cos(x.data))
"""

RECURSIVE = """
import math
import sys

class Node:
    def __init__(self, data, inputs=(), slopes=()):
        self.data = data
        self.grad = 0.0
        self.inputs = inputs
        self.slopes = slopes
        self.waiting = 0

    def __add__(self, other):
        other = node(other)
        return Node(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = node(other)
        return Node(self.data * other.data, (self, other), (other.data, self.data))

    def __sub__(self, other): return self + node(other) * -1.0
    def __neg__(self): return self * -1.0
    def __truediv__(self, other): return self * node(other).inverse()
    def inverse(self): return Node(1 / self.data, (self,), (-1 / self.data**2,))
    def __radd__(self, other): return self + other
    def __rmul__(self, other): return self * other
    def __rsub__(self, other): return node(other) - self
    def __rtruediv__(self, other): return node(other) / self
    def __pow__(self, n): return Node(self.data**n, (self,), (n * self.data ** (n - 1),))
    def exp(self): return Node(math.exp(self.data), (self,), (math.exp(self.data),))
    def tanh(self): return Node(math.tanh(self.data), (self,), (1 - math.tanh(self.data) ** 2,))
    def abs(self): return Node(abs(self.data), (self,), (math.copysign(1.0, self.data),))

    def relu(self):
        return Node(max(0.0, self.data), (self,), (float(self.data > 0),))

    def softplus(self):
        return Node(math.log1p(math.exp(self.data)), (self,), (1 / (1 + math.exp(-self.data)),))

    def count(self):
        self.waiting += 1
        if self.waiting == 1:
            if self.inputs:
                self.grad = 0.0
            for x in self.inputs:
                x.count()

    def receive(self, g):
        self.grad += g
        self.waiting -= 1
        if self.waiting == 0:
            for x, slope in zip(self.inputs, self.slopes):
                x.receive(self.grad * slope)

    def backward(self):
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(100_000)
        try:
            self.count()
            self.receive(1.0)
        finally:
            sys.setrecursionlimit(before)

def node(x):
    return x if isinstance(x, Node) else Node(x)
"""

TABLE = """
import math
from heapq import heappop, heappush
from itertools import count

born = count()

RULES = {
    "add": (lambda a, b: a + b, lambda g, out, a, b: (g, g)),
    "sub": (lambda a, b: a - b, lambda g, out, a, b: (g, -g)),
    "mul": (lambda a, b: a * b, lambda g, out, a, b: (g * b, g * a)),
    "div": (lambda a, b: a / b, lambda g, out, a, b: (g / b, -g * out / b)),
    "pow": (lambda a, b: a**b, lambda g, out, a, b: (g * b * a ** (b - 1), power_slope(g, out, a))),
    "neg": (lambda a: -a, lambda g, out, a: (-g,)),
    "exp": (lambda a: math.exp(a), lambda g, out, a: (g * out,)),
    "log": (lambda a: math.log(a), lambda g, out, a: (g / a,)),
    "tanh": (lambda a: math.tanh(a), lambda g, out, a: (g * (1 - out * out),)),
    "cos": (lambda a: math.cos(a), lambda g, out, a: (-g * math.sin(a),)),
    "relu": (lambda a: max(a, 0.0), lambda g, out, a: (g if a > 0 else 0.0,)),
}

def power_slope(g, out, a):
    return g * out * math.log(a) if a > 0 else 0.0

class Value:
    def __init__(self, data, op=None, inputs=()):
        self.data, self.op, self.inputs = data, op, inputs
        self.born, self.grad = next(born), 0.0

    def __lt__(self, other):
        return self.born > other.born

    def backward(self):
        gathered = {self: 1.0}
        frontier = [self]
        while frontier:
            v = heappop(frontier)
            g = gathered[v]
            v.grad = g if v.inputs else v.grad + g
            if not v.inputs:
                continue
            shares = RULES[v.op][1](g, v.data, *(x.data for x in v.inputs))
            for x, share in zip(v.inputs, shares):
                if x in gathered:
                    gathered[x] += share
                else:
                    gathered[x] = share
                    heappush(frontier, x)

def apply(op, *xs):
    xs = tuple(x if isinstance(x, Value) else Value(x) for x in xs)
    return Value(RULES[op][0](*(x.data for x in xs)), op, xs)

for name in ("neg", "exp", "log", "tanh", "cos", "relu"):
    setattr(Value, name, lambda self, name=name: apply(name, self))
Value.__neg__ = Value.neg
for name, method in (("add", "add"), ("sub", "sub"), ("mul", "mul"), ("div", "truediv"), ("pow", "pow")):
    setattr(Value, f"__{method}__", lambda a, b, name=name: apply(name, a, b))
    setattr(Value, f"__r{method}__", lambda a, b, name=name: apply(name, b, a))
"""

# Right, but slow and shallow: not among the five.
PATHS = """
import math

class Scalar:
    def __init__(self, value, parents=()):
        self.value, self.grad, self.parents = value, 0, parents

    def __add__(self, other):
        other = other if isinstance(other, Scalar) else Scalar(other)
        return Scalar(self.value + other.value, [(self, 1), (other, 1)])

    def __mul__(self, other):
        other = other if isinstance(other, Scalar) else Scalar(other)
        return Scalar(self.value * other.value, [(self, other.value), (other, self.value)])

    __radd__, __rmul__ = __add__, __mul__
    def __neg__(self): return -1 * self
    def __sub__(self, other): return self + -1 * other
    def __rsub__(self, other): return other + -1 * self
    def __pow__(self, n): return Scalar(self.value**n, [(self, n * self.value ** (n - 1))])
    def __truediv__(self, other): return self * other**-1
    def __rtruediv__(self, other): return other * self**-1
    def tanh(self): return Scalar(math.tanh(self.value), [(self, 1 - math.tanh(self.value) ** 2)])
    def exp(self): return Scalar(math.exp(self.value), [(self, math.exp(self.value))])

    def backward(self, g=1):
        self.grad += g
        for parent, slope in self.parents:
            parent.backward(g * slope)
"""

ENGINES = {
    "closures": ("Value", CLOSURES),
    "shares": ("Var", SHARES),
    "tape": ("Value", TAPE),
    "recursive": ("Node", RECURSIVE),
    "table": ("Value", TABLE),
}

# fmt: off
# Each fault: what is replaced, by what, and the rules or structures that name it.
FAULTS: dict[str, list[tuple[str, str, str]]] = {
    "closures": [
        ("other.grad += out.grad", "other.grad -= out.grad", "add"),
        ("self.grad += other.data * out.grad\n            other.grad += self.data * out.grad",
         "self.grad += self.data * out.grad\n            other.grad += other.data * out.grad", "mul"),
        ("other.grad += self.data * out.grad", "other.grad += other.data * out.grad", "mul"),
        ("self.grad += other.data * out.grad", "self.grad += other.data", "mul"),
        ("self.data ** (other - 1)", "self.data**other", "pow"),
        ("other * self.data ** (other - 1)", "self.data ** (other - 1)", "pow"),
        ("(out.data > 0) * out.grad", "out.grad", "relu"),
        ("(out.data > 0) * out.grad", "(out.grad > 0) * out.grad", "relu"),
        ("(1 - t**2) * out.grad", "(1 - self.data**2) * out.grad", "tanh"),
        ("(1 - t**2) * out.grad", "(1 - t) * out.grad", "tanh"),
        ("out.data * out.grad", "self.data * out.grad", "exp"),
        ("self.grad += out.data * out.grad", "self.grad += out.data", "exp"),
        ("return other + (-self)", "return self + (-other)", "sub"),
        ("self.grad += other.data * out.grad\n            other.grad +=",
         "self.grad = other.data * out.grad\n            other.grad =", "overwrite"),
        ("self.grad += (1 - t**2)", "self.grad = (1 - t**2)", "overwrite"),
        ("for v in reversed(topo)", "for v in topo", "order"),
        ("self.grad = 1.0\n", "pass\n", "seed"),
        ("for v in topo:\n            if v._prev:\n                v.grad = 0.0\n        ", "", "zero"),
        ("    def __radd__(self, other): return self + other\n", "", "__radd__"),
        ("visited.add(v)", "pass", "order cost"),
    ],
    "shares": [
        ("[(self, lambda g: g), (other, lambda g: -g)]", "[(self, lambda g: g), (other, lambda g: g)]",
         "sub"),
        ("[(self, lambda g: g * other.value), (other, lambda g: g * self.value)]",
         "[(self, lambda g: g * self.value), (other, lambda g: g * other.value)]", "mul"),
        ("(self, lambda g: g / other.value)", "(self, lambda g: g * other.value)", "div"),
        ("-g * self.value / other.value**2", "g * self.value / other.value**2", "div"),
        ("-g * self.value / other.value**2", "-g * self.value / other.value", "div"),
        ("-g * self.value / other.value**2", "-g / other.value**2", "div"),
        ("g * n * self.value ** (n - 1)", "n * self.value ** (n - 1)", "pow"),
        ("[(self, lambda g: -g)]", "[(self, lambda g: g)]", "neg"),
        ("lambda g: g / self.value)", "lambda g: g / math.log(self.value))", "log"),
        ("lambda g: g * math.cos(self.value)", "lambda g: -g * math.cos(self.value)", "sin"),
        ("lambda g: -g * math.sin(self.value)", "lambda g: g * math.sin(self.value)", "cos"),
        ("g * s * (1 - s)", "g * self.value * (1 - self.value)", "sigmoid"),
        ("g * s * (1 - s)", "g * (1 - s)", "sigmoid"),
        ("g / (2 * root)", "g / root", "sqrt"),
        ("arrived.get(parent, 0.0) + share(g)", "share(g)", "overwrite"),
        ("if uses[parent] == 0:\n                    ready", "if True:\n                    ready", "order cost"),
        ("arrived = {self: 1.0}", "arrived = {self: 0.0}", "seed"),
        ("arrived = {self: 1.0}", "arrived = {self: self.value}", "seed"),
        ("    def __rmul__(self, other): return lift(other) * self\n", "", "__rmul__"),
        ("(self, lambda g: g), (other, lambda g: -g)", "(self, lambda g: g)", "sub"),
    ],
    "tape": [
        ("lambda a, b: (1, 1)", "lambda a, b: (1, 0)", "add"),
        ("lambda a, b: (1, 1)", "lambda a, b: (a, b)", "add"),
        ("lambda a, b: (b, a)", "lambda a, b: (a, b)", "mul"),
        ("lambda a, b: (b, a)", "lambda a, b: (b, b)", "mul"),
        ("lambda a, b: (1, -1)", "lambda a, b: (-1, 1)", "sub"),
        ("lambda a, b: (1 / b, -a / b**2)", "lambda a, b: (1 / b, -1 / b**2)", "div"),
        ("lambda a, b: (1 / b, -a / b**2)", "lambda a, b: (b, -a / b**2)", "div"),
        ("lambda a, b: (b * a ** (b - 1), 0.0)", "lambda a, b: (b * a**b, 0.0)", "pow"),
        ("lambda a, b: (b * a ** (b - 1), 0.0)", "lambda a, b: (a ** (b - 1), 0.0)", "pow"),
        ("math.exp(x.data), math.exp(x.data)", "math.exp(x.data), x.data", "exp"),
        ("1 - t * t", "1 - x.data * x.data", "tanh"),
        ("1 - t * t", "t * (1 - t)", "tanh"),
        ("1.0 if x.data > 0 else 0.0", "1.0", "relu"),
        ("math.log(x.data), 1 / x.data", "math.log(x.data), x.data", "log"),
        ("math.sin(x.data), math.cos(x.data)", "math.sin(x.data), -math.cos(x.data)", "sin"),
        ("grads.get(id(x), 0.0) + g * slope", "g * slope", "overwrite"),
        ("in reversed(tape)", "in tape", "order"),
        ("grads = {id(self): 1.0}", "grads = {}", "seed"),
        ("def __neg__(self): return 0 - self", "def __neg__(self): return self", "neg"),
        ("def __rsub__(self, other): return wrap(other) - self",
         "def __rsub__(self, other): return self - other", "sub"),
    ],
    "recursive": [
        ("(1.0, 1.0)", "(1.0, -1.0)", "add"),
        ("(other.data, self.data))", "(self.data, other.data))", "mul"),
        ("(other.data, self.data))", "(other.data, other.data))", "mul"),
        ("return self + node(other) * -1.0", "return self + node(other)", "sub"),
        ("-1 / self.data**2", "1 / self.data**2", "div"),
        ("-1 / self.data**2", "-1 / self.data", "div"),
        ("n * self.data ** (n - 1)", "(n - 1) * self.data ** (n - 1)", "pow"),
        ("math.exp(self.data), (self,), (math.exp(self.data),)",
         "math.exp(self.data), (self,), (self.data * math.exp(self.data - 1),)", "exp"),
        ("1 - math.tanh(self.data) ** 2", "1 + math.tanh(self.data) ** 2", "tanh"),
        ("math.copysign(1.0, self.data)", "1.0", "abs"),
        ("float(self.data > 0)", "float(self.data < 0)", "relu"),
        ("1 / (1 + math.exp(-self.data))", "1 / (1 + math.exp(self.data))", "softplus"),
        ("self.grad += g", "self.grad = g", "overwrite"),
        ("if self.waiting == 0:", "if True:", "order cost"),
        ("self.receive(1.0)", "self.receive(0.0)", "seed"),
        ("self.receive(1.0)", "self.receive(self.data)", "seed"),
        ("        sys.setrecursionlimit(100_000)\n", "", "depth"),
        ("x.receive(self.grad * slope)", "x.receive(slope)", "chain"),
        ("if self.inputs:\n                self.grad = 0.0", "pass", "zero"),
        ("other = node(other)\n        return Node(self.data * ", "return Node(self.data * ", "number"),
    ],
    "table": [
        ("lambda g, out, a, b: (g, g)", "lambda g, out, a, b: (g, g * b)", "add"),
        ("lambda g, out, a, b: (g, -g)", "lambda g, out, a, b: (-g, g)", "sub"),
        ("(g * b, g * a)", "(g * a, g * b)", "mul"),
        ("(g * b, g * a)", "(g * a, g * a)", "mul"),
        ("(g * b, g * a)", "(b, a)", "mul"),
        ("(g / b, -g * out / b)", "(g / b, g * out / b)", "div"),
        ("(g / b, -g * out / b)", "(g / b, -g * out)", "div"),
        ("(g / b, -g * out / b)", "(g / b, g * a)", "div"),
        ("g * b * a ** (b - 1)", "g * a ** (b - 1)", "pow"),
        ("g * b * a ** (b - 1)", "g * b * a ** (b + 1)", "pow"),
        ("(lambda a: -a, lambda g, out, a: (-g,))", "(lambda a: -a, lambda g, out, a: (g,))", "neg"),
        ("(g * out,)", "(g * a,)", "exp"),
        ("(g / a,)", "(g * a,)", "log"),
        ("(g * (1 - out * out),)", "(g * (1 - a * a),)", "tanh"),
        ("(-g * math.sin(a),)", "(g * math.sin(a),)", "cos"),
        ("(g if a > 0 else 0.0,)", "(g if g > 0 else 0.0,)", "relu"),
        ("gathered[x] += share", "gathered[x] = share", "overwrite"),
        ("gathered[x] += share", "pass", "overwrite"),
        ("return self.born > other.born", "return self.born < other.born", "order"),
        ("gathered = {self: 1.0}", "gathered = {self: -1.0}", "seed"),
    ],
}

# A second set, written before the judge had met any of either.
UNSEEN: dict[str, list[tuple[str, str, str]]] = {
    "closures": [
        ("self.grad += other.data * out.grad", "self.grad += 2 * other.data * out.grad", "mul"),
        ("self.grad += (1 - t**2) * out.grad", "self.grad += (t**2 - 1) * out.grad", "tanh"),
        ("def __neg__(self): return self * -1", "def __neg__(self): return self * -1.0 + 0.5", "neg"),
        ("    def __rtruediv__(self, other): return other * self**-1\n", "", "__rtruediv__"),
        ("topo.append(v)", "topo.insert(0, v)", "order"),
        ("self.grad += out.data * out.grad", "self.grad += out.grad", "exp"),
        ("self.grad = 1.0\n", "self.grad = 2.0\n", "seed"),
    ],
    "shares": [
        ("g * n * self.value ** (n - 1)", "g * (n - 1) * self.value ** n", "pow"),
        ("[(self, lambda g: g), (other, lambda g: g)]", "[(self, lambda g: g)]", "add"),
        ("g / (2 * root)", "g / (2 * self.value)", "sqrt"),
        ("lambda g: g * math.cos(self.value)", "lambda g: g * math.cos(g)", "sin"),
        ("ready.pop()", "ready.pop(0)", "none"),
        ("other = lift(other)\n        return Var(self.value + ", "return Var(self.value + ", "number"),
        ("lambda g: g / self.value)", "lambda g: 1 / self.value)", "log"),
    ],
    "tape": [
        ("tape.clear()", "pass", "zero none"),
        ("leaf.grad += grads.get(key, 0.0)", "leaf.grad = grads.get(key, 0.0)", "none"),
        ("max(x.data, 0.0), 1.0 if x.data > 0 else 0.0", "abs(x.data), 1.0 if x.data > 0 else 0.0",
         "relu"),
        ("lambda a, b: (1, -1)", "lambda a, b: (1, 1)", "sub"),
        ("t = math.tanh(x.data)", "t = (math.exp(2 * x.data) - 1) / (math.exp(2 * x.data) + 1)", "tanh"),
        ("math.cos(x.data))", "math.sin(x.data))", "sin"),
    ],
    "recursive": [
        ("self.waiting += 1\n        if self.waiting == 1:", "self.waiting += 1\n        if True:",
         "order cost"),
        ("def __rsub__(self, other): return node(other) - self",
         "def __rsub__(self, other): return self - other", "sub"),
        ("(float(self.data > 0),)", "(self.data,)", "relu"),
        ("self.data**n, (self,)", "self.data * n, (self,)", "pow"),
        ("1 - math.tanh(self.data) ** 2", "math.cosh(self.data) ** 2", "tanh"),
        ("x.receive(self.grad * slope)", "x.receive(self.grad + slope)", "chain"),
    ],
    "table": [
        ("frontier = [self]", "self.data = float(self.data) + 1e-6; frontier = [self]", "data"),
        ("v.grad = g if v.inputs else v.grad + g", "v.grad += g", "none"),
        ("(g * (1 - out * out),)", "(g * (1 - out),)", "tanh"),
        ("(g / b, -g * out / b)", "(g, -g * out / b)", "div"),
        ("gathered[x] += share", "gathered[x] = max(gathered[x], share)", "gather"),
        ("math.exp(a), lambda g, out, a: (g * out,)", "math.exp(a), lambda g, out, a: (g,)", "exp"),
    ],
}

# A third, written when the judge had been mended after the second.
FRESH: dict[str, list[tuple[str, str, str]]] = {
    "closures": [
        ("other.grad += self.data * out.grad", "other.grad += self.data * out.grad * other.data", "mul"),
        ("self.grad += out.grad\n            other.grad", "self.grad = out.grad\n            other.grad",
         "overwrite"),
        ("self.grad += other * self.data ** (other - 1) * out.grad",
         "self.grad += other * self.data ** (other - 1) + out.grad", "pow"),
        ("out = Value(math.exp(self.data), (self,), \"exp\")",
         "out = Value(math.exp(self.data), (), \"exp\")", "exp"),
        ("(self, other), \"*\")", "{self, other}, \"*\")", "none"),
    ],
    "shares": [
        ("g / (2 * root)", "g * root / 2", "sqrt"),
        ("lambda g: g / other.value)", "lambda g: g)", "div"),
        ("uses[parent] = uses.get(parent, 0) + 1", "uses[parent] = 1", "order"),
        ("-g * math.sin(self.value)", "-math.sin(self.value)", "cos"),
        ("return Var(-self.value, [(self, lambda g: -g)])", "return Var(-self.value)", "neg"),
    ],
    "tape": [
        ("math.log(x.data), 1 / x.data", "math.log(x.data), 1 / math.log(x.data)", "log"),
        ("for x, slope in zip(inputs, slopes):", "for x, slope in zip(inputs[:1], slopes):",
         "add mul sub div"),
        ("1.0 if x.data > 0 else 0.0", "1.0 if x.data < 0 else 0.0", "relu"),
        ("+ g * slope", "- g * slope", "chain seed"),
        ("lambda a, b: a - b, lambda", "lambda a, b: b - a, lambda", "sub"),
    ],
    "recursive": [
        ("math.copysign(1.0, self.data)", "math.copysign(1.0, -self.data)", "abs"),
        ("1 / (1 + math.exp(-self.data)),)", "self.data / (1 + math.exp(-self.data)),)", "softplus"),
        ("for x, slope in zip(self.inputs, self.slopes):\n                x.receive(self.grad * slope)",
         "for x, slope in zip(self.inputs, self.slopes[::-1]):\n                x.receive(self.grad * slope)",
         "mul"),
        ("def __neg__(self): return self * -1.0", "def __neg__(self): self.data *= -1; return self",
         "data neg"),
        ("def __radd__(self, other): return self + other", "def __radd__(self, other): return self",
         "add"),
    ],
    "table": [
        ("(g * b, g * a)", "(g * b, g * b * a)", "mul"),
        ("(g / a,)", "(1 / a,)", "log"),
        ("shares = RULES[v.op][1](g, ", "shares = RULES[v.op][1](1.0, ", "chain"),
        ("v.grad = g if v.inputs else v.grad + g", "v.grad = g", "none"),
        ("lambda g, out, a, b: (g, -g)", "lambda g, out, a, b: (g, -g * a)", "sub"),
    ],
}
# fmt: on
