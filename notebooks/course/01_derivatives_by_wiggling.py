# %% [markdown] lang="en"
# # Derivatives by wiggling
#
# A network learns by asking one question over and over: *if I change this number a little, how much
# does the result change?* The answer is a derivative. In this lesson we find derivatives in the
# plainest way there is: we wiggle the input and look.

# %% [markdown] lang="ko"
# # 살짝 흔들어 보는 미분
#
# 신경망은 같은 질문을 되풀이하며 학습합니다. **이 수를 조금 바꾸면 결과는 얼마나 바뀔까?** 그 답이
# 미분값입니다. 이번에는 가장 소박한 방법으로 미분값을 구합니다. 입력을 살짝 흔들고, 출력을 지켜보는
# 것입니다.

# %% [markdown] lang="en"
# ## The derivative as a limit
#
# Take $f(x) = x^2$ and go from $x$ to $x + h$. The output changes by $f(x + h) - f(x)$. Divided by
# $h$, this is the change of the output for each unit of change of the input. Now let the step $h$
# shrink.

# %% [markdown] lang="ko"
# ## 극한으로 보는 미분
#
# $f(x) = x^2$에서 $x$를 $x + h$로 옮기면 출력은 $f(x + h) - f(x)$만큼 변합니다. 이것을 $h$로 나누면
# 입력의 변화에 대한 출력의 변화율이 됩니다. 이제 간격 $h$를 점점 줄여 봅시다.


# %%
def f(x):
    return x**2


x = 1.0
for h in (1.0, 0.1, 0.01, 0.001):
    print(f"h = {h:<5}  slope = {(f(x + h) - f(x)) / h:.4f}")

# %% [markdown] lang="en"
# The slopes settle. Algebra says where:
#
# $$\frac{(x + h)^2 - x^2}{h} = 2x + h$$
#
# As $h$ goes to 0, what is left is $2x$. That limit is the **derivative** of $f$ at $x$, written
# $f'(x)$ or $\frac{df}{dx}$: the rate of change at one instant.

# %% [markdown] lang="ko"
# 기울기가 한 값으로 모입니다. 어디로 모이는지는 식을 풀어 보면 압니다.
#
# $$\frac{(x + h)^2 - x^2}{h} = 2x + h$$
#
# $h$가 0으로 가면 $2x$만 남습니다. 이 극한이 $x$에서의 **미분값**(순간변화율)이고, $f'(x)$ 또는
# $\frac{df}{dx}$로 씁니다.

# %% [markdown] lang="en"
# ## Secant and tangent
#
# In a picture: the line through two points of the curve is a *secant*. As the second point slides
# towards the first, the secants turn into the *tangent*, the line that only touches. The derivative
# is the slope of the tangent.

# %% [markdown] lang="ko"
# ## 할선과 접선
#
# 그림으로 봅시다. 곡선 위의 두 점을 지나는 직선이 **할선**입니다. 둘째 점이 첫째 점 쪽으로 미끄러지면
# 할선은 곡선에 살짝 닿기만 하는 직선, 곧 **접선**에 가까워집니다. 미분값은 접선의 기울기입니다.

# %%
import matplotlib.pyplot as plt

xs = [i / 50 for i in range(-25, 126)]
fig, ax = plt.subplots(figsize=(6, 3.6))
ax.plot(xs, [f(t) for t in xs], color="black", label="f(x) = x²")
for h, shade in ((1.2, "0.75"), (0.8, "0.6"), (0.4, "0.45")):
    slope = (f(x + h) - f(x)) / h
    ax.plot(xs, [f(x) + slope * (t - x) for t in xs], color=shade, label=f"secant, h = {h}")
    ax.plot(x + h, f(x + h), "o", color=shade)
ax.plot(xs, [f(x) + 2 * x * (t - x) for t in xs], color="tab:orange", label="tangent")
ax.plot(x, f(x), "o", color="tab:orange")
ax.set(ylim=(-1.5, 6), xlabel="x", title="secants turn into the tangent")
_ = ax.legend()

# %% [markdown] lang="en"
# Where the tangent rises, a larger input gives a larger output; where it falls, a smaller one; and
# at the bottom of the curve the tangent is level: the derivative is 0. Remember that last case. A
# network that learns is looking for it.

# %% [markdown] lang="ko"
# 접선이 오르막이면 입력이 커질 때 출력도 커지고, 내리막이면 작아집니다. 곡선의 바닥에서는 접선이
# 수평이고 미분값은 0입니다. 이 마지막 경우를 기억해 두세요. 학습하는 신경망이 찾아가는 곳이 바로
# 거기입니다.

# %% [markdown] lang="en"
# ## Numerical differentiation
#
# A computer cannot take a limit, but it can take a small $h$. It pays to step to both sides: the
# *central difference* $\frac{f(x + h) - f(x - h)}{2h}$ is nearer to the truth than the
# one-sided *forward difference*. The truth beside it comes from `grad`, which knows calculus.

