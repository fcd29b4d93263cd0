"""What every layer does by Keras' rules, whatever it computes."""

from __future__ import annotations

import numpy as np
import pytest

from ranvier import KerasTensor, Model, Sequential, layers


@pytest.mark.parametrize("base", [layers.Layer, Model])
def test_attributes_may_be_set_before_the_super_call(base):
    class Early(base):
        def __init__(self, units):
            self.units = units
            self.inner = layers.Dense(units, name="inner")
            super().__init__(name="early")

        def call(self, x):
            return self.inner(x)

    layer = Early(3)
    assert layer(np.ones((2, 2))).shape == (2, 3)
    assert [w.path for w in layer.weights] == ["early/inner/kernel", "early/inner/bias"]


def test_a_forgotten_super_call_is_named_at_the_first_call():
    class Forgets(layers.Layer):
        def __init__(self):
            self.inner = layers.Dense(2)

    with pytest.raises(RuntimeError, match="super"):
        Forgets()(np.ones((2, 2)))


def test_the_spec_of_an_unbuilt_layer_leaves_it_unbuilt():
    layer = layers.Dense(3)
    spec = layer.compute_output_spec(KerasTensor((None, 4)))
    assert (spec.shape, spec.dtype, layer.built) == ((None, 3), "float32", False)
    assert layer.symbolic_call(KerasTensor((2, 4))).shape == (2, 3)


def test_training_given_as_none_stays_none():
    seen = []

    class Shows(layers.Layer):
        def call(self, x, training=False):
            seen.append(training)
            return x

    layer = Shows()
    layer(np.ones(1))
    layer(np.ones(1), training=None)
    layer(np.ones(1), training=True)
    assert seen == [False, None, True]


@pytest.mark.parametrize(
    ("build", "error"),
    [
        (lambda: layers.RepeatVector(0), ValueError),
        (lambda: layers.Dot(axes="a"), TypeError),
        (lambda: layers.Lambda(3), TypeError),
        (lambda: layers.SeparableConv2D(2, 3, depth_multiplier=0), ValueError),
        (lambda: layers.Conv2DTranspose(2, 3, strides=2, output_padding=3), ValueError),
    ],
)
def test_constructors_refuse(build, error):
    with pytest.raises(error):
        build()


def test_a_spec_of_another_dtype_is_a_value_error():
    class Integers(layers.Layer):
        def __init__(self):
            super().__init__()
            self.input_spec = layers.InputSpec(dtype="int32")

        def call(self, x):
            return x

    with pytest.raises(ValueError, match="expected dtype=int32"):
        Integers()(np.ones((2, 3), "float32"))


@pytest.mark.filterwarnings("ignore:Layer InputLayer")
def test_variables_made_later_keep_the_layers_path():
    model = Sequential([layers.Input((4,)), layers.Dense(2, name="d")], name="m")
    model.quantize("int8")
    assert {v.path for v in model.variables} == {"m/d/bias", "m/d/kernel", "m/d/kernel_scale"}


def test_shapes_of_a_model_with_named_outputs_are_a_list():
    x = layers.Input((3,), name="x")
    model = Model(x, {"a": layers.Dense(2)(x), "b": layers.Dense(4)(x)})
    assert model.input_shape == (None, 3)
    assert model.output_shape == [(None, 2), (None, 4)]


def test_a_list_of_one_output_is_that_output():
    x = layers.Input((3,), name="x")
    model = Model([x], [layers.Dense(2)(x)])
    data = np.ones((4, 3), "float32")
    assert model(data).shape == (4, 2)
    assert model.predict(data, verbose=0).shape == (4, 2)
    assert [y.shape for y in model(layers.Input((3,)))] == [(None, 2)]
    outer = Model(x, model(x))
    assert outer(data).shape == (4, 2)


def test_losses_after_fit_are_those_of_the_weights():
    model = Sequential(
        [layers.Input((3,)), layers.Dense(2, kernel_regularizer="l2", activity_regularizer="l1")]
    )
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    (penalty,) = model.losses
    assert float(penalty) > 0.0


def test_config_by_arguments_leaves_out_a_name_that_the_class_gives():
    class Own(layers.Layer):
        def __init__(self, units, **options):
            super().__init__(name="own", **options)
            self.units = units

    config = Own(3).get_config()
    assert set(config) == {"units", "trainable", "dtype"}
    assert Own.from_config(config).name == "own"
