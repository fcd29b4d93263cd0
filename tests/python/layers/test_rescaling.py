"""Rescaling by arrays, and of channels that come first."""

import json

import numpy as np

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