# %% [markdown] lang="ko"
# ## 수치 미분
#
# 컴퓨터는 극한을 취할 수 없지만 작은 $h$는 쓸 수 있습니다. 이때 양쪽으로 한 걸음씩 가 보는
# 편이 낫습니다. **중앙 차분** $\frac{f(x + h) - f(x - h)}{2h}$는 한쪽만 보는 **전진 차분**보다 참값에
# 가깝습니다. 비교할 참값은 미분 공식을 아는 `grad`로 구합니다.

# %%
import math

from autograd import exp, grad


def forward_difference(f, x, h):
    return (f(x + h) - f(x)) / h


def central_difference(f, x, h):
    return (f(x + h) - f(x - h)) / (2 * h)


true = grad(exp)(1.0)
print("grad    ", true)
print("forward ", forward_difference(math.exp, 1.0, 1e-4))
print("central ", central_difference(math.exp, 1.0, 1e-4))

# %% [markdown] lang="en"
# ## How small should the step be?
#
# Smaller is better, up to a point. Let us draw the error for many steps, with logarithmic axes.

# %% [markdown] lang="ko"
# ## 간격은 얼마나 작아야 할까
#
# 작을수록 좋지만, 어느 선까지만 그렇습니다. 여러 간격에서 오차를 재어 로그 축에 그려 봅시다.

# %%
steps = [10 ** (-i / 4) for i in range(2, 61)]
fig, ax = plt.subplots(figsize=(6, 3.6))
for difference in (forward_difference, central_difference):
    errors = [abs(difference(math.exp, 1.0, h) - true) for h in steps]
    ax.loglog(steps, errors, ".-", label=difference.__name__)
ax.set(xlabel="step h", ylabel="error", title="the derivative of exp at 1")
_ = ax.legend()

# %% [markdown] lang="en"
# Two errors pull in opposite directions.
#
# * On the right, $h$ is large and the secant is not yet the tangent. This is the **truncation
#   error**. It falls with $h$ for the forward difference, and with $h^2$, twice as steep in this
#   picture, for the central one.
# * On the left, $f(x + h)$ and $f(x - h)$ agree in nearly all of their digits. Their difference
#   keeps only the last few, which were rounded, and dividing by a tiny $h$ blows that
#   **rounding error** up.
#
# The best step lies between. `gradcheck` looks for it by itself, and says how sure it is.

# %% [markdown] lang="ko"
# 두 가지 오차가 서로 반대로 작용합니다.
#
# * 오른쪽에서는 $h$가 커서 할선이 아직 접선이 아닙니다. 이것이 **절단 오차**입니다. 전진 차분에서는
#   $h$에, 중앙 차분에서는 $h^2$에 비례해 줄어듭니다. 그래서 중앙 차분의 선이 두 배로 가파릅니다.
# * 왼쪽에서는 $f(x + h)$와 $f(x - h)$의 숫자가 거의 끝자리까지 같습니다. 둘을 빼면 반올림된 마지막
#   몇 자리만 남는데, 아주 작은 $h$로 나누면서 이 **반올림 오차**가 크게 부풀어 오릅니다.
#
# 가장 좋은 간격은 그 사이에 있습니다. `gradcheck`는 그 간격을 스스로 찾고, 답이 얼마나 확실한지도
# 알려 줍니다.

# %%
from autograd import gradcheck

print(gradcheck(exp, 1.0))

# %% [markdown] lang="en"
# `analytic` is what calculus says, `numeric` what wiggling says; `error bar` is how far off the
# wiggling may be. Whenever you write a derivative by hand, this table will tell you whether it is
# right.

# %% [markdown] lang="ko"
# `analytic`은 미분 공식으로 구한 값, `numeric`은 흔들어서 구한 값이고, `error bar`는 흔들어서 구한
# 값이 빗나갈 수 있는 폭입니다. 도함수를 손으로 썼다면 언제든 이 표로 맞는지 확인할 수 있습니다.

# %% [markdown] lang="en"
# ## The gradient: all partial derivatives in one vector
#
# A function of several inputs has a derivative for each: wiggle one and hold the others still. These
# are its **partial derivatives**, and together they make a vector, the **gradient**.

# %% [markdown] lang="ko"
# ## 그래디언트: 편미분을 모은 벡터
#
# 입력이 여럿이면 미분값도 입력마다 하나씩 있습니다. 하나만 흔들고 나머지는 가만히 두면 됩니다. 이것이
# **편미분**이고, 편미분을 모두 모은 벡터가 **그래디언트**(gradient)입니다.


# %%
def hill(x, y):
    return x**2 + 2 * y**2


