"""Data sets of the image files in a directory."""

from __future__ import annotations

import functools

import numpy as np

from ranvier import config, ops
from ranvier.ops.image.resampling import RESIZE_METHODS
from ranvier.utils.batched_dataset import datasets_from_directory
from ranvier.utils.image_files import in_color_mode, pillow

FORMATS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


def _read(path, color_mode, resize):
    with pillow("image_dataset_from_directory").open(path) as file:
        pixels = np.asarray(in_color_mode(file, color_mode), dtype="float32")
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    return np.asarray(resize(pixels))


def image_dataset_from_directory(
    directory,
    labels="inferred",
    label_mode="int",
    class_names=None,
    color_mode="rgb",
    batch_size=32,
    image_size=(256, 256),
    shuffle=True,
    seed=None,
    validation_split=None,
    subset=None,
    interpolation="bilinear",
    follow_links=False,
    crop_to_aspect_ratio=False,
    pad_to_aspect_ratio=False,
    data_format=None,
    format="tf",
    verbose=True,
):
    """A data set of images that are read batch by batch; `fit` takes it.

    Args:
        directory: with `labels="inferred"` one subdirectory of images per class; else any tree.
        labels: "inferred", `None`, or a list of integers in the order of the sorted paths.
        label_mode: "int": int32 (batch,); "binary": float32 (batch, 1); "categorical": float32
            one-hot (batch, classes); `None`: no labels.
        class_names: order (and choice) of the classes.
        color_mode: "grayscale", "rgb" or "rgba": 1, 3 or 4 channels.
        batch_size: images of a batch; `None` for single images.
        image_size: (height, width) that all images are resized to.
        shuffle: whether the images come in a random order; see `format`.
        seed: of the orders; needed for a shuffled split.
        validation_split: share of the files that are held out.
        subset: "training", "validation" or "both" (a list of two data sets).
        interpolation: "nearest", "bilinear", "bicubic", "lanczos3" or "lanczos5".
        follow_links: whether links to directories are followed.
        crop_to_aspect_ratio, pad_to_aspect_ratio: how proportions are kept; see
            `ops.image.resize`.
        data_format: "channels_last" or "channels_first".
        format: "tf" or "grain". The data set is the same but for shuffling: with "tf" every pass
            has an order of its own, with "grain" all have the same.
        verbose: whether the number of files is printed.

    Returns:
        A data set of float32 images in 0..255, or of (images, labels), with the attributes
        `class_names` and `file_paths`. Of animated files the first frame is taken.

    Raises:
        ImportError: Pillow is not installed.
        ValueError: arguments that are not known or do not go together; no image files; a file that
            cannot be read, when its turn comes.

    Example:
        >>> import os
        >>> for name in ["cats", "dogs"]:
        ...     os.makedirs(f"photos/{name}")
        ...     keras.utils.save_img(f"photos/{name}/1.png", np.ones((8, 8, 3)))
        >>> data = keras.utils.image_dataset_from_directory("photos", image_size=(4, 4), verbose=0)
        >>> images, labels = next(iter(data))
        >>> images.shape, data.class_names
        ((2, 4, 4, 3), ['cats', 'dogs'])
    """
    if color_mode not in ("rgb", "rgba", "grayscale"):
        raise ValueError(
            '`color_mode` must be one of {"rgb", "rgba", "grayscale"}. '
            f"Received: color_mode={color_mode}"
        )
    if isinstance(image_size, int):
        image_size = (image_size, image_size)
    if not isinstance(image_size, (list, tuple)) or len(image_size) != 2:
        raise ValueError(
            "Invalid `image_size` value. Expected a tuple of 2 integers. "
            f"Received: image_size={image_size}"
        )
    interpolation = interpolation.lower()
    if interpolation not in RESIZE_METHODS:
        raise ValueError(
            f"Argument `interpolation` should be one of {RESIZE_METHODS}. "
            f"Received: interpolation={interpolation}"
        )
    if format not in ("tf", "grain"):
        raise ValueError(f'`format` should be either "tf" or "grain". Received: format={format}')
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError(
            "Only one of `pad_to_aspect_ratio`, `crop_to_aspect_ratio` can be set to `True`."
        )
    pillow("image_dataset_from_directory")
    data_format = config.standardize_data_format(data_format)

    def resize(pixels):
        out = ops.image.resize(
            pixels, tuple(image_size), interpolation=interpolation, data_format="channels_last",
            crop_to_aspect_ratio=crop_to_aspect_ratio, pad_to_aspect_ratio=pad_to_aspect_ratio,
        )  # fmt: skip
        return ops.transpose(out, (2, 0, 1)) if data_format == "channels_first" else out

    return datasets_from_directory(
        directory, functools.partial(_read, color_mode=color_mode, resize=resize), "image",
        FORMATS, labels=labels, label_mode=label_mode, class_names=class_names,
        batch_size=batch_size, shuffle=shuffle, seed=seed, validation_split=validation_split,
        subset=subset, follow_links=follow_links, verbose=verbose, reshuffle=format == "tf",
    )  # fmt: skip
