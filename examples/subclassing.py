"""A layer and a model of one's own: weights made in `build`, losses and metrics from inside `call`.

A network of "maxout" layers (the larger of two linear maps) learns digits; it penalizes large
activations and keeps an eye on how many units are at work.

python examples/subclassing.py [--quick]
"""

import sys

import ranvier as keras
from ranvier import layers, ops

QUICK = "--quick" in sys.argv


class Maxout(layers.Layer):
    """max over pieces of (x W + b), with a penalty on the mean square of the output."""

    def __init__(self, units, pieces=2, penalty=1e-3, **kwargs):
        super().__init__(**kwargs)
        self.units, self.pieces, self.penalty = units, pieces, penalty
        self.active = keras.metrics.Mean(name="active")

    def build(self, input_shape):
        shape = (input_shape[-1], self.units * self.pieces)
        self.kernel = self.add_weight(shape=shape, initializer="he_normal", name="kernel")
        self.bias = self.add_weight(shape=shape[1:], initializer="zeros", name="bias")

    def call(self, inputs):
        maps = ops.matmul(inputs, self.kernel) + self.bias
        maps = ops.reshape(maps, (-1, self.units, self.pieces))
        outputs = ops.max(maps, axis=-1)
        self.add_loss(self.penalty * ops.mean(ops.square(outputs)))
        self.active.update_state(ops.cast(outputs > 0, "float32"))
        return outputs

    def get_config(self):
        own = {"units": self.units, "pieces": self.pieces, "penalty": self.penalty}
        return {**super().get_config(), **own}


class Classifier(keras.Model):
    """Maxout layers with dropout, and a layer of logits."""

    def __init__(self, sizes, classes, **kwargs):
        super().__init__(**kwargs)
        self.flatten = layers.Flatten()
        self.hidden = [Maxout(size) for size in sizes]
        self.dropout = layers.Dropout(0.2)
        self.head = layers.Dense(classes)

    def call(self, inputs, training=False):
        h = self.flatten(inputs)
        for layer in self.hidden:
            h = self.dropout(layer(h), training=training)
        return self.head(h)


keras.utils.set_random_seed(1)
(x_train, y_train), (x_test, y_test) = keras.datasets.digits.load_data()
model = Classifier([64, 64], 10)
model.compile(
    optimizer="adam",
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
model.fit(
    x_train / 16.0, y_train, epochs=8 if QUICK else 40, batch_size=32, verbose=2,
    validation_split=0.1,
)  # fmt: skip
results = model.evaluate(x_test / 16.0, y_test, verbose=0, return_dict=True)
print(f"test accuracy {results['accuracy']:.3f}, loss with penalties {results['loss']:.3f}")
