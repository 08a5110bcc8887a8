# %% [markdown] lang="en"
# # Testing derivatives
#
# Sooner or later you write a derivative by hand: on paper, in an exercise, in a faster program.
# How do you find out whether it is right? Not by reading it again. You let the function itself
# answer.

# %% [markdown] lang="ko"
# # 도함수 시험하기
#
# 언젠가는 도함수를 손으로 쓰게 됩니다. 종이 위에서, 연습 문제에서, 더 빠른 프로그램에서 그렇습니다. 맞게 썼는지 어떻게 알 수
# 있을까요? 다시 읽어 보는 것으로는 알 수 없습니다. 함수 자신에게 물어봐야 합니다.

# %% [markdown] lang="en"
# ## A gradient by hand
#
# Here is a function and a first attempt at its derivative.

# %% [markdown] lang="ko"
# ## 손으로 구한 그래디언트
#
# 함수 하나와, 그 도함수를 처음 써 본 것입니다.

# %%
from math import cos, sin

import numpy as np
from matplotlib import pyplot as plt


def f(x):
    return sin(x) / x


def df(x):
    return cos(x) / x - sin(x) / x


xs = np.linspace(0.2, 9, 300)
figure, ax = plt.subplots(figsize=(6, 2.6), layout="constrained")
ax.plot(xs, [f(x) for x in xs], label="f")
ax.plot(xs, [df(x) for x in xs], "--", label="df, by hand")
ax.axhline(0, color="0.8", linewidth=1)
_ = ax.legend()

# %% [markdown] lang="en"
# Look where `f` has its valley. The slope there must be 0, and the dashed line is not. Seeing that
# is already a test. But you cannot look at a function of a thousand numbers, and you would not see
# a small mistake.

# %% [markdown] lang="ko"
# `f`가 골짜기를 이루는 곳을 보세요. 그곳의 기울기는 0이어야 하는데 점선은 0이 아닙니다. 이것을 알아보는 것도 이미
# 시험입니다. 하지만 수가 천 개인 함수는 눈으로 볼 수 없고, 작은 실수는 눈에 띄지 않습니다.

# %% [markdown] lang="en"
# ## The step of a difference quotient
#
# Walk a small step $h$ to both sides and divide: $\frac{f(x + h) - f(x - h)}{2h}$ is nearly the
# slope. How small should $h$ be? Here is how far off the quotient is for the slope of $\sin$,
# whose derivative we know.

# %% [markdown] lang="ko"
# ## 차분 몫과 간격
#
# 양쪽으로 작은 간격 $h$만큼 가서 나누어 봅니다. $\frac{f(x + h) - f(x - h)}{2h}$는
# 기울기에 가깝습니다. $h$는 얼마나 작아야 할까요? 도함수를 이미 아는 $\sin$에서 차분 몫이 얼마나
# 빗나가는지 그려 봅니다.

# %%
steps = 10.0 ** np.arange(-15, 0.5, 0.25)
off = [abs((sin(1 + h) - sin(1 - h)) / (2 * h) - cos(1)) for h in steps]

figure, ax = plt.subplots(figsize=(5, 2.6), layout="constrained")
ax.loglog(steps, off, ".-")
ax.set(xlabel="step h", ylabel="error of the quotient")
assert 1e-7 < steps[np.argmin(off)] < 1e-3

# %% [markdown] lang="en"
# From the right: a large step cuts the corner, and a smaller one is better. Then the line turns.
# The two numbers in the numerator become so alike that their difference is mostly rounding, and
# dividing by a tiny $h$ blows it up. There is a best step, and it is another one for every
# function. `gradcheck` looks for it, and says how far off its own measurement may be.

# %% [markdown] lang="ko"
# 오른쪽부터 보세요. 간격이 크면 곡선을 가로질러 버리므로 작을수록 좋아집니다. 그러다 선이 방향을 바꿉니다. 분자의 두 수가 너무
# 비슷해져서 그 차이에는 반올림 오차만 남고, 아주 작은 $h$로 나누면 그 오차가 크게 부풀어 오릅니다. 가장 좋은 간격이
# 있지만 함수마다 다릅니다. `gradcheck`는 그 간격을 찾고, 자신의 측정이 얼마나 빗나갈 수 있는지도 말합니다.

# %% [markdown] lang="en"
# ## The bug found
#
# `gradcheck` takes the function, a point, and your derivative.

# %% [markdown] lang="ko"
# ## 버그 찾기
#
# `gradcheck`에는 함수와 한 점과 여러분의 도함수를 줍니다.

# %%
from autograd import gradcheck

report = gradcheck(f, 1.3, df=df)
print(report)
assert not report

# %% [markdown] lang="en"
# *Analytic* is what you claim, *numeric* what was measured. They are apart by far more than the
# error bar: so the claim is wrong, not the measurement. And it is: the quotient rule divides by
# the *square*.

# %% [markdown] lang="ko"
# *analytic*은 여러분이 주장한 값이고 *numeric*은 측정한 값입니다. 둘의 차이가 오차
# 막대(*error bar*)보다 훨씬 큽니다. 그러니 틀린 것은 측정이 아니라 주장입니다. 몫의 미분법에서는
# 분모를 *제곱*으로 나누어야 합니다.


