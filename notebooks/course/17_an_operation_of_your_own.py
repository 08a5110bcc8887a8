# %% [markdown] lang="en"
# # An operation of your own
#
# All that the engine knows of calculus stands in one table: a row for each operation, and in it
# how to compute the operation and what it hands back. In this lesson you add a row. All the rest
# follows from it: gradients, pictures, checks, second derivatives.

# %% [markdown] lang="ko"
# # 나만의 연산
#
# 이 엔진이 미분에 대해 아는 것은 모두 표 하나에 들어 있습니다. 연산마다 행이 하나 있고, 그 연산을 계산하는 법과 역전파에서
# 돌려줄 값이 적혀 있습니다. 이 노트북에서는 그 표에 행을 하나 더합니다. 그래디언트, 그림, 검사, 이계도함수는 모두 거기에서
# 따라 나옵니다.

# %% [markdown] lang="en"
# ## One row of the table
#
# We want a bell, $e^{-x^2}$: 1 in the middle, nearly 0 far from it. Its derivative is
# $-2x\,e^{-x^2}$, which is $-2x$ times what has just been computed.
#
# `register` takes a name, the function on plain numbers, and for each input a *column*: given the
# gradient `g` that arrives, the result `out` and the input `x`, it returns what goes back to `x`.

# %% [markdown] lang="ko"
# ## 표의 한 행
#
# 종 모양의 함수 $e^{-x^2}$을 만들려고 합니다. 가운데에서는 1이고 멀어지면 거의 0입니다. 도함수는
# $-2x\,e^{-x^2}$, 즉 방금 계산한 값에 $-2x$를 곱한 것입니다.
#
# `register`에는 이름과, 보통 수에 대한 함수와, 입력마다 *열* 하나를 줍니다. 열은 도착한 그래디언트
# `g`와 결과 `out`과 입력 `x`를 받아서 `x`로 돌아갈 값을 내놓습니다.

# %%
import math

from matplotlib import pyplot as plt

import nn
from autograd import Value, draw, register


bell = register("bell", lambda x: math.exp(-x * x), lambda g, out, x: g * -2 * x * out)

print(bell(0.5), bell(Value(0.5)))  # numbers and Values, as with any other operation
figure, ax = plt.subplots(figsize=(4.5, 2.6), layout="constrained")
_ = nn.plot_activation(bell, ax=ax)

# %% [markdown] lang="en"
# The dashed slope was computed by the engine from your column. Never forget the `g`: the operation
# does not know what comes after it, and `g` is how the rest of the graph tells it.

# %% [markdown] lang="ko"
# 점선으로 그린 기울기는 엔진이 여러분의 열로 계산한 것입니다. `g`를 잊지 마세요. 연산은 자기 뒤에 무엇이
# 오는지 모릅니다. 그래프의 나머지가 그것을 `g`로 알려 줍니다.

# %% [markdown] lang="en"
# ## Checked
#
# Before a new rule is used, it is tested, as in lesson 15. Finite differences know nothing of your
# column.

# %% [markdown] lang="ko"
# ## 검사하기
#
# 새 규칙은 쓰기 전에 15번 노트북처럼 시험합니다. 유한 차분은 여러분의 열을 전혀 모르는 채로 잽니다.

# %%
from autograd import gradcheck

for x in (-1.5, 0.0, 0.7):
    report = gradcheck(lambda x: 3 * bell(x), x)
    assert report
print(report)

points = [i / 10 - 2.5 for i in range(51)]
rows = [gradcheck(bell, x).rows[0] for x in points]
figure, ax = plt.subplots(figsize=(4.5, 2.2), layout="constrained")
ax.plot(points, [row.analytic for row in rows], label="your column")
ax.plot(points, [row.numeric for row in rows], "k.", markersize=4, label="measured")
_ = ax.legend()

# %% [markdown] lang="en"
# ## Drawn and explained
#
# The row is a row like the others. So it is drawn, stepped through and explained like the others.

# %% [markdown] lang="ko"
# ## 그려 보고 설명하기
#
# 새 행은 다른 행과 똑같은 행입니다. 그래서 똑같이 그림으로 그리고, 한 걸음씩 따라가고, 설명할 수 있습니다.

# %%
from autograd import explain

w, x = Value(0.5, label="w"), Value(1.2, label="x")
y = bell(w * x) * 3
y.label = "y"
y.backward()
draw(y)

# %%
explain(y, w)

# %% [markdown] lang="en"
# Look at the middle factor: the explanation writes the formula of your column, with letters and
# with numbers. It was not told the formula. It called the column with symbols in the place of
# numbers.

# %% [markdown] lang="ko"
# 가운데 인수를 보세요. 설명에는 여러분이 쓴 열의 공식이 문자와 수로 적혀 있습니다. 공식을 따로 알려 준 것이
# 아닙니다. 수 대신 기호를 넣어서 열을 불러 본 것입니다.

# %%
from autograd import trace

trace(y)

# %% [markdown] lang="en"
# ## The second derivative
#
# The column is written with `*` and `out`, which work on Values as well as on numbers. So the
# column itself can be differentiated, and you need not write anything for that.

# %% [markdown] lang="ko"
# ## 이계도함수
#
# 열은 `*`와 `out`으로 쓰여 있고, 이것들은 수뿐 아니라 Value에도 통합니다. 그래서 열 자체도 미분할
# 수 있습니다. 이를 위해 더 쓸 것은 없습니다.

# %%
from autograd import grad

slope, bend = grad(bell), grad(grad(bell))
assert gradcheck(bell, 0.7, order=2)
assert math.isclose(bend(0.7), (4 * 0.7**2 - 2) * math.exp(-(0.7**2)))  # by hand

