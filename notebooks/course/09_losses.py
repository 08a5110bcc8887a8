# %% [markdown] lang="en"
# # Losses: how wrong, in one number
#
# A **loss** compares the outputs of a network with the right answers and returns one number to
# make small. Backpropagation starts from it, so the choice of a loss is the choice of the first
# gradient.
#
# There are two families. Amounts are learnt with squared errors; classes are learnt with
# logarithms.

# %% [markdown] lang="ko"
# # 손실 함수: 얼마나 틀렸는지 수 하나로
#
# **손실 함수**는 신경망의 예측값과 정답을 비교해 수 하나로 나타냅니다. 이 수를 줄이는 것이
# 학습입니다. 역전파는 여기에서 출발하므로, 손실 함수를 고르는 일은 첫 그래디언트를 고르는 일입니다.
#
# 크게 두 갈래가 있습니다. 수량을 맞힐 때는 오차의 제곱을, 부류(클래스)를 맞힐 때는 로그를 씁니다.

# %%
import matplotlib.pyplot as plt

import nn
from autograd import Value, check_student, draw, explain, grad, gradients, log, sigmoid, softmax
from nn import losses

plt.rcParams |= {"figure.figsize": (4.8, 3.2), "figure.dpi": 100}

# %% [markdown] lang="en"
# ## Squared errors: SSE
#
# Take the error of each sample, square it, add up: that is the **sum of squared errors**.
# Squaring makes every error positive, and makes large ones count far more: twice the error costs
# four times as much. In the picture the loss is the total area of the squares.

# %% [markdown] lang="ko"
# ## 오차 제곱합 SSE
#
# 샘플마다 오차를 구해 제곱하고 모두 더하면 **오차 제곱합**입니다. 제곱하면 모든 오차가 양수가
# 되고, 큰 오차는 훨씬 큰 값이 됩니다. 오차가 두 배이면 손실은 네 배입니다. 그림에서는 정사각형
# 넓이의 합이 손실입니다.

# %%
xs, targets = [0.0, 1.0, 2.0, 3.0], [1.0, 1.5, 3.5, 3.0]
outputs = [0.8 + 0.8 * x for x in xs]

figure, ax = plt.subplots()
ax.plot(xs, outputs, label="prediction")
ax.plot(xs, targets, "o", label="target")
for x, p, t in zip(xs, outputs, targets, strict=True):
    ax.add_patch(plt.Rectangle((x, min(p, t)), abs(p - t), abs(p - t), alpha=0.3, color="#d55e00"))
ax.set_aspect("equal")
legend = ax.legend()

# %%
errors = [p - t for p, t in zip(outputs, targets, strict=True)]
print("errors:", [round(e, 3) for e in errors])
print("SSE:   ", round(losses.sse(outputs, targets), 6))
assert abs(losses.sse(outputs, targets) - sum(e**2 for e in errors)) < 1e-12

# %% [markdown] lang="en"
# ## The mean: MSE, and why some divide by 2m
#
# With more samples the sum grows, though the predictions are no worse. The **mean squared error**
# divides by their number $m$:
#
# $$\mathrm{MSE} = \frac{1}{m}\sum_i (\hat y_i - y_i)^2
# \qquad J = \frac{1}{2m}\sum_i (\hat y_i - y_i)^2$$
#
# Some books write the second form, with 1/2 in front. The slope of $e^2$ is $2e$, and the half
# cancels the 2: the gradient by a prediction is then plainly its error, over $m$. Both have their
# minimum at the same place; the half is the same as a learning rate half as large.

