# %% [markdown] lang="en"
# # Where to go from here
#
# You can look at every number of a network now. Sooner or later you will want a larger network
# than can be looked at. This notebook is a map: what makes a computation faster, how your
# knowledge carries over to other libraries, and what each of them does, and does not.
#
# Some cells below use a library that is not installed everywhere. They say so, and go on without
# it.

# %% [markdown] lang="ko"
# # 여기서 어디로 갈까
#
# 이제 여러분은 신경망의 모든 수를 들여다볼 수 있습니다. 언젠가는 들여다볼 수 없을 만큼 큰 신경망이 필요해집니다. 이 노트북은
# 지도입니다. 무엇이 계산을 빠르게 하는지, 배운 것이 다른 라이브러리에서 어떻게 이어지는지, 그리고 각각이 무엇을 하고 무엇을
# 하지 않는지를 봅니다.
#
# 아래의 몇몇 셀은 어디에나 설치되어 있지는 않은 라이브러리를 씁니다. 없으면 없다고 말하고 그대로 넘어갑니다.

# %% [markdown] lang="en"
# ## Replay: record once, run again
#
# In training, the same computation runs thousands of times, and only the numbers differ.
# `autograd.compile` records it once, and then replays it without making any nodes. The result is
# the same.

# %% [markdown] lang="ko"
# ## 되풀이하기: 한 번 기록하고 다시 실행하기
#
# 학습에서는 같은 계산이 수천 번 실행되고, 달라지는 것은 수뿐입니다. `autograd.compile`은 계산을
# 한 번 기록해 두고, 그다음부터는 노드를 만들지 않고 되풀이합니다. 결과는 같습니다.

# %%
import math
from time import perf_counter

from matplotlib import pyplot as plt

import autograd
from autograd import dot, value_and_grad


def loss(w, xs, ys):
    total = 0.0
    for x, y in zip(xs, ys):
        hidden = [(a * x + b).tanh() for a, b in zip(w["a"], w["b"])]
        total = total + (dot(w["c"], hidden) - y) ** 2
    return total / len(xs)


w = {"a": [i / 10 for i in range(8)], "b": [i / 20 for i in range(8)], "c": [0.2] * 8}
xs = [i / 50 for i in range(100)]
ys = [x * x for x in xs]

recorded = autograd.compile(loss)


def seconds(f):
    f(w, xs, ys)  # the first call records
    found = []
    for _ in range(10):
        began = perf_counter()
        f(w, xs, ys)
        found.append(perf_counter() - began)
    return min(found)  # what nothing else held up


ways = {"node by node": value_and_grad(loss), "replayed": recorded.value_and_grad}
times = {name: seconds(f) for name, f in ways.items()}
assert math.isclose(recorded(w, xs, ys), value_and_grad(loss)(w, xs, ys)[0], rel_tol=1e-12)
assert times["replayed"] < times["node by node"]

figure, ax = plt.subplots(figsize=(6, 1.4), layout="constrained")
ax.barh([*times], [1000 * t for t in times.values()])
_ = ax.set(xlabel="milliseconds for a loss and its gradient")

# %% [markdown] lang="en"
# You can read what was recorded. What repeats has become loops, like the sums one writes on paper:

# %% [markdown] lang="ko"
# 무엇이 기록되었는지 읽을 수 있습니다. 반복되는 부분은 종이에 쓰는 합의 식처럼 반복문이 되었습니다.

# %%
print(recorded.listing().split("gradient by")[0])

# %% [markdown] lang="en"
# Where your function has an `if` that would go another way, it notices, and records again. One
# thing it does assume: a number that the function finds outside stays what it was. The third
# exercise meets that.

# %% [markdown] lang="ko"
# 함수 안의 `if`가 다른 길로 가야 하는 경우에는 이를 알아채고 다시 기록합니다. 다만 한 가지는 가정합니다.
# 함수가 바깥에서 가져온 수는 기록할 때의 값 그대로입니다. 세 번째 연습 문제에서 이 가정을 만납니다.

