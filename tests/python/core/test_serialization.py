"""Names and configs: what is written, and what a reader refuses."""

from __future__ import annotations

import numpy as np
import pytest

from ranvier import KerasTensor, layers, ops, serialization
from ranvier.serialization import deserialize_keras_object as read
from ranvier.serialization import serialize_keras_object as write


def test_plain_values_and_markers():
    assert write({"a": (1, 2.5, None, "x", True)}) == {"a": (1, 2.5, None, "x", True)}
    assert write(np.float32(0.5)) == 0.5
    array = np.arange(3, dtype="int16")
    assert write(array) == {
        "class_name": "__numpy__",
        "config": {"value": [0, 1, 2], "dtype": "int16"},
    }
    np.testing.assert_array_equal(read(write(array)), array)
    assert read(write(slice(1, None, 2))) == slice(1, None, 2)
    assert read(write(...)) is Ellipsis
    assert read(write(b"abc")) == b"abc"
    symbol = write(KerasTensor((None, 2)))
    assert symbol["config"] == {"shape": (None, 2), "dtype": "float32", "keras_history": None}
    for value in ({1, 2}, object(), 1j):
        with pytest.raises(TypeError, match="Cannot serialize object"):
            write(value)
    tensor = read(write(ops.ones((2,), "float16")))
    assert (tensor.dtype, tensor.tolist()) == ("float16", [1.0, 1.0])


def test_custom_classes_need_a_registered_name():
    class Mine(layers.Layer):
        def call(self, x):
            return x

    config = write(Mine(name="m"))
    with pytest.raises(TypeError, match="Could not locate class 'Mine'"):
        read(config)
    assert read(config, custom_objects={"Mine": Mine}).name == "m"
    with serialization.custom_object_scope({"Mine": Mine}):
        assert isinstance(read(config), Mine)


def test_registered_functions_and_classes():
    @serialization.register_keras_serializable(package="here")
    def half(x):
        return x / 2

    config = write(layers.Activation(half))
    assert config["config"]["activation"] == {
        "module": "builtins", "class_name": "function", "config": "here>half",
        "registered_name": "function"}  # fmt: skip
    assert float(read(config)(np.array([[4.0]], "float32"))[0, 0]) == 2.0
    assert serialization.get_registered_name(half) == "here>half"
    assert serialization.get_registered_object("here>half") is half
    with pytest.raises(ValueError, match="get_config"):
        serialization.register_keras_serializable()(type("Bare", (), {}))


HOSTILE = [
    ("os", "system", {"command": "true"}),
    ("builtins", "function", "eval"),
    ("subprocess", "Popen", {}),
    ("keras.utils", "get_file", {}),
    ("keras.src.utils.file_utils", "get_file", {}),
    ("keras.layers", "__builtins__", {}),
    ("keras.layers", "annotations", {}),
    ("keras.ops", "Dense", {"units": 1}),
]


@pytest.mark.parametrize(("module", "name", "config"), HOSTILE)
def test_names_outside_the_exports_are_refused(module, name, config):
    with pytest.raises(TypeError, match="Could not locate"):
        read({"module": module, "class_name": name, "config": config, "registered_name": None})


def test_code_in_files_is_refused():
    with pytest.raises(ValueError, match="lambda"):
        read({"class_name": "__lambda__", "config": {"value": "4wAAAA=="}})
    with pytest.raises(ValueError, match="lambda|anonymous"):
        write(layers.Lambda(lambda x: x))


def test_unknown_arguments_name_the_class():
    config = write(layers.Dense(3))
    config["config"]["colour"] = "red"
    with pytest.raises(TypeError, match="Dense"):
        read(config)


def test_one_object_in_two_places_stays_one():
    dense = layers.Dense(2, name="d")
    with serialization.ObjectSharingScope():
        config = write({"a": dense, "b": [dense]})
    with serialization.ObjectSharingScope():
        back = read(config)
    assert back["a"] is back["b"][0]


@pytest.mark.parametrize(("name", "snake"), [
    ("Conv2DTranspose", "conv2d_transpose"), ("PReLU", "p_re_lu"), ("ReLU", "re_lu"),
    ("GlobalAveragePooling2D", "global_average_pooling2d"), ("RMSprop", "rm_sprop"),
    ("MyXYZLayer", "my_xyz_layer"), ("LSTM", "lstm"),
])  # fmt: skip
def test_snake_case(name, snake):
    from ranvier.naming import to_snake_case

    assert to_snake_case(name) == snake
