# %% [markdown] lang="en"
# # Gradient descent
#
# The gradient says in which direction the loss rises fastest. To make the loss smaller, go the
# other way, a little; then ask again. That is all of gradient descent:
#
# $$w \leftarrow w - \eta\,\frac{dL}{dw}$$
#
# The number $\eta$ is the **learning rate**. This lesson is about how far to go in one step, and
# about how many samples to ask before each step.

# %% [markdown] lang="ko"
# # 경사 하강법
#
# 그래디언트는 손실이 어느 쪽으로 가장 가파르게 커지는지 알려 줍니다. 손실을 줄이려면 반대쪽으로 조금
# 가고, 다시 물어보면 됩니다. 경사 하강법은 이것이 전부입니다.
#
# $$w \leftarrow w - \eta\,\frac{dL}{dw}$$
#
# $\eta$가 **학습률**입니다. 이 노트북에서는 한 걸음을 얼마나 크게 디딜지, 걸음마다 샘플을 몇 개나
# 볼지 다룹니다.

# %%
from itertools import pairwise
from random import Random

import matplotlib.pyplot as plt

import nn
from autograd import Value, diagnose, grad, gradients
from nn.losses import mse

plt.rcParams |= {"figure.figsize": (4.8, 3.2), "figure.dpi": 90}

# %% [markdown] lang="en"
# ## The bottom of a parabola
#
# Take a network of one weight, $\hat y = w x$, and squared errors. Its loss is a parabola in $w$.
# Left of the bottom the slope is negative, right of it positive, and **at the minimum it is 0**:
# the tangent is level. So minus the slope always points to the bottom.

# %% [markdown] lang="ko"
# ## 포물선의 바닥
#
# 가중치가 하나인 신경망 $\hat y = w x$에 제곱 오차를 쓰면 손실은 $w$의 포물선이 됩니다. 바닥의
# 왼쪽에서는 기울기가 음수, 오른쪽에서는 양수이고, **최솟값에서는 0**입니다. 접선이 수평이라는
# 뜻입니다. 그래서 기울기의 반대쪽은 언제나 바닥을 향합니다.


# %%
def loss(w):
    return mse([w * x for x in (1.0, 2.0)], [2.0, 4.0])  # the best w is 2


ws = [i / 50 for i in range(-50, 251)]
figure, ax = plt.subplots()
curve = ax.plot(ws, [loss(w) for w in ws])
for w in (0.5, 2.0, 3.5):
    slope = grad(loss)(w)
    ends = [w - 0.6, w + 0.6]
    ax.plot(ends, [loss(w) + slope * (e - w) for e in ends], "--", label=f"slope {slope:.1f}")
ax.set(xlabel="w", ylabel="loss")
legend = ax.legend()

assert grad(loss)(0.5) < 0 == grad(loss)(2.0) < grad(loss)(3.5)

# %% [markdown] lang="en"
# ## The learning rate: too small, right, too large
#
# The same parabola, the same start, twelve steps with each of three learning rates. Too small: it
# creeps, and is still far away. Right: it is there. Too large: each step jumps over the bottom
# and lands higher than it began; the loss grows without end.

# %% [markdown] lang="ko"
# ## 학습률: 너무 작을 때, 알맞을 때, 너무 클 때
#
# 같은 포물선, 같은 출발점에서 학습률만 바꾸어 열두 걸음씩 가 봅니다. 너무 작으면 기어가기만 하고
# 아직 멀리 있습니다. 알맞으면 바닥에 닿습니다. 너무 크면 걸음마다 바닥을 건너뛰어 처음보다 높은
# 곳에 내립니다. 손실은 끝없이 커집니다.


# %%
def descend(f, w, lr, steps=12):
    path = [w]
    for _ in range(steps):
        w = w - lr * grad(f)(w)
        path.append(w)
    return path


figure, axes = plt.subplots(1, 3, figsize=(9, 2.8), layout="constrained", sharey=True)
paths = {lr: descend(loss, 0.0, lr) for lr in (0.01, 0.15, 0.41)}
for ax, (lr, path) in zip(axes, paths.items(), strict=True):
    ax.plot(ws, [loss(w) for w in ws], color="0.7")
    ax.plot(path, [loss(w) for w in path], "o-", color="#d55e00", markersize=4)
    ax.set(title=f"learning rate {lr}", xlabel="w", ylim=(-1, 25))

# %%
for lr, path in paths.items():
    print(f"learning rate {lr:<5} from {loss(path[0]):.1f} to {loss(path[-1]):.6f}")
small, right, large = (loss(path[-1]) for path in paths.values())
assert right < 1e-6 < 1 < small < loss(0.0) < large

