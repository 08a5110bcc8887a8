# %% [markdown] lang="en"
# # A tiny GPT
#
# The networks that write text are millions of times larger than this one, but they are not of
# another kind. Here is one of a few thousand numbers, and each of them is a `Value` with a
# gradient of its own. It learns what names look like, letter by letter, and then makes up new
# ones.

# %% [markdown] lang="ko"
# # 아주 작은 GPT
#
# 글을 쓰는 신경망은 여기 있는 것보다 수백만 배나 크지만, 종류가 다른 것은 아닙니다. 여기에 수천 개의 수로
# 된 GPT가 있고, 그 수 하나하나가 자기 그래디언트를 가진 `Value`입니다. 이 신경망은 이름이 어떻게
# 생겼는지를 한 글자씩 배운 다음, 새 이름을 지어 냅니다.

# %% [markdown] lang="en"
# ## Names
#
# If you have names of your own, of at most 15 letters, put them into the list. Otherwise these
# will do. They follow a rule: a start, once or twice a vowel and a link, an end. Nobody will tell
# the network.

# %% [markdown] lang="ko"
# ## 이름들
#
# 쓰고 싶은 이름이 있으면(15글자 이하의 알파벳으로) 목록에 넣으세요. 없으면 아래의 이름으로 충분합니다. 이 이름들은 규칙을
# 따릅니다. 시작이 있고, 모음과 연결 자음이 한두 번 나오고, 끝이 있습니다. 신경망에게는 아무도 이 규칙을 알려 주지 않습니다.

# %%
import random

STARTS = ["ch", "qu", "st", "th", *"bcdfghjklmnprstvwxyz"]
LINKS = ["ll", "nd", *"bdklmnrstvxz"]
ENDS = ["a", "o", "y", "an", "el", "en", "ia", "in", "is", "on", "or", "us"]


def made_up(rng):
    times = rng.choice([1, 1, 2])
    middle = [rng.choice("aeiou") + rng.choice(LINKS) for _ in range(times)]
    return rng.choice(STARTS) + "".join(middle) + rng.choice(ENDS)


rng = random.Random(5)
names = [made_up(rng) for _ in range(400)]
print(*names[:12])

# %% [markdown] lang="en"
# ## Tokens
#
# The network sees no letters. It sees **tokens**: the 26 letters, and a dot that marks where a
# name begins and ends. Each becomes a one-hot row, so that a whole name is a table.

# %% [markdown] lang="ko"
# ## 토큰
#
# 신경망은 글자를 보지 못합니다. 신경망이 보는 것은 **토큰**입니다. 알파벳 26자와, 이름의 시작과 끝을 나타내는 점이 토큰입니다.
# 토큰마다 원-핫 행이 되므로 이름 하나는 표가 됩니다.

# %%
from matplotlib import pyplot as plt

letters = "." + "".join(sorted({*"abcdefghijklmnopqrstuvwxyz", *"".join(names)}))


def tokens(name):
    return [[float(letter == c) for letter in letters] for c in f".{name}."]


figure, ax = plt.subplots(figsize=(6, 1.6), layout="constrained")
ax.imshow(tokens("abe"), cmap="Blues")
ax.set_xticks(range(len(letters)), letters, fontsize=8)
_ = ax.set_yticks(range(5), ".abe.")

# %% [markdown] lang="en"
# From the rows so far the network guesses the next one: after `.` an `a`, after `.a` a `b`, after
# `.abe` the end.

# %% [markdown] lang="ko"
# 신경망은 지금까지의 행을 보고 다음 행을 맞힙니다. `.` 다음에는 `a`, `.a` 다음에는 `b`, `.abe` 다음에는 끝입니다.

# %% [markdown] lang="en"
# ## What can be learnt
#
# Nine matrices of small random numbers. At first they know nothing.

# %% [markdown] lang="ko"
# ## 학습되는 것
#
# 작은 난수로 채운 행렬 아홉 개입니다. 처음에는 아무것도 모릅니다.

# %%
WIDTH, CONTEXT = 16, 16
HEADS = [slice(0, 4), slice(4, 8), slice(8, 12), slice(12, 16)]

