# %% [markdown] lang="en"
# # A value and its graph
#
# A `Value` is a number that remembers how it was made.

# %% [markdown] lang="ko"
# # 값과 그 그래프
#
# `Value`는 자신이 어떻게 만들어졌는지 기억하는 수이다.

# %%
from autograd import Value, draw

a, b = Value(2.0, label="a"), Value(-3.0, label="b")
loss = (a * b).tanh()
draw(loss)

# %% tags=["exercise"]
print(a.data + b.data)

# %% tags=["solution"]
print(a.data * b.data)
