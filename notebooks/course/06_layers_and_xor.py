# %% [markdown] lang="en"
# # Layers, and the XOR problem
#
# One perceptron draws one straight line. Some problems need more, and the smallest of them has four
# points. The answer, to put neurons in layers, is what every network since is made of.

# %% [markdown] lang="ko"
# # 층과 XOR 문제
#
# 퍼셉트론 하나는 직선 하나를 긋습니다. 그것으로 모자라는 문제가 있고, 그중 가장 작은 것은 점이 네
# 개뿐입니다. 해결책은 뉴런을 층으로 쌓는 것이었고, 그 뒤의 모든 신경망이 그렇게 만들어졌습니다.

# %% [markdown] lang="en"
# ## One perceptron fails at XOR
#
# XOR is 1 if exactly one of its inputs is 1. Let a perceptron try.

# %% [markdown] lang="ko"
# ## 퍼셉트론 하나로는 XOR를 못 푼다
#
# XOR는 입력 가운데 꼭 하나만 1일 때 1입니다. 퍼셉트론에게 맡겨 봅시다.

# %%
import matplotlib.pyplot as plt

import nn

X = [[0, 0], [0, 1], [1, 0], [1, 1]]
XOR = [0, 1, 1, 0]

single = nn.Perceptron(2).fit(X, XOR, epochs=15, record=True)
print("mistakes in each epoch:", single.errors_)
assert min(single.errors_) > 0

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
nn.plot_perceptron(single, X, XOR, ax=left)
nn.plot_decision_boundary(single, X, XOR, ax=right)
_ = right.set_title("whatever line it draws, points are left over")

# %% [markdown] lang="en"
# It is not the fault of the rule: there is no such line. XOR asks for four things at once:
#
# $$b \le 0, \qquad w_2 + b > 0, \qquad w_1 + b > 0, \qquad w_1 + w_2 + b \le 0$$
#
# Add the two in the middle: $w_1 + w_2 + 2b > 0$. Take away the last: $b > 0$. But the first says
# $b \le 0$. XOR is not linearly separable.

# %% [markdown] lang="ko"
# 학습 규칙의 잘못이 아닙니다. 그런 직선이 아예 없습니다. XOR는 다음 네 가지를 한꺼번에 요구합니다.
#
# $$b \le 0, \qquad w_2 + b > 0, \qquad w_1 + b > 0, \qquad w_1 + w_2 + b \le 0$$
#
# 가운데 둘을 더하면 $w_1 + w_2 + 2b > 0$입니다. 여기서 마지막 것을 빼면 $b > 0$인데, 첫째는 $b \le 0$이라고
# 합니다. 모순이므로 XOR는 선형 분리 가능하지 않습니다.

# %% [markdown] lang="en"
# ## Two layers can
#
# "One or the other, but not both" is OR *and* NAND. Each of the three is a perceptron, so stack
# them: OR and NAND look at the inputs, AND looks at these two.

# %% [markdown] lang="ko"
# ## 두 층이면 된다
#
# "하나이거나 다른 하나, 그러나 둘 다는 아님"은 OR **그리고** NAND입니다. 셋 다 퍼셉트론이니 쌓으면 됩니다.
# OR와 NAND가 입력을 보고, AND가 그 두 출력을 봅니다.

# %%
from autograd import draw

by_hand = nn.MLP(2, [2, 1], activation="step", output="step")
hidden, last = by_hand.layers
for unit, (w1, w2, b) in zip(
    (*hidden.neurons, *last.neurons),
    ((1, 1, -0.5), (-1, -1, 1.5), (1, 1, -1.5)),  # OR, NAND, AND
):
    unit.weight[0].data, unit.weight[1].data, unit.bias.data = w1, w2, b

answers = [int(by_hand(x).data) for x in X]
print("answers:", answers)
assert answers == XOR
draw(by_hand, numbers=True)

# %% [markdown] lang="en"
# What has the first layer done? It has *moved the points*. In the plane of OR and NAND the two samples
# of class 1 fall on one another, and a line separates them from the rest.

# %% [markdown] lang="ko"
# 첫 층은 무슨 일을 한 것일까요? **점들을 옮겼습니다.** OR와 NAND를 두 축으로 하는 평면에서 보면, 부류 1의
# 두 샘플이 한 점에 겹치고, 직선 하나로 나머지와 갈라집니다.