# %% [markdown] lang="en"
# ## Local and global minima
#
# A parabola has one valley. The loss of a network may have several. Descent goes down to the
# bottom of the valley it starts in, a **local minimum**, and stays, for there the slope is 0. The
# deepest of all is the **global minimum**. Nothing in the slope tells the two apart; where you
# start decides.

# %% [markdown] lang="ko"
# ## 국소 최적해와 전역 최적해
#
# 포물선에는 골짜기가 하나뿐이지만 신경망의 손실에는 여러 개가 있을 수 있습니다. 경사 하강법은
# 출발한 골짜기의 바닥, 곧 **국소 최적해**로 내려가 거기에 머뭅니다. 그곳의 기울기가 0이기
# 때문입니다. 모든 골짜기 가운데 가장 깊은 곳이 **전역 최적해**입니다. 기울기만 보아서는 둘을
# 구별할 수 없고, 어디서 출발했는지가 결과를 가릅니다.


# %%
def hilly(w):
    return w**4 - 3 * w**2 + w


places = [i / 50 for i in range(-95, 91)]
figure, ax = plt.subplots()
ax.plot(places, [hilly(w) for w in places], color="0.7")
ends = {}
for start in (-0.2, 0.6):
    path = descend(hilly, start, 0.05, 40)
    ends[start] = path[-1]
    ax.plot(path, [hilly(w) for w in path], "o-", markersize=4, label=f"start {start}")
ax.set(xlabel="w", ylabel="loss")
legend = ax.legend()

for start, end in ends.items():
    slope = grad(hilly)(end)
    print(f"from {start:4}: w = {end:7.4f}, loss {hilly(end):7.4f}, slope {slope:.0e}")
    assert abs(slope) < 1e-3
assert hilly(ends[-0.2]) < hilly(ends[0.6])

# %% [markdown] lang="en"
# ## The training loop in six steps
#
# With more weights nothing changes, except that the gradient is a list. Every training loop, in
# every library, has these steps:
#
# 1. **Initialise** the weights and the bias.
# 2. **Forward**: compute the predictions.
# 3. **Loss**: compare them with the answers.
# 4. **Backward**: compute the gradients (first forgetting the old ones).
# 5. **Update**: move each parameter against its gradient.
# 6. **Repeat** from 2, until it is good enough.

# %% [markdown] lang="ko"
# ## 여섯 단계로 보는 학습 과정
#
# 가중치가 많아져도 달라지는 것은 없습니다. 그래디언트가 수의 목록이 될 뿐입니다. 어느 라이브러리든 학습
# 과정은 다음 단계로 이루어집니다.
#
# 1. **초기화**: 가중치와 편향을 정합니다.
# 2. **순전파**: 예측값을 계산합니다.
# 3. **손실**: 예측값과 정답을 비교합니다.
# 4. **역전파**: 이전 그래디언트를 지우고 새 그래디언트를 계산합니다.
# 5. **업데이트**: 매개변수를 그래디언트의 반대쪽으로 옮깁니다.
# 6. **반복**: 충분히 좋아질 때까지 2단계부터 되풀이합니다.

# %%
rng = Random(0)
xs = [rng.uniform(-1, 2) for _ in range(60)]
ys = [0.8 * x - 0.3 + rng.gauss(0, 0.4) for x in xs]  # a line, and noise

w, b = Value(0.0, label="w"), Value(1.0, label="b")  # 1. initialise
losses = []
for _ in range(60):  # 6. repeat
    predictions = [w * x + b for x in xs]  # 2. forward
    error = mse(predictions, ys)  # 3. loss
    w.grad = b.grad = 0.0
    error.backward()  # 4. backward
    w.data -= 0.1 * w.grad  # 5. update
    b.data -= 0.1 * b.grad
    losses.append(error.data)

figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.8), layout="constrained")
left.plot(losses)
left.set(xlabel="step", ylabel="loss")
right.plot(xs, ys, "o", markersize=3)
line = right.plot([-1, 2], [w.data * x + b.data for x in (-1, 2)])
print(f"w = {w.data:.3f}, b = {b.data:.3f}")
assert losses == sorted(losses, reverse=True)

# %% [markdown] lang="en"
# `nn.fit` is this loop. With `watch=True` it keeps the weights on the way, and `play` shows the
# training as a film: two learning rates side by side, the line moving into place. Press play, or
# drag the slider.

# %% [markdown] lang="ko"
# `nn.fit`이 바로 이 과정입니다. `watch=True`를 주면 도중의 가중치를 간직하고, `play`가 학습을
# 영화처럼 보여 줍니다. 두 학습률을 나란히 놓고 직선이 자리를 잡는 모습을 봅니다. 재생을 누르거나
# 막대를 끌어 보세요.

