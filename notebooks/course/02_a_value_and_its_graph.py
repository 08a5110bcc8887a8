# %% [markdown] lang="en"
# # A value and its graph
#
# Wiggling finds derivatives one at a time. To get them all at once, a program must know *how* its
# result was made. So in this lesson we let numbers remember.

# %% [markdown] lang="ko"
# # 값과 그래프
#
# 흔들기로는 미분값을 한 번에 하나씩만 구할 수 있습니다. 모두를 한꺼번에 구하려면 결과가 **어떻게**
# 만들어졌는지 프로그램이 알아야 합니다. 그래서 이번에는 수에게 기억을 심어 줍니다.

# %% [markdown] lang="en"
# ## A number that remembers
#
# A `Value` holds a number. Compute with it, and the result is a new `Value` that knows its origin.

# %% [markdown] lang="ko"
# ## 기억하는 수
#
# `Value`는 수 하나를 담습니다. `Value`로 계산하면 결과도 `Value`이고, 자신이 어디에서 왔는지 압니다.

# %%
from autograd import Value

a = Value(2.0, label="a")
b = Value(-3.0, label="b")
c = a * b
c.label = "c"
c

# %% [markdown] lang="en"
# Three things are kept: the number, the operation, and the inputs that the operation was given, in
# their order.

# %% [markdown] lang="ko"
# 기억하는 것은 세 가지입니다. 수 자체, 연산의 이름, 그리고 연산이 받은 입력들입니다. 입력은 받은 순서
# 그대로 남습니다.

# %%
print("data  ", c.data)
print("op    ", c.op)
print("inputs", c.inputs)

# %% [markdown] lang="en"
# `a` and `b` were not computed from anything: their operation is empty. The `label` is only a name
# for us to read.

# %% [markdown] lang="ko"
# `a`와 `b`는 무엇에서 계산된 것이 아니므로 연산이 비어 있습니다. `label`은 우리가 알아보기 위해 붙인
# 이름일 뿐입니다.

# %%
a.op, a.inputs

# %% [markdown] lang="en"
# ## The graph
#
# Go on computing, and the memories link up. Plain numbers and functions join in.

# %% [markdown] lang="ko"
# ## 그래프
#
# 계산을 이어 가면 기억도 사슬처럼 이어집니다. 보통의 수나 함수를 섞어 써도 됩니다.

# %%
from autograd import draw

loss = (c + a.tanh()) ** 2
loss.label = "loss"
draw(loss)

# %% [markdown] lang="en"
# This is the **computation graph**. Each box is a **node**: it takes numbers, does one operation, and
# hands one number on. The nodes with nothing before them are the *leaves*: these are the numbers we
# chose, and later the ones a network will learn. The arrows run from inputs to results.
#
# Look at `a`: it is used twice, and still it is *one* node with two arrows leaving it. This will
# matter in lesson 4.
#
# In Python, `nodes` lists them, youngest first.

# %% [markdown] lang="ko"
# 이것이 **계산 그래프**입니다. 상자 하나가 **노드**(node)입니다. 노드는 수를 받아 연산을 하나 하고, 수를
# 하나 내보냅니다. 앞에 아무것도 없는 노드는 **잎**이라고 합니다. 우리가 정한 수이고, 나중에는 신경망이
# 학습할 수입니다. 화살표는 입력에서 결과 쪽으로 갑니다.
#
# `a`를 보세요. 두 번 쓰였지만 노드는 **하나**이고 화살표만 둘이 나갑니다. 이 점은 4번 노트북에서
# 중요해집니다.
#
# 파이썬에서는 `nodes`가 노드를 나중에 태어난 것부터 늘어놓습니다.

# %%
from autograd import nodes

for node in nodes(loss):
    print(f"{node.label or '-':5} {node.op or 'leaf':5} {node.data:9.4f}")

# %% [markdown] lang="en"
# ## Forward propagation
#
# The numbers flow along the arrows, from the leaves to the last node. In a network this is called
# **forward propagation**, or the forward pass. It is nothing but the computation itself, one node
# after the other, and a node can only be computed after its inputs.

# %% [markdown] lang="ko"
# ## 순전파
#
# 수는 화살표를 따라 잎에서 마지막 노드까지 흐릅니다. 신경망에서는 이것을 **순전파**(forward
# propagation)라고 합니다. 별것이 아니라 계산 그 자체입니다. 노드를 하나씩 차례로 계산하되, 어떤 노드든
# 자기 입력이 모두 계산된 다음에만 계산할 수 있습니다.

# %%
from autograd import trace

steps = trace(loss)
for frame in steps.forward:
    print(frame)

# %% [markdown] lang="en"
# The same as a film. Press **Play**: the first steps are the forward pass. What comes
# after them is the subject of the next lesson.

