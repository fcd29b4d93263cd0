"""`keras.ops.image`: functions of images.

Images are (batch, height, width, channels), or (batch, channels, height, width) with
`data_format="channels_first"`; the batch axis may be missing.
"""

from ranvier.ops.image.borders import crop_images, pad_images
from ranvier.ops.image.colors import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv
from ranvier.ops.image.resampling import resize, scale_and_translate
from ranvier.ops.image.warps import (
    affine_transform,
    elastic_transform,
    map_coordinates,
    perspective_transform,
)
from ranvier.ops.image.windows import (
    extract_patches,
    extract_patches_3d,
    gaussian_blur,
    sobel_edges,
    ssim,
)

__all__ = [
    "affine_transform",
    "crop_images",
    "elastic_transform",
    "extract_patches",
    "extract_patches_3d",
    "gaussian_blur",
    "hsv_to_rgb",
    "map_coordinates",
    "pad_images",
    "perspective_transform",
    "resize",
    "rgb_to_grayscale",
    "rgb_to_hsv",
    "scale_and_translate",
    "sobel_edges",
    "ssim",
]