# %%
watched = [
    nn.fit(
        nn.MLP(1, [1], seed=0), [[x] for x in xs], ys, "mse", "sgd", 20, None,
        lr=lr, watch=True, progress=False,
    )
    for lr in (0.02, 0.3)
]  # fmt: skip
watched[0].play(watched[1], titles=["learning rate 0.02", "learning rate 0.3"], frames=9)

# %% [markdown] lang="en"
# ## One sample, a few, or all
#
# How many samples should be asked before a step?
#
# - **All** of them, the *full batch*: the exact gradient, but a whole pass for one step.
# - **One**, picked at random: *stochastic* gradient descent, SGD. Steps are cheap, and each follows
# the wish of a single sample.
# - **A few**, the *mini-batch*, often 32 or 64: in between, and what nearly everybody does.
#
# Here are the paths of the three over the loss surface of $w$ and $b$, after the same number of
# passes over the data.

# %% [markdown] lang="ko"
# ## 샘플 하나, 몇 개, 또는 전부
#
# 한 걸음을 디디기 전에 샘플을 몇 개나 보아야 할까요?
#
# - **전부** 보는 것이 *배치*(full batch) 방식입니다. 그래디언트는 정확하지만 데이터를 모두 훑어야 한 걸음을
# 갑니다.
# - **하나**만 무작위로 뽑는 것이 *확률적 경사 하강법*(SGD)입니다. 걸음은 값싸지만 걸음마다 샘플 하나의
# 뜻에 휘둘립니다.
# - **몇 개**씩(흔히 32나 64개) 보는 것이 *미니배치*입니다. 둘의 중간이며, 거의 모두가 이 방법을 씁니다.
#
# 데이터를 같은 횟수만큼 훑었을 때 세 방법이 $w$와 $b$의 손실 곡면에서 지나간 길을 그려 봅니다.


# %%
def train(size, passes=12, lr=0.1):
    w, b = Value(0.0), Value(1.0)
    path, losses = [(w.data, b.data)], []
    for n in range(passes):
        for rows, targets in nn.data.batches(xs, ys, size, seed=n):
            error = mse([w * x + b for x in rows], targets)
            for p, slope in zip((w, b), gradients(error, [w, b]), strict=True):
                p.data -= lr * slope
            path.append((w.data, b.data))
            losses.append(error.data)
    return path, losses


runs = {"one": train(1, 4), "batches of 12": train(12, 4), "all 60": train(60, 4)}
w, b = Value(0.0, label="w"), Value(1.0, label="b")
figure, ax = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
paths = {name: path for name, (path, _) in runs.items()}
ax = nn.plot_surface(lambda: mse([w * x + b for x in xs], ys), [w, b], paths=paths, ax=ax)

# %% [markdown] lang="en"
# The full batch has taken four steps, straight down, and has far to go. The mini-batches are
# close. Single samples were at the bottom within two passes, and since then wander around it, for
# each sample has a minimum of its own and pulls towards it.

# %% [markdown] lang="ko"
# 배치 방식은 네 걸음을 똑바로 내려왔지만 갈 길이 멉니다. 미니배치는 가까이 왔습니다. 샘플을
# 하나씩 보는 방법은 두 번 훑기도 전에 바닥에 닿았고, 그 뒤로는 바닥 주위를 맴돕니다. 샘플마다
# 최솟값의 자리가 달라 제각기 그쪽으로 끌어당기기 때문입니다.

# %%
least = min(mse([w * x + b for x in xs], ys) for w, b in train(60, 400)[0])
above = {
    name: [mse([w * x + b for x in xs], ys) / least - 1 for w, b in path]
    for name, path in paths.items()
}
for name, found in above.items():
    print(f"{name:14} after {len(found) - 1:3} steps {found[-1]:6.1%} above the minimum")
assert above["all 60"][-1] > 2 > 0.5 > above["batches of 12"][-1]
assert min(above["one"][:121]) < 0.05
assert max(above["one"][-60:]) > 0.5

# %% [markdown] lang="en"
# ## The noise of the SGD loss
#
# The losses that the loop sees are those of its own batch. Of all samples, the curve is smooth;
# of one sample, it jumps up and down though the training is fine. Judge by the mean of an epoch,
# not by a single step.

# %% [markdown] lang="ko"
# ## SGD 손실의 진동
#
# 학습 중에 보이는 손실은 그때 뽑은 배치의 손실입니다. 전부를 보면 곡선이 매끄럽고, 하나씩 보면
# 학습이 잘 되고 있어도 크게 오르내립니다. 한 걸음의 손실이 아니라 에폭의 평균으로 판단해야
# 합니다.