# %% [markdown] lang="ko"
# ## 평균 제곱 오차 MSE, 그리고 2m으로 나누는 까닭
#
# 샘플이 많아지면 예측이 더 나빠지지 않아도 합은 커집니다. 그래서 **평균 제곱 오차**는 샘플의 수
# $m$으로 나눕니다.
#
# $$\mathrm{MSE} = \frac{1}{m}\sum_i (\hat y_i - y_i)^2
# \qquad J = \frac{1}{2m}\sum_i (\hat y_i - y_i)^2$$
#
# 책에 따라서는 앞에 1/2이 붙은 둘째 식을 씁니다. $e^2$을 미분하면 $2e$인데 1/2이 이 2를 지워
# 줍니다. 그러면 예측값에 대한 그래디언트가 오차를 $m$으로 나눈 값이 되어 깔끔합니다. 두 식은 같은
# 자리에서 최소가 됩니다. 1/2을 붙이는 것은 학습률을 절반으로 줄이는 것과 같습니다.

# %%
predictions = [Value(p, label=f"p{i + 1}") for i, p in enumerate(outputs)]
mse = losses.mse(predictions, targets)
print("gradients of MSE:  ", [round(g, 4) for g in gradients(mse, predictions)])
print("gradients of MSE/2:", [round(g, 4) for g in gradients(mse / 2, predictions)])
print("errors / m:        ", [round(e / len(errors), 4) for e in errors])
for g, e in zip(gradients(mse / 2, predictions), errors, strict=True):
    assert abs(g - e / len(errors)) < 1e-12

# %% [markdown] lang="en"
# The graph shows a loss as one box; opened, it is errors, their squares, and a division.

# %% [markdown] lang="ko"
# 그래프에서 손실 함수는 상자 하나로 보입니다. 상자를 열면 오차와 제곱의 합, 나눗셈이 보입니다.

# %%
mse.backward()
draw(mse, open="mse")

# %% [markdown] lang="en"
# ## BCE: why the log
#
# Now the answer is yes or no, $y$ is 1 or 0, and the network returns a probability $p$ of yes.
# **Binary cross-entropy** takes the logarithm of the probability it gave to the right answer:
#
# $$L = -\,y\log p - (1 - y)\log(1 - p)$$
#
# One of the two terms is always 0. The log is there to punish confident mistakes. Suppose the
# right answer is 1. As $p$ goes to 0, $-\log p$ grows without bound, and so does its gradient.
# The squared error stops at 1, its gradient at −2: being quite wrong and being *certain* of the
# wrong answer cost it nearly the same.

# %% [markdown] lang="ko"
# ## BCE: 왜 로그를 쓸까요
#
# 이번에는 답이 예 또는 아니요입니다. $y$는 1 또는 0이고, 신경망은 '예'일 확률 $p$를 냅니다.
# **이진 교차 엔트로피**는 정답에 준 확률의 로그를 씁니다.
#
# $$L = -\,y\log p - (1 - y)\log(1 - p)$$
#
# 두 항 가운데 하나는 늘 0입니다. 로그를 쓰는 까닭은 확신에 찬 오답에 큰 벌을 주기 위해서입니다.
# 정답이 1이라고 합시다. $p$가 0으로 가면 $-\log p$는 끝없이 커지고 기울기도 그렇습니다. 제곱
# 오차는 1에서, 그 기울기는 −2에서 멈춥니다. 꽤 틀린 것과 틀린 답을 *확신하는* 것이 거의 같은 값이
# 되고 맙니다.

# %%
axes = nn.plot_losses(["mse", "bce"], target=1.0)

# %%
for p in (0.9, 0.5, 0.1, 0.001):
    bce, square = losses.bce([p], [1.0]), losses.mse([p], [1.0])
    print(f"p = {p:<6}  BCE = {bce:.3f}   squared error = {square:.3f}")
    assert abs(bce + log(p)) < 1e-12
assert abs(grad(lambda p: losses.mse([p], [1.0]))(1e-9) + 2) < 1e-6

# %% [markdown] lang="en"
# ## Cross-entropy: only the right class counts
#
# With several classes the network returns one score for each, softmax makes shares of them, and
# the **cross-entropy** is $-\log$ of the share of the right class. The other shares enter only
# through the sum to 1. `cross_entropy` takes the scores and does the softmax itself, which keeps
# every digit for extreme scores.

