# %% [markdown] lang="en"
# # From a table to a prediction
#
# A file full of numbers arrives. What lies between it and a prediction that you may trust? Mostly
# not the network. This lesson follows one table all the way, and asks at each step: how would I
# notice if I fooled myself?

# %% [markdown] lang="ko"
# # 표에서 예측까지
#
# 숫자로 가득한 파일이 하나 도착했습니다. 이 파일에서 믿을 만한 예측을 얻기까지 무엇이 필요할까요? 대부분은
# 신경망이 아닙니다. 이 노트북에서는 표 하나를 처음부터 끝까지 따라가면서, 단계마다 이렇게 묻습니다. 내가 나를
# 속이고 있다면 어떻게 알아챌 수 있을까요?

# %% [markdown] lang="en"
# ## A table and one command
#
# The table has 178 Italian wines, 13 measurements of each, and the grape it was made from.
# scikit-learn brings it along; here it becomes a plain file, as you would get one from somebody.

# %% [markdown] lang="ko"
# ## 표 하나와 명령 하나
#
# 이 표에는 이탈리아 와인 178개가 있고, 와인마다 측정값 13개와 포도 품종이 적혀 있습니다. scikit-learn에 들어 있는
# 데이터이지만, 여기서는 누군가에게서 받은 것처럼 평범한 파일로 만들어 둡니다.

# %%
import csv
import os
import tempfile
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from sklearn.datasets import load_wine

import nn

os.chdir(tempfile.mkdtemp())  # a folder of its own
wine = load_wine()
GRAPES = ["barolo", "grignolino", "barbera"]
with open("wine.csv", "w", newline="") as file:
    table = csv.writer(file)
    table.writerow([*wine.feature_names, "grape"])
    table.writerows([*row, GRAPES[k]] for row, k in zip(wine.data.tolist(), wine.target))

assert wine.data.shape == (178, 13)
for line in Path("wine.csv").read_text().split("\n")[:3]:
    print(line[:88], "...")

# %% [markdown] lang="en"
# One command reads the file, trains a network and reports on it. In a terminal it is
# `valuegrad train wine.csv --target grape`; in Python it is the same program.

# %% [markdown] lang="ko"
# 명령 하나로 파일을 읽고, 신경망을 학습하고, 결과를 보고받을 수 있습니다. 터미널에서는
# `valuegrad train wine.csv --target grape`라고 쓰고, 파이썬에서도 같은 프로그램을 부릅니다.

# %%
from autograd.commands.main import main

_ = main(["train", "wine.csv", "--target", "grape", "--quiet"])

# %% [markdown] lang="en"
# Read the report from the bottom. Each row of the small square is what a wine is, each column what
# the network said. Wines off the diagonal are mistakes. The file `model.safetensors` holds the
# network, and `valuegrad predict` uses it on new tables.
#
# Everything that follows is what this command did, step by step.

# %% [markdown] lang="ko"
# 보고서는 아래쪽부터 읽어 보세요. 작은 표의 행은 와인의 실제 품종이고, 열은 신경망이 답한 품종입니다.
# 대각선에서 벗어난 와인은 틀린 답입니다. `model.safetensors` 파일에는 신경망이 저장되어 있고,
# `valuegrad predict`로 새 표에 적용할 수 있습니다.
#
# 이제부터 이 명령이 한 일을 한 단계씩 직접 해 봅니다.

# %% [markdown] lang="en"
# ## Preprocessing: the same scale for every column
#
# The measurements have different units. Look at how far apart two of them are:

# %% [markdown] lang="ko"
# ## 전처리: 모든 열을 같은 척도로
#
# 측정값마다 단위가 다릅니다. 그중 두 열이 얼마나 다른지 보세요.

# %%
rows = list(csv.DictReader(Path("wine.csv").read_text().splitlines()))
X = np.array([[float(row[name]) for name in wine.feature_names] for row in rows])
grapes = [row["grape"] for row in rows]

for name in ("hue", "proline"):
    column = X[:, wine.feature_names.index(name)]
    print(f"{name:8} mean {column.mean():7.2f}, standard deviation {column.std():7.2f}")
assert column.mean() > 200 * X[:, wine.feature_names.index("hue")].mean()

# %% [markdown] lang="en"
# A weight on `proline` moves the weighted sum hundreds of times as much as the same weight on
# `hue`. One learning rate cannot suit both. So each column is **standardised**: subtract its mean,
# divide by its standard deviation. That is most of *preprocessing*.

