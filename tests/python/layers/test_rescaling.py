"""Rescaling by arrays, and of channels that come first."""

import json

import numpy as np
import pytest

from ranvier import config, layers, saving


def test_arrays_as_arguments():
    layer = layers.Rescaling(np.array([0.5, 2.0]), np.array(0.25))
    x = np.ones((3, 2), "float32")
    text = json.dumps(saving.serialize_keras_object(layer))
    again = saving.deserialize_keras_object(json.loads(text))
    for one in (layer, again):
        np.testing.assert_allclose(one(x), np.tile([0.75, 2.25], (3, 1)))


def test_channels_first():
    config.set_image_data_format("channels_first")
    try:
        out = layers.Rescaling([1.0, 2.0, 3.0])(np.ones((2, 3, 4, 5), "float32"))
    finally:
        config.set_image_data_format("channels_last")
    np.testing.assert_array_equal(np.asarray(out)[1, :, 3, 4], [1, 2, 3])


@pytest.mark.parametrize("inputs", [3, 2.5, True, [1, 2], (1, 2), [[1.0, 2.0]]])
def test_numbers_and_lists(inputs):
    result = layers.Rescaling(0.5, 1.0)(inputs)
    assert result.dtype == "float32"
    np.testing.assert_array_equal(result, np.asarray(inputs) * 0.5 + 1.0)


def test_an_integer_dtype_is_that_of_the_result_and_of_the_scale():
    pixels = np.full((2, 3), 9, "uint8")
    result = layers.Rescaling(2.9, 1.9, dtype="uint8")(pixels)
    assert result.dtype == "uint8"
    np.testing.assert_array_equal(result, pixels * 2 + 1)