# %% [markdown] lang="ko"
# ## 교차 엔트로피: 정답 부류의 확률만 봅니다
#
# 부류가 여럿이면 신경망은 부류마다 점수를 내고, 소프트맥스가 점수를 확률로 바꿉니다. **교차
# 엔트로피**는 정답 부류의 확률에 $-\log$를 취한 값입니다. 나머지 확률은 합이 1이라는 조건을
# 통해서만 영향을 줍니다. `cross_entropy`는 점수를 받아 소프트맥스까지 스스로 계산합니다. 그래야
# 점수가 아주 크거나 작아도 정확합니다.

# %%
scores = [2.0, 1.0, -1.0]
shares = softmax(scores)
costs = [losses.cross_entropy([scores], [k]) for k in range(3)]

figure, (left, right) = plt.subplots(1, 2, figsize=(6, 2.4), layout="constrained")
bars = left.bar(range(3), shares), right.bar(range(3), costs, color="#d55e00")
titles = left.set_title("share of class k"), right.set_title("loss if class k is right")
ticks = left.set_xticks(range(3)), right.set_xticks(range(3))
for share, cost in zip(shares, costs, strict=True):
    assert abs(cost + log(share)) < 1e-12

# %% [markdown] lang="en"
# ## Sigmoid with BCE: the gradient is p − y
#
# Here is why the two belong together. Let $z$ be the sum before the sigmoid, $p = \sigma(z)$, and
# the right answer 1. Two local derivatives meet on the way back:
#
# $$\frac{dL}{dp} = -\frac{1}{p} \qquad \frac{dp}{dz} = p(1 - p)$$
#
# Their product is $-(1 - p) = p - 1$. The $1/p$ of the log cancels the $p$ of the flat sigmoid.
# In general it is $p - y$: what was said minus what is right. No factor is left that could
# vanish.

# %% [markdown] lang="ko"
# ## 시그모이드와 BCE를 함께 쓰면 그래디언트는 p − y
#
# 둘이 짝을 이루는 까닭이 여기 있습니다. 시그모이드에 들어가는 합을 $z$, $p = \sigma(z)$라 하고
# 정답을 1이라고 합시다. 역전파에서 두 국소 미분값이 만납니다.
#
# $$\frac{dL}{dp} = -\frac{1}{p} \qquad \frac{dp}{dz} = p(1 - p)$$
#
# 곱하면 $-(1 - p) = p - 1$입니다. 로그에서 나온 $1/p$이 평평한 시그모이드의 $p$를 지웁니다.
# 일반적으로는 $p - y$, 곧 예측에서 정답을 뺀 값입니다. 그래디언트를 0으로 만들 인수가 남지 않습니다.

# %%
z = Value(-2.0, label="z")
p = z.sigmoid()
p.label = "p"
loss = -p.log()
loss.label = "loss"
loss.backward()
draw(loss)

# %%
explain(loss, z)

# %%
print(f"p - y = {p.data - 1:.6f}, and the gradient {z.grad:.6f}")
assert abs(z.grad - (p.data - 1)) < 1e-12
for y in (0.0, 1.0):
    for x in (-30.0, -2.0, 0.5, 30.0):
        slope = grad(lambda z, y=y: losses.bce_with_logits([z], [y]))(x)
        assert abs(slope - (sigmoid(x) - y)) < 1e-12

# %% [markdown] lang="en"
# With the squared error after a sigmoid the flat factor stays. Compare the gradients by $z$ far
# to the left, where the network is certain and wrong: one is −1, the other 0. That is a network
# that is wrong and does not learn it.

# %% [markdown] lang="ko"
# 시그모이드 뒤에 제곱 오차를 쓰면 평평한 인수가 그대로 남습니다. 신경망이 틀린 답을 확신하는 왼쪽
# 끝에서 $z$에 대한 그래디언트를 비교해 보세요. 하나는 −1에, 다른 하나는 0에 가깝습니다. 제곱 오차로는
# 틀리고도 배우지 못합니다.