# %% [markdown] lang="ko"
# 같은 크기의 가중치라도 `proline`에 곱하면 `hue`에 곱할 때보다 가중합을 수백 배나 크게 움직입니다. 학습률 하나로
# 둘 다 맞출 수는 없습니다. 그래서 열마다 평균을 빼고 표준편차로 나눕니다. 이것을 **표준화**라고 하며, *전처리*의
# 대부분이 이 일입니다.

# %%
scaled, means, scales = nn.data.standardize(X)

figure, axes = plt.subplots(1, 2, figsize=(7, 2.3), layout="constrained")
for ax, table, title in zip(axes, (X, np.array(scaled)), ("as measured", "standardised")):
    ax.boxplot(table)
    ax.set(title=title, xlabel="column", ylabel="number")

# %% [markdown] lang="en"
# Does it matter? The same network, trained in the same way, with and without it.
# (`cross_val_score` is explained below; the higher the number, the better.)

# %% [markdown] lang="ko"
# 정말 차이가 날까요? 같은 신경망을 같은 방법으로, 표준화를 하고 또 하지 않고 학습해 봅니다. (`cross_val_score`는
# 아래에서 설명합니다. 숫자가 클수록 좋습니다.)

# %%
from sklearn.model_selection import cross_val_score

score = {}
for standardize in (True, False):
    model = nn.MLPClassifier(layers=(16,), standardize=standardize, random_state=0)
    score[standardize] = cross_val_score(model, X, grapes, cv=5).mean()

assert score[True] > score[False] + 0.05
print(f"standardised {score[True]:.0%}, as measured {score[False]:.0%}")

# %% [markdown] lang="en"
# ## One-hot: names become numbers
#
# A network does not read `barolo`. Numbering the grapes 0, 1, 2 would claim that `barbera` is
# twice `grignolino`. A **one-hot** row claims nothing of the kind: one place for each name, a 1 at
# the right one. It is also what `softmax` should return for this wine, if it were quite sure.

# %% [markdown] lang="ko"
# ## 원-핫: 이름을 숫자로
#
# 신경망은 `barolo`라는 글자를 읽지 못합니다. 품종에 0, 1, 2라고 번호를 붙이면 `barbera`가
# `grignolino`의 두 배라고 말하는 셈이 됩니다. **원-핫(one-hot)** 행은 그런 주장을 하지
# 않습니다. 이름마다 자리를 하나씩 두고, 맞는 자리에만 1을 적습니다. 신경망이 완전히 확신할 때
# `softmax`가 내놓아야 할 값이기도 합니다.

# %%
y = np.array([GRAPES.index(grape) for grape in grapes])
places = [0, 60, 150, 170]
hot = nn.data.one_hot(y[places].tolist())

figure, ax = plt.subplots(figsize=(3.6, 2), layout="constrained")
ax.imshow(hot, cmap="Blues", vmax=1.4, aspect="auto")
ax.set_xticks(range(3), GRAPES, rotation=20)
ax.set_yticks(range(4), [f"wine {i}" for i in places])
for (i, k), number in np.ndenumerate(np.array(hot)):
    ax.text(k, i, f"{number:.0f}", ha="center", va="center")

# %% [markdown] lang="en"
# ## Split and shuffle
#
# A network that has seen an answer can repeat it. That says nothing about new wines. So part of
# the table is **held out**: the network never learns from it, and is asked about it at the end.
#
# The file is sorted by grape. If the last part were held out, the network would be tested on a
# grape it hardly knows. So **shuffle** first. Each picture below is the table from top to bottom,
# one line for each wine, coloured by grape; below the black line is what is held out.

# %% [markdown] lang="ko"
# ## 나누기와 섞기
#
# 답을 이미 본 신경망은 그 답을 따라 말할 수 있습니다. 그것으로는 새 와인에 대해 아무것도 알 수 없습니다. 그래서 표의
# 일부를 **따로 떼어 둡니다**. 신경망은 그 부분으로는 학습하지 않고, 마지막에 그 부분에 대해 질문을 받습니다.
#
# 이 파일은 품종 순서로 정렬되어 있습니다. 끝부분을 떼어 두면 신경망은 거의 배우지 못한 품종으로 시험을 보게 됩니다.
# 그래서 먼저 **섞습니다**. 아래 그림은 표를 위에서 아래로 늘어놓은 것으로, 와인 하나가 가로줄 하나이고 색은
# 품종입니다. 검은 선 아래가 떼어 둔 부분입니다.