# %% [markdown] lang="ko"
# 같은 것을 영상으로 봅시다. **Play**를 누르세요. 앞부분의 단계들이 순전파입니다. 그다음에 나오는 것은
# 다음 노트북에서 다룹니다.

# %%
steps

# %% [markdown] lang="en"
# ## The graph is a record
#
# A graph keeps what *was* computed. Give a leaf another number, and the results recorded before do
# not follow: compute them again.

# %% [markdown] lang="ko"
# ## 그래프는 기록이다
#
# 그래프는 **이미** 계산된 것을 간직합니다. 잎에 다른 수를 넣어도 전에 기록된 결과는 따라 바뀌지
# 않습니다. 다시 계산해야 합니다.

# %%
a.data = 1.0
print(f"recorded with the old a: {loss:.6f}")

again = (a * b + a.tanh()) ** 2
print(f"computed anew:           {again:.6f}")

# %% [markdown] lang="en"
# Using the old graph for gradients would give wrong answers, so it is refused.

# %% [markdown] lang="ko"
# 낡은 그래프로 미분하면 틀린 답이 나오므로, 그런 시도는 거절됩니다.

# %%
try:
    loss.backward()
except RuntimeError as error:
    print(error)

# %% [markdown] lang="en"
# ## What the record is good for
#
# `backward()` walks the record from the result to the leaves and finds, for every node, how much the
# result changes when that node changes: its gradient. In the picture the dashes turn into numbers.

# %% [markdown] lang="ko"
# ## 기록은 어디에 쓰는가
#
# `backward()`는 기록을 결과에서 잎 쪽으로 거슬러 가면서, 각 노드가 변할 때 결과가 얼마나 변하는지,
# 곧 그래디언트를 구합니다. 그림에서 줄표(–)였던 자리가 수로 바뀝니다.

# %%
again.label = "loss"
again.backward()
draw(again)

# %%
from autograd import gradcheck

print(f"a.grad = {a.grad:.6f}, b.grad = {b.grad:.6f}")
report = gradcheck(lambda a, b: (a * b + a.tanh()) ** 2, 1.0, -3.0)
print(report)
assert report

# %% [markdown] lang="en"
# One walk gave both derivatives, and wiggling agrees. How the walk does it is the next lesson.

# %% [markdown] lang="ko"
# 한 번 거슬러 가서 두 미분값을 모두 얻었고, 흔들어서 구한 값과도 맞습니다. 어떻게 그럴 수 있는지는 다음
# 노트북에서 봅니다.

# %% [markdown] lang="en"
# ## Exercises
#
# **1.** Write the formula $y = \tanh(w x + b)$. The check wiggles the true formula and compares.

# %% [markdown] lang="ko"
# ## 연습 문제
#
# **1.** 식 $y = \tanh(w x + b)$를 쓰세요. 검사는 올바른 식을 흔들어 보고 여러분의 식과 견줍니다.

# %% tags=["exercise"]
import math

from autograd import grad, tanh


def neuron(x, w, b):
    return tanh(w * x) + b


slopes = grad(neuron, argnums=(0, 1, 2))
report = gradcheck(lambda x, w, b: math.tanh(w * x + b), 0.5, -1.0, 0.25, df=slopes)
print(report)


# %% tags=["solution"]
def neuron(x, w, b):
    return tanh(w * x + b)


slopes = grad(neuron, argnums=(0, 1, 2))
report = gradcheck(lambda x, w, b: math.tanh(w * x + b), 0.5, -1.0, 0.25, df=slopes)
print(report)
assert report

# %% [markdown] lang="en"
# **2.** This function gives the right number and no gradient at all. Why? Mend it.

# %% [markdown] lang="ko"
# **2.** 다음 함수는 값은 맞는데 그래디언트가 전혀 없습니다. 왜 그럴까요? 고쳐 보세요.


# %% tags=["exercise"]
def product(a, b):
    return Value(a.data * b.data)


report = gradcheck(product, 2.0, -3.0)
print(report)


# %% tags=["solution"]
def product(a, b):
    return a * b


report = gradcheck(product, 2.0, -3.0)
print(report)
assert report

# %% [markdown] lang="en"
# **3.** How many nodes has the graph of $x \cdot x + x$? Say it before you draw it.

# %% [markdown] lang="ko"
# **3.** $x \cdot x + x$의 그래프에는 노드가 몇 개 있을까요? 그려 보기 전에 먼저 답해 보세요.

# %% tags=["exercise"]
mine = 5

x = Value(3.0, label="x")
found = nodes(x * x + x)
print(found)
right = mine == len(found)
print("right" if right else f"not {mine}: a leaf is one node, however often it is used")

# %% tags=["solution"]
mine = 3

x = Value(3.0, label="x")
found = nodes(x * x + x)
print(found)
right = mine == len(found)
print("right" if right else f"not {mine}: a leaf is one node, however often it is used")
assert right
