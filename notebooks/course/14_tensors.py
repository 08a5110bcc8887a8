# %% [markdown] lang="en"
# # Tensors
#
# Until now every number was a node of its own. That is good for looking and slow for working. This
# lesson puts many numbers into one node. The rules of calculus stay the same; what is new is
# *shape*.

# %% [markdown] lang="ko"
# # 텐서
#
# 지금까지는 숫자 하나하나가 노드였습니다. 들여다보기에는 좋지만 계산은 느립니다. 이 노트북에서는 많은 숫자를 노드 하나에
# 담습니다. 미분 규칙은 그대로이고, 새로운 것은 *형상*입니다.

# %% [markdown] lang="en"
# ## A container of floats
#
# A **tensor** is a container of floating-point numbers, arranged in a grid, that remembers how it
# was made. With one axis it is also called a vector, with two a matrix. A small function draws
# them here:

# %% [markdown] lang="ko"
# ## 실수를 담는 그릇
#
# **텐서**는 부동소수점 수를 격자 모양으로 담는 그릇이며, 자신이 어떻게 만들어졌는지도 기억합니다. 축이 하나이면 벡터,
# 둘이면 행렬이라고도 합니다. 여기서는 짧은 함수로 텐서를 그려 봅니다.

# %%
import numpy as np
from matplotlib import pyplot as plt

import nn
from autograd import Tensor, draw


def show(**tensors):
    """Each tensor as a grid of its numbers, under its name and shape."""
    _, axes = plt.subplots(1, len(tensors), figsize=(7.5, 1.6), layout="constrained")
    for ax, (name, tensor) in zip(np.atleast_1d(axes), tensors.items()):
        numbers = np.atleast_2d(tensor.data)
        ax.imshow(numbers, cmap="Blues", vmin=numbers.min() - 1, vmax=numbers.max() * 2 + 2)
        for (i, j), number in np.ndenumerate(numbers):
            ax.text(j, i, f"{number:.4g}", ha="center", va="center", fontsize=9)
        ax.set_title(f"{name} {tensor.shape}", fontsize=9)
        ax.axis("off")


vector = Tensor([1, 2, 3])
matrix = Tensor([[1, 2, 3], [4, 5, 6]])
show(vector=vector, matrix=matrix)

# %% [markdown] lang="en"
# `draw`, `backward` and `explain` work as before. A box now holds a whole grid, and so does its
# gradient.

# %% [markdown] lang="ko"
# `draw`, `backward`, `explain`은 전과 똑같이 쓸 수 있습니다. 이제 상자 하나에 격자
# 전체가 들어 있고, 그래디언트도 같은 격자입니다.

# %%
w = Tensor([[0.5, -1.0, 2.0]], label="w")
loss = ((w * matrix).sum(axis=1) ** 2).mean()
loss.backward()
draw(loss)

# %% [markdown] lang="en"
# ## Shape, rank, size, axis
#
# Four words for one grid. Its **shape** is how many numbers there are along each axis. Its
# **rank** is how many axes it has (`ndim`). Its **size** is how many numbers there are in all. An
# **axis** is one of its directions, counted from 0.

# %% [markdown] lang="ko"
# ## 형상, 차원(rank), 크기, 축
#
# 격자 하나를 설명하는 네 가지 말입니다. **형상**(shape)은 축마다 숫자가 몇 개 있는지,
# **차원**(rank)은 축이 몇 개인지(`ndim`), **크기**(size)는 숫자가 모두 몇 개인지를
# 말합니다. **축**(axis)은 격자의 방향 하나이며 0부터 셉니다.

# %%
print("shape", matrix.shape, " rank", matrix.ndim, " size", matrix.size)
show(matrix=matrix, sum_axis_0=matrix.sum(axis=0), sum_axis_1=matrix.sum(axis=1, keepdims=True))

