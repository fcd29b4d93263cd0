"""The models of the rows in real Keras, whatever its backend; import it after choosing one."""

from __future__ import annotations

import keras
from keras import layers, ops

from benchmarks import rows


def dense_model():
    """One unit on eight features."""
    model = keras.Sequential([layers.Input((8,)), layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse", metrics=["mae"])
    return model


def mlp():
    """784-200-10 with sigmoid and softmax."""
    model = keras.Sequential(
        [
            layers.Input((784,)),
            layers.Dense(200, activation="sigmoid"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="categorical_crossentropy")
    return model


def cnn():
    """The MNIST CNN."""
    model = keras.Sequential([
        layers.Input((28, 28, 1)),
        layers.Conv2D(32, 3, activation="relu"), layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(2), layers.Dropout(0.25), layers.Flatten(),
        layers.Dense(128, activation="relu"),
        layers.Dropout(0.5), layers.Dense(10, activation="softmax"),
    ])  # fmt: skip
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def recurrent(layer):
    """One recurrent layer and a classifier."""
    model = keras.Sequential(
        [layers.Input((100, 32)), layer(128), layers.Dense(10, activation="softmax")]
    )
    model.compile(keras.optimizers.SGD(0.1), loss="sparse_categorical_crossentropy")
    return model


def skip_gram(optimizer):
    """Scores of word and context vectors from one table."""
    ids = keras.Input((2 + rows.NEGATIVES,), dtype="int32")
    vectors = layers.Embedding(rows.WORDS, rows.WIDTH)(ids)
    scores = ops.sum(vectors[:, :1] * vectors[:, 1:], axis=-1)
    model = keras.Model(ids, scores)
    model.compile(optimizer, keras.losses.BinaryCrossentropy(from_logits=True))
    return model


def transformer():
    """One encoder block: attention and a wide layer, each added to its input and normalized."""
    _, time, width, heads, inner = rows.BLOCK
    inputs = keras.Input((time, width))
    attended = layers.MultiHeadAttention(heads, width // heads)(inputs, inputs)
    x = layers.LayerNormalization(epsilon=1e-6)(layers.Add()([inputs, attended]))
    wide = layers.Dense(inner, activation="gelu")(x)
    x = layers.Add()([x, layers.Dense(width)(wide)])
    model = keras.Model(inputs, layers.LayerNormalization(epsilon=1e-6)(x))
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse")
    return model
