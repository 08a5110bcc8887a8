# %% [markdown] lang="en"
# # When learning stalls
#
# A network can be wired correctly, its gradients exact, and still learn nothing. Four faults are
# behind most such cases, and each comes from the slopes of the last lesson: a **vanishing
# gradient**, **saturation**, a **bias shift** and **dead ReLUs**.
#
# We provoke each one, look at it layer by layer, let `nn.diagnose_training` name it, and cure it.

# %% [markdown] lang="ko"
# # 학습이 멈출 때
#
# 신경망을 바르게 연결했고 그래디언트도 정확한데 아무것도 배우지 못할 때가 있습니다. 대개 다음 네 가지
# 가운데 하나 때문입니다. **기울기 소실**, **포화**, **편향 이동**, **죽은 ReLU**입니다. 모두 앞
# 노트북에서 본 기울기에서 생깁니다.
#
# 하나씩 일부러 일으켜 보고, 층별로 살펴보고, `nn.diagnose_training`으로 진단한 다음 고쳐
# 보겠습니다.

# %%
import matplotlib.pyplot as plt

import nn
from autograd import check_student, gradients, sigmoid

plt.rcParams |= {"figure.figsize": (4.8, 3.2), "figure.dpi": 100}

X, y = nn.data.two_moons(100, seed=0)  # two interleaved half circles, classes 0 and 1


def look(model, X=X):
    return nn.diagnose_training(model, X, y, loss="bce_with_logits")


def train(model, lr=0.1):
    return nn.fit(model, X, y, "bce_with_logits", "sgd", 40, 20, lr=lr, seed=0, progress=False)


# %% [markdown] lang="en"
# ## The vanishing gradient
#
# Backpropagation multiplies slopes. A sigmoid's slope is at most 1/4, so six sigmoid layers let
# at most $(1/4)^6$ of a gradient through, before the weights have had their say. The first layers
# then hardly move.
#
# Two networks of six hidden layers, alike but for the activation. Look at "gradient by the
# weights", whose axis is logarithmic.

# %% [markdown] lang="ko"
# ## 기울기 소실
#
# 역전파는 기울기를 계속 곱합니다. 시그모이드의 기울기는 커야 1/4이므로, 시그모이드 층을 여섯 개
# 지나면 가중치를 곱하기도 전에 이미 $(1/4)^6$ 이하로 줄어듭니다. 그러면 앞쪽 층은 거의 움직이지
# 않습니다.
#
# 활성화 함수만 다르고 나머지는 같은, 은닉층 여섯 개짜리 신경망 두 개를 비교합니다. 로그 눈금으로
# 그린 "gradient by the weights" 칸을 보세요.

# %%
print(f"(1/4)^6 = {0.25**6:.6f}")

deep = {name: nn.MLP(2, [8] * 6 + [1], activation=name, seed=1) for name in ("sigmoid", "relu")}
reports = {name: look(model) for name, model in deep.items()}
axes = nn.plot_training(reports)

# %%
print(reports["sigmoid"].findings[0])
assert reports["sigmoid"].findings[0].startswith("The gradient vanishes")
assert reports["relu"]
sizes = {name: [row.gradient for row in report.layers] for name, report in reports.items()}
assert sizes["sigmoid"] == sorted(sizes["sigmoid"])
assert max(sizes["relu"]) < 10 * min(sizes["relu"])

# %% [markdown] lang="en"
# With the sigmoid, each layer further from the output has a smaller gradient than the one after
# it. With ReLU the line is nearly level. Does it matter? Train both, the same way:

# %% [markdown] lang="ko"
# 시그모이드에서는 출력에서 멀어지는 층마다 그래디언트가 작아집니다. ReLU에서는 선이 거의 수평입니다.
# 이 차이가 학습에 영향을 줄까요? 같은 방법으로 둘 다 학습시켜 봅니다.

# %%
histories = {name: train(model) for name, model in deep.items()}
axes = nn.plot_history(histories)
assert histories["sigmoid"].loss[-1] > 0.69  # what guessing one half costs
assert histories["relu"].loss[-1] < 0.2

# %% [markdown] lang="en"
# The sigmoid network has learnt nothing in all its epochs; its loss is that of answering "one
# half" to everything. **The cure**: ReLU or one of its family in the hidden layers, with first
# weights to match (a later lesson), or fewer layers.

# %% [markdown] lang="ko"
# 시그모이드 신경망은 끝까지 아무것도 배우지 못했습니다. 손실이 언제나 확률을 1/2이라고 답할 때와
# 같습니다. **해결 방법**은 은닉층에 ReLU 계열을 쓰고 그에 맞게 가중치를 초기화하는 것(뒤 노트북에서
# 다룹니다), 또는 층을 줄이는 것입니다.

