# %% [markdown] lang="en"
# # The perceptron
#
# The oldest artificial neuron that learns. It weighs its inputs, adds them up, and says yes or no. It
# learns from its mistakes, without any derivative. At the end we see why that does not reach far.

# %% [markdown] lang="ko"
# # 퍼셉트론
#
# 학습할 줄 아는 가장 오래된 인공 뉴런입니다. 입력에 가중치를 곱해 모두 더한 다음, 그렇다 아니다로
# 답합니다. 미분 없이 실수에서 배웁니다. 그 방식이 왜 멀리 가지 못하는지는 끝에서 봅니다.

# %% [markdown] lang="en"
# ## A neuron
#
# A **neuron** takes several numbers and gives one. On every line there is a **weight**: how much this
# input counts, and in which direction. A large weight makes the input important, a weight near 0
# ignores it, a negative one turns it around. The weights are what a network learns.

# %% [markdown] lang="ko"
# ## 뉴런
#
# **뉴런**은 수를 여러 개 받아 하나를 내보냅니다. 선마다 **가중치**(weight)가 있습니다. 그 입력이 얼마나,
# 어느 방향으로 중요한지를 나타내는 수입니다. 가중치가 크면 그 입력이 중요하고, 0에 가까우면 무시되고,
# 음수이면 거꾸로 작용합니다. 신경망이 학습하는 것이 바로 가중치입니다.

# %%
import nn
from autograd import draw

neuron = nn.Neuron(2, "tanh", seed=3)
draw(neuron, numbers=True)

# %% [markdown] lang="en"
# ## The weighted sum
#
# The first half of a neuron's work is the **weighted sum** of its inputs, plus a constant, the
# **bias**. It is also called the *net input*:
#
# $$z = w_1 x_1 + w_2 x_2 + \dots + w_n x_n + b = w \cdot x + b$$
#
# In the graph it is a `dot` and a `+`. The second half is the *activation function*, here `tanh`.

# %% [markdown] lang="ko"
# ## 가중합
#
# 뉴런이 하는 일의 전반부는 입력의 **가중합**을 구하고 상수인 **편향**(bias)을 더하는 것입니다. 그 결과를
# **순입력**(net input)이라고도 합니다.
#
# $$z = w_1 x_1 + w_2 x_2 + \dots + w_n x_n + b = w \cdot x + b$$
#
# 그래프에서는 `dot`과 `+`입니다. 후반부는 **활성화 함수**로, 여기서는 `tanh`입니다.

# %%
draw(neuron([1.0, 2.0]))

# %% [markdown] lang="en"
# ## The step unit
#
# In a perceptron the activation is the **step function**: if the weighted sum is positive, the unit
# *fires* and gives 1, otherwise 0.

# %% [markdown] lang="ko"
# ## 계단 함수
#
# 퍼셉트론의 활성화 함수는 **계단 함수**입니다. 가중합이 양수이면 뉴런이 **발화**(fire)하여 1을 내보내고,
# 아니면 0을 내보냅니다.

# %%
import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(6, 3))
_ = nn.plot_activation("step", ax=ax)

# %% [markdown] lang="en"
# ## The bias is a threshold
#
# "Fire if $w \cdot x$ is greater than a **threshold** $\theta$" and "fire if $w \cdot x + b$ is
# positive" are the same rule, with $b = -\theta$. The bias moves the step. A large bias makes the unit
# fire easily, a very negative one makes it hard to convince.

# %% [markdown] lang="ko"
# ## 편향은 임계값이다
#
# "$w \cdot x$가 **임계값** $\theta$를 넘으면 발화한다"와 "$w \cdot x + b$가 양수이면 발화한다"는 같은
# 규칙입니다. $b = -\theta$로 놓으면 됩니다. 편향은 계단의 위치를 옮깁니다. 편향이 크면 쉽게 발화하고,
# 음수로 크게 내려가면 좀처럼 발화하지 않습니다.

# %%
from autograd import step

xs = [i / 100 for i in range(-300, 301)]
fig, ax = plt.subplots(figsize=(6, 2.8))
for bias in (2.0, 0.0, -2.0):
    ax.plot(xs, [step(x + bias) for x in xs], label=f"b = {bias:g}: threshold {0 - bias:g}")
ax.set(xlabel="w · x", ylabel="output", title="the bias moves the step")
_ = ax.legend(loc="lower right", framealpha=1)

