"""Files and configs: a model with a layer of one's own is saved, read, rebuilt and trained on.

python examples/serialization.py [--quick]
"""

import pathlib
import tempfile

import numpy as np

import ranvier as keras
from ranvier import layers, ops


@keras.saving.register_keras_serializable(package="examples")
class Scale(layers.Layer):
    """Multiplies by a trained factor; activations have their names in the config."""

    def __init__(self, activation="linear", **kwargs):
        super().__init__(**kwargs)
        self.activation = keras.activations.get(activation)

    def build(self, input_shape):
        self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="factor")

    def call(self, inputs):
        return self.activation(inputs * self.factor)

    def get_config(self):
        own = {"activation": keras.activations.serialize(self.activation)}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="examples")
def halved(y_true, y_pred):
    """Half of the squared error."""
    return 0.5 * ops.mean(ops.square(y_true - y_pred), axis=-1)


keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
x = rng.normal(size=(128, 6)).astype("float32")
y = np.tanh(x[:, :1] * x[:, 1:2])
model = keras.Sequential(
    [keras.Input((6,)), layers.Dense(16, activation="tanh"), Scale("relu"), layers.Dense(1)]
)
model.compile(keras.optimizers.AdamW(1e-2), loss=halved, metrics=["mae"])
model.fit(x, y, epochs=5, verbose=0)

with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    model.save(folder / "model.keras")
    again = keras.models.load_model(folder / "model.keras")
    assert np.array_equal(model.predict(x, verbose=0), again.predict(x, verbose=0))
    # The optimizer is in the file too: both go on alike.
    histories = [
        m.fit(x, y, epochs=3, shuffle=False, verbose=0).history["loss"] for m in (model, again)
    ]
    assert histories[0] == histories[1]
    print("saved, read and trained on alike:", [round(loss, 4) for loss in histories[1]])

    model.save_weights(folder / "model.weights.h5")
    twin = keras.Sequential.from_config(model.get_config())
    twin.load_weights(folder / "model.weights.h5")
    assert np.array_equal(model.predict(x, verbose=0), twin.predict(x, verbose=0))
    print("rebuilt from its config and its weights")

text = model.to_json()
fresh = keras.models.model_from_json(text)
print(f"a config of {len(text)} characters holds {len(fresh.layers)} layers")
