"""A transformer encoder that reads a picture row by row and tells the digit.

Attention, residuals and normalization as in "Attention Is All You Need" (Vaswani et al. 2017), with
learned positions and normalization before each part.

python examples/transformer_classifier.py [--quick]
"""

import sys

import ranvier as keras
from ranvier import layers, ops

QUICK = "--quick" in sys.argv
WIDTH, HEADS = 32, 4


class Positions(layers.Layer):
    """Adds a learned vector to each position of (batch, positions, width)."""

    def build(self, shape):
        self.table = self.add_weight(shape=shape[1:], initializer="glorot_uniform", name="table")

    def call(self, x):
        return x + self.table


def block(x, dropout=0.1):
    """Attention over the positions, then two dense layers at each; both with a residual."""
    y = layers.LayerNormalization(epsilon=1e-6)(x)
    y = layers.MultiHeadAttention(HEADS, WIDTH // HEADS, dropout=dropout)(y, y)
    x = x + layers.Dropout(dropout)(y)
    y = layers.LayerNormalization(epsilon=1e-6)(x)
    y = layers.Dense(4 * WIDTH, activation="gelu")(y)
    return x + layers.Dropout(dropout)(layers.Dense(WIDTH)(y))


keras.utils.set_random_seed(2)
(x_train, y_train), (x_test, y_test) = keras.datasets.digits.load_data()
inputs = keras.Input(x_train.shape[1:])  # 8 rows of 8 pixels
x = Positions()(layers.Dense(WIDTH)(inputs / 16.0))
for _ in range(2):
    x = block(x)
x = layers.GlobalAveragePooling1D()(layers.LayerNormalization(epsilon=1e-6)(x))
model = keras.Model(inputs, layers.Dense(10)(x))

epochs, batch = (15 if QUICK else 60), 32
steps = epochs * -(-len(x_train) // batch)
rate = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=4e-3, warmup_steps=100)
model.compile(
    keras.optimizers.AdamW(rate), keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)  # fmt: skip
model.fit(x_train, y_train, batch_size=batch, epochs=epochs, verbose=2)
_, accuracy = model.evaluate(x_test, y_test, verbose=0)
print(f"test accuracy {accuracy:.3f}")

attention = next(la for la in model.layers if isinstance(la, layers.MultiHeadAttention))
features = keras.Model(inputs, attention.input).predict(x_test[:1], verbose=0)
if isinstance(features, list):
    features = features[0]
_, scores = attention(features, features, return_attention_scores=True)
print("the first head's strongest look, row by row:", ops.argmax(scores[0, 0], axis=-1).tolist())