# %% [markdown] lang="en"
# ## Logic gates
#
# Three gates, set by hand: AND fires if both inputs are 1, OR if one is, NAND if not both are.

# %% [markdown] lang="ko"
# ## 논리 게이트
#
# 게이트 세 개를 손으로 만들어 봅시다. AND는 두 입력이 모두 1일 때, OR는 하나라도 1일 때, NAND는 둘 다
# 1인 경우만 빼고 발화합니다.

# %%
X = [[0, 0], [0, 1], [1, 0], [1, 1]]
targets = {"AND": [0, 0, 0, 1], "OR": [0, 1, 1, 1], "NAND": [1, 1, 1, 0]}


def gate(w1, w2, b):
    unit = nn.Perceptron(2)
    unit.weight[0].data, unit.weight[1].data, unit.bias.data = w1, w2, b
    return unit


gates = {"AND": gate(1, 1, -1.5), "OR": gate(1, 1, -0.5), "NAND": gate(-1, -1, 1.5)}
for name, unit in gates.items():
    print(f"{name:4}", unit.predict(X))
    assert unit.predict(X) == targets[name]

# %% [markdown] lang="en"
# ## Linear separability
#
# On which side does a unit fire? Its border, the **decision boundary**, is where the weighted sum is 0:
#
# $$w_1 x_1 + w_2 x_2 + b = 0$$
#
# With two inputs that is a straight **line** in the plane (with more inputs a plane or a hyperplane).
# Data which such a line can divide are called **linearly separable**. A perceptron can do these, and
# only these.

# %% [markdown] lang="ko"
# ## 선형 분리 가능
#
# 뉴런은 어느 쪽에서 발화할까요? 가중합이 0인 곳이 그 경계이고, 이것을 **결정 경계**라고 합니다.
#
# $$w_1 x_1 + w_2 x_2 + b = 0$$
#
# 입력이 둘이면 평면 위의 **직선**입니다(더 많으면 평면이나 초평면). 이런 직선으로 나눌 수 있는
# 데이터를 **선형 분리 가능**하다고 합니다. 퍼셉트론은 그런 데이터를 나눌 수 있고, 오직 그런 데이터만
# 나눌 수 있습니다.

# %%
fig, axes = plt.subplots(1, 3, figsize=(9, 2.8), layout="constrained")
for ax, (name, unit) in zip(axes, gates.items()):
    nn.plot_decision_boundary(unit, X, targets[name], ax=ax)
    ax.set_title(name)

# %% [markdown] lang="en"
# ## The perceptron learns from its mistakes
#
# Nobody wants to set weights by hand. Rosenblatt's rule (1958): show the samples one by one. If the
# answer is right, do nothing. If it is wrong, move the weights towards the sample or away from it:
#
# $$w \leftarrow w + \eta\,(t - \hat y)\,x \qquad b \leftarrow b + \eta\,(t - \hat y)$$
#
# Here $t$ is the target, $\hat y$ the answer, and $\eta$ the learning rate. One round through all
# samples is an **epoch**. A **perceptron** is strictly speaking this: the step unit *and* its rule.

# %% [markdown] lang="ko"
# ## 퍼셉트론은 실수에서 배운다
#
# 가중치를 손으로 정하고 싶은 사람은 없습니다. 로젠블랫의 규칙(1958)은 이렇습니다. 샘플을 하나씩 보여
# 줍니다. 답이 맞으면 그대로 둡니다. 틀리면 가중치를 그 샘플 쪽으로, 또는 반대쪽으로 옮깁니다.
#
# $$w \leftarrow w + \eta\,(t - \hat y)\,x \qquad b \leftarrow b + \eta\,(t - \hat y)$$
#
# $t$는 정답, $\hat y$는 뉴런의 답, $\eta$는 학습률입니다. 모든 샘플을 한 바퀴 도는 것이
# **에폭**(epoch)입니다. 엄밀히 말해 **퍼셉트론**은 계단 함수 뉴런에 이 학습 규칙까지 더한 것을 말합니다.

# %%
learner = nn.Perceptron(2).fit(X, targets["AND"], lr=1.0, record=True)
print("mistakes in each epoch:", learner.errors_)
print("weights", learner.weight, "bias", learner.bias)
assert learner.predict(X) == targets["AND"]

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
nn.plot_perceptron(learner, X, targets["AND"], ax=left)
epochs = range(1, len(learner.errors_) + 1)
right.plot(epochs, learner.errors_, "o-")
_ = right.set(xlabel="epoch", ylabel="mistakes", title="mistakes in each epoch", xticks=epochs)

