"""Layers that spread the values of images by their extremes or their histogram."""

from __future__ import annotations

import numpy as np

from ranvier import ops
from ranvier.layers.preprocessing.image.base import ColorLayer
from ranvier.ops.image._layout import Batch
from ranvier.python_numbers import whole


class AutoContrast(ColorLayer):
    """Stretches each channel of an image to the whole value range.

    Args:
        value_range: bounds of the pixels.

    Example:
        >>> layers.AutoContrast()(ops.ones((2, 16, 16, 3))).shape
        (2, 16, 16, 3)
    """

    _USE_BASE_FACTOR = False
    _CONFIG = ("value_range",)

    def __init__(self, value_range=(0, 255), **kwargs):
        super().__init__(**kwargs)
        self._set_value_range(value_range)

    def transform_images(self, images, transformation=None, training=True):
        given, dtype = ops.convert_to_tensor(images), self.compute_dtype
        x = self._transform_value_range(given, self.value_range, (0, 255), dtype)
        x = ops.cast(x, dtype)
        low = ops.min(x, axis=self._spatial_axes, keepdims=True)
        spread = ops.max(x, axis=self._spatial_axes, keepdims=True) - low
        flat = ops.equal(spread, 0)
        scale = 255.0 / ops.where(flat, 1.0, spread)
        out = ops.clip(x * scale - low * scale, 0.0, 255.0)
        out = self._transform_value_range(out, (0, 255), self.value_range, dtype)
        return ops.where(flat, ops.cast(given, dtype), out)


