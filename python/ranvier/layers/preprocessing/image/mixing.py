"""Layers that erase parts of images or mix the images of a batch."""

from __future__ import annotations

import numpy as np

from ranvier import ops, random
from ranvier.layers.preprocessing.image.base import BaseImagePreprocessingLayer, ColorLayer


class _Rectangles(BaseImagePreprocessingLayer):
    """Draws rectangles."""

    def _span(self, count, length, ratio, seed):
        """(first, last) of a random stretch of `ratio` of an axis, each (batch,)."""
        size = ratio * float(length)
        start = self._uniform((count,), 0.0, 1.0, seed, self.compute_dtype) * (length - size)
        return start, start + size

    def _masks(self, shape, xs, ys):
        """True inside of the rectangles: a flag per pixel and channel."""
        height, width = self._image_size(shape)
        rows, columns = np.arange(height, dtype="float32"), np.arange(width, dtype="float32")
        inner = [1, height, 1, 1], [1, 1, width, 1]
        if self.data_format == "channels_first":
            inner = [1, 1, height, 1], [1, 1, 1, width]
        parts = []
        for grid, form, (first, last) in zip((rows, columns), inner, (ys, xs)):
            grid = ops.cast(grid.reshape(form), self.compute_dtype)
            first, last = (ops.reshape(v, (-1, 1, 1, 1)) for v in (first, last))
            parts.append(ops.logical_and(ops.greater_equal(grid, first), ops.less(grid, last)))
        masks = ops.logical_and(*parts)
        full = list(masks.shape)
        full[self._channel_axis] = shape[self._channel_axis]
        return ops.broadcast_to(masks, full)