figure, ax = plt.subplots(figsize=(4.5, 2.4), layout="constrained")
lines = {"bell": bell, "slope": slope, "slope of the slope": bend}
for (name, f), line in zip(lines.items(), ("-", "--", ":")):
    ax.plot(points, [f(x) for x in points], line, label=name)
_ = ax.legend(fontsize=8)

# %% [markdown] lang="en"
# ## In a network
#
# A unit with a bell answers to what lies *near* a place of its own, and to nothing else. A few of
# them, each with a centre, a width and a height to learn, make a network. It is a class of your
# own: every Value among its attributes is a parameter, and `nn.fit` trains it like any other.

# %% [markdown] lang="ko"
# ## 신경망에서 쓰기
#
# 종 모양의 유닛은 자기 자리 *가까이*에 있는 것에만 반응합니다. 이런 유닛 몇 개에 중심과 너비와 높이를 학습하게 하면 신경망이
# 됩니다. 직접 만든 클래스이고, 속성 가운데 Value는 모두 매개변수입니다. `nn.fit`은 이것도 다른 신경망처럼 학습합니다.


# %%
class Bells(nn.Module):
    def __init__(self, centres):
        self.centre = [Value(c) for c in centres]
        self.width = [Value(1.0) for _ in centres]
        self.height = [Value(0.0) for _ in centres]

    def pieces(self, x):
        rows = zip(self.centre, self.width, self.height)
        return [h * bell((x - c) * w) for c, w, h in rows]

    def __call__(self, features):
        return sum(self.pieces(features[0]), 0.0)


xs = [i / 10 - 2 for i in range(41)]
ys = [math.sin(2 * x) + 0.3 * x for x in xs]
bells = Bells([-1.5, -0.5, 0.5, 1.5])
plan = {"epochs": 60, "batch_size": 8, "lr": 0.05, "seed": 0, "progress": False}
history = nn.fit(bells, [[x] for x in xs], ys, "mse", **plan)
assert history.loss[-1] < history.loss[0] / 50

figure, ax = plt.subplots(figsize=(5, 2.6), layout="constrained")
ax.plot(xs, ys, "k.", markersize=4)
ax.plot(xs, [bells([x]).data for x in xs], linewidth=2)
for piece in zip(*[[p.data for p in bells.pieces(x)] for x in xs]):
    ax.plot(xs, piece, "--", color="0.6", linewidth=1)

# %% [markdown] lang="en"
# The dots are the data, the thick line is the network, and the dashed lines are its bells: nobody
# told them where to stand.

# %% [markdown] lang="ko"
# 점은 데이터이고 굵은 선은 신경망이며, 점선은 신경망을 이루는 종 모양들입니다. 어디에 설지는 아무도 알려 주지 않았습니다.

# %% [markdown] lang="en"
# ## Exercises
#
# **1.** A square, registered. Its slope is $2x$, and still the check complains. Read to the end
# what it says.

# %% [markdown] lang="ko"
# ## 연습 문제
#
# **1.** 제곱을 등록했습니다. 기울기는 $2x$가 맞는데도 검사가 불평합니다. 무엇이라고 하는지 끝까지 읽어 보세요.

# %% tags=["exercise"]
square = register("square", lambda x: x * x, lambda g, out, x: 2 * x)

report = gradcheck(lambda x: 5 * square(x), 1.5)
print("\n".join(line for line in str(report).split("\n") if "/" not in line))  # no file names

# %% tags=["solution"]
square = register("square", lambda x: x * x, lambda g, out, x: g * 2 * x)

report = gradcheck(lambda x: 5 * square(x), 1.5)
print(report)
assert report

# %% [markdown] lang="en"
# **2.** An operation of two inputs has two columns. Here is the squared distance $(x - y)^2$.

# %% [markdown] lang="ko"
# **2.** 입력이 둘인 연산에는 열도 둘입니다. 거리의 제곱 $(x - y)^2$입니다.

# %% tags=["exercise"]
apart = register(
    "apart",
    lambda x, y: (x - y) ** 2,
    lambda g, out, x, y: g * 2 * (x - y),
    lambda g, out, x, y: g * 2 * (x - y),
)

report = gradcheck(lambda x: apart(x[0], x[1]), [3.0, 1.0])
print("\n".join(line for line in str(report).split("\n") if "/" not in line))

# %% tags=["solution"]
apart = register(
    "apart",
    lambda x, y: (x - y) ** 2,
    lambda g, out, x, y: g * 2 * (x - y),
    lambda g, out, x, y: g * -2 * (x - y),
)

report = gradcheck(lambda x: apart(x[0], x[1]), [3.0, 1.0])
print(report)
assert report

# %% [markdown] lang="en"
# **3.** The first derivative of this row is right. The second fails, and the message says why:
# which function in the column knows only plain numbers?

# %% [markdown] lang="ko"
# **3.** 이 행의 도함수는 맞습니다. 이계도함수는 실패하고, 메시지가 그 이유를 말해 줍니다. 열 안의 어떤
# 함수가 보통 수만 알까요?

# %% tags=["exercise"]
growth = register("growth", math.exp, lambda g, out, x: g * math.exp(x))

assert gradcheck(growth, 0.7)
try:
    print(grad(grad(growth))(0.7))
except TypeError as error:
    print(error)

# %% tags=["solution"]
growth = register("growth", math.exp, lambda g, out, x: g * out)

assert gradcheck(growth, 0.7)
print(grad(grad(growth))(0.7))
assert math.isclose(grad(grad(growth))(0.7), math.exp(0.7))
