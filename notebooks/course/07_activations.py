# %% [markdown] lang="en"
# # Activations, side by side
#
# A neuron adds up its weighted inputs, and then an **activation function** bends the sum. Without
# the bend, layers on layers would still be one straight line: a line of a line is a line.
#
# This lesson puts the usual activations next to each other, each with its slope. The slope
# matters as much as the curve: on the way back, every gradient is multiplied by it.

# %% [markdown] lang="ko"
# # 활성화 함수를 나란히 놓고 보기
#
# 뉴런은 가중치를 곱한 입력을 모두 더하고, 그 합을 **활성화 함수**로 구부립니다. 구부리지 않으면
# 층을 아무리 쌓아도 직선 하나와 같습니다. 직선에 직선을 이어도 직선이기 때문입니다.
#
# 이 노트북에서는 자주 쓰는 활성화 함수를 기울기와 함께 나란히 놓고 봅니다. 곡선만큼 기울기도
# 중요합니다. 역전파에서는 모든 그래디언트에 이 값이 곱해지기 때문입니다.

# %%
import matplotlib.pyplot as plt

import nn
from autograd import check_student, draw, elu, grad, leaky_relu, relu, sigmoid, softmax, tanh

plt.rcParams |= {"figure.figsize": (4.8, 3.2), "figure.dpi": 100}

# %% [markdown] lang="en"
# ## The step, and why nothing learns through it
#
# The first artificial neuron said yes or no: 1 if the sum is above the threshold, else 0. That is
# the step function. Look at the dashed line, its slope: it is 0 everywhere (at the jump by
# convention). A gradient that is multiplied by 0 says nothing about the weights, so gradient
# descent cannot use it.
#
# A filled point is the value at the jump; an open one is a limit that is not reached.

# %% [markdown] lang="ko"
# ## 계단 함수로는 왜 학습할 수 없을까요
#
# 최초의 인공 뉴런은 예 또는 아니요로만 답했습니다. 합이 임계값을 넘으면 1, 아니면 0입니다. 이것이
# 계단 함수입니다. 점선으로 그린 기울기를 보면 어디에서나 0입니다(뛰는 자리에서는 0으로
# 약속합니다). 0을 곱한 그래디언트는 가중치에 대해 아무것도 알려 주지 않으므로 경사 하강법을 쓸 수
# 없습니다.
#
# 채운 점은 뛰는 자리에서의 함숫값이고, 빈 점은 닿지 않는 극한값입니다.

# %%
axes = nn.plot_activation("step")

# %% [markdown] lang="en"
# ## Sigmoid: its slope is y(1 − y)
#
# The sigmoid is a step made smooth:
#
# $$y = \sigma(x) = \frac{1}{1 + e^{-x}}$$
#
# Its output lies between 0 and 1, so it can be read as a probability. Its slope needs nothing but
# the output itself: $y' = y(1 - y)$. The forward pass has computed $y$ already, and the backward
# pass only has to multiply.

# %% [markdown] lang="ko"
# ## 시그모이드: 기울기는 y(1 − y)
#
# 시그모이드는 계단 함수를 매끄럽게 만든 것입니다.
#
# $$y = \sigma(x) = \frac{1}{1 + e^{-x}}$$
#
# 출력이 0과 1 사이이므로 확률로 읽을 수 있습니다. 기울기를 구하는 데는 출력값만 있으면 됩니다.
# $y' = y(1 - y)$입니다. 순전파에서 이미 $y$를 구했으므로 역전파에서는 곱하기만 하면 됩니다.

# %%
axes = nn.plot_activation("sigmoid")

# %%
for x in (-4.0, -1.0, 0.0, 1.0, 4.0):
    y = sigmoid(x)
    slope = grad(sigmoid)(x)
    print(f"x = {x:4.1f}   y = {y:.4f}   y(1 - y) = {y * (1 - y):.4f}   slope = {slope:.4f}")
    assert abs(y * (1 - y) - slope) < 1e-12

# %% [markdown] lang="en"
# The last two columns agree. The slope is largest in the middle, where $y = 1/2$ and
# $y(1 - y) = 1/4$; towards both ends it goes to 0. Keep the quarter in mind: the next lesson is
# about what happens when many of them are multiplied.

