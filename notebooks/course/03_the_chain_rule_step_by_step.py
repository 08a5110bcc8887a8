# %% [markdown] lang="en"
# # The chain rule, step by step
#
# `loss.backward()` does all of its work at once. Here we slow it down and watch one node at a time.
# There is only one rule to learn.

# %% [markdown] lang="ko"
# # 연쇄 법칙, 한 걸음씩
#
# `loss.backward()`는 모든 일을 단숨에 해치웁니다. 여기서는 그것을 늦추어 노드 하나씩 지켜봅니다. 배울
# 규칙은 단 하나입니다.

# %% [markdown] lang="en"
# ## The chain rule
#
# Three gears: the first turns the second, the second turns the third. If the second turns *twice* as
# fast as the first, and the third *three times* as fast as the second, the third turns six times as
# fast as the first. Rates along a chain are multiplied:
#
# $$\frac{dz}{dx} = \frac{dz}{dy} \cdot \frac{dy}{dx}$$
#
# This is the **chain rule**. Let us test it by wiggling.

# %% [markdown] lang="ko"
# ## 연쇄 법칙
#
# 톱니바퀴 셋이 맞물려 있다고 합시다. 둘째가 첫째보다 **두 배** 빨리 돌고, 셋째가 둘째보다 **세 배** 빨리
# 돌면, 셋째는 첫째보다 여섯 배 빨리 돕니다. 사슬을 따라 변화율이 곱해지는 것입니다.
#
# $$\frac{dz}{dx} = \frac{dz}{dy} \cdot \frac{dy}{dx}$$
#
# 이것이 **연쇄 법칙**(chain rule)입니다. 흔들어서 확인해 봅시다.

# %%
import math


def wiggle(f, x, h=1e-6):
    return (f(x + h) - f(x - h)) / (2 * h)


x = 1.5
y = x**2  # the first gear turns the second
dy_dx = wiggle(lambda x: x**2, x)
dz_dy = wiggle(math.sin, y)  # the second turns the third
dz_dx = wiggle(lambda x: math.sin(x**2), x)  # from end to end
print(f"{dz_dy:.6f} * {dy_dx:.6f} = {dz_dy * dy_dx:.6f}")
print(f"from end to end:      {dz_dx:.6f}")
assert math.isclose(dz_dy * dy_dx, dz_dx, rel_tol=1e-8)

# %% [markdown] lang="en"
# ## Local derivatives
#
# In a graph, each node needs to know just one thing: how its own output follows its own inputs. That
# is its **local derivative**, and it is easy, because a node does only one operation. For a product
# $x \cdot w$ it is $w$ on the side of $x$, and $x$ on the side of $w$.

# %% [markdown] lang="ko"
# ## 국소 미분값
#
# 그래프의 노드는 한 가지만 알면 됩니다. 자기 입력이 변할 때 자기 출력이 얼마나 변하는가입니다. 이것이
# **국소 미분값**(local derivative)이고, 노드가 연산을 하나만 하므로 구하기 쉽습니다. 곱 $x \cdot w$라면
# $x$ 쪽의 국소 미분값은 $w$이고, $w$ 쪽의 국소 미분값은 $x$입니다.

# %%
from autograd import Value, draw

x1, x2 = Value(2.0, label="x1"), Value(0.0, label="x2")
w1, w2 = Value(-3.0, label="w1"), Value(1.0, label="w2")
b = Value(6.88, label="b")

product = x1 * w1
print("d(x1 * w1)/dx1, d(x1 * w1)/dw1 =", product.partials)

# %% [markdown] lang="en"
# Here are five kinds of node that you will meet all the time. The engine knows the derivative of each
# as a formula, and `partials` is that formula with the numbers put in.

# %% [markdown] lang="ko"
# 앞으로 자주 만날 노드 다섯 가지입니다. 엔진은 각각의 도함수를 공식으로 알고 있고, `partials`는 그
# 공식에 수를 넣은 값입니다.

