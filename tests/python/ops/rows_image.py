"""Rows of `ops.image`: values against Keras, gradients against differences, symbolic shapes."""

from __future__ import annotations

import numpy as np
from op_rows import add, f, ints


def unit(*shape):
    """Pixels in (0, 1)."""
    return f(*shape, low=0.02, high=0.98)


def pixels(*shape):
    return ints(*shape, low=0, high=256, dtype="uint8")


def maps(count):
    """Affine maps near the identity, (count, 8)."""
    out = f(count, 8, low=-0.2, high=0.2)
    out[:, [0, 4]] += 1
    out[:, [2, 5]] *= 8
    out[:, 6:] = 0
    return out


IMAGES = unit(2, 7, 9, 3)
FIRST = np.ascontiguousarray(IMAGES.transpose(0, 3, 1, 2))
CORNERS = np.array([[0, 0], [0, 6], [8, 0], [8, 6]], "float64")
LAST, CHANNELS = {"data_format": "channels_last"}, {"data_format": "channels_first"}

for _method in ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"):
    for _size in ((4, 5), (11, 14), (7, 3)):
        add("image.resize", IMAGES, _size, interpolation=_method, grad=_size == (4, 5))
        add("image.resize", IMAGES, _size, interpolation=_method, antialias=True)
add("image.resize", pixels(6, 6, 1), (4, 5), interpolation="nearest")
add("image.resize", pixels(2, 8, 8, 3), (4, 4))
add("image.resize", FIRST, (4, 12), **CHANNELS, grad=True)
add("image.resize", IMAGES, (6, 6), crop_to_aspect_ratio=True)
add("image.resize", IMAGES, (6, 6), pad_to_aspect_ratio=True, fill_value=0.5)
add("image.resize", FIRST, (12, 5), pad_to_aspect_ratio=True, **CHANNELS)
for _method in ("linear", "bicubic", "lanczos3", "lanczos5"):
    for _antialias in (True, False):
        add("image.scale_and_translate", IMAGES, (2, 5, 13, 3), np.array([0.7, 1.4]),
            np.array([0.5, -1.2]), (1, 2), _method, antialias=_antialias)  # fmt: skip
for _name in ("rgb_to_grayscale", "rgb_to_hsv", "hsv_to_rgb"):
    add(f"image.{_name}", IMAGES, grad=True)
    add(f"image.{_name}", FIRST[0], **CHANNELS)
add("image.rgb_to_grayscale", pixels(4, 5, 3))
add("image.rgb_to_grayscale", pixels(4, 5, 1))
for _order, _interpolation in enumerate(("nearest", "bilinear")):
    for _mode in ("constant", "nearest", "wrap", "mirror", "reflect"):
        add("image.affine_transform", IMAGES, maps(2), interpolation=_interpolation,
            fill_mode=_mode, fill_value=0.5)  # fmt: skip
        add("image.affine_transform", pixels(5, 6, 3), maps(1)[0], interpolation=_interpolation,
            fill_mode=_mode)  # fmt: skip
        add("image.map_coordinates", f(5, 4, 3), f(3, 4, 6, low=-6.0, high=10.0), _order,
            fill_mode=_mode, fill_value=0.5, grad=_order == 1)  # fmt: skip
    add("image.perspective_transform", IMAGES, np.stack([CORNERS] * 2),
        CORNERS + f(2, 4, 2, low=-1, high=1), interpolation=_interpolation,
        fill_value=2)  # fmt: skip
add("image.affine_transform", FIRST, maps(2), **CHANNELS, grad=True)
add("image.map_coordinates", ints(6), f(1, 9, low=-2.0, high=8.0), 1)
add("image.perspective_transform", FIRST[0], CORNERS, CORNERS + f(4, 2, low=-1, high=1),
    **CHANNELS, grad=True)  # fmt: skip
add("image.gaussian_blur", IMAGES, kernel_size=(3, 5), sigma=(1.0, 2.0), **LAST, grad=True)
add("image.gaussian_blur", FIRST[0], kernel_size=(4, 7), sigma=(0.5, 2.0), **CHANNELS)
add("image.sobel_edges", IMAGES, grad=True)
add("image.sobel_edges", FIRST, **CHANNELS)
add("image.ssim", IMAGES, unit(2, 7, 9, 3), filter_size=5, grad=True)
add("image.ssim", unit(12, 13, 3), unit(12, 13, 3), max_val=2.0)
add("image.ssim", FIRST, FIRST * 0.9, filter_size=3, **CHANNELS)
for _options in (
    {"size": 3},
    {"size": (2, 3), "strides": 1},
    {"size": 3, "strides": 2, "padding": "same"},
    {"size": (3, 2), "strides": 1, "dilation_rate": 2, "padding": "same"},
):
    add("image.extract_patches", IMAGES, **_options, grad=True)
    add("image.extract_patches", FIRST[0], **_options, **CHANNELS)
VOLUMES = f(2, 4, 6, 7, 2)
add("image.extract_patches", VOLUMES, size=(2, 3, 2))
add("image.extract_patches_3d", VOLUMES, size=2)
add("image.extract_patches_3d", VOLUMES[0], size=(2, 3, 2), strides=1, padding="same")
add("image.pad_images", IMAGES, 1, 2, 3, 4, grad=True)
add("image.pad_images", pixels(4, 5, 3), 1, None, None, 2, 9, 12)
add("image.crop_images", IMAGES, 1, 2, 3, 4, grad=True)
add("image.crop_images", FIRST, 1, None, None, 2, 3, 4, **CHANNELS)