def wiggle(f, x, y, h=1e-6):
    return (
        (f(x + h, y) - f(x - h, y)) / (2 * h),
        (f(x, y + h) - f(x, y - h)) / (2 * h),
    )


print("by wiggling:", wiggle(hill, 1.0, 0.5))
print("by calculus:", grad(hill, argnums=(0, 1))(1.0, 0.5))

# %%
import numpy as np

across, up = np.meshgrid(np.linspace(-2, 2, 60), np.linspace(-1.5, 1.5, 60))
fig, ax = plt.subplots(figsize=(6, 4))
ax.contour(across, up, hill(across, up), levels=10, cmap="viridis")
for px, py in ((1.0, 0.5), (-1.5, 0.3), (0.3, -0.9), (-0.8, -0.6)):
    gx, gy = wiggle(hill, px, py)
    ax.quiver(px, py, gx, gy, color="tab:red", angles="xy", scale_units="xy", scale=8)
    ax.plot(px, py, "o", color="tab:red")
_ = ax.set(aspect="equal", xlabel="x", ylabel="y", title="the gradient points straight uphill")

# %% [markdown] lang="en"
# The lines join places of the same height. Each arrow is a gradient: it stands at a right angle to
# the line and points where the function grows fastest. The opposite direction is the fastest way
# down, and going down is how a network will learn.
#
# Wiggling has a price: two runs of the function *for each input*. A network has thousands or
# millions of weights. The next lessons build a way that gets all of them in a single walk.

# %% [markdown] lang="ko"
# 곡선은 높이가 같은 곳을 이은 등고선입니다. 화살표 하나하나가 그래디언트인데, 등고선과 직각을 이루며
# 함수가 가장 빨리 커지는 쪽을 가리킵니다. 그 반대쪽이 가장 빨리 내려가는 길이고, 신경망은 바로 그렇게
# 내려가면서 학습합니다.
#
# 흔들기에는 비용이 듭니다. **입력마다** 함수를 두 번씩 계산해야 하는데, 신경망에는 가중치가 수천,
# 수백만 개나 있습니다. 다음 노트북부터는 그 모두의 미분값을 한 번에 구하는 방법을 만들어 갑니다.

# %% [markdown] lang="en"
# ## Exercises
#
# Each cell below holds an attempt that is wrong, and its output says so. Mend it, run it, and go on
# until the check agrees. A solution is folded underneath.
#
# **1.** Write the derivative of $x^3$.

# %% [markdown] lang="ko"
# ## 연습 문제
#
# 아래 셀에는 틀린 답이 들어 있고, 출력이 무엇이 틀렸는지 말해 줍니다. 고쳐서 다시 실행하고, 검사가
# 맞다고 할 때까지 해 보세요. 풀이는 바로 아래에 접혀 있습니다.
#
# **1.** $x^3$의 도함수를 쓰세요.


# %% tags=["exercise"]
from autograd import check_student


def df(x):
    return 3 * x


report = check_student(df, lambda x: x**3)
print(report)


# %% tags=["solution"]
def df(x):
    return 3 * x**2


report = check_student(df, lambda x: x**3)
print(report)
assert report

# %% [markdown] lang="en"
# **2.** Write a central difference of your own. How far apart are the two points? (It is tried on
# $x^2$. There the central difference is exact for every $h$, so the check can be strict.)

# %% [markdown] lang="ko"
# **2.** 중앙 차분을 직접 쓰세요. 두 점은 얼마나 떨어져 있나요? ($x^2$에서 시험합니다. 이 함수에서는
# 중앙 차분이 어떤 $h$에서든 정확하므로 엄격하게 검사할 수 있습니다.)


# %% tags=["exercise"]
def slope(f, x, h=0.5):
    return (f(x + h) - f(x - h)) / h


report = gradcheck(f, 3.0, df=lambda x: slope(f, x))
print(report)


# %% tags=["solution"]
def slope(f, x, h=0.5):
    return (f(x + h) - f(x - h)) / (2 * h)


report = gradcheck(f, 3.0, df=lambda x: slope(f, x))
print(report)
assert report

# %% [markdown] lang="en"
# **3.** Write the gradient of $f(x, y) = x\,y^2$: first the partial derivative for $x$, then the one
# for $y$.

# %% [markdown] lang="ko"
# **3.** $f(x, y) = x\,y^2$의 그래디언트를 쓰세요. $x$에 대한 편미분이 먼저, $y$에 대한 편미분이
# 다음입니다.


# %% tags=["exercise"]
def gradient(x, y):
    return 2 * x * y, y**2


report = check_student(gradient, lambda x, y: x * y**2)
print(report)


# %% tags=["solution"]
def gradient(x, y):
    return y**2, 2 * x * y


report = check_student(gradient, lambda x, y: x * y**2)
print(report)
assert report