# %%
(learn_rows, learn_y), (held_rows, held_y) = nn.data.split(X, y, 0.3, seed=1)

figure, axes = plt.subplots(1, 2, figsize=(4.4, 2.6), layout="constrained")
shuffled = np.concatenate([learn_y, held_y])
for ax, order, title in zip(axes, (y, shuffled), ("sorted", "shuffled")):
    ax.imshow(order[:, None], aspect="auto", cmap="Set2", vmax=7, interpolation="nearest")
    ax.axhline(len(learn_y), color="black")
    ax.set(title=title, xticks=[], yticks=[])
print(f"{len(learn_y)} wines to learn from, {len(held_y)} held out")

# %% [markdown] lang="en"
# The means and scales come from the wines to learn from, and the held-out wines are standardised
# with *those*. The held-out part must not whisper, not even its mean.

# %% [markdown] lang="ko"
# 평균과 표준편차는 학습할 와인에서만 구하고, 떼어 둔 와인도 *그 값으로* 표준화합니다. 떼어 둔 부분에서는 평균 하나도
# 새어 나오면 안 됩니다.

# %%
learn, means, scales = nn.data.standardize(learn_rows)
held = nn.data.standardize(held_rows, means, scales)[0]
columns = abs(np.mean(learn, axis=0)[0]), np.mean(held, axis=0)[0]
print("mean of a column: learnt from {:.2f}, held out {:.2f}".format(*columns))

# %% [markdown] lang="en"
# ## Accuracy, and what it hides
#
# `fit` does the rest. Each class is one output, the loss is the cross-entropy, and `metrics` asks
# for the **accuracy**, the share of right answers, which is easier to explain to people than a
# loss.

# %% [markdown] lang="ko"
# ## 정확도, 그리고 정확도가 숨기는 것
#
# 나머지는 `fit`이 합니다. 품종마다 출력이 하나씩 있고, 손실 함수는 교차 엔트로피입니다. `metrics`에는 **정확도**를
# 적습니다. 정확도는 맞은 답의 비율로, 손실보다 사람에게 설명하기 쉽습니다.

# %%
model = nn.MLP(13, [8, 3], "tanh", seed=0, backend="tensor")
settings = {"epochs": 40, "batch_size": 16, "lr": 0.02, "seed": 0, "progress": False}
settings |= {"validation": (held, held_y), "metrics": ["accuracy"]}
history = nn.fit(model, learn, learn_y, "cross_entropy", **settings)

figure, axes = plt.subplots(1, 2, figsize=(7, 2.3), layout="constrained")
history.plot(axes[0])
axes[1].plot(history.history["accuracy"], label="training")
axes[1].plot(history.history["val_accuracy"], "--", label="held out")
axes[1].set(title="accuracy", xlabel="epoch", ylabel="share of right answers")
axes[1].legend()
assert history.history["val_accuracy"][-1] > 0.9

# %% [markdown] lang="en"
# One number for all classes can hide much: if nine wines in ten were Barolo, a network that always
# says "Barolo" would be right nine times in ten. scikit-learn's report tells the classes apart.
# *Precision*: of those called so, how many are? *Recall*: of those that are so, how many were
# found?

# %% [markdown] lang="ko"
# 모든 품종을 숫자 하나로 나타내면 많은 것이 숨겨집니다. 열 병 가운데 아홉 병이 Barolo라면, 무조건
# "Barolo"라고 답하는 신경망도 열 번 중 아홉 번은 맞습니다. scikit-learn의 보고서는 품종을
# 나누어 보여 줍니다. *정밀도*(precision)는 그 품종이라고 답한 것 중 실제로 그런 것의 비율이고,
# *재현율*(recall)은 실제로 그 품종인 것 중 찾아낸 것의 비율입니다.

# %%
from sklearn.metrics import classification_report

from autograd import no_grad

with no_grad():
    answers = model(np.array(held)).data.argmax(axis=1)
print(classification_report(held_y, answers, target_names=GRAPES, digits=2))

# %% [markdown] lang="en"
# ## Overfitting, seen and named
#
# Thirteen columns make this task easy. Let it be hard: two columns only, half of the wines to
# learn from, and 64 hidden units. Two columns can be drawn.