shapes = {
    "token": (len(letters), WIDTH),
    "position": (CONTEXT, WIDTH),
    "query": (WIDTH, WIDTH),
    "key": (WIDTH, WIDTH),
    "value": (WIDTH, WIDTH),
    "mix": (WIDTH, WIDTH),
    "expand": (4 * WIDTH, WIDTH),
    "contract": (WIDTH, 4 * WIDTH),
    "head": (len(letters), WIDTH),
}
start = {
    name: [[rng.gauss(0, 0.1) for _ in range(columns)] for _ in range(rows)]
    for name, (rows, columns) in shapes.items()
}


def flat(params):
    return [p for matrix in params.values() for row in matrix for p in row]


assert len(shapes) == 9
print(f"{len(flat(start)):,} numbers")

# %% [markdown] lang="en"
# ## The pieces
#
# A vector is a list of 16 numbers, and nearly everything is `dot`. The `box` is for the pictures
# below: there one call is one box.

# %% [markdown] lang="ko"
# ## 부품들
#
# 벡터는 수 16개의 리스트이고, 거의 모든 계산이 `dot`입니다. `box`는 아래의 그림을 위한 것입니다.
# 그림에서는 호출 하나가 상자 하나가 됩니다.

# %%
from autograd import dot, relu, scope


def box(f):
    return lambda *args: scope(f.__name__, f, *args)


def linear(matrix, x):
    return [dot(row, x) for row in matrix]


def plus(a, b):
    return [x + y for x, y in zip(a, b)]


@box
def embedding(params, token, place):
    """What a token means, and what it means to stand at this place."""
    return plus(linear(zip(*params["token"]), token), params["position"][place])


@box
def norm(x):
    """Scaled to a mean square of 1."""
    scale = (dot(x, x) / len(x) + 1e-5) ** -0.5
    return [xi * scale for xi in x]


@box
def perceptron(params, x):
    """Thinks about one place alone: a network with one hidden layer, added to what was there."""
    hidden = [relu(h) for h in linear(params["expand"], norm(x))]
    return plus(x, linear(params["contract"], hidden))


# %% [markdown] lang="en"
# ## Attention
#
# **Attention** is how places talk to each other. Each place asks a question, its *query*, and
# holds out a description of itself, its *key*. Where query and key point the same way, their
# product is large, and `softmax` turns the products into shares that add up to 1. What a place
# gets is that mixture of the other places' *values*.
#
# It sees only itself and what came before. Otherwise it could peep at the letter that it has to
# guess. All this happens four times side by side, on four numbers each: four *heads*.

# %% [markdown] lang="ko"
# ## 어텐션
#
# **어텐션**(attention)은 자리들이 서로 이야기하는 방법입니다. 자리마다 질문인 *쿼리*(query)를
# 던지고, 자기를 설명하는 *키*(key)를 내보입니다. 쿼리와 키의 방향이 비슷하면 곱이 커지고,
# `softmax`는 그 곱들을 합이 1인 몫으로 바꿉니다. 그 자리가 받는 것은 다른 자리들의
# *값*(value)을 그 몫대로 섞은 것입니다.
#
# 각 자리는 자기 자신과 앞에 온 자리만 봅니다. 그러지 않으면 맞혀야 할 글자를 엿볼 수 있습니다. 이 모든 일이 수 네 개씩, 네 번
# 나란히 일어납니다. 이것을 네 개의 *헤드*(head)라고 합니다.

# %%
from autograd import softmax


def shares(query, keys):
    return softmax([dot(query, key) / len(query) ** 0.5 for key in keys])


@box
def attention(query, keys, values):
    found = []
    for part in HEADS:
        looks = shares(query[part], [key[part] for key in keys])
        found += linear(zip(*[value[part] for value in values]), looks)
    return found


@box
def mix(params, x, found):
    return plus(x, linear(params["mix"], found))


keys = {"the same way": [1.0, 2.0], "nearly": [2.0, 1.0], "the other way": [-1.0, -2.0]}
found = shares([1.0, 2.0], list(keys.values()))
assert abs(sum(found) - 1) < 1e-12

figure, ax = plt.subplots(figsize=(4.5, 1.4), layout="constrained")
ax.barh([*keys], found)
ax.invert_yaxis()
_ = ax.set(xlim=(0, 1), xlabel="share, for the query (1, 2)")