# %% [markdown] lang="ko"
# 마지막 두 열이 같습니다. 기울기는 $y = 1/2$인 가운데에서 $y(1 - y) = 1/4$로 가장 크고, 양쪽
# 끝으로 갈수록 0에 가까워집니다. 이 4분의 1을 기억해 두세요. 이 값을 여러 번 곱하면 무슨 일이
# 생기는지 다음 노트북에서 다룹니다.

# %%
assert grad(sigmoid)(0.0) == 0.25
assert max(grad(sigmoid)(i / 100) for i in range(-500, 501)) == 0.25

# %% [markdown] lang="en"
# ## Tanh is centred at zero
#
# Tanh has the same S shape, but goes from −1 to 1 and passes through the origin. Feed both with
# numbers spread evenly around 0: the outputs of tanh average 0, those of the sigmoid 1/2. The
# next layer likes inputs of both signs, and tanh gives it those. Its slope at 0 is 1, four times
# that of the sigmoid.

# %% [markdown] lang="ko"
# ## tanh는 원점이 중심입니다
#
# tanh도 S자 모양이지만 −1에서 1까지 움직이고 원점을 지납니다. 0을 중심으로 고르게 퍼진 수를 두
# 함수에 넣어 보면, tanh의 출력은 평균이 0이고 시그모이드의 출력은 평균이 1/2입니다. 다음 층은
# 양수와 음수가 섞인 입력을 받을 때 잘 배우는데, tanh는 그런 출력을 냅니다. 0에서의 기울기는 1로,
# 시그모이드의 네 배입니다.

# %%
axes = nn.plot_activation(["sigmoid", "tanh"])

# %%
xs = [i / 10 for i in range(-30, 31)]
means = {f.__name__: sum(map(f, xs)) / len(xs) for f in (sigmoid, tanh)}
print({name: round(mean, 6) + 0.0 for name, mean in means.items()})
assert abs(means["sigmoid"] - 0.5) < 1e-12
assert abs(means["tanh"]) < 1e-12
assert grad(tanh)(0.0) == 4 * grad(sigmoid)(0.0)

# %% [markdown] lang="en"
# ## ReLU, leaky ReLU, ELU
#
# **ReLU** is $\max(0, x)$. It is the cheapest of all, and for a positive input its slope is 1: a
# gradient comes through unchanged, however many layers there are. For a negative input the slope
# is 0, so nothing comes through.
#
# Two relatives keep a door open on the left. **Leaky ReLU** goes down with a small slope (here
# 0.01, too flat to see). **ELU** bends down smoothly towards $-\alpha$, usually −1, and so brings
# the mean of its outputs closer to 0.
#
# At 0 the line of ReLU has a corner, and no slope of its own. This project takes 0 there, as most
# do; it is a convention, and the title of the picture says so.

# %% [markdown] lang="ko"
# ## ReLU, Leaky ReLU, ELU
#
# **ReLU**는 $\max(0, x)$입니다. 계산이 가장 간단하고, 입력이 양수이면 기울기가 1입니다. 그래서
# 층이 아무리 많아도 그래디언트가 그대로 전달됩니다. 입력이 음수이면 그래디언트가 0이라 아무것도 전달되지
# 않습니다.
#
# 친척인 두 함수는 왼쪽에도 길을 열어 둡니다. **Leaky ReLU**는 작은 기울기(여기서는 0.01이라 눈에
# 잘 띄지 않습니다)로 내려갑니다. **ELU**는 $-\alpha$(보통 −1)를 향해 부드럽게 휘고, 그래서 출력의
# 평균이 0에 더 가까워집니다.
#
# ReLU는 0에서 꺾이므로 그 점에는 정해진 기울기가 없습니다. 이 프로젝트는 대부분의 라이브러리처럼
# 0으로 정합니다. 어디까지나 약속이며, 그림의 제목에 그 값이 적혀 있습니다.

# %%
axes = nn.plot_activation(["relu", "leaky_relu", "elu"])

# %%
assert grad(relu)(100.0) == 1.0
assert grad(relu)(-100.0) == grad(relu)(0.0) == 0.0
assert abs(elu(-20.0) + 1.0) < 1e-6  # the floor of ELU
assert 0 < sum(map(elu, xs)) < sum(map(relu, xs))  # its mean is closer to 0