# %% [markdown] lang="ko"
# ## 과적합: 눈으로 보고 이름 붙이기
#
# 열이 13개나 있으면 이 문제는 쉽습니다. 어렵게 만들어 봅시다. 열은 두 개만, 학습할 와인은 절반만, 은닉 유닛은 64개로
# 합니다. 열이 두 개이면 그림으로 그릴 수 있습니다.

# %%
PAIR = ["alcohol", "malic_acid"]
pair = [wine.feature_names.index(name) for name in PAIR]
(learn_rows, learn_y), (held_rows, held_y) = nn.data.split(X[:, pair], y, 0.5, seed=1)
learn, means, scales = nn.data.standardize(learn_rows)
held = nn.data.standardize(held_rows, means, scales)[0]


def trained(decay, epochs=150):
    model = nn.MLP(2, [64, 3], "tanh", seed=0, backend="tensor")
    adam = nn.optim.Adam(model.parameters(), lr=0.03, weight_decay=decay)
    settings = {"validation": (held, held_y), "seed": 0, "progress": False}
    return model, nn.fit(model, learn, learn_y, "cross_entropy", adam, epochs, 16, **settings)


free, history = trained(decay=0.0)

figure, axes = plt.subplots(1, 2, figsize=(7, 2.7), layout="constrained")
history.plot(axes[0])
nn.plot_decision_boundary(free, learn, learn_y, ax=axes[1], classes=GRAPES, features=PAIR)

best = np.argmin(history.validation_loss)
assert history.loss[-1] < history.loss[best]
assert history.validation_loss[-1] > 1.3 * history.validation_loss[best]

# %% [markdown] lang="en"
# On the left the loss on the wines it learns from falls and falls. On the held-out wines it falls
# for a few epochs, turns, and rises. From the turn on the network no longer learns about grapes.
# It learns these particular wines by heart. That is **overfitting**, and the two lines that part
# are how you see it.
#
# On the right is what it looks like: bays and islands drawn around single points. Nature did not
# draw them.

# %% [markdown] lang="ko"
# 왼쪽 그림에서 학습에 쓴 와인의 손실은 계속 내려갑니다. 떼어 둔 와인의 손실은 처음 몇 에폭 동안 내려가다가
# 방향을 바꾸어 올라갑니다. 방향이 바뀐 뒤부터 신경망은 품종에 대해 더 배우지 않고, 이 와인들을 하나하나
# 외웁니다. 이것이 **과적합**입니다. 두 선이 벌어지는 모습으로 과적합을 알아볼 수 있습니다.
#
# 오른쪽 그림은 과적합이 어떤 모양인지 보여 줍니다. 점 하나하나를 둘러싸고 만과 섬이 생겼습니다. 자연이 그린 경계가
# 아닙니다.

# %% [markdown] lang="en"
# ## Weight decay, a regularisation
#
# Sharp bends need large weights. So let large weights cost something: add $\lambda \sum w^2$ to
# the loss. Its gradient $2\lambda w$ pulls every weight towards 0, a little at each step, unless
# the data hold against it. Hence the name **weight decay**. Whatever holds a model back from
# learning by heart is called **regularisation**; stopping at the turn of the curve (`patience=`)
# is another.

# %% [markdown] lang="ko"
# ## 가중치 감쇠: 정규화의 한 방법
#
# 급하게 꺾인 경계를 그리려면 큰 가중치가 필요합니다. 그러니 큰 가중치에 값을 치르게 합시다. 손실에
# $\lambda \sum w^2$을 더하는 것입니다. 이 항의 그래디언트 $2\lambda w$는 데이터가
# 버티지 않는 한 모든 가중치를 걸음마다 조금씩 0 쪽으로 당깁니다. 그래서 **가중치 감쇠**(weight
# decay)라고 합니다. 모델이 데이터를 외우지 못하게 붙잡는 방법을 통틀어
# **정규화**(regularization)라고 합니다. 곡선이 방향을 바꿀 때 멈추는
# 것(`patience=`)도 그중 하나입니다.

# %%
held_back, calmer = trained(decay=0.01)

figure, axes = plt.subplots(1, 2, figsize=(7, 2.7), layout="constrained")
nn.plot_history({"no decay": history, "weight decay": calmer}, ax=axes[0])
nn.plot_decision_boundary(held_back, learn, learn_y, ax=axes[1], classes=GRAPES, features=PAIR)


def largest(model):
    return max(np.abs(p.data).max() for p in model.parameters())


assert largest(held_back) < largest(free)
assert calmer.loss[-1] > history.loss[-1]
assert calmer.validation_loss[-1] < history.validation_loss[-1]

