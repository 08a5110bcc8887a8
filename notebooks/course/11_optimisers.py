# %% [markdown] lang="en"
# # Optimisers: paths on one surface
#
# Plain gradient descent looks only at the slope under its feet. Other **optimisers** remember
# where they have been, or look at how the ground curves. This lesson sends them all down the same
# valley, from the same start, and compares their paths and the number of steps.

# %% [markdown] lang="ko"
# # 최적화 알고리즘: 한 곡면 위의 여러 길
#
# 기본 경사 하강법은 발밑의 기울기만 봅니다. 다른 **최적화 알고리즘**(옵티마이저)은 지나온 길을
# 기억하거나 땅이 굽은 정도까지 살핍니다. 이 노트북에서는 모두 같은 출발점에서 같은 골짜기로
# 내려보내고, 지나간 길과 걸음 수를 비교합니다.

# %%
import matplotlib.pyplot as plt

import nn
from autograd import Value, grad, gradients
from nn import optim

plt.rcParams |= {"figure.figsize": (5.6, 4), "figure.dpi": 100}

# %% [markdown] lang="en"
# ## The valley, and plain gradient descent
#
# The floor of this valley is curved and its walls are steep; the minimum is at $x = 1$. Steep
# walls and a flat floor are what makes descent slow, and the losses of networks are full of them:
# a learning rate small enough for the walls is too small for the floor.

# %% [markdown] lang="ko"
# ## 골짜기와 기본 경사 하강법
#
# 이 골짜기는 바닥이 휘어 있고 벽이 가파릅니다. 최솟값은 $x = 1$에 있습니다. 벽은 가파른데 바닥은
# 평평하면 내려가기가 더딥니다. 벽에 맞춘 작은 학습률이 바닥에서는 너무 작기 때문입니다. 신경망의
# 손실에는 이런 곳이 아주 많습니다.


# %%
def valley(x, y):
    return 0.5 * (x - 1) ** 2 + 5 * (y - 0.3 * x * x) ** 2


START = (-2.0, 2.5)
WAYS = {"gradient descent": lambda params: optim.SGD(params, lr=0.04)}


def show(*names, steps=100, over=((-3.4, 2.4), (-1, 3))):
    paths = {name: WAYS[name] for name in names}
    nn.plot_surface(valley, START, paths=paths, steps=steps, over=over)


show("gradient descent")

# %% [markdown] lang="en"
# To compare by numbers, we count the steps until the loss is below 0.01. An optimiser is used in
# the same way whichever it is: gradients, then `step`.

# %% [markdown] lang="ko"
# 수치로 비교하기 위해 손실이 0.01보다 작아질 때까지의 걸음 수를 셉니다. 어떤 최적화 알고리즘이든 쓰는
# 방법은 같습니다. 그래디언트를 구하고 `step`을 부릅니다.


# %%
def start():
    return [Value(number) for number in START]


def walk(name, steps=200, params=None):
    params = params or start()
    optimizer, losses = WAYS[name](params), []
    for _ in range(steps):
        loss = valley(*params)
        losses.append(loss.data)
        for p, slope in zip(params, gradients(loss, params), strict=True):
            p.grad = slope
        optimizer.step(loss)
    return losses


def steps_to(losses, goal=0.01):
    return next((n for n, loss in enumerate(losses) if loss < goal), None)


plain = steps_to(walk("gradient descent"))
print("gradient descent:", plain, "steps")

# %% [markdown] lang="en"
# ## Momentum and Nesterov
#
# **Momentum** gives the walker mass. A velocity gathers the gradients and fades slowly:
#
# $$v \leftarrow 0.9\,v + g \qquad w \leftarrow w - \eta v$$
#
# Across the valley the gradients change sign and cancel; along it they add up. So it rolls down
# the floor faster and faster, and swings. **Nesterov**'s variant takes the gradient as if it had
# moved already, and so brakes earlier.

