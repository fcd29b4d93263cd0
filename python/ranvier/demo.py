"""The demonstration: a CNN learns handwritten digits, then everything one wants to see of it."""

from __future__ import annotations

import os
import time

import numpy as np

import ranvier as keras
from ranvier import layers
from ranvier.datasets import digits

EPOCHS = 12
BATCH = 64
# The digits also one pixel to each side: a digit stays what it is when it moves.
_MOVES = ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0))
_INK = " .:-=+*#%@"
_SHOWN = 8


def load():
    """Training and test images as float32 `(samples, 8, 8, 1)` from 0 to 1, with labels."""
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    prepared = [x.astype("float32")[..., None] / 16.0 for x in (x_train, x_test)]
    return (prepared[0], y_train), (prepared[1], y_test)


def moved(images, labels):
    """Every image also one pixel up, down, left and right, with its label."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    height, width = images.shape[1:3]
    parts = [padded[:, 1 + y : 1 + y + height, 1 + x : 1 + x + width] for y, x in _MOVES]
    return np.concatenate(parts), np.tile(labels, len(_MOVES))


def build(steps: int):
    """The network, compiled for `steps` updates."""
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ],
        name="digits_cnn",
    )
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    model.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def drawn(images, predicted, labels) -> str:
    """Images side by side in characters, with what was seen and what is true below."""
    levels = np.clip((images[..., 0] * len(_INK)).astype(int), 0, len(_INK) - 1)
    lines = [
        "   ".join("".join(_INK[v] * 2 for v in image[row]) for image in levels) for row in range(8)
    ]
    captions = [
        f"saw {p}" + ("" if p == t else f", is {t}")
        for p, t in zip(predicted.tolist(), labels.tolist())
    ]
    lines.append("   ".join(caption.ljust(16) for caption in captions))
    return "\n".join(line.rstrip() for line in lines)


def save_curve(history, path) -> bool:
    """Loss and accuracy per epoch as a PNG; `False` where matplotlib is not installed."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return False
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy")):
        epochs = range(1, len(history[name]) + 1)
        axes.plot(epochs, history[name], label="training")
        axes.plot(epochs, history[f"val_{name}"], label="validation")
        axes.set(xlabel="epoch", ylabel=name)
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(path, dpi=120)
    return True


def run(folder: str = ".", epochs: int | None = None) -> int:
    """Trains, tests, shows and saves; returns the exit status."""
    epochs = EPOCHS if epochs is None else epochs
    keras.utils.set_random_seed(7)
    (x_train, y_train), (x_test, y_test) = load()
    held_out = len(x_train) // 10
    validation = (x_train[:held_out], y_train[:held_out])
    x_seen, y_seen = moved(x_train[held_out:], y_train[held_out:])
    model = build(epochs * -(-len(x_seen) // BATCH))
    model.summary()
    start = time.perf_counter()
    history = model.fit(
        x_seen, y_seen, epochs=epochs, batch_size=BATCH, validation_data=validation
    ).history
    seconds = time.perf_counter() - start
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"\nTrained {epochs} epochs in {seconds:.1f} s.")
    print(f"Test accuracy on {len(x_test)} digits of the test set: {100 * accuracy:.2f} %\n")

    predicted = np.argmax(model.predict(x_test, verbose=0), axis=-1)
    wrong = np.flatnonzero(predicted != y_test)
    right = np.flatnonzero(predicted == y_test)
    shown = np.concatenate([wrong[: _SHOWN // 2], right])[:_SHOWN]
    for part in (shown[: _SHOWN // 2], shown[_SHOWN // 2 :]):
        print(drawn(x_test[part], predicted[part], y_test[part]), "\n")

    print(keras.profile(model, x_train, y_train, batch_size=BATCH), "\n")

    os.makedirs(folder, exist_ok=True)
    curve = os.path.join(folder, "digits.png")
    if save_curve(history, curve):
        print(f"Learning curve: {curve}")
    else:
        print("Learning curve: not drawn, matplotlib is not installed (`pip install matplotlib`).")
    path = os.path.join(folder, "digits.keras")
    try:
        model.save(path)
        print(f"Model:          {path}   (keras.saving.load_model reads it, real Keras too)")
    except ImportError as error:
        print(f"Model:          not saved. {error}")
    return 0
