"""A graph of layers with two inputs, shared layers, a residual block and two outputs.

Two digits are shown; the model tells whether they are the same digit, and their sum.

python examples/functional_api.py [--quick]
"""

import sys

import numpy as np

import ranvier as keras
from ranvier import layers

QUICK = "--quick" in sys.argv
keras.utils.set_random_seed(1)
(x_train, y_train), (x_test, y_test) = keras.datasets.digits.load_data()


def pairs(x, y, count, seed):
    """Pairs of digits, half of them of one class."""
    rng = np.random.default_rng(seed)
    a = rng.integers(0, len(x), count)
    b = np.where(
        rng.uniform(size=count) < 0.5,
        [rng.choice(np.flatnonzero(y == y[i])) for i in a],
        rng.integers(0, len(x), count),
    )
    images = {"left": x[a][..., None] / 16.0, "right": x[b][..., None] / 16.0}
    total = y[a].astype("float32") + y[b]
    return images, {"same": (y[a] == y[b]).astype("float32")[:, None], "total": total[:, None]}


left = keras.Input((8, 8, 1), name="left")
right = keras.Input((8, 8, 1), name="right")

# The same layers look at both images.
image = keras.Input((8, 8, 1))
h = layers.Conv2D(32, 3, activation="relu", padding="same")(image)
block = layers.Conv2D(32, 3, activation="relu", padding="same")(h)
h = layers.Add()([h, block])
h = layers.MaxPooling2D()(h)
h = layers.Flatten()(h)
encoder = keras.Model(image, layers.Dense(32, activation="relu")(h), name="encoder")

a, b = encoder(left), encoder(right)
apart = layers.Lambda(lambda ab: keras.ops.square(ab[0] - ab[1]))([a, b])
same = layers.Dense(1, activation="sigmoid", name="same")(layers.Dense(32, "relu")(apart))
both = layers.Concatenate()([a, b])
total = layers.Dense(1, name="total")(layers.Dense(64, activation="relu")(both))
model = keras.Model({"left": left, "right": right}, {"same": same, "total": total})
model.summary()

model.compile(
    optimizer=keras.optimizers.Adam(2e-3),
    loss={"same": "binary_crossentropy", "total": "mse"},
    loss_weights={"same": 1.0, "total": 0.1},
    metrics={"same": ["accuracy", keras.metrics.AUC(name="auc")], "total": ["mae"]},
)
model.fit(
    *pairs(x_train, y_train, 2000 if QUICK else 20000, seed=0),
    epochs=4 if QUICK else 15, batch_size=64, verbose=2,
)  # fmt: skip
images, targets = pairs(x_test, y_test, 1000, seed=1)
results = model.evaluate(images, targets, verbose=0, return_dict=True)
print(f"same digit: accuracy {results['same_accuracy']:.3f}, AUC {results['same_auc']:.3f}")
print(f"sum: mean absolute error {results['total_mae']:.3f}")