# %% [markdown] lang="en"
# A sum along an axis makes that axis disappear. Along axis 0 the rows are added up, and one number
# is left for each column. (`keepdims=True` keeps an axis of length 1 in its place.)

# %% [markdown] lang="ko"
# 어떤 축을 따라 더하면 그 축이 사라집니다. 축 0을 따라 더하면 행끼리 더해져서 열마다 숫자가 하나씩 남습니다.
# (`keepdims=True`는 그 자리에 길이가 1인 축을 남겨 둡니다.)

# %% [markdown] lang="en"
# ## arange and linspace
#
# Two ways to make a row of numbers: `arange` is told the *step*, `linspace` is told *how many*.
# The end is not part of the first, and is part of the second.

# %% [markdown] lang="ko"
# ## arange와 linspace
#
# 한 줄의 수를 만드는 두 가지 방법입니다. `arange`에는 *간격*을, `linspace`에는 *개수*를
# 알려 줍니다. 앞의 것은 끝 값을 포함하지 않고, 뒤의 것은 포함합니다.

# %%
from autograd import arange, linspace

steps, count = arange(0, 1, 0.25), linspace(0, 1, 5)
print(steps, count, sep="\n")

figure, ax = plt.subplots(figsize=(5, 1.3), layout="constrained")
ax.plot(steps.data, [1] * steps.size, "o")
ax.plot(count.data, [0] * count.size, "s")
ax.set_yticks([0, 1], ["linspace(0, 1, 5)", "arange(0, 1, 0.25)"])
_ = ax.set_ylim(-0.5, 1.5)

# %% [markdown] lang="en"
# ## The same numbers in another shape
#
# `view` (or `reshape`, which is the same here) reads the numbers row by row and lays them out
# anew. None is lost and none is added: the size stays. One length may be `-1`: it is worked out
# from the others.

# %% [markdown] lang="ko"
# ## 같은 수를 다른 형상으로
#
# `view`는 수를 행 순서대로 읽어서 다른 격자로 다시 늘어놓습니다(여기서는 `reshape`도 같습니다). 사라지거나 더해지는 수는
# 없으므로 크기는 그대로입니다. 길이 하나는 `-1`로 둘 수 있고, 그 값은 나머지에서 계산됩니다.

# %%
twelve = arange(12)
show(twelve=twelve, view_3_and_the_rest=twelve.view(3, -1), view_the_rest_and_2=twelve.view(-1, 2))
assert twelve.view(3, -1).size == twelve.size

# %% [markdown] lang="en"
# ## Joining: cat and stack
#
# `cat` puts tensors one behind the other along an axis that they *have*. `stack` puts them beside
# each other along a *new* axis.

# %% [markdown] lang="ko"
# ## 잇기: cat과 stack
#
# `cat`은 텐서를 *이미 있는* 축을 따라 이어 붙입니다. `stack`은 *새로운* 축을 만들어 그 축을 따라 쌓습니다.

# %%
from autograd import cat, stack

a, b = Tensor([1, 2, 3]), Tensor([4, 5, 6])
show(cat=cat([a, b]), stack=stack([a, b]), stack_axis_1=stack([a, b], axis=1))

# %% [markdown] lang="en"
# ## Axes of length one: squeeze and unsqueeze
#
# An axis of length 1 holds no more numbers, but it says which way they lie. `unsqueeze(axis)` adds
# one, `squeeze()` takes it away.

# %% [markdown] lang="ko"
# ## 길이가 1인 축: squeeze와 unsqueeze
#
# 길이가 1인 축을 더해도 수가 늘지는 않지만, 수가 어느 방향으로 놓여 있는지가 정해집니다.
# `unsqueeze(axis)`는 그런 축을 더하고 `squeeze()`는 없앱니다.

# %%
row, column = a.unsqueeze(0), a.unsqueeze(1)
show(a=a, row=row, column=column)
assert column.squeeze().shape == a.shape

