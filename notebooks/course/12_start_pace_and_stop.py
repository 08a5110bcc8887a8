# %% [markdown] lang="en"
# # Where to start, how fast to go, when to stop
#
# The rule of descent is settled; three choices are left. Which weights does the training begin
# with? Does the learning rate stay what it is? And when is it enough? Each of them can spoil a
# training whose gradients are right.

# %% [markdown] lang="ko"
# # 어디서 출발하고, 얼마나 빨리 가고, 언제 멈출까
#
# 내려가는 규칙은 정해졌지만 고를 것이 세 가지 남았습니다. 가중치를 어떤 값으로 초기화할지,
# 학습률을 그대로 둘지, 언제 멈출지입니다. 그래디언트가 정확해도 이 가운데 하나가 어긋나면 학습을
# 망칩니다.

# %%
import math
from random import Random

import matplotlib.pyplot as plt

import nn
from autograd import draw

plt.rcParams |= {"figure.figsize": (4.8, 3.2), "figure.dpi": 100}

X, y = nn.data.two_moons(100, seed=0)


def network(init, seed=0):
    return nn.MLP(2, [4, 1], activation="tanh", init=init, seed=seed)


def train(model, X=X, y=y, epochs=60, **settings):
    settings = {"optimizer": "adam", "lr": 0.05, "batch_size": 20} | settings
    return nn.fit(model, X, y, "bce_with_logits", epochs=epochs, seed=0, progress=False, **settings)


# %% [markdown] lang="en"
# ## Why not zeros: symmetry
#
# It seems fair to begin with all weights equal. But units with the same weights compute the same
# output, get the same gradient, and take the same step. They stay copies of one another for ever,
# and a layer of four is a layer of one. With zeros it is worse: the weights after them are 0 too,
# so the hidden layer gets no gradient at all. **Random** numbers break the symmetry.

# %% [markdown] lang="ko"
# ## 0으로 초기화하면 안 되는 까닭: 대칭
#
# 모든 가중치를 같은 값으로 시작하면 공평해 보입니다. 하지만 가중치가 같은 뉴런은 같은 출력을
# 내고, 같은 그래디언트를 받고, 똑같이 움직입니다. 언제까지나 서로의 복사본이어서 뉴런이 네 개여도
# 하나와 같습니다. 0으로 시작하면 더 나쁩니다. 다음 층의 가중치도 0이라 은닉층에 그래디언트가 전혀
# 오지 않습니다. **무작위** 값이 이 대칭을 깹니다.

# %%
models = {
    "zeros": network("zeros"),
    "all 0.5": network(lambda n_in, n_out, rng: [[0.5] * n_in] * n_out),
    "random": network(None),
}
histories = {name: train(model) for name, model in models.items()}
axes = nn.plot_history(histories)

# %%
for name, model in models.items():
    units = [[round(w.data, 3) for w in unit.weight] for unit in model.layers[0].neurons]
    print(f"{name:8} weights of the hidden units: {units}")
    assert (len({tuple(unit) for unit in units}) == 1) == (name != "random")

assert histories["random"].loss[-1] < histories["all 0.5"].loss[-1] / 2
report = nn.diagnose_training(models["all 0.5"], X, y, "bce_with_logits")
print("\n" + report.findings[0])
assert report.findings[0].startswith("Equal units: ")

# %% [markdown] lang="en"
# Here is the trained network that began with 0.5 everywhere. All four units have the same lines.

# %% [markdown] lang="ko"
# 모두 0.5에서 출발해 학습을 마친 신경망입니다. 네 뉴런의 선이 모두 똑같습니다.

# %%
draw(models["all 0.5"], numbers=True)

# %% [markdown] lang="en"
# ## How large: Xavier and He
#
# Random, but how large? A sum of $n$ independent products has $n$ times the variance of one. If
# the weights are too small, the signal shrinks at every layer; if they are too large, tanh
# saturates. The size must depend on the number of inputs:
#
# - **Xavier** (for tanh and sigmoid): variance $2 / (n_{in} + n_{out})$
# - **He** (for ReLU, which stops half of the signal): variance $2 / n_{in}$
#
# Five hidden layers of tanh, with three kinds of first weights. Compare the gradients and the
# saturated shares; the deviations of the outputs stand below.