# %% [markdown] lang="en"
# ## Saturation
#
# A sigmoid or tanh whose input is far from 0 sits on the flat end of its curve: it is
# *saturated*, its slope is almost 0, and this happens in a single layer, without any depth. Large
# weights do it, and so do large inputs. Here the features are in other units, a hundred times as
# large.

# %% [markdown] lang="ko"
# ## 포화
#
# 시그모이드나 tanh의 입력이 0에서 멀면 출력은 곡선의 평평한 끝에 놓입니다. 이것이 *포화*이고,
# 기울기는 거의 0입니다. 층이 깊지 않아도 한 층만으로 생깁니다. 가중치가 크거나 입력이 크면 그렇게
# 됩니다. 여기서는 단위를 바꾸어 특성값을 백 배로 키웠습니다.

# %%
large = [[100 * a, 100 * b] for a, b in X]
model = nn.MLP(2, [8, 8, 1], activation="tanh", seed=0)
before = look(model, large)
print(*before.findings, sep="\n")
assert before.findings[0].startswith("Saturated tanh: ")

# %% [markdown] lang="en"
# **The cure** is named in the findings: standardise the features, so that each has mean 0 and
# deviation 1.

# %% [markdown] lang="ko"
# **해결 방법**은 진단에 적혀 있습니다. 특성마다 평균이 0, 표준편차가 1이 되도록 표준화합니다.

# %%
scaled, mean, deviation = nn.data.standardize(large)
after = look(model, scaled)
axes = nn.plot_training({"raw": before, "standardised": after})
print(after.findings or "Nothing is wrong here.")
assert after

# %% [markdown] lang="en"
# ## Bias shift
#
# The outputs of a sigmoid are all positive, around 1/2. So every input of the next layer is
# positive, and this ties its weights together: the gradient of a weight is the unit's own
# gradient times that input, and with positive inputs all weights of a unit get the **same sign**.
# They can only rise together or fall together.

# %% [markdown] lang="ko"
# ## 편향 이동
#
# 시그모이드의 출력은 1/2 근처의 양수뿐입니다. 그러면 다음 층의 입력이 모두 양수가 되고, 가중치가
# 서로 묶여 버립니다. 가중치의 그래디언트는 그 뉴런의 그래디언트에 입력을 곱한 값인데, 입력이 모두
# 양수이면 한 뉴런의 가중치 그래디언트가 모두 **같은 부호**가 되기 때문입니다. 함께 커지거나 함께
# 작아질 수밖에 없습니다.

# %%
models = {name: nn.MLP(2, [8, 8, 1], activation=name, seed=0) for name in ("sigmoid", "tanh")}
for name, model in models.items():
    unit = model.layers[1].neurons[0]
    loss = nn.losses.bce_with_logits([model(X[0])], y[:1])
    signs = ["+" if g > 0 else "-" for g in gradients(loss, unit.weight)]
    print(f"{name:8} signs of one unit's gradients: {' '.join(signs)}")
    assert len(set(signs)) == (1 if name == "sigmoid" else 2)

# %%
reports = {name: look(model) for name, model in models.items()}
axes = nn.plot_training(reports)
print(reports["sigmoid"].findings[0])
assert reports["sigmoid"].findings[0].startswith("Bias shift: ")

# %% [markdown] lang="en"
# In the first panel the outputs of the sigmoid stand near 1/2, and those of tanh straddle 0, as
# they should. **The cure**: tanh, which is centred; ELU goes part of the way.

# %% [markdown] lang="ko"
# 첫째 칸에서 시그모이드의 출력은 1/2 근처에 몰려 있고, tanh의 출력은 0을 사이에 두고 퍼져
# 있습니다. **해결 방법**은 원점이 중심인 tanh를 쓰는 것입니다. ELU도 이 문제를 줄여 줍니다.

# %%
for row in reports["sigmoid"].layers[:-1]:
    assert 0.4 < row.mean < 0.6
for row in reports["tanh"].layers[:-1]:
    assert abs(row.mean) < row.deviation
assert reports["tanh"]

# %% [markdown] lang="en"
# ## Dead ReLU
#
# ReLU returns 0, with slope 0, for a negative input. If one large step throws the weights so far
# that a unit's input is negative for **every** sample, no gradient reaches it any more, and it
# will return 0 for ever: it is dead. The usual culprit is a learning rate that is too large.

# %% [markdown] lang="ko"
# ## 죽은 ReLU
#
# ReLU는 입력이 음수이면 0을 내고 기울기도 0입니다. 한 번의 큰 업데이트로 가중치가 멀리 튀어
# **모든** 샘플에서 입력이 음수가 되면, 그 뉴런에는 더 이상 그래디언트가 오지 않고 계속 0만 냅니다.
# 죽은 것입니다. 보통은 너무 큰 학습률이 원인입니다.