# %% [markdown] lang="en"
# ## The network
#
# Put together, that is the decoder of Vaswani et al. (2017) as Radford et al. (2019) arrange it,
# with one layer, without biases, with `relu`, and with the simpler norm of Zhang and Sennrich
# (2019). The loss is the **cross-entropy**: the mean of $-\ln p$, where $p$ is the chance that the
# network gave to the letter that really came next.

# %% [markdown] lang="ko"
# ## 신경망
#
# 이 부품들을 모으면 Vaswani 등(2017)의 디코더를 Radford 등(2019)처럼 배치한 것이 됩니다.
# 층은 하나이고 편향은 없으며, 활성화 함수는 `relu`이고, `norm`에는 Zhang과
# Sennrich(2019)의 더 간단한 방법을 씁니다. 손실 함수는 **교차 엔트로피**입니다. 실제로 다음에
# 온 글자에 신경망이 준 확률을 $p$라고 할 때 $-\ln p$의 평균입니다.

# %%
from math import log

import autograd
from autograd import logsumexp


def queries_keys_values(params, xs):
    xs = [norm(x) for x in xs]
    return [
        [scope(name, linear, params[name], x) for x in xs] for name in ("query", "key", "value")
    ]


@box
def scores(params, x):
    return linear(params["head"], norm(x))


@box
def surprise(scores, token):
    return logsumexp(scores) - dot(scores, token)


def expected(params, seen):
    """For each place, a score for every token that may come next."""
    xs = [embedding(params, token, place) for place, token in enumerate(seen)]
    q, k, v = queries_keys_values(params, xs)
    xs = [mix(params, x, attention(q[t], k[: t + 1], v[: t + 1])) for t, x in enumerate(xs)]
    return [scores(params, perceptron(params, x)) for x in xs]


def loss(params, document):
    guesses = expected(params, document[:-1])
    return autograd.mean([surprise(guess, token) for guess, token in zip(guesses, document[1:])])


print(
    f"before training {loss(start, tokens(names[0])):.2f}, blind guessing {log(len(letters)):.2f}"
)

# %% [markdown] lang="en"
# All of it works on plain numbers, as just now, and on Values. Here is the picture for a name of
# one letter. It has two places, one above the other, and goes from left to right, on and on in the
# rows below. Follow a key and a value of the first place into the attention of the second. There
# is no way back.

# %% [markdown] lang="ko"
# 이 모든 것은 방금처럼 보통 수로도, 그리고 Value로도 계산됩니다. 아래는 한 글자 이름의 그림입니다. 두
# 자리가 위아래로 있고 계산은 왼쪽에서 오른쪽으로, 그리고 아래 줄로 이어집니다. 첫 자리의 키와 값이 둘째
# 자리의 어텐션으로 들어가는 길을 따라가 보세요. 돌아오는 길은 없습니다.

# %%
from autograd import Value, draw, nodes

weights = {name: [[Value(p) for p in row] for row in matrix] for name, matrix in start.items()}
one = loss(weights, tokens("a"))
one.backward()
print(f"{len(nodes(one)):,} Values")
draw(one, collapse=True, hide_constants=True)

# %% [markdown] lang="en"
# ## Learning
#
# `value_and_grad` makes of the loss a function that returns the loss *and* its slope for each
# number, in the same nested shape. It takes thousands of Values, and they are the same ones for
# every name of that length: only the numbers differ. So `autograd.compile` records the computation
# once and replays it with new numbers.

# %% [markdown] lang="ko"
# ## 학습
#
# `value_and_grad`는 손실 함수를, 손실*과* 각 수에 대한 기울기를 같은 중첩 구조로 돌려주는
# 함수로 바꿉니다. Value가 수천 개 필요하지만, 길이가 같은 이름이면 모두 같은 계산이고 수만 다릅니다.
# 그래서 `autograd.compile`은 계산을 한 번 기록해 두고 새로운 수로 되풀이합니다.

# %%
from autograd import value_and_grad

document = tokens(names[0])
missed, slopes = value_and_grad(loss)(start, document)

step = autograd.compile(loss).value_and_grad
again, slopes_again = step(start, document)

apart = max(abs(a - b) for a, b in zip(flat(slopes), flat(slopes_again)))
assert max(apart, abs(again - missed)) < 1e-12