# %% [markdown] lang="en"
# The loss is higher on the wines it has seen, and lower on those it has not. That is the trade.

# %% [markdown] lang="ko"
# 이미 본 와인에서는 손실이 커지지만, 보지 못한 와인에서는 작아집니다. 이것이 우리가 한 거래입니다.

# %% [markdown] lang="en"
# ## Cross-validation
#
# Which wines were held out was chance. With another shuffle the score would be another.
# **Cross-validation** lets every wine be held out once: cut the table into five parts, hold out
# each in turn, train five times. Five scores say how good, and how uncertain.
#
# scikit-learn does it, for `nn.MLPClassifier` is an estimator like its own. It standardises with
# the means of the part that it learns from, each time anew.

# %% [markdown] lang="ko"
# ## 교차 검증
#
# 어떤 와인을 떼어 둘지는 우연이었습니다. 다시 섞으면 점수도 달라집니다. **교차 검증**에서는 모든 와인이 한 번씩 떼어 둔
# 쪽에 놓입니다. 표를 다섯 부분으로 자르고, 차례로 하나씩 떼어 두면서 다섯 번 학습합니다. 점수 다섯 개를 보면 얼마나
# 좋은지, 그리고 얼마나 불확실한지 알 수 있습니다.
#
# `nn.MLPClassifier`는 scikit-learn의 추정기와 똑같이 쓸 수 있으므로 교차 검증은
# scikit-learn에 맡깁니다. 표준화도 매번 학습할 부분의 평균으로 새로 합니다.

# %%
from sklearn.model_selection import StratifiedKFold

parts = StratifiedKFold(5, shuffle=True, random_state=0)
classifier = nn.MLPClassifier(layers=(8,), activation="tanh", random_state=0)
scores = cross_val_score(classifier, X[:, pair], y, cv=parts)

where = np.zeros((5, len(y)))
for i, (_, out) in enumerate(parts.split(X, y)):
    where[i, out] = 1
figure, ax = plt.subplots(figsize=(7, 1.6), layout="constrained")
ax.imshow(where, aspect="auto", cmap="Oranges", vmax=1.5, interpolation="nearest")
ax.set_yticks(range(5), [f"{score:.0%} right" for score in scores])
ax.set(xlabel="wine (dark: held out)", title=f"five trainings, {scores.mean():.0%} on average")
assert (where.sum(axis=0) == 1).all()  # each wine is held out once

# %% [markdown] lang="en"
# ## How many hidden units?
#
# Weights are learnt; the number of hidden units is not. It is a **hyperparameter**: you choose it,
# like the learning rate and the decay. Choose by cross-validation, not by the training loss, which
# only ever asks for more.

# %% [markdown] lang="ko"
# ## 은닉 유닛은 몇 개가 좋을까?
#
# 가중치는 학습되지만 은닉 유닛의 수는 학습되지 않습니다. 학습률이나 감쇠처럼 사람이 정하는 **하이퍼파라미터**입니다.
# 교차 검증으로 고르세요. 학습 손실만 보고 고르면 언제나 유닛이 많은 쪽이 이깁니다.

# %%
from sklearn.model_selection import validation_curve

sizes = [1, 2, 4, 16, 64]
settings = {"activation": "tanh", "lr": 0.03, "epochs": 100, "batch_size": 32}
classifier = nn.MLPClassifier(weight_decay=0.0, patience=None, random_state=0, **settings)
seen, unseen = validation_curve(
    classifier, X[:, pair], y, param_name="layers", param_range=[(n,) for n in sizes], cv=parts
)
figure, ax = plt.subplots(figsize=(5, 2.8), layout="constrained")
for scores, name, line in ((seen, "training", "-o"), (unseen, "held out", "--s")):
    ax.errorbar(sizes, scores.mean(axis=1), scores.std(axis=1), fmt=line, capsize=3, label=name)
ax.set(xscale="log", xlabel="hidden units", ylabel="accuracy")
ax.set_xticks(sizes, sizes)
ax.legend()
enough = unseen[1:].mean(axis=1)
assert unseen[0].mean() < enough.min()
assert np.ptp(enough) < unseen[1:].std(axis=1).max()

# %% [markdown] lang="en"
# With one unit the network cannot say enough: both curves are low. With two it can. Beyond that
# the curve of the held-out wines only wobbles, by less than the bars, which show how much the five
# scores differ. So take the small network, and do not read anything into the last digit.