# %%
cases = {
    "relu, lr 5": ("relu", 5.0),
    "relu, lr 0.1": ("relu", 0.1),
    "leaky, lr 5": ("leaky_relu", 5.0),
}
models = {name: nn.MLP(2, [8, 8, 1], activation=act, seed=0) for name, (act, _) in cases.items()}
histories = {name: train(models[name], lr) for name, (_, lr) in cases.items()}
reports = {name: look(model) for name, model in models.items()}
axes = nn.plot_training({name: reports[name] for name in ("relu, lr 5", "relu, lr 0.1")})
print(*reports["relu, lr 5"].findings[:3], sep="\n")
assert any(x.startswith("Dead relu") for x in reports["relu, lr 5"].findings)

# %% [markdown] lang="en"
# All units of the second layer are dead, and with them everything before it: not one weight of
# this network gets a gradient. **The cures**: a lower learning rate, and a new start, for a dead
# unit gets no gradient that could wake it; or leaky ReLU, whose slope on the left is small but
# never 0, so that a unit can come back even from large steps.

# %% [markdown] lang="ko"
# 둘째 층의 뉴런이 모두 죽었고, 그 때문에 앞쪽도 모두 멈췄습니다. 이 신경망의 가중치에는 그래디언트가
# 하나도 오지 않습니다. **해결 방법**은 학습률을 낮추고 처음부터 다시 학습하는 것입니다. 죽은
# 뉴런에는 깨워 줄 그래디언트가 오지 않기 때문입니다. 또는 왼쪽 기울기가 작지만 0은 아닌 Leaky ReLU를
# 씁니다. 그러면 크게 튀더라도 돌아올 수 있습니다.

# %%
axes = nn.plot_history(histories)
assert reports["relu, lr 5"].layers[1].dead == 1
assert all(row.gradient == 0 for row in reports["relu, lr 5"].layers[:2])
assert reports["relu, lr 0.1"]
assert reports["leaky, lr 5"]

# %% [markdown] lang="en"
# ## Exercises
#
# Each network below has a fault. The attempt does not cure it; the report says why.
#
# **1.** This network of eight hidden layers does not learn. Cure the vanishing gradient without
# removing a layer.

# %% [markdown] lang="ko"
# ## 연습 문제
#
# 아래 신경망에는 모두 문제가 있습니다. 답안은 문제를 고치지 못했고, 진단이 그 까닭을 말해 줍니다.
#
# **1.** 은닉층이 여덟 개인 이 신경망은 배우지 못합니다. 층을 줄이지 말고 기울기 소실을 해결해
# 보세요.

# %% tags=["exercise"]
model = nn.MLP(2, [8] * 8 + [1], activation="sigmoid", init="normal", seed=1)  # larger weights
report = look(model)
print(report.findings[0])

# %% tags=["solution"]
model = nn.MLP(2, [8] * 8 + [1], activation="relu", init="he_normal", seed=1)
report = look(model)
print(report)
assert report

# %% [markdown] lang="en"
# **2.** Units die in this training. Does a larger step get them out?

# %% [markdown] lang="ko"
# **2.** 학습하다가 뉴런이 죽습니다. 보폭을 더 키우면 살아날까요?

# %% tags=["exercise"]
model = nn.MLP(2, [8, 8, 1], activation="relu", seed=0)
history = train(model, lr=6.0)  # a larger step, to get out
report = look(model)
print(*report.findings, sep="\n")

# %% tags=["solution"]
model = nn.MLP(2, [8, 8, 1], activation="relu", seed=0)
history = train(model, lr=0.3)
report = look(model)
print(history, report, sep="\n\n")
assert report

# %% [markdown] lang="en"
# **3.** A tower of six sigmoids, each on the output of the one below. Write its slope: how much
# of a gradient comes through from the top to the bottom?

# %% [markdown] lang="ko"
# **3.** 시그모이드를 여섯 층 쌓았습니다. 각 층은 아래층의 출력을 입력으로 받습니다. 이 탑의
# 기울기를 써 보세요. 맨 위의 그래디언트는 맨 아래까지 얼마나 전달될까요?


# %% tags=["exercise"]
def tower(x):
    for _ in range(6):
        x = sigmoid(x)
    return x


def slope(x):
    return 0.25**6  # a quarter for each


report = check_student(slope, tower)
print(report)


# %% tags=["solution"]
def slope(x):
    product = 1.0
    for _ in range(6):
        x = sigmoid(x)
        product *= x * (1 - x)  # a quarter at most, and at input 0 only
    return product


report = check_student(slope, tower)
print(report)
assert report