# %%
figure, axes = plt.subplots(1, 3, figsize=(9, 2.6), layout="constrained", sharey=True)
for ax, size in zip(axes, (60, 12, 1), strict=True):
    _, losses = train(size)
    ax.plot(losses, linewidth=0.8)
    ax.set(title=f"batches of {size}", xlabel="step", ylim=(0, 2))
    rises = sum(b > a for a, b in pairwise(losses))
    print(f"batches of {size:2}: {len(losses):3} steps, {rises:3} to a higher loss than the last")
    assert (rises == 0) == (size == 60)

# %% [markdown] lang="en"
# ## The batch-size curve
#
# Is the noise only a nuisance? We measure. A network learns two moons with batches of different
# sizes, always for 20 passes with the same learning rate, each three times from other first
# weights, and is tested on new points.

# %% [markdown] lang="ko"
# ## 배치 크기와 정확도
#
# 진동은 귀찮기만 한 것일까요? 직접 재어 봅시다. 두 반달 데이터를 배치 크기만 바꾸어 학습합니다.
# 언제나 같은 학습률로 데이터를 20번 훑고, 초기 가중치를 바꾸어 세 번씩 되풀이한 뒤, 새로운 점으로
# 시험합니다.

# %%
X, y = nn.data.two_moons(100, noise=0.2, seed=0)
X_test, y_test = nn.data.two_moons(300, noise=0.2, seed=1)
accuracies, histories = {}, {}
for size in (1, 2, 5, 10, 25, 100):
    accuracies[size] = []
    for seed in range(3):
        model = nn.MLP(2, [8, 1], activation="tanh", seed=seed)
        run = nn.fit(
            model, X, y, "bce_with_logits", "sgd", 20, size, lr=1.0, seed=seed, progress=False
        )
        right = [(model(x).data > 0) == k for x, k in zip(X_test, y_test, strict=True)]
        accuracies[size].append(sum(right) / len(right))
    histories[size] = run

figure, ax = plt.subplots()
for size, found in accuracies.items():
    ax.plot([size] * 3, found, "o", color="0.7", markersize=4)
means = {size: sum(found) / 3 for size, found in accuracies.items()}
ax.semilogx(means.keys(), means.values(), "o-")
ticks = ax.set_xticks(list(means), list(means), minor=False)
ax.set(xlabel="batch size", ylabel="accuracy on new points (line: mean)")
ax.minorticks_off()

# %% [markdown] lang="en"
# With the same number of passes, small batches get further: they make more updates. But batches
# of a single sample are a gamble at this learning rate, as the grey points show: one run is good
# and another is poor. The best size is small, and not the smallest.

# %% [markdown] lang="ko"
# 데이터를 훑은 횟수가 같다면 작은 배치가 더 멀리 갑니다. 업데이트를 더 많이 하기 때문입니다.
# 하지만 이 학습률에서 샘플을 하나씩 보는 것은 도박입니다. 회색 점을 보면 어떤 때는 좋고 어떤 때는
# 나쁩니다. 가장 좋은 배치 크기는 작지만, 가장 작은 것은 아닙니다.

# %%
spread = {size: max(found) - min(found) for size, found in accuracies.items()}
assert max(spread, key=spread.get) == 1
assert max(means, key=means.get) in (2, 5)
axes = nn.plot_history([histories[size] for size in (1, 5, 100)])

# %% [markdown] lang="en"
# ## Epochs and iterations
#
# An **epoch** is one pass over all samples. An **iteration** is one update. With 1000 samples in
# batches of 25, an epoch has $1000 / 25 = 40$ iterations, and 100 epochs have $40 \times 100$.

# %% [markdown] lang="ko"
# ## 에폭과 이터레이션
#
# **에폭**은 전체 데이터를 한 번 훑는 것이고, **이터레이션**은 업데이트 한 번입니다. 샘플 1000개를
# 25개씩 묶으면 한 에폭은 $1000 / 25 = 40$ 이터레이션이고, 100 에폭은 $40 \times 100$
# 이터레이션입니다.

# %%
rows = [[i / 500 - 1] for i in range(1000)]
targets = [2 * x + 1 + rng.gauss(0, 0.3) for (x,) in rows]
models = {size: nn.MLP(1, [1], seed=0) for size in (25, 1000)}
histories = {
    size: nn.fit(model, rows, targets, "mse", "sgd", 100, size, lr=0.01, seed=0, progress=False)
    for size, model in models.items()
}
for size, history in histories.items():
    print(f"batches of {size}: {history.epochs} epochs, {history.iterations} iterations")
