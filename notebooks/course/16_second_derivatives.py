# %% [markdown] lang="en"
# # Second derivatives
#
# The slope says where it goes down. It does not say how long that will last. For this you need the
# slope of the slope. It costs one more call, because a gradient is a computation like any other.

# %% [markdown] lang="ko"
# # 이계도함수
#
# 기울기는 어느 쪽이 내리막인지 알려 줍니다. 하지만 내리막이 얼마나 이어질지는 알려 주지 않습니다. 그것을 알려면 기울기의
# 기울기가 필요합니다. 그래디언트도 여느 계산과 다르지 않으므로 함수를 한 번 더 부르면 됩니다.

# %% [markdown] lang="en"
# ## The gradient of a gradient
#
# `grad` takes a function and returns its derivative, which is a function again. So it can be given
# to `grad`.

# %% [markdown] lang="ko"
# ## 그래디언트의 그래디언트
#
# `grad`는 함수를 받아 그 도함수를 돌려줍니다. 도함수도 함수이므로 다시 `grad`에 넣을 수 있습니다.

# %%
import numpy as np
from matplotlib import pyplot as plt

from autograd import grad


def f(x):
    return x**3 - 3 * x


slope = grad(f)
bend = grad(slope)
assert (slope(2.0), bend(2.0)) == (9.0, 12.0)  # 3 x² - 3 and 6 x

xs = np.linspace(-2.2, 2.2, 200)
figure, ax = plt.subplots(figsize=(5, 2.8), layout="constrained")
for g, name, line in ((f, "f", "-"), (slope, "slope", "--"), (bend, "slope of the slope", ":")):
    ax.plot(xs, [g(float(x)) for x in xs], line, label=name)
ax.axhline(0, color="0.8", linewidth=1)
_ = ax.legend()

# %% [markdown] lang="en"
# Follow the lines at the two places where the slope is 0. On the left hill the slope of the slope
# is negative: the curve bends down. In the valley on the right it is positive: the curve bends up.
# That is how one tells a hill from a valley.

# %% [markdown] lang="ko"
# 기울기가 0인 두 곳에서 선들을 따라가 보세요. 왼쪽 언덕에서는 기울기의 기울기가 음수이고 곡선이 아래로 굽습니다. 오른쪽
# 골짜기에서는 양수이고 곡선이 위로 굽습니다. 언덕과 골짜기는 이렇게 구별합니다.

# %% [markdown] lang="en"
# ## The gradient is a graph too
#
# How does that work? The backward pass multiplies and adds. If it does so with Values instead of
# plain numbers, its result has a graph, and one can go back through that. `create_graph=True` asks
# for it:

# %% [markdown] lang="ko"
# ## 그래디언트도 그래프다
#
# 어떻게 이런 일이 가능할까요? 역전파는 곱하고 더하는 계산입니다. 이 계산을 보통 수가 아니라 Value로 하면 그 결과에도 그래프가
# 있고, 그 그래프를 다시 거슬러 갈 수 있습니다. `create_graph=True`로 부탁합니다.

# %%
from autograd import Value, draw, gradients

x = Value(2.0, label="x")
y = x * x * x
(first,) = gradients(y, [x], create_graph=True)
first.backward()
assert (first.data, x.grad) == (12.0, 12.0)  # 3 x² and 6 x, both 12 at x = 2
draw(first)

# %% [markdown] lang="en"
# This picture is a backward pass, drawn. The box without a name is the 1 it starts with. `x`
# enters it several times, for the local derivative of a product is the other factor. The gradient
# in the box of `x` is the second derivative of `y`.

# %% [markdown] lang="ko"
# 이 그림은 역전파 자체를 그린 것입니다. 이름이 없는 상자는 역전파를 시작하는 1입니다. 곱의 국소 미분값은 다른
# 쪽 인수이므로 `x`가 여러 번 들어옵니다. `x`의 상자에 적힌 그래디언트가 바로 `y`의 이계도함수입니다.