# %% [markdown] lang="en"
# ## Broadcasting
#
# What is a column plus a row? Shapes are compared from the right. Where one length is 1, or
# missing, that tensor is repeated, without being copied. So every pair meets:

# %% [markdown] lang="ko"
# ## 브로드캐스팅
#
# 열과 행을 더하면 무엇이 될까요? 형상은 오른쪽부터 비교합니다. 한쪽의 길이가 1이거나 없으면 그 텐서가 그 방향으로 반복되고,
# 실제로 복사되지는 않습니다. 그래서 모든 짝이 한 번씩 만납니다.

# %%
tens = Tensor([[10], [20]], label="tens")
show(tens=tens, row=row, both=tens + row)

# %% [markdown] lang="en"
# And backwards? A number that was used three times gets the sum of three gradients. That is the
# same rule as for a Value that is used three times: the paths add up.

# %% [markdown] lang="ko"
# 역전파에서는 어떻게 될까요? 세 번 쓰인 수는 그래디언트 세 개의 합을 받습니다. 세 번 쓰인 Value와 같은 규칙입니다. 경로마다
# 나온 값을 모두 더합니다.

# %%
(tens + row).sum().backward()
print(tens.grad.tolist())
assert (tens.grad == row.size).all()

try:
    Tensor([[1, 2, 3]]) + Tensor([1, 2])
except ValueError as error:
    print(error)

# %% [markdown] lang="en"
# ## Casting
#
# A number is kept in 64 bits, or in 32 with half the memory and about seven digits. `astype`
# changes the kind. Where a small number is added to a large one, the digits show:

# %% [markdown] lang="ko"
# ## 형 변환
#
# 수 하나는 64비트에 저장됩니다. 32비트에 저장하면 메모리는 절반이 되고 약 일곱 자리까지만 남습니다. `astype`으로 자료형을
# 바꿉니다. 큰 수에 작은 수를 더해 보면 자릿수의 차이가 드러납니다.

# %%
single = arange(0, 60).astype("float32") + 2.0**24
double = arange(0, 60) + 2.0**24
assert (single.dtype, double.dtype) == ("float32", "float64")

figure, ax = plt.subplots(figsize=(4, 2), layout="constrained")
ax.plot(double.data[:12] - 2**24, "o", label="float64")
ax.plot(single.data[:12].astype(float) - 2**24, "s", markersize=4, label="float32")
ax.set(xlabel="k", ylabel="$(2^{24} + k) - 2^{24}$")
_ = ax.legend()

# %% [markdown] lang="en"
# In single precision the odd numbers up there do not exist. For training that is mostly fine, and
# faster. A tensor is never of whole numbers or booleans: those have no slopes.

# %% [markdown] lang="ko"
# 단정밀도에서는 그 크기의 홀수를 나타낼 수 없습니다. 학습에는 대부분 그 정도로 충분하고 속도는 더 빠릅니다. 텐서에는 정수나
# 불리언을 담지 않습니다. 그런 수에는 기울기가 없기 때문입니다.

# %% [markdown] lang="en"
# ## In place
#
# An operation **in place** writes the result over the old numbers. It saves memory, and it
# endangers the backward pass, which still needs what was there. So here only a leaf may be
# changed, through `.data`, and only *between* graphs, as in a step of gradient descent:

# %% [markdown] lang="ko"
# ## 제자리 연산
#
# **제자리(in-place) 연산**은 결과를 원래 수 위에 덮어씁니다. 메모리는 아끼지만, 역전파에 아직 필요한 값을 지울 수 있어서
# 위험합니다. 그래서 여기서는 잎 노드만 `.data`를 통해서, 그것도 그래프와 그래프 *사이에만* 바꿀 수 있습니다. 경사 하강법의
# 한 걸음이 바로 그런 경우입니다.

# %%
p = Tensor([3.0, -2.0], label="p")
before = Tensor(p.data.copy())
loss = (p**2).sum()
loss.backward()
p.data -= 0.1 * p.grad
show(before=before, after=p)

