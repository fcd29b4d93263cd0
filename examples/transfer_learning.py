"""Transfer learning: what was learned on the digits 0 to 4 helps with 5 to 9 where data are few.

The convolutions are frozen and a new head is trained; then everything is tuned at a small rate.

python examples/transfer_learning.py [--quick]
"""

import sys

import numpy as np

import ranvier as keras
from ranvier import layers

QUICK = "--quick" in sys.argv
EPOCHS = 8 if QUICK else 25
keras.utils.set_random_seed(1)
(x_train, y_train), (x_test, y_test) = keras.datasets.digits.load_data()
x_train, x_test = (x[..., None] / 16.0 for x in (x_train, x_test))
early, late = y_train < 5, y_train >= 5
few = np.flatnonzero(late)[:100]

base = keras.Sequential([
    keras.Input((8, 8, 1)),
    layers.Conv2D(32, 3, padding="same"),
    layers.BatchNormalization(),
    layers.ReLU(),
    layers.MaxPooling2D(),
    layers.Conv2D(64, 3, activation="relu"),
    layers.Flatten(),
], name="base")  # fmt: skip


def with_head(base, training=None):
    inputs = keras.Input((8, 8, 1))
    h = base(inputs) if training is None else base(inputs, training=training)
    outputs = layers.Dense(5, activation="softmax")(h)
    return keras.Model(inputs, outputs)


def train(model, x, y, rate, epochs):
    model.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(x, y, epochs=epochs, batch_size=16, verbose=0)
    rows = y_test >= 5
    return model.evaluate(x_test[rows], y_test[rows] - 5, verbose=0)[1]


source = with_head(base)
train(source, x_train[early], y_train[early], 1e-3, EPOCHS)

base.trainable = False
frozen = [np.array(w) for w in base.weights]
# Batch statistics stay those of the source, also when the base is thawed.
model = with_head(base, training=False)
print(f"{len(model.trainable_weights)} of {len(model.weights)} weights are trained")
accuracy = train(model, x_train[few], y_train[few] - 5, 3e-3, EPOCHS)
assert all(np.array_equal(a, b) for a, b in zip(frozen, base.weights))
print(f"new head on a frozen base: test accuracy {accuracy:.3f}")

base.trainable = True
accuracy = train(model, x_train[few], y_train[few] - 5, 1e-4, EPOCHS)
print(f"after tuning all of it: test accuracy {accuracy:.3f}")
