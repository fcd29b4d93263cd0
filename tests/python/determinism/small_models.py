"""Small models and data whose training touches matrix products, convolutions, norms and dropout."""

import numpy as np

import ranvier as keras
from ranvier import layers


def mlp():
    return keras.Sequential([
        keras.Input((20,)),
        layers.Dense(64, activation="relu"),
        layers.Dropout(0.3, seed=5),
        layers.Dense(33, activation="tanh", kernel_regularizer="l2"),
        layers.Dense(5),
    ])  # fmt: skip


def cnn():
    return keras.Sequential([
        keras.Input((12, 12, 3)),
        layers.Conv2D(16, 3, activation="relu"),
        layers.BatchNormalization(),
        layers.Conv2D(24, 3, strides=2, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.Dropout(0.25),
        layers.Flatten(),
        layers.Dense(5),
    ])  # fmt: skip


MODELS = {"mlp": mlp, "cnn": cnn}
OPTIMIZERS = ("adam", "sgd")


def data(model, rows=101):
    rng = np.random.default_rng(11)
    x = rng.normal(size=(rows, *model.input_shape[1:])).astype("float32")
    return x, rng.integers(0, 5, rows).astype("int32")


def train(name, optimizer="adam", epochs=3, run_eagerly=False, seed=1):
    """Weights, optimizer state and history after a fit from a fixed seed."""
    keras.utils.set_random_seed(seed)
    model = MODELS[name]()
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        run_eagerly=run_eagerly,
    )
    x, y = data(model)
    history = model.fit(x, y, batch_size=16, epochs=epochs, verbose=0).history
    values = [np.asarray(v) for v in (*model.variables, *model.optimizer.variables)]
    return model, values, history


def differing(values, others):
    """Indices of arrays that are not the same bits."""
    assert len(values) == len(others)
    return [i for i, (a, b) in enumerate(zip(values, others)) if a.tobytes() != b.tobytes()]