# %% [markdown] lang="ko"
# ## 모멘텀과 네스테로프
#
# **모멘텀**은 걷는 이에게 질량을 줍니다. 속도가 그래디언트를 모으고 천천히 줄어듭니다.
#
# $$v \leftarrow 0.9\,v + g \qquad w \leftarrow w - \eta v$$
#
# 골짜기를 가로지르는 방향에서는 그래디언트의 부호가 번갈아 바뀌어 서로 지워지고, 바닥을 따라가는
# 방향에서는 더해집니다. 그래서 바닥을 점점 빠르게 굴러 내려가고, 흔들리기도 합니다.
# **네스테로프** 방법은 이미 움직인 것처럼 그래디언트를 내다보므로 더 일찍 속도를 줄입니다.

# %%
WAYS["momentum"] = lambda params: optim.SGD(params, lr=0.02, momentum=0.9)
WAYS["Nesterov"] = lambda params: optim.SGD(params, lr=0.02, momentum=0.9, nesterov=True)
show("gradient descent", "momentum", "Nesterov", steps=40)

# %%
for name in ("momentum", "Nesterov"):
    print(f"{name}: {steps_to(walk(name))} steps")
    assert steps_to(walk(name)) < plain

# %% [markdown] lang="en"
# ## Adagrad and RMSProp: a pace for each parameter
#
# One learning rate for all parameters is a compromise. **Adagrad** divides each gradient by the
# size of all gradients of that parameter so far: steep directions are slowed, flat ones are not.
# But the sum only grows, so its steps shrink for ever.
#
# **RMSProp** forgets: it divides by a moving mean of recent sizes. Its steps stay long, so that
# near the minimum it does not quite come to rest.

# %% [markdown] lang="ko"
# ## Adagrad와 RMSProp: 매개변수마다 다른 보폭
#
# 모든 매개변수에 같은 학습률을 쓰는 것은 타협입니다. **Adagrad**는 그래디언트를 그 매개변수가
# 지금까지 받은 그래디언트의 크기로 나눕니다. 가파른 방향은 느려지고 평평한 방향은 그대로입니다.
# 하지만 합은 커지기만 하므로 보폭이 끝없이 줄어듭니다.
#
# **RMSProp**은 오래된 것을 잊습니다. 최근 크기의 이동 평균으로 나눕니다. 보폭이 줄지 않으므로
# 최솟값 가까이에서 완전히 멈추지는 않습니다.

# %%
WAYS["Adagrad"] = lambda params: optim.Adagrad(params, lr=0.5)
WAYS["RMSProp"] = lambda params: optim.RMSProp(params, lr=0.1, alpha=0.9)
show("gradient descent", "Adagrad", "RMSProp", steps=60)

# %%
figure, ax = plt.subplots(figsize=(5.6, 2.8))
for name in ("Adagrad", "RMSProp"):
    ax.semilogy(walk(name), label=name)
ax.set(xlabel="step", ylabel="loss")
legend = ax.legend()
assert walk("RMSProp")[60] < walk("Adagrad")[60]
assert walk("RMSProp")[-1] > walk("Adagrad")[-1]

# %% [markdown] lang="en"
# ## Adam and AdamW
#
# **Adam** is both: momentum in the numerator, RMSProp in the denominator, and a correction
# because both begin at 0. Its first step has the length of the learning rate, whatever the
# gradient. It works with little tuning, which is why most people begin with it.
#
# **AdamW** also shrinks every weight a little at each step (*weight decay*), which guards against
# overfitting. So it does not look for the lowest loss alone: here it comes to rest a little
# towards the origin.

# %% [markdown] lang="ko"
# ## Adam과 AdamW
#
# **Adam**은 둘을 합친 것입니다. 분자에는 모멘텀, 분모에는 RMSProp이 있고, 둘 다 0에서 시작하는
# 것을 보정합니다. 첫걸음의 길이는 그래디언트가 얼마이든 학습률과 같습니다. 조금만 조정해도 잘 되므로
# 대개 Adam으로 시작합니다.
#
# **AdamW**는 걸음마다 모든 가중치를 조금씩 줄여(*가중치 감쇠*) 과적합을 막습니다. 손실만 낮추는
# 것이 아니므로, 여기서는 원점 쪽으로 조금 치우친 곳에 멈춥니다.

# %%
WAYS["Adam"] = lambda params: optim.Adam(params, lr=0.2)
WAYS["AdamW"] = lambda params: optim.AdamW(params, lr=0.2, weight_decay=0.1)
show("gradient descent", "Adam", "AdamW")