# %% [markdown] lang="en"
# ## Curvature
#
# The slope draws the best straight line at a point. With the second derivative you get the best
# *parabola*: $f(x) + f'(x)\,h + \tfrac12 f''(x)\,h^2$. The second derivative is its **curvature**:
# how much the slope changes for each unit you walk. (Geometers mean
# $f'' / (1 + f'^2)^{3/2}$ by the word, which is the same where the slope is 0.)

# %% [markdown] lang="ko"
# ## 곡률
#
# 기울기를 알면 한 점에서 가장 잘 맞는 직선을 그릴 수 있습니다. 이계도함수까지 알면 가장 잘 맞는 *포물선*을
# 그릴 수 있습니다. 식은 $f(x) + f'(x)\,h + \tfrac12 f''(x)\,h^2$입니다.
# 이계도함수는 **곡률**을 나타냅니다. 한 단위만큼 걸을 때 기울기가 얼마나 바뀌는지를 말합니다.
# (기하학에서 말하는 곡률은 $f'' / (1 + f'^2)^{3/2}$이고, 기울기가 0인 곳에서는 이 값과 같습니다.)

# %%
figure, axes = plt.subplots(1, 3, figsize=(7.5, 2.4), layout="constrained", sharey=True)
for ax, at in zip(axes, (-1.2, 0.0, 1.5)):
    h = xs - at
    ax.plot(xs, [f(x) for x in xs], color="0.6")
    ax.plot(xs, f(at) + slope(at) * h, "--", label="line")
    ax.plot(xs, f(at) + slope(at) * h + bend(at) / 2 * h**2, label="parabola")
    ax.plot(at, f(at), "ko")
    ax.set(ylim=(-4, 4), title=f"curvature {bend(at):.1f}")
_ = axes[0].legend(fontsize=8)

# %% [markdown] lang="en"
# ## The Hessian
#
# With several inputs there is a second derivative for each *pair*: how does the slope along one
# change when you walk along the other? They stand in a table, the **Hessian**. Three landscapes,
# and their tables:

# %% [markdown] lang="ko"
# ## 헤세 행렬
#
# 입력이 여럿이면 두 입력의 *짝*마다 이계도함수가 하나씩 있습니다. 한 방향으로 걸을 때 다른 방향의 기울기가 어떻게 바뀌는지를
# 말합니다. 이 수들을 표로 적은 것이 **헤세 행렬**(Hessian)입니다. 세 가지 지형과 그 표를 봅시다.

# %%
from autograd import hessian

LANDSCAPES = {
    "bowl": lambda w: w[0] ** 2 + w[1] ** 2,
    "saddle": lambda w: w[0] ** 2 - w[1] ** 2,
    "narrow valley": lambda w: w[0] ** 2 + 10 * w[1] ** 2 + 5 * w[0] * w[1],
}
line = np.linspace(-1, 1, 25)
figure, axes = plt.subplots(1, 3, figsize=(7, 2.5), layout="constrained")
for ax, (name, g) in zip(axes, LANDSCAPES.items()):
    ax.contour(line, line, [[g([a, b]) for a in line] for b in line], 8, cmap="viridis")
    table = hessian(g)([0.0, 0.0])
    ax.set_title(f"{name}\n{table[0]}\n{table[1]}", fontsize=9)

# %% [markdown] lang="en"
# On the diagonal stands the curvature along each axis. In the bowl both are positive, in the
# saddle one is negative: a place with slope 0 that is neither hill nor valley. Off the diagonal is
# how the two directions hang together; the table is the same when you mirror it at the diagonal.
# The *eigenvalues* of the table are the largest and the smallest curvature of all directions:

# %% [markdown] lang="ko"
# 대각선에는 각 축 방향의 곡률이 있습니다. 그릇에서는 둘 다 양수이고, 안장에서는 하나가 음수입니다. 안장은 기울기가 0이지만 언덕도
# 골짜기도 아닌 곳입니다. 대각선 밖의 수는 두 방향이 어떻게 얽혀 있는지를 나타냅니다. 이 표는 대각선을 기준으로 뒤집어도
# 같습니다. 표의 *고윳값*은 모든 방향의 곡률 가운데 가장 큰 값과 가장 작은 값입니다.

