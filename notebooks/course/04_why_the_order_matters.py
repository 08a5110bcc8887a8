# %% [markdown] lang="en"
# # Why the order matters
#
# Backpropagation has one rule: *what arrives × local derivative = what is handed on*. In this lesson
# we write it ourselves, get it wrong in the two ways in which everybody gets it wrong, and see why
# the order of the walk is half of the algorithm.

# %% [markdown] lang="ko"
# # 왜 순서가 중요한가
#
# 역전파의 규칙은 하나입니다. **도착한 값 × 국소 미분값 = 넘겨주는 값**. 이번에는 그것을 직접 써 봅니다.
# 그러면서 누구나 한 번은 저지르는 두 가지 실수를 일부러 해 보고, 거슬러 가는 순서가 왜 알고리즘의
# 절반인지 알아봅니다.

# %% [markdown] lang="en"
# ## A node that is used more than once
#
# In $\mathit{loss} = w \cdot w + w$ the leaf $w$ is used three times. If $w$ grows, the loss hears of
# it on three ways at once. So the shares of all paths are **added**.

# %% [markdown] lang="ko"
# ## 여러 번 쓰인 노드
#
# $\mathit{loss} = w \cdot w + w$에서 잎 $w$는 세 번 쓰입니다. $w$가 커지면 그 소식이 세 갈래로 동시에
# 손실에 전해집니다. 그래서 모든 경로의 몫을 **더합니다**.

# %%
from autograd import Value, draw, explain

w = Value(3.7, label="w")
loss = w * w + w
loss.label = "loss"
explain(loss, w)

# %%
draw(loss)

# %% [markdown] lang="en"
# ## `=` in the place of `+=`
#
# Here is a backward pass of our own. For every node, in a given order, it hands a share to each
# input. There is one bug in it. Can you see it?

# %% [markdown] lang="ko"
# ## `+=` 자리에 `=`
#
# 역전파를 직접 써 봤습니다. 주어진 순서대로 노드를 하나씩 보며 입력마다 몫을 넘겨줍니다. 버그가 하나
# 있습니다. 보이나요?

# %%
from autograd import nodes


def backward(root, order):
    gradient = dict.fromkeys(order, 0.0)
    gradient[root] = 1.0
    for node in order:
        for child, slope in zip(node.inputs, node.partials):
            if child in gradient:  # plain numbers get nothing
                gradient[child] = gradient[node] * slope
    return gradient


wrong = backward(loss, nodes(loss))[w]
loss.backward()
print("ours:", wrong, " the engine's:", w.grad)

# %% [markdown] lang="en"
# Each share overwrites the one before, and the last one stays. `diagnose` sees the number and names
# the mistake:

# %% [markdown] lang="ko"
# 새 몫이 앞의 몫을 덮어써서 마지막 것만 남았습니다. `diagnose`는 그 수만 보고도 실수의 이름을 댑니다.

# %%
from autograd import diagnose

print(diagnose(loss, claimed={w: wrong}))

# %% [markdown] lang="en"
# With `+=` the shares are collected, and the answer is right.

# %% [markdown] lang="ko"
# `+=`로 바꾸면 몫이 차곡차곡 모여 올바른 답이 나옵니다.


# %%
def backward(root, order):
    gradient = dict.fromkeys(order, 0.0)
    gradient[root] = 1.0
    for node in order:
        for child, slope in zip(node.inputs, node.partials):
            if child in gradient:
                gradient[child] += gradient[node] * slope
    return gradient


ours = backward(loss, nodes(loss))[w]
print("ours:", ours, " the engine's:", w.grad)
assert ours == w.grad

# %% [markdown] lang="en"
# ## Handing on too early
#
# The second mistake hides in the order. It seems natural to write the pass as a recursion: hand the
# shares to the inputs, and let each input go on at once. Look at a graph in which a node between the
# ends, `u`, is used twice:

# %% [markdown] lang="ko"
# ## 너무 일찍 넘겨주기
#
# 둘째 실수는 순서에 숨어 있습니다. 역전파를 재귀로 쓰는 것이 자연스러워 보입니다. 입력에 몫을 주고,
# 그 입력이 곧바로 이어서 넘겨주게 하는 것입니다. 가운데 노드 `u`가 두 번 쓰인 그래프를 봅시다.

# %%
a = Value(2.0, label="a")
u = a**2
u.label = "u"
v = u.sin()
v.label = "v"
loss = u * v
loss.label = "loss"
draw(loss)


