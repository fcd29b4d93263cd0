"""Image segmentation: a small U-Net marks which pixels of a noisy picture belong to a digit.

Ronneberger et al. 2015: down by pooling, up by transposed convolutions, with the fine features of
the way down joined to the coarse ones of the way up.

python examples/segmentation.py [--quick]
"""

import sys

import numpy as np

import ranvier as keras
from ranvier import layers

QUICK = "--quick" in sys.argv
SIZE = 24


def data(images, seed, noise=0.25):
    """Digits at random places: pictures (count, SIZE, SIZE, 1), marks (count, SIZE, SIZE)."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, noise, (len(images), SIZE, SIZE, 1)).astype("float32")
    marks = np.zeros((len(images), SIZE, SIZE), "int32")
    for picture, mark, image in zip(x, marks, images):
        row, column = rng.integers(0, SIZE - 8, 2)
        picture[row : row + 8, column : column + 8, 0] += image / 16
        mark[row : row + 8, column : column + 8] = image >= 8
    return x, marks


def double_conv(x, filters):
    """Two convolutions, each with batch normalization and ReLU."""
    for _ in range(2):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    return x


keras.utils.set_random_seed(4)
(train, _), (test, _) = keras.datasets.digits.load_data()
inputs = keras.Input((SIZE, SIZE, 1))
fine = double_conv(inputs, 16)
middle = double_conv(layers.MaxPooling2D()(fine), 32)
coarse = double_conv(layers.MaxPooling2D()(middle), 64)
x = layers.Conv2DTranspose(32, 2, strides=2)(coarse)
x = double_conv(layers.Concatenate()([x, middle]), 32)
x = layers.Conv2DTranspose(16, 2, strides=2)(x)
x = double_conv(layers.Concatenate()([x, fine]), 16)
model = keras.Model(inputs, layers.Conv2D(2, 1)(x))
model.compile(
    keras.optimizers.Adam(3e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=[keras.metrics.MeanIoU(2, sparse_y_pred=False, name="iou")],
)  # fmt: skip
x, marks = data(train, 0)
model.fit(x, marks, batch_size=32, epochs=2 if QUICK else 10, verbose=2)

x, marks = data(test, 1)
results = model.evaluate(x, marks, verbose=0, return_dict=True)
print(f"mean intersection over union {results['iou']:.3f}")
found = model.predict(x[:1], verbose=0).argmax(-1)[0]
for row in np.flatnonzero(marks[0].any(axis=1)):
    print("".join(".#"[v] for v in marks[0, row]), "".join(".#"[v] for v in found[row]))
