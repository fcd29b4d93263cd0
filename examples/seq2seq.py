"""Sequence to sequence: an encoder reads digits, a decoder writes them in reverse order.

While training, the decoder is given what it should have written before (teacher forcing); to
decode, it is called step by step on its own last digit, with its state handed on.

python examples/seq2seq.py [--quick]
"""

import sys

import numpy as np

import ranvier as keras
from ranvier import layers

QUICK = "--quick" in sys.argv
LENGTH, DIGITS, UNITS = 6, 10, 96
START = DIGITS  # what the decoder is given before its first digit


def data(count, seed):
    """Sequences (count, LENGTH), what the decoder is given, and what it should write."""
    x = np.random.default_rng(seed).integers(0, DIGITS, (count, LENGTH), dtype="int32")
    y = x[:, ::-1]
    given = np.concatenate([np.full((count, 1), START, "int32"), y[:, :-1]], axis=1)
    return x, given, y


keras.utils.set_random_seed(5)
read = keras.Input((LENGTH,), dtype="int32")
_, *state = layers.LSTM(UNITS, return_state=True)(layers.Embedding(DIGITS, 24)(read))
encoder = keras.Model(read, state)

given = keras.Input((None,), dtype="int32")
h, c = keras.Input((UNITS,)), keras.Input((UNITS,))
lstm = layers.LSTM(UNITS, return_sequences=True, return_state=True)
written, *after = lstm(layers.Embedding(DIGITS + 1, 24)(given), initial_state=[h, c])
probabilities = layers.Dense(DIGITS, activation="softmax")(written)
decoder = keras.Model([given, h, c], [probabilities, *after])

model = keras.Model([read, given], decoder([given, *encoder(read)])[0])
model.compile(keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
x, first, y = data(6000 if QUICK else 30000, 0)
model.fit([x, first], y, batch_size=64, epochs=8 if QUICK else 12, verbose=2)


def decode(x):
    """The digits that the decoder writes on its own, (count, LENGTH)."""
    state = encoder.predict(x, verbose=0)
    last, digits = np.full((len(x), 1), START, "int32"), []
    for _ in range(LENGTH):
        probabilities, *state = decoder.predict([last, *state], batch_size=len(x), verbose=0)
        last = probabilities.argmax(-1).astype("int32")
        digits.append(last)
    return np.concatenate(digits, axis=1)


x, _, y = data(500, 1)
decoded = decode(x)
print("".join(map(str, x[0])), "->", "".join(map(str, decoded[0])))
print(f"digits written right {np.mean(decoded == y):.3f}")
print(f"whole sequences right {np.mean((decoded == y).all(axis=1)):.3f}")