# %% [markdown] lang="en"
# Training is short, too: one name, one step downhill. **Adam** chooses how far for every number by
# itself, from how large and how steady its slopes have been; and the steps shrink to nothing
# towards the end.

# %% [markdown] lang="ko"
# 학습도 간단합니다. 이름 하나에 내리막 한 걸음입니다. **Adam**은 지금까지의 기울기가 얼마나 크고 얼마나
# 꾸준했는지를 보고 수마다 걸음의 길이를 정합니다. 걸음은 끝으로 갈수록 줄어듭니다.

# %%
from nn.optim import Adam, Schedule

STEPS = 800
optimizer = Adam(flat(weights), lr=0.01, betas=(0.8, 0.95))
schedule = Schedule(optimizer, lambda t: 1 - t / STEPS)
history = []


def numbers(weights):
    return {name: [[p.data for p in row] for row in matrix] for name, matrix in weights.items()}


for t in range(STEPS):
    missed, slopes = step(numbers(weights), tokens(names[t % len(names)]))
    for p, slope in zip(flat(weights), flat(slopes)):
        p.grad = slope
    optimizer.step()
    schedule.step()
    history.append(missed)

trained = numbers(weights)
assert sum(history[-100:]) / 100 < 2.1

# %%
smooth = [sum(history[t - 50 : t]) / 50 for t in range(50, STEPS + 1)]

times = log(3) - 2 / 3 * log(2)  # in nats, what is open when one chooses 1, 1 or 2
pairs = 4 / 3 * (log(5) + log(len(LINKS)))
choices = log(len(STARTS)) + times + pairs + log(len(ENDS))
rule = choices / (sum(len(name) + 1 for name in names) / len(names))

figure, ax = plt.subplots(figsize=(6, 2.8), layout="constrained")
ax.plot(range(50, STEPS + 1), smooth, label="mean of 50 names")
ax.axhline(log(len(letters)), color="0.6", linestyle="--", label="blind guessing")
ax.axhline(rule, color="green", linestyle="--", label="what the rule leaves open")
ax.set(xlabel="step", ylabel="loss")
_ = ax.legend(fontsize=8)

# %% [markdown] lang="en"
# The green line is the end of all learning: somebody who knew the rule would still have to guess
# which start, which vowels and links, which end. (It holds for the made-up names.)

# %% [markdown] lang="ko"
# 초록색 선이 학습의 끝입니다. 규칙을 아는 사람이라도 어떤 시작, 어떤 모음과 자음, 어떤 끝이 올지는 맞혀야
# 합니다. (이 선은 지어낸 이름에만 해당합니다.)

# %% [markdown] lang="en"
# ## Making up names
#
# Start with the dot, draw a letter from what the network expects, put it behind the others, and
# ask again, until it draws a dot. The scores are divided by a *temperature*: the lower it is, the
# bolder the network is about its favourites.

# %% [markdown] lang="ko"
# ## 이름 짓기
#
# 점에서 시작해서, 신경망이 예상하는 글자 가운데 하나를 뽑아 뒤에 붙이고, 다시 묻습니다. 점이 뽑히면 끝납니다. 점수는
# *온도*(temperature)로 나눕니다. 온도가 낮을수록 신경망은 가장 그럴듯한 글자를 더 과감하게 고릅니다.


# %%
def invent(params, rng, temperature=0.7):
    name = ""
    while len(name) < CONTEXT - 1:
        chances = softmax([s / temperature for s in expected(params, tokens(name)[:-1])[-1]])
        letter = rng.choices(letters, chances)[0]
        if letter == ".":
            break
        name += letter
    return name


rng = random.Random(3)
print("before:", *[invent(start, rng) for _ in range(5)])
print("after: ", *[invent(trained, rng) for _ in range(12)])

# %% [markdown] lang="en"
# ## Where does it look?
#
# Each row is a place that guesses what comes next. The darker a column, the more it looks there.
# Nothing to the right of the diagonal is ever looked at.

# %% [markdown] lang="ko"
# ## 어디를 보고 있을까?
#
# 행 하나가 다음 글자를 맞히려는 자리 하나입니다. 열의 색이 진할수록 그 자리를 더 많이 봅니다. 대각선의 오른쪽은 절대로 보지
# 않습니다.