# %%
for name, g in LANDSCAPES.items():
    table = np.array(hessian(g)([0.0, 0.0]))
    assert (table == table.T).all()
    low, *_, high = np.linalg.eigvalsh(table)
    print(f"{name:13} from {low:5.2f} to {high:5.2f}")

# %% [markdown] lang="en"
# ## One direction at a time: hvp
#
# A network with a million weights would have a table of a million times a million. But the table
# times *one* vector can be had without the table: `hvp`, a Hessian-vector product. It says how the
# gradient changes when you walk that way, and costs about as much as two gradients.

# %% [markdown] lang="ko"
# ## 한 방향씩: hvp
#
# 가중치가 백만 개인 신경망이라면 이 표의 크기는 백만 곱하기 백만입니다. 하지만 표와 벡터 *하나*의 곱은 표
# 없이도 구할 수 있습니다. 이것이 `hvp`(Hessian-vector product)입니다. 그 방향으로 걸을
# 때 그래디언트가 어떻게 바뀌는지를 말해 주며, 비용은 그래디언트 두 번 정도입니다.

# %%
from autograd import hvp

valley = LANDSCAPES["narrow valley"]
table = np.array(hessian(valley)([0.0, 0.0]))

angles = np.linspace(0, 2 * np.pi, 73)
ways = np.stack([np.cos(angles), np.sin(angles)], axis=1)
curvatures = [way @ hvp(valley)([0.0, 0.0], way.tolist()) for way in ways]
assert np.allclose(curvatures, [way @ table @ way for way in ways])

figure, ax = plt.subplots(figsize=(2.8, 2.8), subplot_kw={"projection": "polar"})
ax.plot(angles, curvatures)
_ = ax.set_title("curvature in each direction", fontsize=10)

# %% [markdown] lang="en"
# ## Newton's step
#
# Gradient descent walks downhill and must be told how far. With the curvature the step is known.
# On a parabola the bottom lies where the slope has shrunk to 0, that is, *slope divided by
# curvature* away. So Newton's method steps
#
# $$w \leftarrow w - \frac{f'(w)}{f''(w)} \qquad\text{or, with a Hessian,}\qquad w \leftarrow w - H^{-1} g.$$
#
# In the narrow valley gradient descent swings from wall to wall. Newton needs one step, whatever
# the valley looks like, as long as it is a parabola.

# %% [markdown] lang="ko"
# ## 뉴턴의 걸음
#
# 경사 하강법은 내리막으로 걷지만 얼마나 갈지는 따로 정해 주어야 합니다. 곡률을 알면 걸음의 길이도 알 수 있습니다. 포물선의 바닥은
# 기울기가 0으로 줄어드는 곳이고, 그곳까지의 거리는 *기울기 나누기 곡률*입니다. 그래서 뉴턴의 방법은 이렇게 걷습니다.
#
# $$w \leftarrow w - \frac{f'(w)}{f''(w)} \qquad\text{헤세 행렬로 쓰면}\qquad w \leftarrow w - H^{-1} g$$
#
# 좁은 골짜기에서 경사 하강법은 벽에서 벽으로 흔들립니다. 뉴턴의 방법은 골짜기가 어떻게 생겼든 포물선이기만 하면 한 걸음에
# 도착합니다.

# %%
import nn

figure, ax = plt.subplots(figsize=(5, 3.2), layout="constrained")
paths = {
    "gradient descent": lambda params: nn.optim.SGD(params, lr=0.085),
    "Newton": lambda params: nn.optim.Newton(params),
}
nn.plot_surface(lambda a, b: valley([a, b]), (0.9, 0.6), paths=paths, steps=25, over=(-1, 1), ax=ax)