# %%
for node in (x1 + w1, x1 * w1, x1**2, x1.exp(), x1.tanh()):
    print(f"{node.op:5} {[round(p, 4) for p in node.partials if p is not None]}")

# %% [markdown] lang="en"
# ## Backpropagation, one step at a time
#
# Now the whole graph: two inputs, two weights and a bias through `tanh`. **Backpropagation** starts
# at the output, where the gradient is 1 (the output changes as much as itself), and walks back. Every
# node does the same thing:
#
# > what arrives × my local derivative = what I hand on

# %% [markdown] lang="ko"
# ## 한 걸음씩 보는 역전파
#
# 이제 그래프 전체를 봅시다. 입력 둘, 가중치 둘, 편향 하나가 `tanh`를 지납니다. **역전파**(backpropagation)는
# 출력에서 출발합니다. 출력은 자기 자신과 똑같이 변하므로 그래디언트가 1입니다.
# 거기서부터 거슬러 가며 모든 노드가 같은 일을 합니다.
#
# > 도착한 값 × 나의 국소 미분값 = 넘겨주는 값

# %%
from autograd import trace

h = x1 * w1 + x2 * w2 + b
h.label = "h"
y = h.tanh()
y.label = "y"

trace(y)

# %% [markdown] lang="en"
# Press **Play**, or use the arrow keys. First the forward pass, then the backward pass: a node hands
# its gradient on, and the table of gradients fills. Click a node to see where its gradient came from.
# (Where scripts do not run, as on GitHub, you see the picture of the last step.)
#
# `trace(y).save("backprop.html")` keeps the player as a page.

# %% [markdown] lang="ko"
# **Play**를 누르거나 화살표 키를 쓰세요. 먼저 순전파가, 이어서 역전파가 진행됩니다. 노드가 그래디언트를
# 넘겨줄 때마다 그래디언트 표가 채워집니다. 노드를 클릭하면 그래디언트가 어디에서 왔는지 보입니다.
# (GitHub처럼 스크립트가 실행되지 않는 곳에서는 마지막 단계의 그림만 보입니다.)
#
# `trace(y).save("backprop.html")`로 플레이어를 웹 페이지로 저장할 수 있습니다.

# %% [markdown] lang="en"
# ## The same steps in Python
#
# Each step is an object that you can print.

# %% [markdown] lang="ko"
# ## 같은 단계를 파이썬으로
#
# 각 단계는 출력해 볼 수 있는 객체입니다.

# %%
steps = trace(y)
print(steps.step())

# %% [markdown] lang="en"
# Read it aloud: what arrives, times the local derivative, is what is handed on. The local derivative
# of `tanh` is `sech²`, which is $1 - \tanh^2$.
#
# Go on until a node, or jump:

# %% [markdown] lang="ko"
# 소리 내어 읽어 보세요. 도착한 값에 국소 미분값을 곱하면 넘겨주는 값입니다. `tanh`의 국소 미분값은
# `sech²`, 곧 $1 - \tanh^2$입니다.
#
# 어떤 노드까지 한 번에 가거나, 원하는 단계로 건너뛸 수도 있습니다.

# %%
print(steps.until(w1))

# %%
steps.goto(5)

# %% [markdown] lang="en"
# ## Why is a gradient what it is?
#
# `explain` writes the chain from the output to a leaf: the product of all local derivatives along it.

# %% [markdown] lang="ko"
# ## 그래디언트는 왜 그 값인가
#
# `explain`은 출력에서 잎까지 이어지는 사슬을 써 줍니다. 그 사슬을 따라 국소 미분값을 모두 곱한 것이
# 그래디언트입니다.

# %%
from autograd import explain

explain(y, w1)

# %%
y.backward()
draw(y)