# %% [markdown] lang="en"
# ## PyTorch: the same words
#
# PyTorch does on large arrays what you have done here. Its parts have counterparts, and most of
# the names agree:
#
# | in PyTorch | what for | here |
# |---|---|---|
# | `torch.tensor(2.0, requires_grad=True)` | a number that remembers | `Value(2.0)`, `Tensor(2.0)` |
# | `torch.autograd`, `loss.backward()`, `w.grad` | derivatives | `autograd`, the same names |
# | `torch.no_grad()`, `w.detach()` | not to remember | the same names |
# | `torch.nn` | layers, networks, losses | `nn`, `nn.losses` |
# | `torch.optim` | optimisers, schedules | `nn.optim` |
# | `torch.utils.data` | batches, shuffling | `nn.data` |
# | `torch.func.grad`, `hessian`, `jvp` | functions of functions | `grad`, `hessian`, `jvp` |
# | `torch.compile` | record once, run again | `autograd.compile` |
# | `torch.multiprocessing` | several processes | Python's `multiprocessing` |
# | `torch.onnx` | a file for other programs | `nn.export_onnx` |
#
# In PyTorch a tensor is a constant unless you say `requires_grad=True`. Here a `Value` or a
# `Tensor` is always differentiated, and a plain number or array is the constant. The graph says
# which is which: constants have no gradient.

# %% [markdown] lang="ko"
# ## PyTorch: 같은 말들
#
# PyTorch는 여러분이 여기서 한 일을 큰 배열로 합니다. 부분마다 짝이 있고, 이름도 대부분 같습니다.
#
# | PyTorch에서 | 하는 일 | 여기서는 |
# |---|---|---|
# | `torch.tensor(2.0, requires_grad=True)` | 기억하는 수 | `Value(2.0)`, `Tensor(2.0)` |
# | `torch.autograd`, `loss.backward()`, `w.grad` | 미분 | `autograd`, 같은 이름 |
# | `torch.no_grad()`, `w.detach()` | 기억하지 않기 | 같은 이름 |
# | `torch.nn` | 층, 신경망, 손실 함수 | `nn`, `nn.losses` |
# | `torch.optim` | 최적화 알고리즘, 학습률 스케줄 | `nn.optim` |
# | `torch.utils.data` | 배치, 섞기 | `nn.data` |
# | `torch.func.grad`, `hessian`, `jvp` | 함수를 받는 함수 | `grad`, `hessian`, `jvp` |
# | `torch.compile` | 한 번 기록하고 다시 실행 | `autograd.compile` |
# | `torch.multiprocessing` | 여러 프로세스 | 파이썬의 `multiprocessing` |
# | `torch.onnx` | 다른 프로그램을 위한 파일 | `nn.export_onnx` |
#
# PyTorch의 텐서는 `requires_grad=True`라고 하지 않으면 상수입니다. 여기서는
# `Value`와 `Tensor`가 언제나 미분의 대상이고, 보통 수와 배열이 상수입니다. 어느 쪽인지는 그래프에
# 나타납니다. 상수에는 그래디언트가 없습니다.

# %%
from autograd import Value, draw

w1, x1 = Value(0.5, label="w"), 3.0  # in PyTorch: requires_grad=True, and without
y = (w1 * x1).tanh()
y.backward()
draw(y)

# %% [markdown] lang="en"
# A network from here becomes one of PyTorch's, with the same weights and the same answers:

# %% [markdown] lang="ko"
# 여기서 만든 신경망은 가중치도 답도 같은 PyTorch 신경망이 됩니다.

# %%
from importlib.util import find_spec

from IPython.display import HTML, display

import nn


def found(*libraries):
    """Whether these libraries are installed; says so either way."""
    absent = [name for name in libraries if find_spec(name) is None]
    cure = f"not installed here: python -m pip install {' '.join(absent)}"
    display(HTML(f"<i>{', '.join(libraries)}: {cure if absent else 'found, and compared'}</i>"))
    return not absent


model = nn.MLP(2, [3, 1], "tanh", seed=0)

if found("torch"):
    import torch

    theirs = nn.to_torch(model)
    point = torch.tensor([[0.5, -1.0]], dtype=torch.float64)
    assert abs(theirs(point).item() - model([0.5, -1.0]).data) < 1e-12
draw(model)

# %% [markdown] lang="en"
# ## ONNX: a network as a file
#
# ONNX is a format of files that many programs read: on a phone, in a browser, on a server without
# Python. `export_onnx` writes the network there, as a graph of operations. It is the graph that
# you know, without the gradients.