# %%
def df(x):
    return cos(x) / x - sin(x) / x**2


report = gradcheck(f, 1.3, df=df)
print(report)
assert report  # a report is true where all is well

figure, ax = plt.subplots(figsize=(6, 2), layout="constrained")
ax.plot(xs, [f(x) for x in xs], label="f")
ax.plot(xs, [df(x) for x in xs], "--", label="df, mended")
ax.axhline(0, color="0.8", linewidth=1)
_ = ax.legend()

# %% [markdown] lang="en"
# A mistake of a millionth is a mistake too. The tolerance is the error bar, not a number that
# somebody chose:

# %% [markdown] lang="ko"
# 백만분의 일만큼 틀려도 틀린 것입니다. 허용 범위는 누가 정해 둔 수가 아니라 오차 막대입니다.

# %%
print(gradcheck(f, 1.3, df=lambda x: df(x) + 1e-6))

# %% [markdown] lang="en"
# ## Four verdicts
#
# Not every function lets itself be measured. So there are four answers.
#
# - **ok**: claim and measurement agree.
# - **wrong**: they do not.
# - **kink**: the function has a corner here, and the claim lies between the slopes of its two sides.
# - **noisy**: the function shakes so much that a mistake could hide. That is *not* a pass.

# %% [markdown] lang="ko"
# ## 네 가지 판정
#
# 모든 함수를 잴 수 있는 것은 아닙니다. 그래서 답은 네 가지입니다.
#
# - **ok**: 주장과 측정이 일치합니다.
# - **wrong**: 일치하지 않습니다.
# - **kink**: 이 점에서 함수가 꺾이고, 주장이 양쪽 기울기 사이에 있습니다.
# - **noisy**: 함수가 너무 흔들려서 실수가 숨을 수 있습니다. 이것은 통과가 *아닙니다*.

# %%
cases = {
    "ok": (lambda x: x * x, 0.7, lambda x: 2 * x),
    "wrong": (lambda x: x * x, 0.7, lambda x: x),
    "kink": (abs, 0.0, lambda x: 0.0),
    "noisy": (lambda x: round(x, 2) ** 2, 0.7, lambda x: 2 * x),
}
figure, axes = plt.subplots(1, 4, figsize=(7.5, 2.1), layout="constrained")
for ax, (verdict, (g, x, dg)) in zip(axes, cases.items()):
    report = gradcheck(g, x, df=dg)
    assert report.rows[0].verdict == verdict
    assert bool(report) == (verdict in ("ok", "kink"))
    around = np.linspace(x - 0.1, x + 0.1, 201)
    ax.plot(around, [g(t) for t in around])
    ax.plot(around, [g(x) + dg(x) * (t - x) for t in around], "--")
    ax.set(title=verdict, xticks=[x], yticks=[])

# %% [markdown] lang="en"
# Blue is the function near the point, the dashed line has the claimed slope. In the last picture
# the two are friends from afar; but the function is made of stairs, whose slope is 0 or nothing at
# all.

# %% [markdown] lang="ko"
# 파란 선은 그 점 가까이의 함수이고, 점선의 기울기는 주장한 값입니다. 마지막 그림에서는 멀리서 보면 둘이 잘 맞지만, 함수가 계단으로
# 되어 있어서 그 기울기는 0이거나 아예 없습니다.

# %% [markdown] lang="en"
# ## Which operation is it?
#
# Where the function is made of Values, and the mistake is in an operation, the report names it.
# Here somebody registered a `tanh` of his own (lesson 17 is about that) and forgot a square.

# %% [markdown] lang="ko"
# ## 어느 연산이 틀렸나?
#
# 함수가 Value로 되어 있고 연산 하나에 실수가 있으면, 보고서가 그 연산의 이름을 말해 줍니다. 아래에서는
# 누군가 자신의 `tanh`를 등록하면서(17번 노트북에서 다룹니다) 제곱을 빠뜨렸습니다.

# %%
from math import tanh

from autograd import Value, draw, register

my_tanh = register("my_tanh", tanh, lambda g, out, x: g * (1 - out))


def neuron(w):
    return (my_tanh(w[0] * 2 + w[1]) - 1) ** 2


report = gradcheck(neuron, [0.3, -0.4])
print("\n".join(line for line in str(report).split("\n") if "/" not in line))  # no file names
assert "my_tanh" in str(report)

w = [Value(0.3, label="w0"), Value(-0.4, label="w1")]
loss = neuron(w)
loss.backward()
draw(loss)

# %% [markdown] lang="en"
# Every gradient to the left of `my_tanh` was computed with a wrong rule, and nothing looks wrong.
# That is why one tests.

# %% [markdown] lang="ko"
# `my_tanh` 왼쪽의 그래디언트는 모두 틀린 규칙으로 계산되었는데도 겉으로는 아무 이상이 없어 보입니다. 그래서 시험이 필요합니다.