# %%
for scale in (1e-3, 1.0, 1e3):
    w = Value(1.0)
    w.grad = scale
    optim.Adam([w], lr=0.2).step()
    print(f"gradient {scale:6g}: Adam's first step is {1 - w.data:.6f}")
    assert abs(1 - w.data - 0.2) < 1e-4

ends = {name: start() for name in ("Adam", "AdamW")}
losses = {name: walk(name, params=params) for name, params in ends.items()}
print({name: [round(p.data, 3) for p in params] for name, params in ends.items()})
assert losses["Adam"][-1] < 1e-4 < losses["AdamW"][-1]
assert all(0 < w.data < a.data for a, w in zip(*ends.values(), strict=True))

# %% [markdown] lang="en"
# ## Newton and BFGS: using the curvature
#
# **Newton's method** looks at second derivatives too. It fits a parabola to the ground and jumps
# to its bottom: $w \leftarrow w - H^{-1} g$. A handful of steps is enough. The price is $H$, a
# number for every *pair* of parameters: four here, a million millions for a network of a million
# weights.
#
# A parabola is only a guess at the ground: the second step of Newton here leads uphill. **BFGS**
# guesses the curvature from the gradients it meets, without second derivatives, and tries shorter
# steps until the loss falls.

# %% [markdown] lang="ko"
# ## 뉴턴 방법과 BFGS: 굽은 정도까지 보기
#
# **뉴턴 방법**은 이계도함수도 봅니다. 땅에 포물선을 맞추고 그 바닥으로 바로 뜁니다.
# $w \leftarrow w - H^{-1} g$입니다. 몇 걸음이면 충분합니다. 대신 $H$를 구해야 하는데, 매개변수의
# *쌍*마다 수가 하나씩 필요합니다. 여기서는 네 개이지만 가중치가 백만 개인 신경망에서는 일조
# 개입니다.
#
# 포물선은 땅의 모양을 짐작한 것일 뿐이어서, 여기서 뉴턴 방법의 둘째 걸음은 오히려 위로
# 올라갑니다. **BFGS**는 이계도함수 없이, 지나오며 만난 그래디언트로 굽은 정도를 짐작하고, 손실이
# 줄어들 때까지 보폭을 줄여 봅니다.

# %%
WAYS["Newton"] = optim.Newton
WAYS["BFGS"] = "bfgs"
show("gradient descent", "Newton", "BFGS", steps=20, over=((-3.4, 2), (-2.4, 3)))

# %%
newton = walk("Newton", 10)
print("Newton:", [f"{loss:.2g}" for loss in newton[:7]])
assert steps_to(newton) <= 5

params = start()
result = optim.minimize(lambda: valley(*params), params, method="BFGS")
print(f"BFGS: {result.nit} steps with {result.nfev} gradients, to the loss {result.fun:.1e}")
assert newton[2] > newton[1]
assert steps_to(newton) < result.nit <= result.nfev < plain

# %% [markdown] lang="en"
# ## All of them, by steps
#
# Remember that a step of Newton costs more than the others, and that the order is that of *this*
# valley and *these* learning rates. What carries over is the kind of path.

# %% [markdown] lang="ko"
# ## 걸음 수로 모두 비교하기
#
# 뉴턴 방법의 한 걸음은 다른 방법보다 비쌉니다. 또 이 순위는 *이* 골짜기와 *이* 학습률에서 나온
# 것입니다. 다른 문제에서도 그대로인 것은 순위가 아니라 길의 모양입니다.

# %%
show("gradient descent", "momentum", "Adam", "Newton", steps=60, over=((-3.4, 2.4), (-2.4, 3)))

# %%
names = [name for name in WAYS if name != "BFGS"]
figure, ax = plt.subplots(figsize=(6.4, 3.6))
for i, name in enumerate(names):
    losses = walk(name, 120)
    ax.semilogy(losses, label=name, linestyle=["-", "--", "-.", ":"][i % 4])
    print(f"{name:17} {steps_to(losses) or 'over 120'} steps")
ax.set(xlabel="step", ylabel="loss", ylim=(1e-8, 20))
legend = ax.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))

# %% [markdown] lang="en"
# ## Exercises
#
# An optimiser of your own is a class with one method, `change(x, g, memory)`: the step to
# subtract from a parameter `x` with the gradient `g`. `memory` is a dict that each parameter
# keeps. The check walks it beside the project's own.

