"""Training without `fit`: a loop of one's own over a compiled step, with gradients as a function.

python examples/own_loop.py [--quick]
"""

import sys
import time

import numpy as np

import ranvier as keras
from ranvier import layers

QUICK = "--quick" in sys.argv
keras.utils.set_random_seed(1)
(x_train, y_train), (x_test, y_test) = keras.datasets.digits.load_data()
x_train, x_test = (x.reshape(len(x), -1).astype("float32") / 16.0 for x in (x_train, x_test))

model = keras.Sequential([
    keras.Input((64,)),
    layers.Dense(64, activation="relu"),
    layers.Dense(10),
])  # fmt: skip
loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
optimizer = keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(5e-3, 200, 0.9))
optimizer.build(model.trainable_variables)
mean_loss = keras.metrics.Mean()
accuracy = keras.metrics.SparseCategoricalAccuracy()


@keras.jit
def train_step(x, y):
    """One update; the whole function is one program, variables and metrics included."""
    with keras.GradientTape() as tape:
        logits = model(x, training=True)
        loss = loss_fn(y, logits)
    optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
    mean_loss.update_state(loss)
    accuracy.update_state(y, logits)


@keras.jit
def test_step(x, y):
    accuracy.update_state(y, model(x))


rng = np.random.default_rng(0)
for epoch in range(5 if QUICK else 20):
    begun = time.perf_counter()
    mean_loss.reset_state()
    accuracy.reset_state()
    order = rng.permutation(len(x_train))
    for rows in np.split(order[: len(order) // 32 * 32], len(order) // 32):
        train_step(x_train[rows], y_train[rows])
    seconds = time.perf_counter() - begun
    print(
        f"epoch {epoch + 1}: loss {float(mean_loss.result()):.4f}, "
        f"accuracy {float(accuracy.result()):.4f}, {1e3 * seconds:.0f} ms"
    )
accuracy.reset_state()
test_step(x_test, y_test)
print(f"test accuracy {float(accuracy.result()):.3f}")