try:
    loss.backward()  # p has changed since
except RuntimeError as error:
    print(str(error).split(";")[0])

# %% [markdown] lang="en"
# ## Features made by hand
#
# Now let tensors do some work. A neuron without activation is **linear regression**:
# $w \cdot x + b$ with the squared error. A line cannot follow these points.
#
# One cure is older than networks: give the line more columns. Stack $x$, $x^2$ and $x^3$, and the
# "line" in these three **polynomial features** is a curve in $x$. The network is the same;
# somebody who looked at the points has designed its inputs. That is **feature engineering**.

# %% [markdown] lang="ko"
# ## 손으로 만든 특성
#
# 이제 텐서로 일을 해 봅시다. 활성화 함수가 없는 뉴런에 제곱 오차를 쓰면 **선형 회귀**입니다. 식은
# $w \cdot x + b$입니다. 직선은 아래 점들을 따라갈 수 없습니다.
#
# 신경망보다 오래된 해결책이 하나 있습니다. 직선에 열을 더 주는 것입니다. $x$, $x^2$, $x^3$을
# 쌓으면, 이 세 **다항식 특성**에 대한 "직선"은 $x$에 대한 곡선이 됩니다. 신경망은 그대로이고, 점들을
# 살펴본 사람이 입력을 설계한 것입니다. 이것을 **특성 공학**(feature engineering)이라고
# 합니다.

# %%
rng = np.random.default_rng(0)
x = linspace(-1, 1, 40)
y = np.sin(3 * x.data) + rng.normal(0, 0.15, 40)

one = stack([x], axis=1)
powers = stack([x, x**2, x**3], axis=1)
print("one column", one.shape, " three columns", powers.shape)


def trained(model, X):
    nn.fit(model, X.data, y, "mse", epochs=300, batch_size=None, lr=0.05, progress=False)
    return model


line = trained(nn.MLP(1, [1], seed=0, backend="tensor"), one)
cubic = trained(nn.MLP(3, [1], seed=0, backend="tensor"), powers)
network = trained(nn.MLP(1, [6, 1], "tanh", seed=0, backend="tensor"), one)

figure, axes = plt.subplots(1, 3, figsize=(7.5, 2.2), layout="constrained", sharey=True)
for ax, model, X, title in zip(
    axes, (line, cubic, network), (one, powers, one), ("a line", "x, x², x³", "six learnt features")
):
    ax.plot(x.data, y, ".", color="0.6")
    ax.plot(x.data, model(X).data, linewidth=2)
    ax.set_title(title)

# %% [markdown] lang="en"
# The third picture is the other way. Its hidden layer was given $x$ alone, and made six features
# of its own, drawn below. Nobody designed them: they are what made the loss small. Features by
# hand need few data and can be explained; learnt ones need nobody who knows the answer already. In
# one dimension a person can do it. In a picture of many pixels, nobody can.

# %% [markdown] lang="ko"
# 세 번째 그림은 다른 방법입니다. 은닉층은 $x$ 하나만 받아서 특성 여섯 개를 스스로 만들었습니다. 아래에 그 특성들이 있습니다.
# 누가 설계한 것이 아니라 손실을 줄이는 과정에서 생긴 것입니다. 손으로 만든 특성은 데이터가 적어도 되고 설명할 수 있습니다.
# 학습된 특성은 답을 이미 아는 사람이 없어도 됩니다. 1차원이라면 사람이 할 수 있지만, 픽셀이 수없이 많은 그림에서는 아무도 할 수
# 없습니다.

# %%
figure, ax = plt.subplots(figsize=(4.5, 2), layout="constrained")
ax.plot(x.data, network.layers[0](one).data)
ax.set(xlabel="x", title="the hidden units of the network")


def error(model, X):
    return float(((model(X).data - y) ** 2).mean())