# %% [markdown] lang="en"
# ## All of them at once
#
# Here are the slopes again, as a table. Read it by column. At 6, far to the right, the S-curves
# are flat, and the whole ReLU family still has a slope of 1. At −6, far to the left, only leaky
# ReLU has kept its slope; ELU is nearly flat there, but unlike ReLU it was not flat at once.
#
# In the hidden layers, start with ReLU; if units die, try leaky ReLU or ELU; tanh comes after
# them, and the sigmoid last.

# %% [markdown] lang="ko"
# ## 한눈에 비교하기
#
# 기울기를 표로 다시 정리했습니다. 열을 따라 읽어 보세요. 오른쪽으로 먼 6에서 S자 함수는
# 평평하지만 ReLU 계열은 모두 기울기가 그대로 1입니다. 왼쪽으로 먼 −6에서 기울기를 지킨 것은 Leaky
# ReLU뿐입니다. ELU도 그곳에서는 거의 평평하지만, ReLU처럼 0을 지나자마자 평평해지지는 않습니다.
#
# 은닉층에는 먼저 ReLU를 쓰고, 죽는 뉴런이 생기면 Leaky ReLU나 ELU를 써 봅니다. 그다음이 tanh이고
# 시그모이드가 마지막입니다.

# %%
names = ["step", "sigmoid", "tanh", "relu", "leaky_relu", "elu"]
print("slope at    ", *(f"{x:7.0f}" for x in (-6, -1, 0, 6)))
slopes = {name: [grad(nn.ACTIVATIONS[name])(x) for x in (-6.0, -1.0, 0.0, 6.0)] for name in names}
for name, row in slopes.items():
    print(f"{name:12}", *(f"{slope:7.3f}" for slope in row))
assert [name for name, row in slopes.items() if row[-1] == 1] == ["relu", "leaky_relu", "elu"]
assert [name for name, row in slopes.items() if row[0] > 0.009] == ["leaky_relu"]

# %%
axes = nn.plot_activation(names)

# %% [markdown] lang="en"
# ## Softmax: shares that sum to 1
#
# All activations so far take one number. Softmax takes a whole row of scores and turns it into
# shares: each is positive, and together they are 1. A larger score gets a larger share, and since
# the scores go through $e^x$, a small lead in score becomes a large lead in share.
#
# Its slopes are tied together: when one share grows, the others must shrink. Each row of the
# table of derivatives sums to 0.

# %% [markdown] lang="ko"
# ## 소프트맥스: 합이 1인 몫
#
# 지금까지의 활성화 함수는 수 하나를 받았습니다. 소프트맥스는 점수 한 줄을 통째로 받아 몫으로
# 바꿉니다. 몫은 모두 양수이고 합은 1입니다. 점수가 클수록 몫도 크고, 점수가 $e^x$를 거치므로
# 점수의 작은 차이가 몫에서는 큰 차이가 됩니다.
#
# 기울기는 서로 묶여 있습니다. 한 몫이 커지면 나머지는 줄어야 합니다. 그래서 도함수 표의 각 행을
# 더하면 0입니다.

# %%
scores = [2.0, 1.0, -1.0]
shares = softmax(scores)
figure, (left, right) = plt.subplots(1, 2, figsize=(6, 2.4), layout="constrained")
bars = left.bar(["a", "b", "c"], scores), right.bar(["a", "b", "c"], shares)
left.set_title("scores")
right.set_title("softmax")
print("shares:", [round(share, 4) for share in shares], "sum:", round(sum(shares), 12))

# %%
for k in range(3):
    row = grad(lambda s, k=k: softmax(s)[k])(scores)
    print(*(f"{slope:8.4f}" for slope in row), "   sum:", round(sum(row), 12) + 0.0)
    assert abs(sum(row)) < 1e-12
assert abs(sum(shares) - 1) < 1e-12

# %% [markdown] lang="en"
# ## The last layer follows the task
#
# Hidden layers may take what they like. The **output layer** has to return what the answer looks
# like:
#
# | task | outputs | activation | read as |
# |---|---|---|---|
# | regression | one for each quantity | none (linear) | any number |
# | binary classification | one | sigmoid | probability of class 1 |
# | several classes | one for each class | softmax | a probability for each |
#
# One network for each task, all with the same hidden layer:

# %% [markdown] lang="ko"
# ## 출력층은 문제에 맞춥니다
#
# 은닉층의 활성화 함수는 자유롭게 고를 수 있지만, **출력층**은 답의 모양에 맞는 값을 내야 합니다.
#
# | 문제 | 출력 유닛 | 활성화 함수 | 출력의 뜻 |
# |---|---|---|---|
# | 회귀 | 목표 변수마다 하나 | 없음(선형) | 임의의 실수 |
# | 이진 분류 | 하나 | 시그모이드 | 부류 1일 확률 |
# | 다중 분류 | 부류(클래스)마다 하나 | 소프트맥스 | 부류별 확률 |
#
# 은닉층이 같은 신경망을 문제마다 하나씩 만들어 보겠습니다.

# %%
endings = {"regression": None, "binary": "sigmoid", "multi-class": "softmax"}
figure, axes = plt.subplots(1, 3, figsize=(8, 2.4), layout="constrained")
for place, (task, output) in zip(axes, endings.items(), strict=True):
    units = 3 if task == "multi-class" else 1
    model = nn.MLP(2, [4, units], output=output, init="normal", seed=8)
    answer = model([1.0, -2.0])
    answers = [y.data for y in (answer if units > 1 else [answer])]
    bars = place.bar([f"y{i + 1}" for i in range(units)], answers, width=0.6)
    place.set(xlim=(-0.6, 2.6), ylim=(0, 1))
    place.set_title(f"{task}: {output or 'linear'}")
    print(f"{task:12}", [round(y, 3) for y in answers])

# %%
draw(model)

# %% [markdown] lang="en"
# ## Exercises
#
# Each cell holds an attempt that is wrong, and what the check says of it. Mend it, run it again,
# then unfold the solution.
#
# **1.** Write the slope of the sigmoid as a function of its input `x`.

# %% [markdown] lang="ko"
# ## 연습 문제
#
# 각 셀에는 틀린 답안과 그에 대한 검사 결과가 들어 있습니다. 고쳐서 다시 실행해 본 뒤 풀이를 펼쳐
# 보세요.
#
# **1.** 시그모이드의 기울기를 입력 `x`의 함수로 써 보세요.


# %% tags=["exercise"]
def slope(x):
    return x * (1 - x)


report = check_student(slope, sigmoid)
print(report)


# %% tags=["solution"]
def slope(x):
    y = sigmoid(x)
    return y * (1 - y)  # of the output, not of the input


report = check_student(slope, sigmoid)
print(report)
assert report

# %% [markdown] lang="en"
# **2.** The slope of leaky ReLU, with 0.01 on the left. Is this the value or the slope?

# %% [markdown] lang="ko"
# **2.** 왼쪽 기울기가 0.01인 Leaky ReLU의 기울기를 써 보세요. 아래 답안은 함숫값일까요,
# 기울기일까요?


# %% tags=["exercise"]
def slope(x):
    return 1.0 if x > 0 else 0.01 * x


report = check_student(slope, leaky_relu)
print(report)


# %% tags=["solution"]
def slope(x):
    return 1.0 if x > 0 else 0.01


report = check_student(slope, leaky_relu)
print(report)
assert report

# %% [markdown] lang="en"
# **3.** A network is to predict temperatures. Which ending does it need?

# %% [markdown] lang="ko"
# **3.** 기온을 예측하는 신경망입니다. 출력층에는 어떤 활성화 함수가 맞을까요?

# %% tags=["exercise"]
hours = [[i / 12 - 1] for i in range(25)]
degrees = [10 - 8 * abs(x) for (x,) in hours]
model = nn.MLP(1, [6, 1], output="sigmoid", seed=0)
report = nn.diagnose_training(model, hours, degrees)
print(*report.findings, sep="\n")

# %% tags=["solution"]
hours = [[i / 12 - 1] for i in range(25)]
degrees = [10 - 8 * abs(x) for (x,) in hours]
model = nn.MLP(1, [6, 1], seed=0)
report = nn.diagnose_training(model, hours, degrees)
print(report)
assert report