# %%
moved = [[unit(x).data for unit in hidden.neurons] for x in X]
for x, place in zip(X, moved):
    print(x, "→", place)

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
nn.plot_decision_boundary(by_hand, X, XOR, ax=left)
left.set_title("in the plane of the inputs")
nn.plot_decision_boundary(last.neurons[0], moved, XOR, ax=right)
_ = right.set(title="in the plane of the hidden layer", xlabel="OR", ylabel="NAND")

# %% [markdown] lang="en"
# ## Input, hidden, output
#
# Such a network is a **multi-layer perceptron**, MLP for short. Its layers have names:
#
# * The **input layer** hands the numbers of a sample on. It computes nothing and has no weights.
# * A **hidden layer** stands between. Its units find features that the data did not have.
# * The **output layer** gives the answer.
#
# Because the input layer computes nothing, it is *not counted*: the network below has two layers, one
# of them hidden. From two hidden layers on, that is three layers, a network is called **deep**.

# %% [markdown] lang="ko"
# ## 입력층, 은닉층, 출력층
#
# 이런 신경망이 **다층 퍼셉트론**(MLP)입니다. 층마다 이름이 있습니다.
#
# * **입력층**은 샘플의 수를 그대로 넘겨줍니다. 계산을 하지 않고 가중치도 없습니다.
# * **은닉층**은 그 사이에 있습니다. 데이터에 없던 특성을 찾아냅니다.
# * **출력층**은 답을 내보냅니다.
#
# 입력층은 계산을 하지 않으므로 층수(깊이)를 **셀 때 뺍니다**. 아래 신경망은 두 층이고, 그중 하나가
# 은닉층입니다. 은닉층이 둘 이상, 곧 모두 세 층 이상이면 **깊은**(deep) 신경망이라고 합니다.

# %%
model = nn.MLP(2, [4, 1], activation="tanh", seed=1)
print(model)
print("depth:", len(model.layers))
draw(model)

# %%
deep = nn.MLP(3, [4, 4, 2], activation="relu", seed=0)
print("depth:", len(deep.layers), "of which hidden:", len(deep.layers) - 1)
draw(deep)

# %% [markdown] lang="en"
# ## The network learns XOR
#
# The step has no slope to learn from, so the units get a smooth activation, `tanh`. Then the gradient
# goes through both layers, and the weights can be learnt. (Losses and optimisers have lessons of their
# own; here only their result counts.)

# %% [markdown] lang="ko"
# ## 신경망이 XOR를 배운다
#
# 계단 함수에는 따라 내려갈 기울기가 없으므로 매끄러운 활성화 함수 `tanh`를 씁니다. 그러면 그래디언트가
# 두 층을 모두 지나가서 가중치를 학습할 수 있습니다. (손실 함수와 최적화는 뒤에서 따로 다룹니다. 여기서는
# 결과만 봅시다.)

# %%
optimizer = nn.optim.Adam(model.parameters(), lr=0.1)
history = nn.fit(
    model, X, XOR, loss="bce_with_logits", optimizer=optimizer, epochs=100, progress=False
)
answers = [int(model(x).data > 0) for x in X]
print("answers:", answers)
assert answers == XOR

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
nn.plot_history(history, ax=left)
_ = nn.plot_decision_boundary(model, X, XOR, ax=right)

# %% [markdown] lang="en"
# ## Hidden units bend the border
#
# Every hidden unit adds one line, and the output layer joins them. Here is a ring around a spot: with
# one hidden unit the border is a line, with a few it closes around the spot.

# %% [markdown] lang="ko"
# ## 은닉 유닛이 경계를 구부린다
#
# 은닉 유닛 하나가 직선 하나를 더하고, 출력층이 그 직선들을 이어 붙입니다. 아래 데이터는 점 무리를 고리가
# 둘러싼 모양입니다. 은닉 유닛이 하나이면 경계는 직선이고, 몇 개가 되면 무리를 감싸 닫힙니다.

# %%
from sklearn.datasets import make_circles

rings, inside = make_circles(60, noise=0.08, factor=0.4, random_state=0)
fig, axes = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
right_at = {}
for ax, units in zip(axes, (1, 2, 6)):
    net = nn.MLP(2, [units, 1], activation="tanh", seed=0, backend="tensor")
    adam = nn.optim.Adam(net.parameters(), lr=0.1)
    nn.fit(
        net,
        rings,
        inside,
        loss="bce_with_logits",
        optimizer=adam,
        epochs=150,
        progress=False,
        seed=0,
    )
    right_at[units] = ((net(rings).data > 0) == inside).mean()
    nn.plot_decision_boundary(net, rings, inside, ax=ax)
    ax.set_title(f"{units} hidden: {right_at[units]:.0%} right")