w = [Value(0.9), Value(0.6)]
newton = nn.optim.Newton(w)
newton.step(valley(w))
assert all(abs(p.data) < 1e-12 for p in w)  # the bottom, after one step

# %% [markdown] lang="en"
# Why does not everybody use it? The table is large, solving with it is dear, and at a saddle
# Newton walks *to* the saddle, for there the slope is 0 too. `nn.optim.minimize` with BFGS goes a
# middle way: it learns the curvature from the gradients on its way.

# %% [markdown] lang="ko"
# 그런데 왜 모두가 이 방법을 쓰지는 않을까요? 표가 너무 크고, 그 표로 방정식을 푸는 비용도 큽니다. 게다가
# 안장 근처에서 뉴턴의 방법은 안장을 *향해* 걷습니다. 그곳도 기울기가 0이기 때문입니다. BFGS를 쓰는
# `nn.optim.minimize`는 중간 길을 갑니다. 걸으면서 얻는 그래디언트에서 곡률을 배웁니다.

# %% [markdown] lang="en"
# ## Exercises
#
# **1.** Write the *second* derivative of $x e^x$. The check compares it with the slope of the
# slope.

# %% [markdown] lang="ko"
# ## 연습 문제
#
# **1.** $x e^x$의 *이계*도함수를 적어 보세요. 검사는 기울기의 기울기와 비교합니다.

# %% tags=["exercise"]
from math import exp

import autograd
from autograd import check_student

first = grad(lambda x: x * autograd.exp(x))


def second(x):
    return (x + 1) * exp(x)


report = check_student(second, lambda x: first(x))
print(report)


# %% tags=["solution"]
def second(x):
    return (x + 2) * exp(x)


report = check_student(second, lambda x: first(x))
print(report)
assert report

# %% [markdown] lang="en"
# **2.** Write the Hessian of $a^2 b$ as a table. Its row for $a$ says how the slope along $a$
# changes with $a$, and with $b$.

# %% [markdown] lang="ko"
# **2.** $a^2 b$의 헤세 행렬을 표로 적어 보세요. $a$의 행은 $a$ 방향의 기울기가 $a$에
# 따라, 그리고 $b$에 따라 어떻게 바뀌는지를 말합니다.

# %% tags=["exercise"]
from autograd import gradcheck


def table(w):
    a, b = w
    return [[2 * b, 0], [0, 2 * a]]


slopes = grad(lambda w: w[0] ** 2 * w[1])
report = gradcheck(lambda w: slopes(w), [3.0, 5.0], df=table)
print(report)


# %% tags=["solution"]
def table(w):
    a, b = w
    return [[2 * b, 2 * a], [2 * a, 0]]


slopes = grad(lambda w: w[0] ** 2 * w[1])
report = gradcheck(lambda w: slopes(w), [3.0, 5.0], df=table)
print(report)
assert report

# %% [markdown] lang="en"
# **3.** Find the square root of 2 with Newton: it is where $\tfrac13 x^3 - 2x$ has its valley.
# This attempt walks the wrong way.

# %% [markdown] lang="ko"
# **3.** 뉴턴의 방법으로 2의 제곱근을 구해 보세요. $\tfrac13 x^3 - 2x$의 골짜기가 바로
# 그곳입니다. 아래의 시도는 잘못된 방향으로 걷습니다.


# %% tags=["exercise"]
def hollow(x):
    return x**3 / 3 - 2 * x


x = 1.5
for _ in range(4):
    x = x + grad(hollow)(x) / grad(grad(hollow))(x)
print(f"x = {x:.6f}, slope {grad(hollow)(x):.6f}; at the bottom the slope is 0")

# %% tags=["solution"]
x = 1.5
for _ in range(4):
    x = x - grad(hollow)(x) / grad(grad(hollow))(x)
print(f"x = {x:.6f}, slope {grad(hollow)(x):.6f}")
assert abs(x - 2**0.5) < 1e-12
