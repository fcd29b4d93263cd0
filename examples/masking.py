"""Sequences of different lengths: padding, masks, and layers that skip what is padded.

Each sequence holds numbers; the model tells for each position whether the sum so far is odd, and at
the end whether the whole is.

python examples/masking.py [--quick]
"""

import sys

import numpy as np

import ranvier as keras
from ranvier import layers

QUICK = "--quick" in sys.argv
LONGEST, NUMBERS = 8, 5


def data(count, seed):
    """Padded sequences (0 pads, number n is n + 1), targets at each position and at the end."""
    rng = np.random.default_rng(seed)
    sequences = [rng.integers(0, NUMBERS, rng.integers(2, LONGEST + 1)) for _ in range(count)]
    odd_so_far = [np.cumsum(s) % 2 for s in sequences]
    pad = keras.utils.pad_sequences
    ids = pad([s + 1 for s in sequences], LONGEST, padding="post")
    steps = pad(odd_so_far, LONGEST, padding="post").astype("float32")[..., None]
    whole = np.array([odd[-1] for odd in odd_so_far], "float32")[:, None]
    return ids, {"steps": steps, "whole": whole}


keras.utils.set_random_seed(3)
ids = keras.Input((LONGEST,), dtype="int32")
h = layers.Embedding(NUMBERS + 1, 16, mask_zero=True)(ids)
h = layers.GRU(48, return_sequences=True)(h)
steps = layers.Dense(1, activation="sigmoid", name="steps")(h)
last = layers.GRU(48)(h)  # The state after the last number, not after the padding.
whole = layers.Dense(1, activation="sigmoid", name="whole")(last)
model = keras.Model(ids, {"steps": steps, "whole": whole})
model.compile(
    keras.optimizers.Adam(5e-3), {"steps": "binary_crossentropy", "whole": "binary_crossentropy"},
    metrics={"steps": ["accuracy"], "whole": ["accuracy"]},
)  # fmt: skip
model.fit(*data(4000 if QUICK else 20000, 0), batch_size=64, epochs=6 if QUICK else 15, verbose=2)
held_ids, held = data(1000, 1)
results = model.evaluate(held_ids, held, verbose=0, return_dict=True)
print(f"accuracy at each step {results['steps_accuracy']:.3f}")
print(f"accuracy of the whole {results['whole_accuracy']:.3f}")

short, long = held_ids[:1].copy(), np.zeros((1, LONGEST), "int32")
long[0, : LONGEST // 2] = short[0, : LONGEST // 2] = held_ids[0, : LONGEST // 2]
short[0, LONGEST // 2 :] = 0
assert np.array_equal(model(short)["whole"], model(long)["whole"])
