"""Colour spaces."""

from __future__ import annotations

import numpy as np

from ranvier import _backend as B
from ranvier import config
from ranvier.ops import elementwise as ew
from ranvier.ops._define import IMAGE, cast, op, to_tensor
from ranvier.ops.image._layout import channel_axis, check_rank
from ranvier.ops.joins import concatenate, split

# ITU-R BT.601 luma, to four digits as Keras has it.
_LUMA = (0.2989, 0.5870, 0.1140)


def _channels(x, axis):
    """One tensor per channel, each with a channel axis of size one."""
    return split(x, 3, axis=axis)


@op(IMAGE, static=("data_format",), name="RGBToGrayscale")
def rgb_to_grayscale(images, data_format=None):
    """Luma 0.2989 R + 0.587 G + 0.114 B: three channels to one, in the input's dtype.

    Args:
        images: (batch, height, width, 3) or one image.
        data_format: "channels_last" or "channels_first".

    Raises:
        ValueError: neither 3 nor 1 channels, or a rank other than 3 and 4.

    Example:
        >>> ops.image.rgb_to_grayscale(ops.ones((1, 2, 2, 3))).shape
        (1, 2, 2, 1)
    """
    x = to_tensor(images)
    check_rank(x.shape)
    axis = channel_axis(data_format)
    if x.shape[axis] not in (1, 3):
        raise ValueError(
            "Invalid channel size: expected 3 (RGB) or 1 (Grayscale). Received input with shape: "
            f"images.shape={tuple(x.shape)}"
        )
    if x.shape[axis] == 1:
        return x
    dtype = x.dtype if config.is_float_dtype(x.dtype) else B.promote(x.dtype, config.floatx())
    parts = [ew.multiply(part, w) for part, w in zip(_channels(cast(x, dtype), axis), _LUMA)]
    return cast(ew.add(ew.add(parts[0], parts[1]), parts[2]), x.dtype)


def _checked_colors(images, data_format):
    x = to_tensor(images)
    check_rank(x.shape)
    if not config.is_float_dtype(x.dtype):
        raise ValueError(
            "Invalid images dtype: expected float dtype. Hint: cast the images and divide them by "
            f"255. Received: images.dtype={x.dtype}"
        )
    axis = channel_axis(data_format)
    if x.shape[axis] != 3:
        raise ValueError(
            "Input images must have 3 channels, but received images with "
            f"{x.shape[axis]} channels. Received: images.shape={tuple(x.shape)}"
        )
    return x, axis


def _epsilon(dtype):
    return 2.0**-7 if dtype == "bfloat16" else float(np.finfo(dtype).eps)


@op(IMAGE, static=("data_format",), name="RGBToHSV")
def rgb_to_hsv(images, data_format=None):
    """Red, green, blue in [0, 1] as hue, saturation, value in [0, 1].

    Args:
        images: (batch, height, width, 3) or one image.
        data_format: "channels_last" or "channels_first".

    Raises:
        ValueError: not 3 channels, no float dtype, or a rank other than 3 and 4.

    Example:
        >>> ops.image.rgb_to_hsv([[[1.0, 0.0, 0.0]]]).tolist()
        [[[0.0, 1.0, 1.0]]]
    """
    x, axis = _checked_colors(images, data_format)
    x = ew.where(ew.less(ew.absolute(x), _epsilon(x.dtype)), 0.0, x)
    red, green, blue = _channels(x, axis)
    value = ew.maximum(ew.maximum(red, green), blue)
    spread = ew.subtract(value, ew.minimum(ew.minimum(red, green), blue))
    colored, lit = ew.greater(spread, 0.0), ew.greater(value, 0.0)
    saturation = ew.where(lit, ew.divide(spread, ew.where(lit, value, 1.0)), 0.0)
    sixth = ew.divide(1.0, ew.multiply(ew.where(colored, spread, 1.0), 6.0))
    from_green = ew.add(ew.multiply(sixth, ew.subtract(blue, red)), 2.0 / 6.0)
    from_blue = ew.add(ew.multiply(sixth, ew.subtract(red, green)), 4.0 / 6.0)
    hue = ew.where(ew.equal(value, green), from_green, from_blue)
    hue = ew.where(ew.equal(value, red), ew.multiply(sixth, ew.subtract(green, blue)), hue)
    turn = cast(ew.less(hue, 0.0), x.dtype)
    hue = ew.add(ew.where(colored, hue, 0.0), turn)
    return concatenate([hue, saturation, value], axis=axis)


@op(IMAGE, static=("data_format",), name="HSVToRGB")
def hsv_to_rgb(images, data_format=None):
    """Hue, saturation, value in [0, 1] as red, green, blue in [0, 1].

    Args:
        images: (batch, height, width, 3) or one image.
        data_format: "channels_last" or "channels_first".

    Raises:
        ValueError: not 3 channels, no float dtype, or a rank other than 3 and 4.

    Example:
        >>> ops.image.hsv_to_rgb([[[0.0, 1.0, 1.0]]]).tolist()
        [[[1.0, 0.0, 0.0]]]
    """
    x, axis = _checked_colors(images, data_format)
    hue, saturation, value = _channels(x, axis)
    angle = ew.multiply(ew.mod(hue, 1.0), 6.0)

    def distance(center):
        return ew.absolute(ew.subtract(angle, center))

    shares = (
        ew.subtract(distance(3.0), 1.0),
        ew.subtract(2.0, distance(2.0)),
        ew.subtract(2.0, distance(4.0)),
    )
    white = ew.subtract(1.0, saturation)
    parts = [
        ew.multiply(value, ew.add(white, ew.multiply(saturation, ew.clip(share, 0.0, 1.0))))
        for share in shares
    ]
    return concatenate(parts, axis=axis)