# %%
def recursive(root):
    gradient, done = {root: 1.0}, set()

    def visit(node):
        if node in done:
            return
        done.add(node)
        for child, slope in zip(node.inputs, node.partials):
            if isinstance(child, Value):
                gradient[child] = gradient.get(child, 0.0) + gradient[node] * slope
                visit(child)

    visit(root)
    return gradient


wrong = recursive(loss)
loss.backward()
for node in (v, u, a):
    print(f"{node.label}: recursive {wrong[node]:10.4f}, right {node.grad:10.4f}")

# %% [markdown] lang="en"
# `v` and `u` are right in the end, `a` is not. The recursion went from `loss` straight to `u`, and
# `u` handed on to `a` *before* its second share had come from `v`. The late share never reached `a`.

# %% [markdown] lang="ko"
# `v`와 `u`는 결국 맞지만 `a`는 틀렸습니다. 재귀가 `loss`에서 곧장 `u`로 갔고, `u`는 `v`에서 올 둘째 몫을
# 받기도 **전에** `a`로 넘겨주었습니다. 늦게 온 몫은 `a`에 끝내 닿지 못했습니다.

# %%
print(diagnose(loss, claimed={v: wrong[v], u: wrong[u], a: wrong[a]}))

# %% [markdown] lang="en"
# ## Topological order
#
# The cure: *a node has its turn only when all its users have had theirs.* An order with this property
# is a **topological order**. Ours comes for free. A node is always born after its inputs, so
# "youngest first" is such an order, and `nodes(loss)` gives it.

# %% [markdown] lang="ko"
# ## 위상 순서
#
# 해결책은 이것입니다. **어떤 노드든 자신을 쓴 노드들의 차례가 모두 끝난 다음에 차례가 온다.** 이런 성질을
# 가진 순서를 **위상 순서**(topological order)라고 합니다. 여기서는 공짜로 얻습니다. 노드는 언제나 자기
# 입력보다 나중에 태어나므로 '나중에 태어난 것부터'가 곧 위상 순서이고, `nodes(loss)`가 그 순서입니다.

# %%
order = nodes(loss)
print([node.label for node in order])
for place, node in enumerate(order):
    assert all(child in order[place + 1 :] for child in node.inputs if child in order)

right = backward(loss, order)
assert all(right[node] == node.grad for node in order)

# %% [markdown] lang="en"
# In the player you can see it: `u` waits until both of its shares are there.

# %% [markdown] lang="ko"
# 플레이어로 보면 `u`가 두 몫이 다 올 때까지 기다리는 것이 보입니다.

# %%
from autograd import trace

trace(loss)

# %% [markdown] lang="en"
# ## Every result is used again
#
# Adding over paths sounds slow, for paths multiply. Double a number again and again: each doubling is
# one node that uses the one before it twice, and doubles the number of paths.

# %% [markdown] lang="ko"
# ## 결과를 다시 쓰기
#
# 경로마다 더한다니 느릴 것 같습니다. 경로는 곱으로 늘어나기 때문입니다. 어떤 수를 거듭 두 배로 해 봅시다.
# 한 번 두 배로 할 때마다 바로 앞 노드를 두 번 쓰는 노드가 하나 생기고, 경로의 수도 두 배가 됩니다.


# %%
def doubled(times):
    x = Value(1.0, label="x")
    out = x
    for _ in range(times):
        out = out + out
    return x, out


draw(doubled(4)[1])

# %%
x, out = doubled(60)
paths, steps = explain(out, x).count, len(trace(out))
print(f"{paths:,} paths, {steps} steps")
assert (paths, steps) == (2**60, 61)

# %%
import matplotlib.pyplot as plt

times = range(1, 31)
fig, ax = plt.subplots(figsize=(6, 3.4))
ax.semilogy(times, [explain(out, x).count for x, out in map(doubled, times)], ".-", label="paths")
ax.semilogy(times, [len(trace(doubled(n)[1])) for n in times], ".-", label="steps of backprop")
ax.set(xlabel="doublings", title="the number of paths explodes, the work does not")
_ = ax.legend()

# %% [markdown] lang="en"
# Backpropagation does not walk the paths one by one. When a node has its turn, *all* that will ever
# arrive has arrived. It is summed up in one number, and that number is handed on once. What was
# computed at the output is used again at every node before it. This is why the gradient of a million
# weights costs about as much as a few forward passes.

# %% [markdown] lang="ko"
# 역전파는 경로를 하나씩 걷지 않습니다. 어떤 노드의 차례가 오면 그 노드에 올 것은 **이미 모두** 와 있고,
# 수 하나로 합쳐져 있습니다. 그 수를 한 번만 넘겨주면 됩니다. 출력 쪽에서 계산한 결과를 앞쪽의 모든
# 노드가 다시 쓰는 것입니다. 그래서 가중치가 백만 개여도 그래디언트를 구하는 비용은 순전파 몇 번과
# 비슷합니다.