# %% [markdown] lang="en"
# ## In a test suite
#
# A test that runs every day is worth more than a check done once. With valuegrad installed, pytest
# has a fixture `gradcheck`. It fails a test with the same table:

# %% [markdown] lang="ko"
# ## 테스트 모음에 넣기
#
# 한 번 해 본 검사보다 매일 도는 테스트가 더 쓸모 있습니다. valuegrad를 설치하면 pytest에
# `gradcheck`라는 픽스처가 생깁니다. 테스트가 실패하면 같은 표를 보여 줍니다.

# %%
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

TEST = """
from math import exp


def test_the_slope_of_a_bell(gradcheck):
    gradcheck(lambda x: exp(-x * x), 0.8, df=lambda x: -2 * x * exp(-x * x))


def test_the_slope_of_a_decay(gradcheck):
    gradcheck(lambda x: exp(-3 * x), 0.8, df=lambda x: 3 * exp(-3 * x))
"""

if importlib.util.find_spec("pytest"):
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_slopes.py").write_text(TEST)
        options = ["-q", "--tb=short", "--color=no", "-p", "no:cacheprovider"]
        command = [sys.executable, "-m", "pytest", *options]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert "1 failed, 1 passed" in done.stdout
    print(done.stdout.split("\n", 1)[0])  # a dot for each test passed, an F for each failed
    print(*(line for line in done.stdout.split("\n") if line.startswith("E ")), sep="\n")
else:
    print("pytest is not installed: python -m pip install pytest")

# %% [markdown] lang="en"
# ## Would the test notice?
#
# A test that cannot fail tests nothing. `mutation_score` spoils the derivatives that your test
# uses, one at a time, and counts how often the test notices.

# %% [markdown] lang="ko"
# ## 테스트가 알아챌까?
#
# 실패할 수 없는 테스트는 아무것도 시험하지 않습니다. `mutation_score`는 테스트가 쓰는 도함수를
# 하나씩 망가뜨리고, 테스트가 몇 번 알아채는지 셉니다.

# %%
from autograd import assert_gradients, grad, mutation_score


def careful():
    assert_gradients(lambda x: x.exp() * x.sin(), 0.5)


def careless():
    assert grad(lambda x: x.exp() * x.sin())(0.0) > 0  # only the sign, at a special point


scores = [mutation_score(test).score for test in (careful, careless)]
figure, ax = plt.subplots(figsize=(5, 1.3), layout="constrained")
ax.barh(["careless", "careful"], scores[::-1], color=["#d55e00", "#0072b2"])
ax.set(xlim=(0, 1), xlabel="share of wrong derivatives that the test notices")
assert scores[0] == 1 > scores[1]

# %% [markdown] lang="en"
# ## Exercises
#
# **1.** Mend the derivative of $x^2 e^{-x}$. `check_student` looks for the mistake that gives your
# numbers.

# %% [markdown] lang="ko"
# ## 연습 문제
#
# **1.** $x^2 e^{-x}$의 도함수를 고쳐 보세요. `check_student`는 여러분의 수가 나오게 한 실수를 찾습니다.

# %% tags=["exercise"]
from math import exp

from autograd import check_student


def slope(x):
    return 2 * x * exp(-x)


report = check_student(slope, lambda x: x**2 * exp(-x))
print(report)


# %% tags=["solution"]
def slope(x):
    return 2 * x * exp(-x) - x**2 * exp(-x)  # a product has two factors that change


report = check_student(slope, lambda x: x**2 * exp(-x))
print(report)
assert report

# %% [markdown] lang="en"
# **2.** The largest of two numbers has a kink where they are equal. Which slopes may one claim
# there? Choose two numbers that the check accepts.

# %% [markdown] lang="ko"
# **2.** 두 수 중 큰 값은 두 수가 같은 곳에서 꺾입니다. 그곳에서는 어떤 기울기를 주장할 수 있을까요?
# 검사가 받아들이는 두 수를 골라 보세요.

# %% tags=["exercise"]
claim = [1.0, 1.5]
report = gradcheck(max, 2.0, 2.0, df=lambda a, b: tuple(claim))
print(report)

# %% tags=["solution"]
claim = [0.5, 0.5]  # each from 0 to 1; as a pair, they add up to 1
report = gradcheck(max, 2.0, 2.0, df=lambda a, b: tuple(claim))
print(report)
assert report

# %% [markdown] lang="en"
# **3.** This derivative is right, and the check will not say so. Write the same function so that
# it can.

# %% [markdown] lang="ko"
# **3.** 이 도함수는 맞지만 검사는 맞다고 말하지 못합니다. 검사가 판정할 수 있도록 같은 함수를 다르게 써 보세요.


# %% tags=["exercise"]
def distance(x):
    return (1e13 + x**2) - 1e13


report = gradcheck(distance, 1.5, df=lambda x: 2 * x)
print(report)


# %% tags=["solution"]
def distance(x):
    return x**2  # nothing large that swallows its digits


report = gradcheck(distance, 1.5, df=lambda x: 2 * x)
print(report)
assert report