# %% [markdown] lang="ko"
# ## ONNX: 파일이 된 신경망
#
# ONNX는 많은 프로그램이 읽는 파일 형식입니다. 휴대전화에서도, 브라우저에서도, 파이썬이 없는 서버에서도 읽습니다.
# `export_onnx`는 신경망을 연산의 그래프로 그 파일에 적습니다. 여러분이 아는 그 그래프에서 그래디언트만 뺀 것입니다.

# %%
import os
import tempfile

if found("onnx"):
    import onnx

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.onnx")
        nn.export_onnx(model, path)
        graph = onnx.load(path).graph
    assert len(graph.node) > 2
draw(model([0.5, -1.0]), hide_constants=True)

# %% [markdown] lang="en"
# ## GPUs and other people's arrays
#
# A GPU does the same operation on thousands of numbers at once. To be honest: this library has no
# code for GPUs, and a network of Values cannot use one. But a `Tensor` does not care whose array
# it holds. Its rules are written with the array operations that PyTorch, JAX, Dask and NumPy
# share. Put a PyTorch array that lies on a GPU into a `Tensor`, and forward and backward pass both
# run there.
#
# That is how it is built; it is tested with the libraries named, and on no GPU. Here is the same
# with Dask, whose arrays are cut into blocks and computed when asked for:

# %% [markdown] lang="ko"
# ## GPU와 다른 라이브러리의 배열
#
# GPU는 같은 연산을 수천 개의 수에 한꺼번에 합니다. 솔직히 말하면 이 라이브러리에는 GPU를 위한 코드가
# 없고, Value로 된 신경망은 GPU를 쓸 수 없습니다. 하지만 `Tensor`는 누구의 배열을 담고 있는지
# 따지지 않습니다. 규칙이 PyTorch, JAX, Dask, NumPy가 함께 쓰는 배열 연산으로 쓰여 있기
# 때문입니다. GPU에 있는 PyTorch 배열을 `Tensor`에 넣으면 순전파와 역전파가 모두 그 위에서
# 실행됩니다.
#
# 그렇게 만들어져 있지만, 시험은 위에 적은 라이브러리로만 했고 GPU 위에서는 하지 않았습니다. 여기서는
# Dask로 같은 일을 해 봅니다. Dask의 배열은 여러 블록으로 나뉘어 있고, 값을 달라고 할 때 계산됩니다.

# %%
import numpy as np

from autograd import Tensor

numbers = np.arange(12.0).reshape(4, 3)
weight = np.array([0.5, -1.0, 2.0])


def squares(X, w):
    X, w = Tensor(X, label="X"), Tensor(w, label="w")
    loss = ((X * w).sum(axis=1) ** 2).mean()
    loss.backward()
    return loss, w.grad


here, gradient = squares(numbers, weight)
if found("dask", "array_api_compat"):
    from dask import array as blocks

    there, theirs = squares(blocks.from_array(numbers, chunks=2), blocks.from_array(weight))
    assert isinstance(theirs, blocks.Array)  # the gradient is theirs too
    assert np.allclose(np.asarray(theirs), gradient)
draw(here)

# %% [markdown] lang="en"
# What this does *not* do: make a small network faster. Sending numbers to a GPU takes longer than
# multiplying a few thousand of them. It pays for large arrays, and for those, PyTorch and JAX have
# rules that were tuned for years. Learn here; train there.

# %% [markdown] lang="ko"
# 이것이 *하지 않는* 일도 있습니다. 작은 신경망은 빨라지지 않습니다. 수를 GPU로 보내는 시간이 수천 개를
# 곱하는 시간보다 깁니다. 배열이 클 때 이득이 있고, 그런 배열에는 PyTorch와 JAX에 여러 해 동안
# 다듬은 규칙이 있습니다. 배우기는 여기서, 큰 학습은 거기서 하세요.

# %% [markdown] lang="en"
# ## JAX: functions of functions
#
# JAX has no `backward()`. It has `grad`, which takes a function and returns its derivative. You
# know it from the notebook on second derivatives: ours is called the same and nests the same.
# `jax.jit` is our `compile`, `jax.vmap` its `.batch`.

