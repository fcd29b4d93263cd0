"""Callbacks: stopping early, a smaller learning rate, files on the way, and a hook of one's own.

python examples/callbacks.py [--quick] [folder]
"""

import pathlib
import sys
import tempfile

import ranvier as keras
from ranvier import layers

QUICK = "--quick" in sys.argv
given = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
folder = pathlib.Path(given[0] if given else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)


class Weakest(keras.callbacks.Callback):
    """After each epoch the digit that is told worst."""

    def __init__(self, x, y):
        super().__init__()
        self.x, self.y = x, y
        self.found = []

    def on_epoch_end(self, epoch, logs=None):
        right = self.model.predict(self.x, verbose=0).argmax(-1) == self.y
        by_class = [right[self.y == digit].mean() for digit in range(10)]
        self.found.append(min(range(10), key=by_class.__getitem__))
        logs["weakest"] = float(min(by_class))  # Later callbacks, and the history, see it.


keras.utils.set_random_seed(1)
(x_train, y_train), (x_test, y_test) = keras.datasets.digits.load_data()
x_train, x_test = (x.reshape(len(x), -1) / 16.0 for x in (x_train, x_test))
model = keras.Sequential([
    keras.Input((64,)),
    layers.Dense(48, activation="relu"),
    layers.Dense(10, activation="softmax"),
])  # fmt: skip
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(
    x_train, y_train, epochs=12 if QUICK else 60, verbose=0, validation_split=0.15,
    callbacks=[
        Weakest(x_test, y_test),
        keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=3),
        keras.callbacks.EarlyStopping("val_loss", patience=8, restore_best_weights=True),
        keras.callbacks.CSVLogger(folder / "log.csv"),
        keras.callbacks.ModelCheckpoint(folder / "best.keras", save_best_only=True),
        keras.callbacks.LambdaCallback(on_train_end=lambda logs: print("training has ended")),
    ],
)  # fmt: skip
print(f"{len(history.epoch)} epochs, worst digit at last {history.history['weakest'][-1]:.2f}")
best = keras.models.load_model(folder / "best.keras")
_, accuracy = best.evaluate(x_test, y_test, verbose=0)
print(f"test accuracy of the best model {accuracy:.3f}; files are in {folder}")