# %%
axes = nn.plot_losses(["mse", "bce"], target=1.0, over=(-8, 8), activation="sigmoid")
slopes = {
    name: grad(lambda z, f=f: f([sigmoid(z)], [1.0]))(-8.0)
    for name, f in (("mse", losses.mse), ("bce", losses.bce))
}
print({name: round(slope, 5) for name, slope in slopes.items()})
assert -0.001 < slopes["mse"] < 0
assert slopes["bce"] < -0.999

# %% [markdown] lang="en"
# ## In passing: MAE, Huber, hinge
#
# The **mean absolute error** grows in proportion, so a single wild target pulls less. **Huber**
# is squared near 0 and straight further out: the smooth bottom of one, the calm of the other. The
# **hinge** loss is for classes −1 and 1: it is 0 as soon as a score is on the right side by a
# margin of 1.

# %% [markdown] lang="ko"
# ## 그 밖의 손실 함수: MAE, Huber, 힌지
#
# **평균 절대 오차**(MAE)는 오차에 비례하므로 동떨어진 값 하나에 덜 끌려갑니다. **Huber** 손실은 0
# 근처에서는 제곱, 멀어지면 직선입니다. 바닥은 매끄럽고 먼 곳에서는 차분합니다. **힌지** 손실은
# 부류가 −1과 1일 때 쓰며, 점수가 옳은 쪽으로 1 이상 벗어나면 0입니다.

# %%
axes = nn.plot_losses(["mse", "mae", "huber"], target=0.0, over=(-3, 3))

# %%
axes = nn.plot_losses(["hinge"], target=1.0, over=(-2, 3))
assert losses.hinge([1.5], [1]) == 0 < losses.hinge([0.5], [1])

# %% [markdown] lang="en"
# ## Exercises
#
# **1.** The gradient of the MSE of $w \cdot x$ by the weight $w$, by hand.

# %% [markdown] lang="ko"
# ## 연습 문제
#
# **1.** 예측이 $w \cdot x$일 때 MSE를 가중치 $w$로 미분한 식을 직접 써 보세요.


# %% tags=["exercise"]
def mse_of(w):
    return losses.mse([w * x for x in xs], targets)


def slope(w):
    return sum(2 * (w * x - t) for x, t in zip(xs, targets, strict=True)) / len(xs)


report = check_student(slope, mse_of)
print(report)


# %% tags=["solution"]
def mse_of(w):
    return losses.mse([w * x for x in xs], targets)


def slope(w):  # the chain goes on: d(w * x)/dw = x
    return sum(2 * (w * x - t) * x for x, t in zip(xs, targets, strict=True)) / len(xs)


report = check_student(slope, mse_of)
print(report)
assert report

# %% [markdown] lang="en"
# **2.** The gradient of BCE by $p$, for the right answer 0.

# %% [markdown] lang="ko"
# **2.** 정답이 0일 때 BCE를 $p$로 미분한 식을 써 보세요.


# %% tags=["exercise"]
def bce_of(p):
    return losses.bce([p], [0.0])


def slope(p):
    return -1 / (1 - p)


report = check_student(slope, bce_of)
print(report)


# %% tags=["solution"]
def slope(p):
    return 1 / (1 - p)  # -log(1 - p): the inner -1 turns the sign


report = check_student(slope, bce_of)
print(report)
assert report

# %% [markdown] lang="en"
# **3.** `bce_with_logits` takes $z$, the sum before the sigmoid. Mend this network for two
# classes.

# %% [markdown] lang="ko"
# **3.** `bce_with_logits`는 시그모이드를 거치기 전의 합 $z$를 받습니다. 이 이진 분류 신경망을
# 고쳐 보세요.

# %% tags=["exercise"]
X, y = nn.data.two_moons(60, seed=0)
model = nn.MLP(2, [4, 1], output="sigmoid", seed=0)
report = nn.diagnose_training(model, X, y, loss="bce_with_logits")
print(*report.findings, sep="\n")

# %% tags=["solution"]
X, y = nn.data.two_moons(60, seed=0)
model = nn.MLP(2, [4, 1], seed=0)
report = nn.diagnose_training(model, X, y, loss="bce_with_logits")
print(report)
assert report