# %% [markdown] lang="ko"
# ## JAX: 함수를 받는 함수
#
# JAX에는 `backward()`가 없습니다. 대신 함수를 받아 도함수를 돌려주는 `grad`가 있습니다.
# 이계도함수 노트북에서 이미 보았습니다. 이름도 같고 겹쳐 쓰는 법도 같습니다. `jax.jit`은 우리의
# `compile`이고, `jax.vmap`은 그 `.batch`입니다.

# %%
from autograd import grad


def cube(x):
    return x * x * x


ours = [cube(2.0), grad(cube)(2.0), grad(grad(cube))(2.0)]
if found("jax"):
    import jax

    assert ours == [cube(2.0), float(jax.grad(cube)(2.0)), float(jax.grad(jax.grad(cube))(2.0))]

places = [i / 10 for i in range(-20, 21)]
losses, slopes = autograd.compile(cube).batch(places)
figure, ax = plt.subplots(figsize=(4, 2.2), layout="constrained")
ax.plot(places, losses, label="41 values in one call")
ax.plot(places, slopes, "--", label="41 slopes")
_ = ax.legend(fontsize=8)

# %% [markdown] lang="en"
# ## Several processes
#
# A computer has several cores, and a Python program mostly uses one. The loss of a batch is a sum
# over samples, so its gradient is a sum too: each process takes a part of the samples, and the
# parts are added up. Nothing is approximated.
#
# A process has its own memory. What it is to do must be importable, and what goes in and out is
# pickled. So the function stands in a file:

# %% [markdown] lang="ko"
# ## 여러 프로세스
#
# 컴퓨터에는 코어가 여럿 있지만 파이썬 프로그램은 대개 하나만 씁니다. 배치의 손실은 샘플에 대한 합이므로 그래디언트도 합입니다.
# 프로세스마다 샘플의 일부를 맡고, 그 결과를 모두 더합니다. 근사는 전혀 없습니다.
#
# 프로세스는 저마다 메모리가 따로 있습니다. 맡길 함수는 불러올(import) 수 있어야 하고, 오가는 값은
# 피클(pickle)로 옮겨집니다. 그래서 함수를 파일에 씁니다.

# %%
import multiprocessing
import sys
from pathlib import Path

PART = """
from autograd import value_and_grad


def total(w, samples):
    return sum((w[0] * x + w[1] - y) ** 2 for x, y in samples)


def part(job):
    return value_and_grad(total)(*job)
"""
folder = tempfile.mkdtemp()
Path(folder, "gradient_of_a_part.py").write_text(PART)
sys.path.insert(0, folder)
from gradient_of_a_part import part

samples = [(i / 100, 2 * i / 100 + 1) for i in range(200)]
parts = [samples[:100], samples[100:]]
line = [3.0, 2.0]

with multiprocessing.get_context("spawn").Pool(2) as pool:
    (loss1, (a1, b1)), (loss2, (a2, b2)) = pool.map(part, [(line, some) for some in parts])

whole, (a, b) = part((line, samples))
assert np.allclose([loss1 + loss2, a1 + a2, b1 + b2], [whole, a, b], rtol=1e-12)

figure, ax = plt.subplots(figsize=(5, 1.8), layout="constrained")
ax.barh(["one process", "two processes"], [a, a1], color="#0072b2")
ax.barh(["one process", "two processes"], [0, a2], left=[0, a1], color="#e69f00")
_ = ax.set(xlabel="the gradient for the slope, and its two parts")

# %% [markdown] lang="en"
# Two processes are never more than twice as fast, and often slower than one: they must be started,
# and every number is packed, sent and unpacked. Use them for work that takes seconds: another
# seed, another size of network, another part of a cross-validation
# (`cross_val_score(..., n_jobs=2)` does just that). Within a process, threads do not help Values,
# for the usual Python lets one of them work at a time.

# %% [markdown] lang="ko"
# 프로세스가 둘이라도 두 배보다 빨라지지는 않으며, 하나보다 느릴 때도 많습니다. 프로세스를 시작해야 하고, 모든
# 수를 싸서 보내고 다시 풀어야 하기 때문입니다. 몇 초씩 걸리는 일에 쓰세요. 다른 시드, 다른 크기의 신경망,
# 교차 검증의 다른 부분 같은 일입니다 (`cross_val_score(..., n_jobs=2)`가 바로 그렇게
# 합니다). 한 프로세스 안의 스레드는 Value에 도움이 되지 않습니다. 보통의 파이썬은 한 번에 스레드 하나만 일하게
# 하기 때문입니다.

