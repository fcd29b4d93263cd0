"""A convolutional network learns MNIST (or Fashion-MNIST), keeps its best state and saves itself.

RANVIER_DATA=folder python examples/mnist_cnn.py [--fashion] [--epochs 12] [--rows 60000]
"""

import argparse

import ranvier as keras
from ranvier import layers
from ranvier.datasets import fashion_mnist, mnist

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--fashion", action="store_true", help="clothes instead of digits")
parser.add_argument("--epochs", type=int, default=12)
parser.add_argument("--rows", type=int, default=60000, help="how many of the training images")
options = parser.parse_args()

keras.utils.set_random_seed(1)
(x_train, y_train), (x_test, y_test) = (fashion_mnist if options.fashion else mnist).load_data()
x_train, x_test = (x[..., None].astype("float32") / 255.0 for x in (x_train, x_test))
x_train, y_train = x_train[: options.rows], y_train[: options.rows]

model = keras.Sequential([
    keras.Input((28, 28, 1)),
    layers.Conv2D(32, 3, activation="relu"),
    layers.Conv2D(64, 3, activation="relu"),
    layers.MaxPooling2D(),
    layers.Dropout(0.25),
    layers.Flatten(),
    layers.Dense(128, activation="relu"),
    layers.Dropout(0.5),
    layers.Dense(10, activation="softmax"),
])  # fmt: skip
steps = options.epochs * (len(x_train) * 9 // 10 // 128 + 1)
model.compile(
    optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, steps)),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.summary()
model.fit(
    x_train, y_train, batch_size=128, epochs=options.epochs, validation_split=0.1,
    callbacks=[keras.callbacks.EarlyStopping("val_loss", patience=4, restore_best_weights=True)],
)  # fmt: skip
loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
print(f"Test loss {loss:.4f}, accuracy {100 * accuracy:.2f} %")
model.save("fashion_mnist_cnn.keras" if options.fashion else "mnist_cnn.keras")