# %% [markdown] lang="ko"
# ## 연습 문제
#
# 최적화 알고리즘은 메서드 하나로 직접 만들 수 있습니다. `change(x, g, memory)`는 그래디언트가 `g`인
# 매개변수 `x`에서 뺄 값을 돌려줍니다. `memory`는 매개변수마다 간직하는 딕셔너리입니다. 프로젝트의
# 최적화 알고리즘과 나란히 걸어 보며 검사합니다.


# %%
def check(mine, theirs, steps=5):
    mine_at, theirs_at = Value(3.0), Value(3.0)
    walkers = [(mine_at, mine([mine_at])), (theirs_at, theirs([theirs_at]))]
    for n in range(1, steps + 1):
        for w, optimizer in walkers:
            w.grad = 2 * w.data  # of w squared
            optimizer.step()
        if abs(mine_at.data - theirs_at.data) > 1e-9:
            print(f"step {n} leads to {mine_at.data:.4f}, and should lead to {theirs_at.data:.4f}")
            return False
    print(f"{steps} steps agree")
    return True


# %% [markdown] lang="en"
# **1.** Momentum, with a velocity.

# %% [markdown] lang="ko"
# **1.** 속도를 가진 모멘텀을 만들어 보세요.


# %% tags=["exercise"]
class Momentum(optim.Optimizer):
    def change(self, x, g, memory):
        v = 0.9 * memory.get("v", 0.0) + g
        return self.lr * v


right = check(lambda p: Momentum(p, lr=0.1), lambda p: optim.SGD(p, lr=0.1, momentum=0.9))


# %% tags=["solution"]
class Momentum(optim.Optimizer):
    def change(self, x, g, memory):
        memory["v"] = 0.9 * memory.get("v", 0.0) + g  # kept for the next step
        return self.lr * memory["v"]


right = check(lambda p: Momentum(p, lr=0.1), lambda p: optim.SGD(p, lr=0.1, momentum=0.9))
assert right

# %% [markdown] lang="en"
# **2.** RMSProp divides by the root of a moving mean of squares. What is averaged here?

# %% [markdown] lang="ko"
# **2.** RMSProp은 제곱의 이동 평균에 제곱근을 씌워 나눕니다. 아래 답안은 무엇의 평균을 구했나요?


# %% tags=["exercise"]
class RMSProp(optim.Optimizer):
    def change(self, x, g, memory):
        memory["s"] = 0.9 * memory.get("s", 0.0) + 0.1 * g
        return self.lr * g / (memory["s"] ** 0.5 + 1e-8)


right = check(lambda p: RMSProp(p, lr=0.1), lambda p: optim.RMSProp(p, lr=0.1, alpha=0.9))


# %% tags=["solution"]
class RMSProp(optim.Optimizer):
    def change(self, x, g, memory):
        memory["s"] = 0.9 * memory.get("s", 0.0) + 0.1 * g * g
        return self.lr * g / (memory["s"] ** 0.5 + 1e-8)


right = check(lambda p: RMSProp(p, lr=0.1), lambda p: optim.RMSProp(p, lr=0.1, alpha=0.9))
assert right

# %% [markdown] lang="en"
# **3.** Newton's step for one weight. From anywhere on a parabola it lands on the bottom at once.

# %% [markdown] lang="ko"
# **3.** 가중치가 하나일 때의 뉴턴 방법입니다. 포물선 위라면 어디서 출발하든 한 번에 바닥에 닿아야
# 합니다.


# %% tags=["exercise"]
def parabola(w):
    return 3 * (w - 2) ** 2 + 1


def newton_step(w):
    return w - parabola(w) / grad(parabola)(w)  # Newton's method for a zero


w = newton_step(5.0)
print(f"w = {w:.3f}, and the slope there is {grad(parabola)(w):.3f}: at the bottom it is 0")


# %% tags=["solution"]
def newton_step(w):
    return w - grad(parabola)(w) / grad(grad(parabola))(w)  # the zero of the slope


w = newton_step(5.0)
print(f"w = {w:.3f}, and the slope there is {grad(parabola)(w):.3f}: at the bottom it is 0")
assert abs(grad(parabola)(w)) < 1e-9