# %% [markdown] lang="en"
# ## Exercises
#
# **1.** Give the gradient of $x$ in $\mathit{loss} = x \cdot y + x$, where $x = 2$ and $y = 5$.

# %% [markdown] lang="ko"
# ## 연습 문제
#
# **1.** $\mathit{loss} = x \cdot y + x$에서 $x = 2$, $y = 5$일 때 $x$의 그래디언트를 구하세요.

# %% tags=["exercise"]
x, y = Value(2.0, label="x"), Value(5.0, label="y")
loss = x * y + x
loss.label = "loss"

mine = {x: 5.0, y: 2.0}
print(diagnose(loss, claimed=mine))

# %% tags=["solution"]
mine = {x: 6.0, y: 2.0}  # x gets y from the product, and 1 from the sum
print(diagnose(loss, claimed=mine))
loss.backward()
assert mine == {x: x.grad, y: y.grad}

# %% [markdown] lang="en"
# **2.** Give our `backward` an order in which it works for this graph.

# %% [markdown] lang="ko"
# **2.** 우리가 쓴 `backward`가 이 그래프에서 올바로 동작하도록 순서를 정하세요.

# %% tags=["exercise"]
a = Value(1.0, label="a")
b = a * 2
b.label = "b"
c = b + a
c.label = "c"
loss = b * c
loss.label = "loss"

order = [loss, b, c, a]
mine = backward(loss, order)
print(diagnose(loss, claimed={a: mine[a], b: mine[b], c: mine[c]}))

# %% tags=["solution"]
order = [loss, c, b, a]  # c uses b, so c goes first
mine = backward(loss, order)
print(diagnose(loss, claimed={a: mine[a], b: mine[b], c: mine[c]}))
loss.backward()
assert mine[a] == a.grad

# %% [markdown] lang="en"
# **3.** Here is an engine in thirty lines: numbers that remember, and a backward pass. `check_student`
# tries it on many expressions and names what is wrong. One character is missing.

# %% [markdown] lang="ko"
# **3.** 서른 줄짜리 엔진입니다. 기억하는 수와 역전파가 들어 있습니다. `check_student`가 여러 식으로
# 시험해 보고 무엇이 틀렸는지 말해 줍니다. 글자 하나가 빠졌습니다.

# %% tags=["exercise"]
from itertools import count

from autograd import check_student


class Number:
    births = count()

    def __init__(self, data, inputs=(), slopes=()):
        self.data, self.inputs, self.slopes = data, inputs, slopes
        self.grad, self.born = 0.0, next(Number.births)

    def __add__(self, other):
        other = other if isinstance(other, Number) else Number(other)
        return Number(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = other if isinstance(other, Number) else Number(other)
        return Number(self.data * other.data, (self, other), (other.data, self.data))

    __radd__, __rmul__ = __add__, __mul__

    def backward(self):
        found, new = {self}, [self]
        while new:
            new = [child for node in new for child in node.inputs if child not in found]
            found.update(new)
        for node in found:
            if node.inputs:
                node.grad = 0.0
        self.grad = 1.0
        for node in sorted(found, key=lambda node: -node.born):
            for child, slope in zip(node.inputs, node.slopes):
                child.grad = node.grad * slope


report = check_student(Number)
for fault in report.faults:
    print(fault)


# %% tags=["solution"]
class Number:
    births = count()

    def __init__(self, data, inputs=(), slopes=()):
        self.data, self.inputs, self.slopes = data, inputs, slopes
        self.grad, self.born = 0.0, next(Number.births)

    def __add__(self, other):
        other = other if isinstance(other, Number) else Number(other)
        return Number(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = other if isinstance(other, Number) else Number(other)
        return Number(self.data * other.data, (self, other), (other.data, self.data))

    __radd__, __rmul__ = __add__, __mul__

    def backward(self):
        found, new = {self}, [self]
        while new:
            new = [child for node in new for child in node.inputs if child not in found]
            found.update(new)
        for node in found:
            if node.inputs:
                node.grad = 0.0
        self.grad = 1.0
        for node in sorted(found, key=lambda node: -node.born):
            for child, slope in zip(node.inputs, node.slopes):
                child.grad += node.grad * slope


report = check_student(Number)
for fault in report.faults:
    print(fault)
print("right" if report else "not yet")
assert report