# %%
name = ".quinel"
seen = tokens(name[1:])[:-1]
q, k, _ = queries_keys_values(trained, [embedding(trained, x, t) for t, x in enumerate(seen)])

figure, axes = plt.subplots(1, len(HEADS), figsize=(8, 2.2), layout="constrained")
for i, (ax, part) in enumerate(zip(axes, HEADS), 1):
    rows = [shares(q[t][part], [key[part] for key in k[: t + 1]]) for t in range(len(name))]
    ax.imshow([row + [0] * (len(name) - len(row)) for row in rows], cmap="Blues", vmin=0, vmax=1)
    ax.set_xticks(range(len(name)), list(name))
    ax.set_yticks(range(len(name)), list(name))
    ax.set_title(f"head {i}", fontsize=10)

# %% [markdown] lang="en"
# ## Exercises
#
# **1.** A place must not see what comes after it. In this attempt it does, and a gradient finds
# out: the guess at place 0 depends on a later letter.

# %% [markdown] lang="ko"
# ## 연습 문제
#
# **1.** 한 자리는 그 뒤에 오는 것을 보면 안 됩니다. 아래의 시도에서는 보고 있고, 그래디언트가 그것을
# 알아냅니다. 0번 자리의 추측이 뒤의 글자에 따라 달라집니다.

# %% tags=["exercise"]
from autograd import gradients


def heard(q, k, v):
    return [attention(q[t], k, v) for t in range(len(q))]


def check(heard):
    xs = [[Value((i * j + i) % 5 - 2.0) for j in range(WIDTH)] for i in range(3)]
    for t in range(3):
        for later in range(t + 1, 3):
            if any(gradients(heard(xs, xs, xs)[t][0], xs[later])):
                return f"place {t} peeps at place {later}: a gradient flows between them"
    return "no place sees what comes after it"


print(check(heard))


# %% tags=["solution"]
def heard(q, k, v):
    return [attention(q[t], k[: t + 1], v[: t + 1]) for t in range(len(q))]


print(check(heard))
assert check(heard).startswith("no place")

# %% [markdown] lang="en"
# **2.** The norm divides by a scale. Write the gradient of its first number,
# $x_0 / \sqrt{\mathrm{mean}(x^2)}$. The attempt forgets that the scale depends on $x$ as well.

# %% [markdown] lang="ko"
# **2.** `norm`은 크기로 나눕니다. 그 첫째 수
# $x_0 / \sqrt{\mathrm{mean}(x^2)}$의 그래디언트를 적어 보세요. 아래의 시도는 크기도
# $x$에 따라 바뀐다는 것을 잊었습니다.

# %% tags=["exercise"]
from autograd import check_student


def first(x):
    return x[0] * (dot(x, x) / len(x)) ** -0.5


def slope(x):
    scale = (dot(x, x) / len(x)) ** -0.5
    return [scale, 0.0, 0.0]


report = check_student(slope, first, at=[([1.0, 2.0, -2.0],)])
print(report)


# %% tags=["solution"]
def slope(x):
    scale = (dot(x, x) / len(x)) ** -0.5
    through_scale = [-x[0] * scale**3 * xi / len(x) for xi in x]
    return [through_scale[0] + scale, *through_scale[1:]]


report = check_student(slope, first, at=[([1.0, 2.0, -2.0],)])
print(report)
assert report

# %% [markdown] lang="en"
# **3.** A low temperature should make the favourite more likely. Here it does not.

# %% [markdown] lang="ko"
# **3.** 온도가 낮으면 가장 그럴듯한 글자의 확률이 커져야 합니다. 여기서는 그렇지 않습니다.


# %% tags=["exercise"]
def chances(scores, temperature):
    return softmax([s * temperature for s in scores])


cold, warm = (max(chances([2.0, 1.0, 0.0], t)) for t in (0.5, 2.0))
print(f"the favourite's chance: cold {cold:.2f}, warm {warm:.2f}")
print("colder is bolder:", cold > warm)


# %% tags=["solution"]
def chances(scores, temperature):
    return softmax([s / temperature for s in scores])


cold, warm = (max(chances([2.0, 1.0, 0.0], t)) for t in (0.5, 2.0))
print(f"the favourite's chance: cold {cold:.2f}, warm {warm:.2f}")
assert cold > warm