# %% [markdown] lang="en"
# Every grey line is the border after one correction, the black one is the last. Novikoff proved in
# 1962: if some line separates the classes, the rule finds one after finitely many mistakes.

# %% [markdown] lang="ko"
# 회색 직선 하나하나가 한 번 고친 뒤의 경계이고, 검은 직선이 마지막 경계입니다. 노비코프는 1962년에
# 증명했습니다. 두 부류를 나누는 직선이 하나라도 있으면, 이 규칙은 유한 번의 실수 끝에 그런 직선을
# 찾아냅니다.

# %% [markdown] lang="en"
# ## Targets of −1 and +1
#
# Many texts call the classes −1 and +1. `fit` takes both kinds. To convert by hand, use
# $t_{01} = (t_{\pm 1} + 1) / 2$. There is one trap: with −1 and +1 a mistake $t - \hat y$ is 2 or −2,
# so the rule moves twice as far. With half the learning rate it is the same rule:

# %% [markdown] lang="ko"
# ## −1과 +1로 쓰는 정답
#
# 두 부류를 −1과 +1로 부르는 책도 많습니다. `fit`은 둘 다 받습니다. 손으로 바꾸려면
# $t_{01} = (t_{\pm 1} + 1) / 2$를 쓰면 됩니다. 함정이 하나 있습니다. −1과 +1을 쓰면 틀렸을 때의
# $t - \hat y$가 2 또는 −2이므로 두 배로 움직입니다. 학습률을 절반으로 줄이면 똑같은 규칙이 됩니다.