# %% [markdown] lang="en"
# ## The end of the course
#
# You have built backpropagation from one number, taught perceptrons and networks, watched them
# stall and overfit, tested derivatives, and made up names with a GPT. In the large libraries you
# will meet the same ideas under the same names. When something there is a riddle, make it small,
# bring it here, and look.

# %% [markdown] lang="ko"
# ## 과정을 마치며
#
# 여러분은 수 하나에서 역전파를 쌓아 올렸고, 퍼셉트론과 신경망을 가르쳤고, 학습이 멈추거나 과적합하는 것을
# 지켜보았고, 도함수를 시험했고, GPT로 이름을 지었습니다. 큰 라이브러리에서도 같은 생각을 같은 이름으로
# 만나게 됩니다. 거기서 풀리지 않는 것이 있으면 작게 만들어 이곳으로 가져와서 들여다보세요.

# %% [markdown] lang="en"
# ## Exercises
#
# **1.** Freeze a weight. In PyTorch it is `v.requires_grad_(False)`. Here, what enters the
# computation must not be a node that can be reached.

# %% [markdown] lang="ko"
# ## 연습 문제
#
# **1.** 가중치 하나를 고정해 보세요. PyTorch에서는
# `v.requires_grad_(False)`입니다. 여기서는 계산에 들어가는 것이, 거슬러 갔을 때 닿을 수
# 있는 노드가 아니어야 합니다.

# %% tags=["exercise"]
u, v = Value(2.0, label="u"), Value(3.0, label="v")
v.grad = 0.0  # frozen?

(u * v).backward()
print(f"v.grad {v.grad:g}:", "frozen" if v.grad == 0 else "v still gets a gradient")

# %% tags=["solution"]
u, v = Value(2.0, label="u"), Value(3.0, label="v")

(u * v.detach()).backward()
print(f"v.grad {v.grad:g}:", "frozen" if v.grad == 0 else "v still gets a gradient")
assert (u.grad, v.grad) == (3.0, 0.0)

# %% [markdown] lang="en"
# **2.** Two processes take parts of different sizes, and each returns the *mean* gradient of its
# part. Put them together, so that the result is the mean over all.

# %% [markdown] lang="ko"
# **2.** 두 프로세스가 크기가 다른 부분을 맡고, 각자 자기 부분의 그래디언트 *평균*을 돌려줍니다. 전체의
# 평균이 되도록 둘을 합쳐 보세요.


# %% tags=["exercise"]
def joined(mean1, n1, mean2, n2):
    return (mean1 + mean2) / 2


def check(joined):
    gradients = [1.0, 2.0, 3.0, 4.0, 20.0]
    answer = joined(sum(gradients[:4]) / 4, 4, gradients[4], 1)
    wanted = sum(gradients) / 5
    print(f"joined {answer:g}, over all samples {wanted:g}")
    return answer == wanted


print("right" if check(joined) else "the single sample counts as much as the four together")


# %% tags=["solution"]
def joined(mean1, n1, mean2, n2):
    return (mean1 * n1 + mean2 * n2) / (n1 + n2)


assert check(joined)

# %% [markdown] lang="en"
# **3.** A number that a recorded function finds *outside* is a constant, with the value it had at
# the recording. Let the strength of the weight decay be changeable.

# %% [markdown] lang="ko"
# **3.** 기록된 함수가 *바깥*에서 가져온 수는 상수이고, 기록할 때의 값으로 남습니다. 가중치 감쇠의
# 세기를 바꿀 수 있게 고쳐 보세요.

# %% tags=["exercise"]
strength = 1.0
decayed = autograd.compile(lambda w: (w - 1) ** 2 + strength * w**2)


def at(w, s):
    global strength
    strength = s
    return decayed(w)


print(at(2.0, 1.0), at(2.0, 0.0), "and without decay it should be", (2.0 - 1) ** 2)

# %% tags=["solution"]
decayed = autograd.compile(lambda w, s: (w - 1) ** 2 + s * w**2)


def at(w, s):
    return decayed(w, s)


print(at(2.0, 1.0), at(2.0, 0.0))
assert (at(2.0, 1.0), at(2.0, 0.0)) == (5.0, 1.0)