assert histories[25].iterations == 1000 // 25 * 100 == 4000
assert histories[1000].iterations == 100

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 2.8), layout="constrained", sharey=True)
for ax, against in zip(axes, ("epochs", "iterations"), strict=True):
    nn.plot_history([*histories.values()], ax, against=against)
axes[1].set_xscale("log")

# %% [markdown] lang="en"
# Both have seen the same samples equally often, and by epochs the small batches are far ahead. By
# iterations there is little between them: an update does about as much in both, and the full
# batch pays for it with forty times as many samples. We check it at 80 updates:

# %% [markdown] lang="ko"
# 두 학습은 같은 샘플을 같은 횟수만큼 보았고, 에폭으로 비교하면 작은 배치가 훨씬 앞섭니다.
# 이터레이션으로 비교하면 차이가 거의 없습니다. 업데이트 한 번이 하는 일은 비슷한데, 배치 방식은
# 그 한 번에 마흔 배의 샘플을 씁니다. 업데이트 80번에서 확인해 봅시다.

# %%
model = nn.MLP(1, [1], seed=0)
run = nn.fit(model, rows, targets, "mse", "sgd", 2, 25, lr=0.01, seed=0, progress=False)
small = mse([model(x) for x in rows], targets).data
print(
    f"after {run.iterations} updates: batches of 25 {small:.4f}, all {histories[1000].loss[80]:.4f}"
)
assert run.iterations == 80
assert abs(small / histories[1000].loss[80] - 1) < 0.1

# %% [markdown] lang="en"
# ## Exercises
#
# **1.** A learner looks at the gradient, and then calls `backward()` once more for the update.
# Which gradient does the update get?

# %% [markdown] lang="ko"
# ## 연습 문제
#
# **1.** 그래디언트를 한 번 확인한 뒤 업데이트하려고 `backward()`를 다시 불렀습니다. 업데이트에는 어떤
# 그래디언트가 쓰일까요?

# %% tags=["exercise"]
w = Value(0.5, label="w")
error = (3 * w - 4) ** 2
error.backward()
print("the gradient:", w.grad)
error.backward()
report = diagnose(error, claimed={w: w.grad})
print(report)

# %% tags=["solution"]
w = Value(0.5, label="w")
error = (3 * w - 4) ** 2
error.backward()
print("the gradient:", w.grad)
w.grad = 0.0  # forget it before the next pass
error.backward()
report = diagnose(error, claimed={w: w.grad})
print(report)
assert report

# %% [markdown] lang="en"
# **2.** This training gets worse with every epoch. Mend it by one number.

# %% [markdown] lang="ko"
# **2.** 에폭마다 손실이 더 커집니다. 수 하나만 바꾸어 고쳐 보세요.

# %% tags=["exercise"]
model = nn.MLP(1, [1], seed=0)
history = nn.fit(model, rows[::10], targets[::10], "mse", "sgd", 5, None, lr=1.5, progress=False)
report = nn.diagnose_training(model, rows[::10], targets[::10], "mse", history)
print(history, *report.findings, sep="\n")

# %% tags=["solution"]
model = nn.MLP(1, [1], seed=0)
history = nn.fit(model, rows[::10], targets[::10], "mse", "sgd", 5, None, lr=0.5, progress=False)
report = nn.diagnose_training(model, rows[::10], targets[::10], "mse", history)
print(history, report, sep="\n\n")
assert report

# %% [markdown] lang="en"
# **3.** How many iterations are there, for any number of samples? The check trains and counts.

# %% [markdown] lang="ko"
# **3.** 샘플 수가 얼마이든 맞도록 이터레이션의 수를 계산해 보세요. 실제로 학습시켜 세어 봅니다.


# %% tags=["exercise"]
def iterations(samples, batch_size, epochs):
    return samples // batch_size * epochs


def check():
    model, real = nn.MLP(1, [1], seed=0), {}
    for size in (25, 30):
        run = nn.fit(model, rows, targets, "mse", "sgd", 2, size, lr=0.01, progress=False)
        yours = iterations(len(rows), size, run.epochs)
        real[size] = run.iterations
        print(f"batches of {size}: yours {yours}, counted {run.iterations}")
        if yours != run.iterations:
            print(f"  the last batch of an epoch has {len(rows) % size} samples, and counts too")
    return all(iterations(len(rows), size, 2) == n for size, n in real.items())


right = check()


# %% tags=["solution"]
import math


def iterations(samples, batch_size, epochs):
    return math.ceil(samples / batch_size) * epochs


right = check()
assert right