# %%
signed = [2 * t - 1 for t in targets["AND"]]
print("targets", signed, "back again", [(t + 1) // 2 for t in signed])

w, b, rate = [0.0, 0.0], 0.0, 0.5
for _ in learner.errors_:
    for x, t in zip(X, signed):
        answer = 1 if w[0] * x[0] + w[1] * x[1] + b > 0 else -1
        w = [wi + rate * (t - answer) * xi for wi, xi in zip(w, x)]
        b = b + rate * (t - answer)

print("by hand:", w, b)
assert w == [p.data for p in learner.weight]
assert b == learner.bias.data

other = nn.Perceptron(2).fit(X, signed)
print("nn.Perceptron answers", other.predict(X))
assert other.predict(X) == signed

# %% [markdown] lang="en"
# (Some texts let the unit fire at exactly 0 too. That changes the way, but not what can be learnt.)

# %% [markdown] lang="ko"
# (순입력이 정확히 0일 때도 발화한다고 정하는 책도 있습니다. 가는 길은 달라져도 배울 수 있는 것은
# 같습니다.)

# %% [markdown] lang="en"
# ## The 0-1 loss, and why it has no gradient
#
# A loss says how wrong the answers are. The perceptron's is the plainest: 1 for a wrong answer, 0 for
# a right one. With the indicator $I$, which is 1 if its condition holds and else 0:
#
# $$L(\hat y, t) = I(\hat y \ne t)$$
#
# Why then a rule of its own, and not simply downhill along the gradient? Turn one weight and watch
# the mean loss:

# %% [markdown] lang="ko"
# ## 0-1 손실, 그리고 기울기가 없는 까닭
#
# 손실은 답이 얼마나 틀렸는지를 나타냅니다. 퍼셉트론의 손실이 가장 단순합니다. 틀리면 1, 맞으면 0입니다.
# 조건이 참이면 1, 거짓이면 0인 지시 함수 $I$로 쓰면 이렇습니다.
#
# $$L(\hat y, t) = I(\hat y \ne t)$$
#
# 그런데 왜 기울기를 따라 내려가지 않고 따로 규칙을 만들었을까요? 가중치 하나를 돌려 가며 평균 손실을
# 지켜봅시다.


# %%
def loss_at(w1, activation, loss):
    unit = nn.Neuron(2, activation)
    unit.weight[0].data, unit.weight[1].data, unit.bias.data = w1, 1.0, -1.5
    return unit, loss([unit(x) for x in X], targets["AND"])


weights = [i / 50 for i in range(-100, 201)]
fig, ax = plt.subplots(figsize=(6, 3.2))
for activation, loss in (("step", nn.losses.zero_one), ("sigmoid", nn.losses.mse)):
    losses = [loss_at(w1, activation, loss)[1].data for w1 in weights]
    ax.plot(weights, losses, label=f"{activation}, {loss.__name__}")
ax.set(xlabel="weight w₁", ylabel="loss", title="stairs, and a slope")
_ = ax.legend()

# %%
for activation, loss in (("step", nn.losses.zero_one), ("sigmoid", nn.losses.mse)):
    unit, value = loss_at(-1.0, activation, loss)
    value.backward()
    print(f"{activation:8} loss {value.data:.3f}  gradient of w₁ {unit.weight[0].grad:+.4f}")
    assert (unit.weight[0].grad == 0) == (activation == "step")

# %% [markdown] lang="en"
# The 0-1 loss is a staircase. On every stair its derivative is 0: wiggle the weight, and nothing
# changes. The gradient does not say where to go. A smooth activation with a smooth loss gives a slope
# to follow, and that is what networks are trained with.

# %% [markdown] lang="ko"
# 0-1 손실은 계단입니다. 계단 위에서는 어디서나 미분값이 0입니다. 가중치를 흔들어도 아무 변화가 없으니,
# 그래디언트가 갈 곳을 알려 주지 못합니다. 매끄러운 활성화 함수와 매끄러운 손실 함수를 쓰면 따라갈
# 기울기가 생기고, 신경망은 그것으로 학습합니다.

# %% [markdown] lang="en"
# ## Exercises
#
# **1.** The weighted sum is $z = w x + b$. Write its gradient with respect to $w$, $x$ and $b$.

# %% [markdown] lang="ko"
# ## 연습 문제
#
# **1.** 가중합 $z = w x + b$를 $w$, $x$, $b$로 각각 편미분한 그래디언트를 쓰세요.


# %% tags=["exercise"]
from autograd import check_student


def gradient(w, x, b):
    return w, x, 1.0


report = check_student(gradient, lambda w, x, b: w * x + b)
print(report)


# %% tags=["solution"]
def gradient(w, x, b):
    return x, w, 1.0


report = check_student(gradient, lambda w, x, b: w * x + b)
print(report)
assert report

# %% [markdown] lang="en"
# **2.** Set a NOR gate by hand: it fires only if both inputs are 0.

# %% [markdown] lang="ko"
# **2.** NOR 게이트를 손으로 만드세요. 두 입력이 모두 0일 때만 발화합니다.


# %% tags=["exercise"]
def check_gate(unit, wanted):
    wrong = 0
    for x, target in zip(X, wanted):
        z = unit.weight[0].data * x[0] + unit.weight[1].data * x[1] + unit.bias.data
        if (z > 0) != target:
            wrong += 1
            print(f"{x}: the net input is {z:g}, so it", "fires" if z > 0 else "does not fire")
    print("right" if not wrong else f"{wrong} of {len(X)} are wrong")
    return not wrong


mine = gate(-1, -1, 1.5)
right = check_gate(mine, [1, 0, 0, 0])

# %% tags=["solution"]
mine = gate(-1, -1, 0.5)  # one input is enough to keep it below 0
right = check_gate(mine, [1, 0, 0, 0])
assert right

# %% [markdown] lang="en"
# **3.** Write the learning rule yourself. The mistakes of each epoch must reach 0.

# %% [markdown] lang="ko"
# **3.** 학습 규칙을 직접 쓰세요. 에폭마다 세는 실수가 0이 되어야 합니다.


# %% tags=["exercise"]
def corrected(w, b, x, target, answer, rate=1.0):
    error = answer - target
    return [wi + rate * error * xi for wi, xi in zip(w, x)], b + rate * error


def mistakes(rule, samples, wanted, epochs=20):
    w, b, count = [0.0, 0.0], 0.0, []
    while len(count) < epochs and 0 not in count:
        count.append(0)
        for x, target in zip(samples, wanted):
            answer = int(w[0] * x[0] + w[1] * x[1] + b > 0)
            count[-1] += answer != target
            w, b = rule(w, b, x, target, answer)
    return count


count = mistakes(corrected, X, targets["AND"])
print(count)
right = count[-1] == 0
print("right" if right else "the mistakes do not end: which way do you correct, and the bias too?")


# %% tags=["solution"]
def corrected(w, b, x, target, answer, rate=1.0):
    error = target - answer
    return [wi + rate * error * xi for wi, xi in zip(w, x)], b + rate * error


count = mistakes(corrected, X, targets["AND"])
print(count)
assert count[-1] == 0