assert error(cubic, powers) < error(line, one) / 3
assert error(network, one) < error(line, one) / 3

# %% [markdown] lang="en"
# ## The same network, much faster
#
# A network of Values and one of Tensors hold the same weights and find the same gradients. The one
# makes a node for every neuron and sample, the other a node for every operation on whole grids.

# %% [markdown] lang="ko"
# ## 같은 신경망, 훨씬 빠르게
#
# Value로 된 신경망과 Tensor로 된 신경망은 가중치도 같고, 구하는 그래디언트도 같습니다. 앞의 것은
# 뉴런과 샘플마다 노드를 만들고, 뒤의 것은 격자 전체에 대한 연산마다 노드를 하나 만듭니다.

# %%
from time import perf_counter

from sklearn.datasets import load_digits

from autograd import nodes

pictures, digits = load_digits(return_X_y=True)
pictures = pictures / 16
some, truth = pictures[:200], digits[:200]

slow = nn.MLP(64, [32, 10], "tanh", seed=0)
fast = slow.to("tensor")  # a copy: the same weights


def timed(model, X, y):
    began = perf_counter()
    outputs = model(X) if model is fast else [model(x) for x in X]
    loss = nn.losses.cross_entropy(outputs, y)
    loss.backward()
    return loss, perf_counter() - began


one_by_one, slow_seconds = timed(slow, some.tolist(), truth.tolist())
timed(fast, some, truth)  # the first time takes longer
at_once, fast_seconds = timed(fast, some, truth)

assert np.isclose(one_by_one.data, at_once.data, rtol=1e-12)
assert slow_seconds > 30 * fast_seconds
print(f"{len(nodes(one_by_one)):,} nodes against {len(nodes(at_once))}")
print("more than thirty times as fast; print the seconds to see how much more")

# %%
draw(at_once)

# %% [markdown] lang="en"
# ## Convolution: features that are learnt
#
# To the network above, a picture is 64 unrelated numbers. A **convolution** knows what is beside
# what: it moves one small grid of weights over the picture, and at each place takes the weighted
# sum of what lies under it. Where the picture looks like the weights, the sum is large (orange);
# where it looks like their opposite, it is negative (purple).

# %% [markdown] lang="ko"
# ## 합성곱: 학습되는 특성
#
# 위의 신경망에는 그림이 서로 관계없는 수 64개일 뿐입니다. **합성곱**(convolution)은 무엇이 무엇
# 옆에 있는지 압니다. 작은 가중치 격자 하나를 그림 위로 옮기면서, 자리마다 그 아래에 놓인 수의 가중합을
# 구합니다. 그림이 가중치와 닮은 자리에서 합이 커지고(주황색), 반대로 생긴 자리에서는 음수가 됩니다(보라색).

# %%
from autograd import conv2d

edge = np.array([[-1, -1, -1], [0, 0, 0], [1, 1, 1]])  # dark below, light above
picture = pictures[0].reshape(1, 1, 8, 8)
found = conv2d(picture, edge.reshape(1, 1, 3, 3), padding=1)

figure, axes = plt.subplots(1, 3, figsize=(6, 2), layout="constrained")
images = (picture[0, 0], edge, found[0, 0])
for ax, image, title in zip(axes, images, ("picture", "weights", "where they agree")):
    ax.imshow(image, cmap="gray_r" if ax is axes[0] else "PuOr_r")
    ax.set_title(title, fontsize=10)
    ax.axis("off")

# %% [markdown] lang="en"
# These weights were made by hand: a feature, engineered. Let the network find its own. Sixteen
# grids look at the picture, thirty-two at what those found, and a last layer decides. A fifth of
# the digits is held out.

# %% [markdown] lang="ko"
# 이 가중치는 손으로 만든 것입니다. 특성 공학입니다. 이제 신경망이 스스로 찾게 합시다. 격자 16개가 그림을
# 보고, 32개가 그 결과를 보고, 마지막 층이 결정합니다. 숫자 그림의 5분의 1은 따로 떼어 둡니다.