# %% [markdown] lang="ko"
# 유닛이 하나이면 신경망이 충분히 표현하지 못해서 두 곡선이 모두 낮습니다. 둘이면 충분합니다. 그보다 많아져도 떼어 둔
# 와인의 곡선은 흔들리기만 합니다. 막대는 점수 다섯 개가 서로 얼마나 다른지를 나타내는데, 곡선의 흔들림은 그 막대보다
# 작습니다. 그러니 작은 신경망을 고르고, 마지막 자리 숫자에 의미를 두지 마세요.

# %% [markdown] lang="en"
# ## Exercises
#
# Each attempt below is wrong, and the check says how. Mend it before you open the solution.
#
# **1.** The loss with weight decay is $(w_0 - 3)^2 + (w_1 + 1)^2 + \lambda (w_0^2 + w_1^2)$. Write
# its gradient.

# %% [markdown] lang="ko"
# ## 연습 문제
#
# 아래의 시도는 모두 틀렸고, 검사가 무엇이 틀렸는지 말해 줍니다. 풀이를 열기 전에 먼저 고쳐 보세요.
#
# **1.** 가중치 감쇠를 더한 손실은
# $(w_0 - 3)^2 + (w_1 + 1)^2 + \lambda (w_0^2 + w_1^2)$입니다. 이
# 손실의 그래디언트를 적어 보세요.

# %% tags=["exercise"]
from autograd import check_student

LAMBDA = 0.1


def loss(w):
    return (w[0] - 3) ** 2 + (w[1] + 1) ** 2 + LAMBDA * (w[0] ** 2 + w[1] ** 2)


def slope(w):
    return [2 * (w[0] - 3) + LAMBDA * w[0], 2 * (w[1] + 1) + LAMBDA * w[1]]


report = check_student(slope, loss, at=[([1.0, 2.0],)])
print(report)


# %% tags=["solution"]
def slope(w):
    return [2 * (w[0] - 3) + 2 * LAMBDA * w[0], 2 * (w[1] + 1) + 2 * LAMBDA * w[1]]


report = check_student(slope, loss, at=[([1.0, 2.0],)])
print(report)
assert report

# %% [markdown] lang="en"
# **2.** For a wine of class $k$ the cross-entropy of the scores $z$ is
# $-\ln \mathrm{softmax}(z)_k$. Its gradient is short: the chances minus the one-hot row. Here
# $k = 2$.

# %% [markdown] lang="ko"
# **2.** 품종이 $k$인 와인에서 점수 $z$의 교차 엔트로피는
# $-\ln \mathrm{softmax}(z)_k$입니다. 그래디언트는 간단합니다. 확률에서 원-핫 행을 빼면
# 됩니다. 여기서는 $k = 2$입니다.

# %% tags=["exercise"]
from autograd import log_softmax, softmax


def loss(z):
    return -log_softmax(z)[2]


def slope(z):
    return list(softmax(z))


report = check_student(slope, loss, at=[([0.5, -1.0, 2.0],)])
print(report)


# %% tags=["solution"]
def slope(z):
    return [chance - hot for chance, hot in zip(softmax(z), nn.data.one_hot([2], 3)[0])]


report = check_student(slope, loss, at=[([0.5, -1.0, 2.0],)])
print(report)
assert report

# %% [markdown] lang="en"
# **3.** Standardise the held-out wines. The check puts one wine into both parts: the network must
# see the same numbers for it.

# %% [markdown] lang="ko"
# **3.** 떼어 둔 와인을 표준화해 보세요. 검사는 같은 와인 하나를 두 부분에 모두 넣습니다. 신경망에는 두 번 다 같은 숫자로
# 보여야 합니다.


# %% tags=["exercise"]
def prepare(learn, held):
    return nn.data.standardize(learn)[0], nn.data.standardize(held)[0]


def check(prepare):
    learn, held = prepare(X[:100], X[90:])  # wine 90 is in both
    same = np.allclose(learn[90], held[0])
    print(f"its alcohol is {learn[90][0]:.2f} in one part and {held[0][0]:.2f} in the other")
    return "the same wine, the same numbers" if same else "one wine became two"


print(check(prepare))


# %% tags=["solution"]
def prepare(learn, held):
    scaled, means, scales = nn.data.standardize(learn)
    return scaled, nn.data.standardize(held, means, scales)[0]


print(check(prepare))
assert check(prepare) == "the same wine, the same numbers"