# %% [markdown] lang="en"
# Where two arrows leave a node, there are two chains, and what they bring is added. We come to that
# in the next lesson.
#
# Look at `w2`: its gradient is 0, because its input `x2` is 0. Whatever `w2` does, nothing comes of
# it. A weight learns only from inputs that are not 0.

# %% [markdown] lang="ko"
# 한 노드에서 화살표가 둘 나가면 사슬도 둘이고, 두 사슬이 가져온 값을 더합니다. 이것은 다음 노트북에서
# 다룹니다.
#
# `w2`를 보세요. 입력 `x2`가 0이라 그래디언트도 0입니다. `w2`가 어떻게 변하든 결과에는 아무 영향이
# 없습니다. 가중치는 0이 아닌 입력에서만 배웁니다.

# %%
assert w2.grad == x2.data == 0.0
assert math.isclose(w1.grad, (1 - y.data**2) * x1.data)

# %% [markdown] lang="en"
# ## Exercises
#
# **1.** Differentiate $\sin(x^2)$ by hand. What has been forgotten here?

# %% [markdown] lang="ko"
# ## 연습 문제
#
# **1.** $\sin(x^2)$을 손으로 미분하세요. 무엇이 빠졌을까요?

# %% tags=["exercise"]
from autograd import check_student


def df(x):
    return math.cos(x**2)


report = check_student(df, lambda x: math.sin(x**2))
print(report)


# %% tags=["solution"]
def df(x):
    return math.cos(x**2) * 2 * x


report = check_student(df, lambda x: math.sin(x**2))
print(report)
assert report

# %% [markdown] lang="en"
# **2.** Be the backward pass. For $\mathit{loss} = (w x + b)^2$, hand the gradients on, one node at a
# time. `diagnose` looks at your numbers and says which step went wrong.

# %% [markdown] lang="ko"
# **2.** 이번에는 여러분이 역전파입니다. $\mathit{loss} = (w x + b)^2$에서 노드를 하나씩 거슬러 가며
# 그래디언트를 넘겨주세요. `diagnose`가 여러분의 수를 보고 어느 단계에서 잘못되었는지 알려 줍니다.

# %% tags=["exercise"]
from autograd import diagnose

w, x, b = Value(3.0, label="w"), Value(2.0, label="x"), Value(-1.0, label="b")
h = w * x + b
h.label = "h"
loss = h**2
loss.label = "loss"

d_h = 1.0 * 2 * h.data  # what arrives is 1
d_b = d_h * 1
d_w = x.data
verdict = diagnose(loss, claimed={h: d_h, b: d_b, w: d_w})
print(verdict)

# %% tags=["solution"]
d_h = 1.0 * 2 * h.data
d_b = d_h * 1
d_w = d_h * x.data
verdict = diagnose(loss, claimed={h: d_h, b: d_b, w: d_w})
print(verdict)
loss.backward()
assert (d_h, d_b, d_w) == (h.grad, b.grad, w.grad)

# %% [markdown] lang="en"
# **3.** The logistic function is $\sigma(z) = 1 / (1 + e^{-z})$. Write its derivative as a chain of
# three steps: $e^{-z}$, then $1 + u$, then $1 / v$.

# %% [markdown] lang="ko"
# **3.** 시그모이드 함수는 $\sigma(z) = 1 / (1 + e^{-z})$입니다. 그 도함수를 $e^{-z}$, $1 + u$, $1 / v$의
# 세 단계로 이어진 사슬로 쓰세요.


# %% tags=["exercise"]
def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def slope(z):
    u = math.exp(-z)
    du = math.exp(-z)
    v = 1 + u
    dv = 1 * du
    return -1 / v**2 * dv


report = check_student(slope, sigmoid)
print(report)


# %% tags=["solution"]
def slope(z):
    u = math.exp(-z)
    du = -math.exp(-z)  # the inner function is -z
    v = 1 + u
    dv = 1 * du
    return -1 / v**2 * dv


report = check_student(slope, sigmoid)
print(report)
assert report
