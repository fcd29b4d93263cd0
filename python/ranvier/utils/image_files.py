"""Images as files, as Pillow's objects and as arrays."""

from __future__ import annotations

import io
import os
import pathlib
import warnings

import numpy as np

from ranvier import config, ops
from ranvier.ops.image._layout import check_rank

_MODES = {"grayscale": ("L", "I;16", "I"), "rgb": ("RGB",), "rgba": ("RGBA",)}
_RESAMPLING = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


def pillow(user: str):
    """Pillow's `Image` module.

    Raises:
        ImportError: it is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            f"{user} needs Pillow to read and write image files. Hint: pip install pillow"
        ) from error
    return Image


def _layout(data_format):
    return config.standardize_data_format(data_format)


def _float_dtype(dtype):
    dtype = config.floatx() if dtype is None else config.standardize_dtype(dtype)
    return "float32" if dtype == "bfloat16" else dtype


def array_to_img(x, data_format=None, scale=True, dtype=None):
    """An array as a Pillow image.

    Args:
        x: (height, width, channels) with 1, 3 or 4 channels, or channels first.
        data_format: "channels_last" or "channels_first".
        scale: whether the smallest value becomes 0 and the largest 255.
        dtype: dtype that this is computed in; `floatx` when not given.

    Raises:
        ImportError: Pillow is not installed.
        ValueError: another rank or number of channels.

    Example:
        >>> image = keras.utils.array_to_img(np.arange(12.0).reshape(2, 2, 3))
        >>> image.size, image.getpixel((1, 1))
        ((2, 2), (208, 231, 255))
    """
    data_format = _layout(data_format)
    image = pillow("array_to_img")
    x = np.array(x, dtype=_float_dtype(dtype))
    if x.ndim != 3:
        raise ValueError(
            f"Expected image array to have rank 3 (single image). Got array with shape: {x.shape}"
        )
    if data_format == "channels_first":
        x = x.transpose(1, 2, 0)
    if scale:
        x = x - x.min()
        if x.max() != 0:
            x = x / x.max()
        x = x * 255
    channels = x.shape[2]
    if channels not in (1, 3, 4):
        raise ValueError(f"Unsupported channel number: {channels}. Expected 1, 3 or 4.")
    if channels == 1 and x.max() > 255:
        return image.fromarray(x[:, :, 0].astype("int32"))  # mode "I"
    pixels = x.astype("uint8")
    return image.fromarray(pixels[:, :, 0] if channels == 1 else np.ascontiguousarray(pixels))


def img_to_array(img, data_format=None, dtype=None):
    """A Pillow image as an array (height, width, channels), or with channels first.

    Args:
        img: the image.
        data_format: "channels_last" or "channels_first".
        dtype: dtype of the array; `floatx` when not given.

    Raises:
        ValueError: an image of another rank.

    Example:
        >>> keras.utils.img_to_array(np.zeros((4, 6), "uint8")).shape
        (4, 6, 1)
    """
    data_format = _layout(data_format)
    x = np.asarray(img, dtype=_float_dtype(dtype))
    if x.ndim not in (2, 3):
        raise ValueError(f"Unsupported image shape: {x.shape}. Expected rank 2 or 3.")
    if x.ndim == 2:
        x = x[:, :, None]
    return x.transpose(2, 0, 1) if data_format == "channels_first" else x


def save_img(path, x, data_format=None, file_format=None, scale=True, **kwargs):
    """Writes an array as an image file.

    Args:
        path: path or file object.
        x: (height, width, channels), or channels first.
        data_format: "channels_last" or "channels_first".
        file_format: Pillow's name of the format; the path's extension when not given.
        scale: whether the values are spread over 0..255.
        **kwargs: handed to Pillow's `save`.

    Raises:
        ImportError: Pillow is not installed.

    Example:
        >>> keras.utils.save_img("grey.png", np.full((4, 6, 1), 7.0), scale=False)
        >>> keras.utils.img_to_array(keras.utils.load_img("grey.png", "grayscale"))[0, 0].tolist()
        [7.0]
    """
    if file_format is None and isinstance(path, (str, pathlib.Path)):
        file_format = pathlib.Path(path).suffix[1:].lower()
    if file_format and file_format.lower() == "jpg":
        file_format = "jpeg"
    img = array_to_img(x, data_format=data_format, scale=scale)
    if img.mode == "RGBA" and file_format == "jpeg":
        warnings.warn(
            "The JPEG format does not support RGBA images, converting to RGB.", stacklevel=2
        )
        img = img.convert("RGB")
    img.save(path, format=file_format, **kwargs)


def _opened(image, path):
    if isinstance(path, io.BytesIO):
        return image.open(path)
    if not isinstance(path, (str, bytes, pathlib.Path)):
        raise TypeError(f"path should be path-like or io.BytesIO, not {type(path)}")
    with open(os.fspath(path), "rb") as file:
        return image.open(io.BytesIO(file.read()))


def in_color_mode(img, color_mode: str):
    """A Pillow image as gray, RGB or RGBA pixels.

    Raises:
        ValueError: an unknown mode.
    """
    if color_mode not in _MODES:
        raise ValueError(
            f'color_mode must be "grayscale", "rgb", or "rgba". Received: color_mode={color_mode!r}'
        )
    modes = _MODES[color_mode]
    return img if img.mode in modes else img.convert(modes[0])


def load_img(
    path,
    color_mode="rgb",
    target_size=None,
    interpolation="nearest",
    keep_aspect_ratio=False,
):
    """An image file as a Pillow image.

    Args:
        path: path or `io.BytesIO`.
        color_mode: "grayscale", "rgb" or "rgba".
        target_size: (height, width) to resize to.
        interpolation: "nearest", "bilinear", "bicubic", "hamming", "box" or "lanczos".
        keep_aspect_ratio: whether the largest centered window of the target's proportions is
            resized.

    Raises:
        ImportError: Pillow is not installed.
        TypeError: something that is no path.
        ValueError: an unknown mode or interpolation.

    Example:
        >>> keras.utils.save_img("red.png", np.full((4, 6, 3), [255, 0, 0]), scale=False)
        >>> image = keras.utils.load_img("red.png", target_size=(2, 2))
        >>> image.size, image.getpixel((0, 0))
        ((2, 2), (255, 0, 0))
    """
    image = pillow("load_img")
    img = in_color_mode(_opened(image, path), color_mode)
    if target_size is None or img.size == (target_size[1], target_size[0]):
        return img
    if interpolation not in _RESAMPLING:
        raise ValueError(
            f"Invalid interpolation method {interpolation} specified. Supported methods are "
            f"{', '.join(_RESAMPLING)}"
        )
    target_height, target_width = target_size
    box = None
    if keep_aspect_ratio:
        width, height = img.size
        tall = min(height, (width * target_height) // target_width)
        wide = min(width, (height * target_width) // target_height)
        left, top = (width - wide) // 2, (height - tall) // 2
        box = (left, top, left + wide, top + tall)
    method = getattr(image.Resampling, interpolation.upper())
    return img.resize((target_width, target_height), method, box=box)


def smart_resize(x, size, interpolation="bilinear", data_format="channels_last", **kwargs):
    """Images in another size without distortion: the largest centered window of the target's
    proportions, resized.

    Args:
        x: (batch, height, width, channels) or one image, or channels first.
        size: (height, width).
        interpolation: "nearest", "bilinear", "bicubic", "lanczos3" or "lanczos5".
        data_format: "channels_last" or "channels_first".

    Returns:
        An array for an array, else a tensor.

    Raises:
        ValueError: another rank, or a size that is not two integers.

    Example:
        >>> keras.preprocessing.image.smart_resize(np.zeros((8, 16, 3)), (4, 4)).shape
        (4, 4, 3)
    """
    kwargs.pop("backend_module", None)
    if kwargs:
        raise TypeError(f"smart_resize() got unexpected keyword arguments: {list(kwargs)}")
    if len(size) != 2:
        raise ValueError(f"Expected `size` to be a tuple of 2 integers, but got: {size}.")
    img = ops.convert_to_tensor(x)
    check_rank(img.shape, "x")
    out = ops.image.resize(
        img, size, interpolation=interpolation, crop_to_aspect_ratio=True, data_format=data_format
    )
    return np.array(out) if isinstance(x, np.ndarray) else out