# %% [markdown] lang="ko"
# ## 얼마나 크게: Xavier와 He 초기화
#
# 무작위이되 얼마나 커야 할까요? 서로 독립인 곱 $n$개를 더하면 분산은 $n$배가 됩니다. 가중치가
# 너무 작으면 층을 지날 때마다 신호가 줄어들고, 너무 크면 tanh가 포화됩니다. 그래서 입력의 수에
# 맞추어 크기를 정합니다.
#
# - **Xavier**(tanh와 시그모이드): 분산 $2 / (n_{in} + n_{out})$
# - **He**(신호의 절반을 막는 ReLU): 분산 $2 / n_{in}$
#
# tanh 은닉층 다섯 개를 세 가지 방법으로 초기화했습니다. 그래디언트와 포화된 비율을 비교해 보세요.
# 출력의 표준편차는 그 아래에 있습니다.


# %%
def normal(deviation):
    return lambda n_in, n_out, rng: [
        [rng.gauss(0, deviation) for _ in range(n_in)] for _ in range(n_out)
    ]


def look(init, activation):
    model = nn.MLP(2, [16] * 5 + [1], activation=activation, init=init, seed=0)
    return nn.diagnose_training(model, X, y, "bce_with_logits")


inits = {"deviation 0.1": normal(0.1), "deviation 1": normal(1.0), "Xavier": "xavier_normal"}
reports = {name: look(init, "tanh") for name, init in inits.items()}
axes = nn.plot_training(reports)

# %%
for name, report in reports.items():
    row = report.layers[4]
    print(f"{name:14} layer 5: deviation {row.deviation:.4f}, saturated {row.saturated:.0%}")
small, large, xavier = (report.layers[4] for report in reports.values())
assert small.deviation < 0.05 < xavier.deviation
assert large.saturated > 0.25 > xavier.saturated

# %% [markdown] lang="en"
# With ReLU, Xavier's weights are a little too small at every layer, and He's are right:

# %% [markdown] lang="ko"
# ReLU에서는 Xavier의 가중치가 층마다 조금씩 모자라고, He의 가중치가 알맞습니다.

# %%
kept = {}
for name in ("xavier_normal", "he_normal"):
    rows = look(name, "relu").layers[:5]
    print(f"{name:14}", *(f"{row.deviation:.2f}" for row in rows))
    kept[name] = rows[-1].deviation / rows[0].deviation
assert kept["xavier_normal"] < 0.5 < kept["he_normal"] < 2

# %% [markdown] lang="en"
# ## Learning-rate schedules
#
# Large steps are good at the beginning and bad at the end, where they jump around the minimum. A
# **schedule** changes the learning rate on the way. Three of them: *step decay* multiplies it
# after every few epochs, the *cosine* lets it down smoothly, and a *warm-up* begins gently.

# %% [markdown] lang="ko"
# ## 학습률 스케줄
#
# 큰 보폭은 처음에는 좋지만, 끝에 가서는 최솟값 주위를 뛰어다니게 하므로 나쁩니다. **스케줄**은
# 학습 도중에 학습률을 바꿉니다. 세 가지가 있습니다. *계단식 감소*는 몇 에폭마다 일정한 수를
# 곱하고, *코사인*은 부드럽게 낮추며, *워밍업*은 처음에 천천히 올립니다.

# %%
step, cosine, warm = nn.optim.step_decay(10, 0.3), nn.optim.cosine(40), nn.optim.warm_up(5)
schedules = {"constant": lambda n: 1.0, "step decay": step, "cosine": cosine}
schedules["warm-up, cosine"] = lambda n: warm(n) * cosine(n)

figure, ax = plt.subplots()
for name, factor in schedules.items():
    ax.plot([factor(n) for n in range(40)], label=name)
ax.set(xlabel="epoch", ylabel="factor of the learning rate")
legend = ax.legend(fontsize="small")

