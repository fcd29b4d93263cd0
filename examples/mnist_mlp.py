"""A network of one hidden layer learns MNIST: 784-200-10, to more than 98 % of the test digits.

RANVIER_DATA=folder python examples/mnist_mlp.py [--quick]
"""

import sys

import ranvier as keras
from ranvier import layers
from ranvier.datasets import mnist

QUICK = "--quick" in sys.argv
keras.utils.set_random_seed(1)
(x_train, y_train), (x_test, y_test) = mnist.load_data()
x_train, x_test = (x.reshape(-1, 784).astype("float32") / 255.0 for x in (x_train, x_test))

model = keras.Sequential([
    keras.Input((784,)),
    layers.Dense(200, activation="sigmoid"),
    layers.Dense(10, activation="softmax"),
])  # fmt: skip
model.compile(
    optimizer=keras.optimizers.Adam(2e-3),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.summary()
model.fit(x_train, y_train, batch_size=64, epochs=2 if QUICK else 15, validation_split=0.1)
loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
print(f"Test loss {loss:.4f}, accuracy {100 * accuracy:.2f} %")