# %%
settings = {"padding": 1, "dtype": "float32"}
conv = nn.Sequential(
    nn.Conv2d(1, 16, 3, "relu", seed=1, **settings),
    nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, "relu", seed=2, **settings),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Layer(128, 10, seed=3, backend="tensor", dtype="float32"),
)
squares = pictures.reshape(-1, 1, 8, 8)
learn, held = nn.data.split(squares, digits, 0.2, seed=0)
plan = {"epochs": 6, "lr": 0.01, "schedule": nn.optim.cosine(6), "seed": 0, "progress": False}
history = nn.fit(conv, *learn, "cross_entropy", validation=held, metrics=["accuracy"], **plan)
assert history.history["val_accuracy"][-1] > 0.95
print("more than 95 % of the digits held out are read correctly")

# %% [markdown] lang="en"
# Here is a digit, and eight of the pictures that the first layer makes of it. They are what this
# network finds worth knowing: edges in several directions, strokes, what is between them.

# %% [markdown] lang="ko"
# 아래는 숫자 그림 하나와, 첫 층이 그것으로 만든 그림 여덟 개입니다. 이 신경망이 알아 둘 만하다고 여긴 것들입니다. 여러 방향의
# 가장자리, 획, 획 사이의 빈 곳이 보입니다.

# %%
from autograd import no_grad

with no_grad():
    maps = conv.parts[0](held[0][:1]).data[0]
strongest = np.argsort(-maps.sum(axis=(1, 2)))[:8]

figure, axes = plt.subplots(1, 9, figsize=(7.5, 1.1))
for ax, image in zip(axes, [held[0][0, 0], *maps[strongest]]):
    ax.imshow(image, cmap="gray_r")
    ax.axis("off")

# %% [markdown] lang="en"
# Deep learning is **representation learning**: each layer describes the picture in words that suit
# the task better. To see it, squeeze the pixels, and the 128 numbers before the last layer, to the
# plane (with scikit-learn's principal components; one point is one picture of a 3, a 5 or a 9 that
# the network never learnt from).

# %% [markdown] lang="ko"
# 딥러닝은 **표현 학습**(representation learning)입니다. 층마다 그림을 그 문제에 더
# 알맞은 말로 바꾸어 씁니다. 눈으로 보기 위해 픽셀과, 마지막 층 앞의 수 128개를 각각 평면에 눌러 담아
# 봅니다(scikit-learn의 주성분을 씁니다. 점 하나는 신경망이 학습에 쓰지 않은 3, 5, 9 그림
# 하나입니다).

# %%
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score

alike = np.isin(held[1], [3, 5, 9])
seen, which = held[0][alike], held[1][alike]
with no_grad():
    inside = nn.Sequential(*conv.parts[:-1])(seen).data

clear = []
figure, axes = plt.subplots(1, 2, figsize=(5.6, 2.4), layout="constrained")
both = {"pixels": seen.reshape(-1, 64), "before the last layer": inside}
for ax, (title, numbers) in zip(axes, both.items()):
    plane = PCA(2, random_state=0).fit_transform(numbers)
    ax.scatter(*plane.T, c=which, cmap="tab10", s=6)
    ax.set(title=title, xticks=[], yticks=[])
    clear.append(silhouette_score(numbers, which))
assert clear[1] > clear[0]  # how much nearer a point is to its own digit than to the next

# %% [markdown] lang="en"
# ## Keeping a network
#
# `nn.save` writes the weights as safetensors, a file of numbers and no code. `nn.load` builds the
# network again. It is the same to the last bit, and it draws itself:

# %% [markdown] lang="ko"
# ## 신경망 저장하기
#
# `nn.save`는 가중치를 safetensors로 저장합니다. 코드는 없고 수만 들어 있는 파일입니다.
# `nn.load`는 그 파일에서 신경망을 다시 만듭니다. 마지막 비트까지 같은 신경망이고, 그림으로 그릴 수도
# 있습니다.