class Equalization(ColorLayer):
    """Spreads the values of each channel so that their histogram becomes flat, while training.

    The histogram is that of the whole batch.

    Args:
        value_range: bounds of the pixels.
        bins: number of bins.
        data_format: "channels_last" or "channels_first".

    Example:
        >>> layers.Equalization()(ops.ones((2, 16, 16, 3))).shape
        (2, 16, 16, 3)
    """

    _declares_dtype = False

    _CONFIG = ("bins", "value_range")

    def __init__(self, value_range=(0, 255), bins=256, data_format=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self.bins = whole("bins", bins, 1)
        self._set_value_range(value_range)

    def transform_images(self, images, transformation, training=True):
        if not training:
            return images
        batch = Batch(ops.cast(images, self.compute_dtype), self.data_format)
        x = self._rescaled(batch.images, self.value_range, (0, 255))
        channels, bins = x.shape[-1], self.bins
        planes = ops.reshape(ops.moveaxis(x, -1, 0), (channels, -1))
        index = ops.cast(ops.cast(planes, "float32") * (bins - 1) / 255.0, "int32")
        counts = ops.bincount(ops.clip(index, 0, bins - 1), minlength=bins)
        total = ops.cumsum(counts, axis=-1)
        first = ops.cast(ops.argmax(ops.greater(total, 0), axis=-1, keepdims=True), "int32")
        low = ops.take_along_axis(total, first, axis=-1)
        below = total[:, -1:] - low
        table = (total - low) * 255 / ops.where(ops.equal(below, 0), 1, below)
        table = ops.reshape(ops.clip(ops.round(table), 0, 255), (-1,))
        place = ops.cast(ops.clip(x / 255.0 * (bins - 1), 0, bins - 1), "int32")
        place = place + ops.arange(channels, dtype="int32") * bins
        one_value = ops.less_equal(ops.count_nonzero(counts, axis=-1), 1)
        out = ops.where(one_value, x, ops.cast(ops.take(table, place), x.dtype))
        out = self._rescaled(out, (0, 255), self.value_range)
        return batch.restore(ops.cast(out, self.compute_dtype))

    def _rescaled(self, x, source, target):
        return self._transform_value_range(x, source, target, self.compute_dtype)


class ContrastLimitedAdaptiveHistogramEqualization(ColorLayer):
    """Spreads the values of an image tile by tile, with a bound on how far.

    Each tile has its own histogram, cut at a limit; a pixel's new value is interpolated between
    those of the four nearest tiles. Zuiderveld, "Contrast limited adaptive histogram
    equalization" (1994).

    Args:
        value_range: bounds of the pixels.
        clip_limit: largest share of a bin, as a multiple of the mean one; 0 is no limit.
        tile_grid_size: number of tiles along (height, width).
        data_format: "channels_last" or "channels_first".

    Example:
        >>> layers.ContrastLimitedAdaptiveHistogramEqualization()(ops.ones((2, 16, 16, 3))).shape
        (2, 16, 16, 3)
    """

    _CONFIG = ("value_range", "clip_limit", "tile_grid_size")

    def __init__(
        self,
        value_range=(0, 255),
        clip_limit=4.0,
        tile_grid_size=(8, 8),
        data_format=None,
        **kwargs,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.value_range, self.clip_limit = value_range, clip_limit
        self.tile_grid_size = tile_grid_size

    def transform_images(self, images, transformation=None, training=True):
        batch = Batch(images, self.data_format)
        x = self._transform_value_range(batch.images, self.value_range, (0, 255))
        height, width = x.shape[1:3]
        rows, columns = self.tile_grid_size
        tall, wide = -(-height // rows), -(-width // columns)
        border = [(0, 0), (0, tall * rows - height), (0, wide * columns - width), (0, 0)]
        if any(high for _, high in border):
            x = ops.pad(x, border, mode="symmetric")
        pixels = ops.cast(ops.clip(x, 0, 255), "int32")
        tables = self._tables(pixels, (rows, tall), (columns, wide))
        out = _interpolated(tables, pixels, (rows, tall), (columns, wide))
        out = self._transform_value_range(out[:, :height, :width], (0, 255), self.value_range)
        return batch.restore(ops.cast(out, batch.images.dtype))

    def _tables(self, pixels, vertical, horizontal):
        """New value of each of 256 values per tile: (batch, rows, columns, channels, 256)."""
        (rows, tall), (columns, wide) = vertical, horizontal
        count, channels, area = pixels.shape[0], pixels.shape[-1], float(tall * wide)
        tiles = ops.reshape(pixels, (count, rows, tall, columns, wide, channels))
        tiles = ops.transpose(tiles, (0, 1, 3, 5, 2, 4))
        tiles = ops.reshape(tiles, (count, rows, columns, channels, tall * wide))
        share = ops.cast(ops.bincount(tiles, minlength=256), "float32")
        if self.clip_limit > 0:
            cut = ops.minimum(share, self.clip_limit * area / 256.0)
            excess = ops.sum(share - cut, axis=-1, keepdims=True)
            share = cut + excess / 256.0
        total = ops.cumsum(share, axis=-1)
        low = ops.min(total, axis=-1, keepdims=True)
        below = area - low
        below = ops.where(ops.equal(below, 0), 1.0, below)
        return ops.clip((total - low) * 255.0 / below, 0, 255)


def _neighbour_tiles(count, size):
    """(lower tile, higher tile, share of the higher one) of each of count * size positions."""
    place = (np.arange(count * size, dtype="float32") - size / 2.0) / size
    lower = np.floor(place)
    share = (place - lower).astype("float32")
    clipped = [np.clip(n, 0, count - 1).astype("int32") for n in (lower, lower + 1)]
    return *clipped, share


def _interpolated(tables, pixels, vertical, horizontal):
    """Each pixel's value from the tables of the four tiles whose centers are nearest."""
    (rows, tall), (columns, wide) = vertical, horizontal
    count, channels = pixels.shape[0], pixels.shape[-1]
    flat = ops.reshape(tables, (-1,))
    step = np.array([rows * columns, columns, 1], "int32") * channels * 256
    own = (np.arange(count, dtype="int32") * step[0])[:, None, None, None]
    own = own + np.arange(channels, dtype="int32") * 256
    base = pixels + own
    *ys, y_share = _neighbour_tiles(rows, tall)
    *xs, x_share = _neighbour_tiles(columns, wide)

    def along_row(y):
        shares = (1.0 - x_share, x_share)
        parts = [
            ops.take(flat, base + (y[:, None, None] * step[1] + x[:, None] * step[2]))
            * share[:, None]
            for x, share in zip(xs, shares)
        ]
        return parts[0] + parts[1]

    top, bottom = (along_row(y) for y in ys)
    return top * (1.0 - y_share[:, None, None]) + bottom * y_share[:, None, None]
