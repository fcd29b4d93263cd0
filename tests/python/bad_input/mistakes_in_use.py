"""The mistakes of the golden-message tests, with names, order, files and traced values."""

import os
import tempfile

import numpy as np
import pytest
from mistakes import classifier, labels, mistake, x

import ranvier as keras
from ranvier import layers, ops

# Names.


@mistake
def unknown_loss():
    classifier("mean_squared_eror").fit(x(3, 4), labels(0, 1, 2), verbose=0)


@mistake
def unknown_optimizer():
    model = classifier()
    model.compile("adamm", "mse")


@mistake
def unknown_metric():
    classifier(metrics=["acuracy"]).fit(x(3, 4), labels(0, 1, 2), verbose=0)


@mistake
def unknown_activation():
    layers.Dense(2, activation="reluu")


@mistake
def unknown_initializer():
    layers.Dense(2, kernel_initializer="glorot")


@mistake
def unknown_regularizer():
    layers.Dense(2, kernel_regularizer="l3")


@mistake
def unknown_layer_argument():
    layers.Dense(2, activaton="relu")


@mistake
def unknown_optimizer_argument():
    keras.optimizers.SGD(momentun=0.9)


@mistake
def learning_rate_under_its_old_name():
    keras.optimizers.Adam(lr=0.1)


@mistake
def optimizer_that_is_a_class():
    classifier().compile(keras.optimizers.Adam, "mse")


@mistake
def loss_for_an_unknown_output():
    classifier({"outt": "mse"}).fit(x(3, 4), x(3, 3), verbose=0)


@mistake
def callback_that_is_a_class():
    classifier().fit(x(3, 4), labels(0, 1, 2), callbacks=[keras.callbacks.EarlyStopping], verbose=0)


@mistake
def unknown_padding():
    layers.Conv2D(2, 3, padding="some")


@mistake
def unknown_layer_name():
    classifier().get_layer("hiden")


@mistake
def duplicate_layer_names():
    keras.Sequential([keras.Input((4,)), layers.Dense(2, name="a"), layers.Dense(2, name="a")])


@mistake
def attribute_that_does_not_exist():
    keras.layers.Dens  # noqa: B018


# The order of things.


@mistake
def fit_before_compile():
    keras.Sequential([keras.Input((4,)), layers.Dense(2)], name="plain").fit(
        x(3, 4), x(3, 2), verbose=0
    )


@mistake
def weights_of_an_unbuilt_model():
    keras.Sequential([layers.Dense(2)], name="unbuilt").count_params()


@mistake
def two_strategies_of_stride_and_dilation():
    layers.Conv2D(2, 3, strides=2, dilation_rate=2)


@mistake
def layer_without_super_init():
    class Scale(layers.Layer):
        def __init__(self, factor):
            self.factor = factor

        def call(self, x):
            return self.factor * x

    Scale(3)(x(2, 3))


@mistake
def model_without_call():
    class Empty(keras.Model):
        pass

    Empty()(x(2, 3))


@mistake
def call_without_inputs():
    layers.Dense(3)()


@mistake
def attention_without_value():
    layers.MultiHeadAttention(2, 4)(x(2, 3, 4))


# Files.


def file_with(data: bytes, ending: str) -> str:
    path = os.path.join(tempfile.mkdtemp(), f"model{ending}")
    with open(path, "wb") as file:
        file.write(data)
    return path


def saved(model, ending: str) -> str:
    pytest.importorskip("h5py")
    path = os.path.join(tempfile.mkdtemp(), f"model{ending}")
    (model.save_weights if ending == ".weights.h5" else model.save)(path)
    return path


@mistake
def file_that_does_not_exist():
    keras.models.load_model("missing.keras")


@mistake
def file_with_an_unknown_ending():
    classifier().save("model.pb")


@mistake
def weights_file_with_an_unknown_ending():
    classifier().save_weights("weights.bin")


@mistake
def damaged_keras_file():
    keras.models.load_model(file_with(b"no zip", ".keras"))


@mistake
def keras_file_cut_short():
    with open(saved(classifier(), ".keras"), "rb") as file:
        data = file.read()
    keras.models.load_model(file_with(data[: len(data) // 2], ".keras"))


@mistake
def weights_of_another_architecture():
    path = saved(classifier(), ".weights.h5")
    other = keras.Sequential([keras.Input((4,)), layers.Dense(7), layers.Dense(3)], name="other")
    other.load_weights(path)


@mistake
def class_that_is_not_registered():
    class Twice(layers.Layer):
        def call(self, x):
            return 2 * x

    keras.models.load_model(saved(keras.Sequential([keras.Input((3,)), Twice()]), ".keras"))


@mistake
def lambda_in_a_saved_model():
    saved(keras.Sequential([keras.Input((3,)), layers.Lambda(lambda a: 2 * a)]), ".keras")


# Traced values.


@mistake
def branch_on_a_traced_value():
    @keras.jit
    def step(a):
        return a if ops.sum(a) > 0 else -a

    step(ops.convert_to_tensor(x(3)))


@mistake
def numpy_of_a_traced_value():
    keras.jit(lambda a: np.asarray(a))(ops.convert_to_tensor(x(3)))


@mistake
def float_of_a_traced_value():
    keras.jit(lambda a: a * float(ops.sum(a)))(ops.convert_to_tensor(x(3)))


@mistake
def leaked_symbol():
    kept = []

    @keras.jit
    def step(a):
        kept.append(a * 2)
        return a

    step(ops.convert_to_tensor(x(3)))
    ops.add(kept[0], 1.0)


@mistake
def iterating_over_a_keras_tensor():
    list(keras.Input((3,)))


@mistake
def branch_on_a_keras_tensor():
    bool(keras.Input((3,)) > 0)


@mistake
def misspelt_op():
    ops.relu7(x(3))


@mistake
def list_of_labels_in_a_loss():
    keras.losses.SparseCategoricalCrossentropy()([1], [[0.2, 0.8]])