# %%
import os
import tempfile

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "digits.safetensors")
    nn.save(conv, path)
    again = nn.load(path)

with no_grad():
    assert np.array_equal(again(seen).data, conv(seen).data)
draw(again)

# %% [markdown] lang="en"
# ## Exercises
#
# **1.** A bias `b` of shape (3,) is added to every row of `X`, and the loss is the mean of all
# squares. What is the gradient for `b`? Remember what happens to a number that is used in four
# rows.

# %% [markdown] lang="ko"
# ## 연습 문제
#
# **1.** 형상이 (3,)인 편향 `b`를 `X`의 모든 행에 더하고, 손실은 모든 값의 제곱을 평균한
# 것입니다. `b`의 그래디언트는 무엇일까요? 네 행에 쓰인 수에 무슨 일이 생기는지 떠올려 보세요.

# %% tags=["exercise"]
from autograd import gradcheck

X = np.arange(12.0).reshape(4, 3)


def loss(b):
    return ((X + b) ** 2).mean()


def slope(b):
    return 2 * (X + b)[0] / X.size


report = gradcheck(loss, np.array([1.0, -2.0, 0.5]), df=slope)
print(report)


# %% tags=["solution"]
def slope(b):
    return (2 * (X + b) / X.size).sum(axis=0)


report = gradcheck(loss, np.array([1.0, -2.0, 0.5]), df=slope)
print(report)
assert report

# %% [markdown] lang="en"
# **2.** The most frequent mistake with shapes makes no noise at all. The answers have the shape
# (5, 1), the truth has (5,). How many differences are there? There should be five.
# (`nn.losses.mse` takes care of that; a subtraction of your own does not.)

# %% [markdown] lang="ko"
# **2.** 형상에서 가장 흔한 실수는 아무 소리도 내지 않습니다. 답의 형상은 (5, 1)이고 정답의 형상은
# (5,)입니다. 차이는 몇 개일까요? 다섯 개여야 합니다. (`nn.losses.mse`는 이를 알아서
# 처리하지만, 직접 쓴 뺄셈은 그렇지 않습니다.)

# %% tags=["exercise"]
answers = Tensor([[1.0], [2.0], [3.0], [4.0], [5.0]])
truth = np.array([1.0, 2.0, 3.0, 4.0, 5.0])

differences = answers - truth
print(f"{differences.size} differences, of shape {differences.shape}")
print(f"mean square {(differences**2).mean().data:.1f}")

# %% tags=["solution"]
differences = answers.squeeze() - truth
assert differences.shape == (5,)
assert (differences**2).mean().data == 0

# %% [markdown] lang="en"
# **3.** Two wines, three measurements each: turn the table round, so that there is a row for each
# measurement. The gradient with respect to the first wine's numbers tells whether they came along.

# %% [markdown] lang="ko"
# **3.** 와인 두 개에 측정값이 세 개씩 있습니다. 측정값마다 행이 하나씩 되도록 표를 돌려 보세요. 첫
# 와인의 수가 제대로 따라왔는지는 그래디언트가 알려 줍니다.

# %% tags=["exercise"]
table = Tensor([[1, 2, 3], [10, 20, 30]], label="table")
turned = table.view(3, 2)

turned[:, 0].sum().backward()  # column 0 should be the first wine
print(table.grad)
print("column 0 is the first wine:", (table.grad == [[1, 1, 1], [0, 0, 0]]).all())

# %% tags=["solution"]
table = Tensor([[1, 2, 3], [10, 20, 30]], label="table")
turned = table.T

turned[:, 0].sum().backward()  # column 0 should be the first wine
print(table.grad)
assert (table.grad == [[1, 1, 1], [0, 0, 0]]).all()