# %%
rng = Random(0)
rows = [[rng.uniform(-1, 2)] for _ in range(60)]
line = [0.8 * x - 0.3 + rng.gauss(0, 0.4) for (x,) in rows]  # a line, and noise

models = {name: nn.MLP(1, [1], seed=0) for name in ("constant", "cosine")}
histories = {
    name: nn.fit(
        model, rows, line, "mse", "sgd", 40, 1,
        lr=0.2, schedule=schedules[name], seed=0, progress=False,
    )
    for name, model in models.items()
}  # fmt: skip
axes = nn.plot_history(histories)

# %%
late = {name: sum(run.loss[-5:]) / 5 for name, run in histories.items()}
print("mean loss of the last five epochs:", {name: round(x, 3) for name, x in late.items()})
assert late["cosine"] < 0.16 < 0.2 < late["constant"]

# %% [markdown] lang="en"
# One sample at a time, a line is fitted to points. With the constant rate the weights keep
# jumping with each sample; with the cosine they come to rest at the minimum.

# %% [markdown] lang="ko"
# 점들에 직선을 맞추며 샘플을 하나씩 보았습니다. 학습률이 일정하면 가중치가 샘플마다 계속 튀고,
# 코사인으로 낮추면 최솟값에 자리를 잡습니다.

# %% [markdown] lang="en"
# ## The learning curve
#
# The loss of each epoch, drawn against the epochs, is the **learning curve**. Draw it twice: for
# the samples that are learnt, and for others, held back for *validation*. As long as both fall,
# the network learns what the samples have in common. Where the second turns up, it begins to
# learn the samples by heart: that is **overfitting**.
#
# Few, noisy samples and a large network make it easy to provoke.

# %% [markdown] lang="ko"
# ## 학습 곡선
#
# 에폭마다 손실을 그린 것이 **학습 곡선**입니다. 두 번 그려 보세요. 한 번은 학습에 쓰는 샘플, 한
# 번은 *검증*용으로 떼어 둔 샘플입니다. 둘 다 내려가는 동안에는 샘플들의 공통점을 배우는 중입니다.
# 검증 곡선이 올라가기 시작하면 샘플을 통째로 외우기 시작한 것이고, 이것이 **과적합**입니다.
#
# 샘플이 적고 잡음이 많은데 신경망이 크면 쉽게 일어납니다.

# %%
few = nn.data.two_moons(40, noise=0.35, seed=0)
others = nn.data.two_moons(200, noise=0.35, seed=5)


def large():
    return nn.MLP(2, [16, 16, 1], seed=0, backend="tensor")


model = large()
history = train(model, *few, epochs=150, lr=0.003, batch_size=10, validation=others)
axes = history.plot()

# %%
report = nn.diagnose_training(model, *few, loss="bce_with_logits", history=history)
print(*report.findings, sep="\n")
assert any(x.startswith("Overfitting") for x in report.findings)
assert history.loss[-1] < 0.05 < 2 * min(history.validation_loss) < history.validation_loss[-1]

# %% [markdown] lang="en"
# ## When to stop, and early stopping
#
# Training has to end by some rule. The usual **stopping criteria** are a number of epochs, a loss
# that is low enough, or no more progress. The last one, watched on the validation loss, is
# **early stopping**: with `patience=15`, `fit` ends after 15 epochs without a better validation
# loss, and goes back to the weights of the best epoch.

# %% [markdown] lang="ko"
# ## 중지 기준과 조기 종료
#
# 학습은 어떤 기준으로든 끝나야 합니다. 흔히 쓰는 **중지 기준**은 정해 둔 에폭 수, 충분히 작은
# 손실, 그리고 더 나아지지 않는 것입니다. 마지막 기준을 검증 손실에 적용한 것이 **조기
# 종료**입니다. `patience=15`이면 검증 손실이 15 에폭 동안 나아지지 않을 때 학습을 끝내고, 가장
# 좋았던 에폭의 가중치로 되돌립니다.

# %%
model = large()
stopped = train(model, *few, epochs=150, lr=0.003, batch_size=10, validation=others, patience=15)
axes = stopped.plot()
print(stopped)
print("best epoch:", stopped.best_epoch)
assert stopped.stopped == "early"
assert stopped.epochs == stopped.best_epoch + 15
assert min(stopped.validation_loss) == stopped.validation_loss[stopped.best_epoch - 1]

