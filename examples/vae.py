"""A variational autoencoder: digits are squeezed into two numbers, and made from two numbers.

Kingma & Welling 2013. The loss is the reconstruction error plus the divergence of the code from a
standard normal distribution, which the sampling layer adds.

python examples/vae.py [--quick]
"""

import sys

import numpy as np

import ranvier as keras
from ranvier import layers, ops

QUICK = "--quick" in sys.argv
CODE = 2


class Sampling(layers.Layer):
    """z = mean + exp(log_variance / 2) noise; adds the divergence KL(z | N(0, 1)) to the losses."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed = keras.random.SeedGenerator(11)

    def call(self, inputs):
        mean, log_variance = inputs
        terms = 1 + log_variance - ops.square(mean) - ops.exp(log_variance)
        self.add_loss(-0.5 * ops.mean(ops.sum(terms, axis=-1)))
        noise = keras.random.normal(ops.shape(mean), seed=self.seed)
        return mean + ops.exp(0.5 * log_variance) * noise


keras.utils.set_random_seed(1)
(x_train, _), (x_test, y_test) = keras.datasets.digits.load_data()
x_train, x_test = (x.reshape(len(x), -1).astype("float32") / 16.0 for x in (x_train, x_test))

pixels = keras.Input((64,))
h = layers.Dense(128, activation="relu")(pixels)
mean, log_variance = layers.Dense(CODE, name="mean")(h), layers.Dense(CODE, name="log_var")(h)
encoder = keras.Model(pixels, [mean, log_variance], name="encoder")

code = keras.Input((CODE,))
h = layers.Dense(128, activation="relu")(code)
decoder = keras.Model(code, layers.Dense(64, activation="sigmoid")(h), name="decoder")

vae = keras.Model(pixels, decoder(Sampling()(encoder(pixels))), name="vae")


def reconstruction(y_true, y_pred):
    """Cross-entropy of the pixels, summed over an image."""
    return 64.0 * keras.losses.binary_crossentropy(y_true, y_pred)


vae.compile(keras.optimizers.Adam(2e-3), loss=reconstruction)
history = vae.fit(
    x_train, x_train, epochs=15 if QUICK else 120, batch_size=64, verbose=0,
    validation_data=(x_test, x_test),
).history  # fmt: skip
print(f"loss {history['loss'][0]:.2f} -> {history['loss'][-1]:.2f}")
print(f"validation loss {history['val_loss'][-1]:.2f}")

made = decoder.predict(np.array([[0.0, 0.0], [1.5, -1.0]], "float32"), verbose=0)
for image in made.reshape(-1, 8, 8):
    print("\n".join("".join(" .:-=+*#%@"[int(9.99 * p)] * 2 for p in row) for row in image))