assert right_at[1] < 0.8 < right_at[6]

# %% [markdown] lang="en"
# The bend comes from the activation. Leave it out, and layers are no use: a weighted sum of weighted
# sums is a weighted sum again, however many layers there are.

# %% [markdown] lang="ko"
# 구부러짐은 활성화 함수에서 나옵니다. 활성화 함수를 빼면 층은 소용이 없습니다. 가중합의 가중합은 층이
# 아무리 많아도 다시 가중합일 뿐입니다.

# %%
flat = nn.MLP(2, [6, 1], activation="linear", seed=0)
middle = flat([0.5, 0.5]).data
ends = [flat(x).data for x in ([0.0, 0.0], [1.0, 1.0])]
print(f"in the middle {middle:.6f}, the mean of both ends {sum(ends) / 2:.6f}")
assert abs(middle - sum(ends) / 2) < 1e-12

# %% [markdown] lang="en"
# ## Exercises
#
# **1.** Somebody builds XOR as OR and AND, joined by AND. Mend it.

# %% [markdown] lang="ko"
# ## 연습 문제
#
# **1.** 누군가 OR와 AND를 AND로 이어 XOR를 만들었습니다. 고쳐 보세요.


# %% tags=["exercise"]
def unit(w1, w2, b):
    return lambda x1, x2: int(w1 * x1 + w2 * x2 + b > 0)


OR, AND, NAND = unit(1, 1, -0.5), unit(1, 1, -1.5), unit(-1, -1, 1.5)


def mine(x1, x2):
    return AND(OR(x1, x2), AND(x1, x2))


wrong = [x for x, target in zip(X, XOR) if mine(*x) != target]
print("right" if not wrong else f"wrong at {wrong}: which gates fire there?")


# %% tags=["solution"]
def mine(x1, x2):
    return AND(OR(x1, x2), NAND(x1, x2))


wrong = [x for x, target in zip(X, XOR) if mine(*x) != target]
print("right" if not wrong else f"wrong at {wrong}: which gates fire there?")
assert not wrong

# %% [markdown] lang="en"
# **2.** How many parameters (weights and biases) has an MLP with 3 inputs, 4 hidden units and 2
# outputs?

# %% [markdown] lang="ko"
# **2.** 입력이 3개, 은닉 유닛이 4개, 출력이 2개인 MLP의 매개변수(가중치와 편향)는 모두 몇 개일까요?

# %% tags=["exercise"]
mine = 3 * 4 + 4 * 2

network = nn.MLP(3, [4, 2])
count = len(network.parameters())
print("right" if mine == count else f"not {mine}; did you count the biases?")
print(network)

# %% tags=["solution"]
mine = (3 + 1) * 4 + (4 + 1) * 2  # every unit has a bias

print("right" if mine == count else f"not {mine}; did you count the biases?")
assert mine == count

# %% [markdown] lang="en"
# **3.** Two layers of one unit each: $y = \tanh(v \tanh(w x))$. Write the gradient for $w$ and $v$ at
# $x = 2$. (Chain rule, twice.)

# %% [markdown] lang="ko"
# **3.** 유닛이 하나씩인 두 층 $y = \tanh(v \tanh(w x))$이 있습니다. $x = 2$일 때 $w$와 $v$에 대한
# 그래디언트를 쓰세요. (연쇄 법칙을 두 번 씁니다.)

# %% tags=["exercise"]
import math

from autograd import check_student


def f(w, v):
    return math.tanh(v * math.tanh(w * 2.0))


def gradient(w, v):
    h = math.tanh(w * 2.0)
    y = math.tanh(v * h)
    d_v = (1 - y**2) * h
    d_w = (1 - y**2) * v * 2.0
    return d_w, d_v


report = check_student(gradient, f)
print(report)


# %% tags=["solution"]
def gradient(w, v):
    h = math.tanh(w * 2.0)
    y = math.tanh(v * h)
    d_v = (1 - y**2) * h
    d_w = (1 - y**2) * v * (1 - h**2) * 2.0
    return d_w, d_v


report = check_student(gradient, f)
print(report)
assert report