class RandomErasing(_Rectangles):
    """Fills a random rectangle of images while training.

    Args:
        factor: probability that an image is changed, or the bounds it is drawn from.
        scale: bounds of the rectangle's share of the image, in [0, 1].
        fill_value: a number or three; `None` for normal noise.
        value_range: bounds of the pixels.
        seed: integer seed.
        data_format: "channels_last" or "channels_first".

    Example:
        >>> layers.RandomErasing()(ops.ones((2, 16, 16, 3)), training=True).shape
        (2, 16, 16, 3)
    """

    _USE_BASE_FACTOR = False
    _FACTOR_BOUNDS = (0, 1)
    _CONFIG = ("factor", "scale", "fill_value", "value_range", "seed")

    def __init__(
        self,
        factor=1.0,
        scale=(0.02, 0.33),
        fill_value=None,
        value_range=(0, 255),
        seed=None,
        data_format=None,
        **kwargs,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self._set_factor(factor)
        self.scale = self._range_of(scale, "scale")
        self.fill_value, self.value_range = fill_value, value_range
        self._set_seed(seed)

    def get_random_transformation(self, data, training=True, seed=None):
        """ "apply_erasing" (batch,), "batch_masks" and "fill_value", of the images' shape."""
        if not training:
            return None
        shape, count = self._shape_of(data), self._batch_size(data)
        height, width = self._image_size(shape)
        share = ops.sqrt(self._uniform((count, 2), *self.scale, seed, self.compute_dtype))
        xs = self._span(count, width, share[:, 0], seed)
        ys = self._span(count, height, share[:, 1], seed)
        return {
            "apply_erasing": self._happens(data, seed),
            "batch_masks": self._masks(shape, xs, ys),
            "fill_value": self._filling(shape, seed),
        }

    def _filling(self, shape, seed):
        value, dtype = self.fill_value, self.compute_dtype
        if value is None:
            seed = self.generator if seed is None else seed
            value = random.normal(shape, dtype=dtype, seed=seed) * float(self.value_range[1])
        elif isinstance(value, (tuple, list)) and len(value) == 3:
            form = (3, 1, 1) if self.data_format == "channels_first" else (3,)
            value = ops.reshape(ops.convert_to_tensor(list(value), dtype), form)
        elif isinstance(value, (int, float)):
            value = ops.full((), value, dtype=dtype)
        else:
            raise ValueError(
                "The `fill_value` argument should be a number (or a list of three numbers). "
                f"Received: fill_value={value}"
            )
        value = ops.clip(value, self.value_range[0], self.value_range[1])
        return ops.broadcast_to(value, shape)

    def transform_images(self, images, transformation=None, training=True):
        x = ops.cast(images, self.compute_dtype)
        if not training:
            return x
        flags = ops.reshape(ops.convert_to_tensor(transformation["apply_erasing"]), (-1, 1, 1, 1))
        filling = ops.cast(transformation["fill_value"], x.dtype)
        erased = ops.where(ops.convert_to_tensor(transformation["batch_masks"]), filling, x)
        return ops.where(flags, erased, x)

    transform_bounding_boxes = ColorLayer.transform_bounding_boxes
    transform_segmentation_masks = ColorLayer.transform_segmentation_masks


def _beta(shape, a, seed, dtype="float32"):
    return random.beta(shape, a, a, dtype=dtype, seed=seed)


class CutMix(_Rectangles):
    """Puts a rectangle of another image of the batch into each image while training.

    Labels become the mean of both, by the rectangle's share. Yun et al., "CutMix" (2019).

    Args:
        factor: parameter of the beta distribution of that share, or the bounds it is drawn from.
        seed: integer seed.
        data_format: "channels_last" or "channels_first".

    Example:
        >>> batch = {"images": ops.ones((2, 16, 16, 3)), "labels": ops.eye(2)}
        >>> layers.CutMix()(batch, training=True)["images"].shape
        (2, 16, 16, 3)
    """

    _USE_BASE_FACTOR = False
    _FACTOR_BOUNDS = (0, 1)
    _CONFIG = ("factor", "seed")

    def __init__(self, factor=1.0, seed=None, data_format=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self._set_factor(factor)
        self._set_seed(seed)

    def get_random_transformation(self, data, training=True, seed=None):
        """ "permutation_order" (batch,), "batch_masks", "mix_weight" (batch, 1, 1, 1)."""
        shape = self._shape_of(data)
        if not training or len(shape) == 3:
            return None
        seed, count = (self.generator if seed is None else seed), shape[0]
        height, width = self._image_size(shape)
        alpha = self._uniform((), *self.factor, seed, self.compute_dtype) + 1e-6
        ratio = ops.sqrt(1.0 - _beta((count,), alpha, seed, self.compute_dtype))
        xs = self._span(count, width, ratio, seed)
        ys = self._span(count, height, ratio, seed)
        area = (xs[1] - xs[0]) * (ys[1] - ys[0]) / float(width * height)
        order = random.shuffle(ops.arange(count, dtype="int32"), seed=seed)
        return {
            "permutation_order": order,
            "batch_masks": self._masks(shape, xs, ys),
            "mix_weight": ops.reshape(1.0 - area, (-1, 1, 1, 1)),
        }

    def transform_images(self, images, transformation=None, training=True):
        x = ops.cast(images, self.compute_dtype)
        if not training or transformation is None:
            return x
        other = ops.take(x, transformation["permutation_order"], axis=0)
        return ops.where(ops.convert_to_tensor(transformation["batch_masks"]), other, x)

    def transform_labels(self, labels, transformation, training=True):
        if not training or transformation is None:
            return labels
        return _mixed(labels, transformation, 2)

    def transform_segmentation_masks(self, segmentation_masks, transformation, training=True):
        if training and transformation is not None:
            inside = ops.convert_to_tensor(transformation["batch_masks"])
            axis = self._channel_axis % 4
            inside = ops.take(inside, [0], axis=axis)  # masks have channels of their own
            transformation = {**transformation, "batch_masks": inside}
        return self.transform_images(segmentation_masks, transformation, training)


def _mixed(x, transformation, rank):
    """weight · x + (1 - weight) · x of another order, the weight (batch, 1, ...)."""
    x = ops.convert_to_tensor(x)
    weight = ops.convert_to_tensor(transformation["mix_weight"])
    weight = ops.reshape(weight, (-1, *[1] * (max(rank, len(x.shape)) - 1)))
    return weight * x + (1.0 - weight) * ops.take(x, transformation["permutation_order"], axis=0)


class MixUp(BaseImagePreprocessingLayer):
    """Mixes each image of the batch with another one while training, and their labels alike.

    Zhang et al., "mixup: beyond empirical risk minimization" (2018).

    Args:
        alpha: parameter of the beta distribution of the shares.
        data_format: "channels_last" or "channels_first".
        seed: integer seed.

    Example:
        >>> batch = {"images": ops.ones((2, 16, 16, 3)), "labels": ops.eye(2)}
        >>> layers.MixUp()(batch, training=True)["images"].shape
        (2, 16, 16, 3)
    """

    _CONFIG = ("alpha", "seed")

    def __init__(self, alpha=0.2, data_format=None, seed=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self.alpha = alpha
        self._set_seed(seed)

    def get_random_transformation(self, data, training=True, seed=None):
        """ "mix_weight" and "permutation_order", both (batch,)."""
        count, seed = self._batch_size(data), (self.generator if seed is None else seed)
        order = random.shuffle(ops.arange(count, dtype="int64"), seed=seed)
        return {"mix_weight": _beta((count,), self.alpha, seed), "permutation_order": order}

    def transform_images(self, images, transformation=None, training=True):
        if not training:
            return images
        x = ops.cast(images, self.compute_dtype)
        return ops.cast(_mixed(x, transformation, 4), self.compute_dtype)

    def transform_labels(self, labels, transformation, training=True):
        return _mixed(labels, transformation, 2) if training else labels

    def transform_segmentation_masks(self, segmentation_masks, transformation, training=True):
        if not training:
            return segmentation_masks
        return _mixed(segmentation_masks, transformation, 4)

    def transform_bounding_boxes(self, bounding_boxes, transformation, training=True):
        if not training:
            return bounding_boxes
        order = transformation["permutation_order"]
        out = dict(bounding_boxes)
        for key in ("boxes", "labels"):
            x = ops.convert_to_tensor(out[key])
            axis = min(1, len(x.shape) - 1)
            out[key] = ops.concatenate([x, ops.take(x, order, axis=0)], axis=axis)
        return out