# %%
outputs = model(others[0])
kept = nn.losses.bce_with_logits(outputs, others[1])
print(f"validation loss with the weights kept: {float(kept.data):.3f}")
assert abs(float(kept.data) - min(stopped.validation_loss)) < 1e-9
assert float(kept.data) < history.validation_loss[-1] / 2

# %% [markdown] lang="en"
# A callback may set any other criterion. This one stops when the loss is low enough:

# %% [markdown] lang="ko"
# 다른 기준은 콜백으로 정할 수 있습니다. 다음 콜백은 손실이 충분히 작아지면 멈춥니다.


# %%
def low_enough(model, history):
    return history.loss[-1] < 0.2


run = train(network(None), epochs=200, callbacks=[low_enough])
print(run)
assert run.stopped == "callback"
assert run.loss[-1] < 0.2 <= run.loss[-2]

# %% [markdown] lang="en"
# ## Exercises
#
# **1.** First weights that are small and fair. What is wrong with them?

# %% [markdown] lang="ko"
# ## 연습 문제
#
# **1.** 작고 공평한 초기 가중치입니다. 무엇이 잘못되었을까요?


# %% tags=["exercise"]
def fair(n_in, n_out, rng):
    return [[0.1] * n_in for _ in range(n_out)]


model = network(fair)
history = train(model)
report = nn.diagnose_training(model, X, y, "bce_with_logits")
print(history, *report.findings, sep="\n")


# %% tags=["solution"]
def fair(n_in, n_out, rng):
    return [[rng.gauss(0, 0.5) for _ in range(n_in)] for _ in range(n_out)]


model = network(fair)
history = train(model)
report = nn.diagnose_training(model, X, y, "bce_with_logits")
print(history, report, sep="\n\n")
assert report

# %% [markdown] lang="en"
# **2.** He's weights: `rng.gauss` takes a mean and a *deviation*, not a variance.

# %% [markdown] lang="ko"
# **2.** He 초기화를 직접 써 보세요. `rng.gauss`가 받는 것은 평균과 *표준편차*입니다. 분산이
# 아닙니다.


# %% tags=["exercise"]
def he(n_in, n_out, rng):
    return [[rng.gauss(0, 2 / n_in) for _ in range(n_in)] for _ in range(n_out)]


def check(rows, n_in):
    found = sum(w * w for row in rows for w in row) / sum(map(len, rows))
    wanted = 2 / n_in
    print(f"variance {found:.4f}, wanted {wanted:.4f}")
    if abs(found / wanted - wanted) < 0.1 * wanted:
        print("this is the wanted variance squared: the deviation is its root")
    return abs(found / wanted - 1) < 0.1


right = check(he(50, 200, Random(0)), 50)


# %% tags=["solution"]
def he(n_in, n_out, rng):
    return [[rng.gauss(0, math.sqrt(2 / n_in)) for _ in range(n_in)] for _ in range(n_out)]


right = check(he(50, 200, Random(0)), 50)
assert right

# %% [markdown] lang="en"
# **3.** This training is to stop early, but runs to the end and overfits. What does it watch?

# %% [markdown] lang="ko"
# **3.** 조기 종료를 하려고 했지만 끝까지 학습해 과적합되었습니다. 무엇을 보고 멈추려 했을까요?

# %% tags=["exercise"]
model = large()
history = train(model, *few, epochs=150, lr=0.003, batch_size=10, patience=15)  # of what?
print(history)
loss = nn.losses.bce_with_logits(model(others[0]), others[1])
print(f"on other samples {float(loss.data):.3f}; to say one half costs {math.log(2):.3f}")

# %% tags=["solution"]
model = large()
history = train(model, *few, epochs=150, lr=0.003, batch_size=10, patience=15, validation=others)
print(history)
loss = nn.losses.bce_with_logits(model(others[0]), others[1])
print(f"on other samples {float(loss.data):.3f}; to say one half costs {math.log(2):.3f}")
assert float(loss.data) < math.log(2)
