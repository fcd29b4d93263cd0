"""Pixels to the numbers a network was trained on, and predictions to ImageNet's class names."""

from __future__ import annotations

import functools
import json

import numpy as np

from ranvier import config, ops
from ranvier.applications._files import CLASS_INDEX, locate

# Mean (and deviation) of the channels of ImageNet's photos: RGB in 0..1, and BGR in 0..255.
_TORCH_MEAN, _TORCH_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_CAFFE_MEAN = (103.939, 116.779, 123.68)
_MODES = ("caffe", "tf", "torch")


def preprocess_input(x, data_format=None, mode="caffe"):
    """Photos with values 0 to 255 in the range a network expects.

    Args:
        x: array, tensor or symbolic tensor `(height, width, 3)` or `(batch, height, width, 3)`
            (channels first with that format). It is left as it is.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for the global one.
        mode: `"tf"`: x / 127.5 − 1. `"torch"`: (x / 255 − mean) / deviation per channel.
            `"caffe"`: channels in the order blue, green, red, minus their means.

    Returns:
        The same kind and shape; integers become `floatx`.

    Raises:
        ValueError: an unknown mode or data format.

    Example:
        >>> x = np.array([[[0, 127.5, 255]]])
        >>> keras.applications.imagenet_utils.preprocess_input(x, mode="tf")
        array([[[-1.,  0.,  1.]]])
    """
    if mode not in _MODES:
        raise ValueError(
            f"Expected mode to be one of `caffe`, `tf` or `torch`. Received: mode={mode}"
        )
    if data_format not in (None, "channels_first", "channels_last"):
        raise ValueError(
            "Expected data_format to be one of `channels_first` or `channels_last`. Received: "
            f"data_format={data_format}"
        )
    first = (data_format or config.image_data_format()) == "channels_first"
    if isinstance(x, np.ndarray):
        x = x if np.issubdtype(x.dtype, np.floating) else x.astype(config.floatx())
    if mode == "tf":
        return x / 127.5 - 1.0
    rank = len(x.shape)
    axis = rank - 3 if first else rank - 1
    shape = [3 if i == axis else 1 for i in range(rank)]
    if mode == "torch":
        return (x / 255.0 - _channels(_TORCH_MEAN, shape, x)) / _channels(_TORCH_STD, shape, x)
    return _reversed(x, axis) - _channels(_CAFFE_MEAN, shape, x)


def _channels(values, shape, like):
    array = np.reshape(values, shape)
    if isinstance(like, np.ndarray):
        return array.astype(like.dtype)
    return ops.convert_to_tensor(array, dtype=like.dtype)


def _reversed(x, axis):
    return np.flip(x, axis) if isinstance(x, np.ndarray) else ops.flip(x, axis=axis)


def decode_predictions(preds, top=5):
    """The most probable classes of each photo.

    Args:
        preds: probabilities `(batch, 1000)` of a classifier trained on ImageNet.
        top: how many classes per photo.

    Returns:
        Per photo a list of `(WordNet id, name, probability)`, most probable first.

    Raises:
        ValueError: another shape.
        DataNotFoundError: the list of names is neither on this machine nor can be downloaded.
    """
    shape = tuple(preds.shape)
    if len(shape) != 2 or shape[1] != 1000:
        raise ValueError(
            "`decode_predictions` expects a batch of predictions (i.e. a 2D array of shape "
            f"(samples, 1000)). Received array with shape: {shape}"
        )
    names = _class_index()
    found = []
    for row in ops.convert_to_numpy(preds):
        best = row.argsort()[-top:][::-1]
        found.append([(*names[str(i)], row[i]) for i in best])
    return found


@functools.cache
def _class_index() -> dict:
    with open(locate(CLASS_INDEX), encoding="utf-8") as file:
        return json.load(file)


# The largest value of a white photo in each mode.
_WHITE = {None: 255.0, "tf": 1.0, "torch": 2.64, "caffe": 151.061}


def preprocessing(mode, module):
    """The `preprocess_input(x, data_format=None)` of a family; `mode=None` leaves photos alone."""

    def preprocess_input(x, data_format=None):
        if mode is None:
            return x
        return _preprocess(x, data_format=data_format, mode=mode)

    what = (
        "Returns the photos as they are: the model itself scales values of 0 to 255."
        if mode is None
        else f"Photos with values 0 to 255 as this family expects them (mode {mode!r})."
    )
    preprocess_input.__doc__ = (
        f"{what}\n\n    Args:\n        x: array or tensor of photos, 3 channels.\n"
        "        data_format: the global one by default.\n\n"
        "    Example:\n"
        "        >>> white = np.full((1, 224, 224, 3), 255.0)\n"
        f"        >>> scaled = keras.{module.split('.', 1)[1]}.preprocess_input(white)\n"
        f"        >>> round(float(scaled.max()), 4)\n        {_WHITE[mode]}\n    "
    )
    return preprocess_input


_preprocess = preprocess_input

__all__ = ["decode_predictions", "preprocess_input"]
