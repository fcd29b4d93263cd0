"""Random affine maps: flips, translations, rotations, zooms, shears."""

from __future__ import annotations

import math

from ranvier import ops
from ranvier.layers.preprocessing.image import boxes as bx
from ranvier.layers.preprocessing.image.base import BaseImagePreprocessingLayer
from ranvier.ops.image._layout import Batch
from ranvier.ops.image.warps import warp

_MODES = ("horizontal", "vertical", "horizontal_and_vertical")


def check_supported(name, value, known):
    """Raises `NotImplementedError` unless the value is one of the known ones, as Keras does."""
    if value not in known:
        raise NotImplementedError(f"Unknown `{name}` {value}. Expected of one {tuple(known)}.")


class RandomFlip(BaseImagePreprocessingLayer):
    """Mirrors images at random while training.

    Args:
        mode: "horizontal", "vertical" or "horizontal_and_vertical" (both at once).
        seed: integer seed.
        data_format: "channels_last" or "channels_first".

    Example:
        >>> layers.RandomFlip("horizontal")(ops.ones((2, 16, 16, 3)), training=True).shape
        (2, 16, 16, 3)
    """

    _USE_BASE_FACTOR = False
    _CONFIG = ("mode", "seed")

    def __init__(self, mode="horizontal_and_vertical", seed=None, data_format=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self._set_seed(seed)
        self.mode = mode
        self._convert_input_args = False
        if mode not in _MODES:
            raise ValueError(f"`mode` must be one of {_MODES}. Received: mode={mode!r}")

    def get_random_transformation(self, data, training=True, seed=None):
        """A flag per image, "flips" (batch, 1, 1, 1), and the shape of the input."""
        if not training:
            return None
        shape = self._shape_of(data)
        form = (shape[0], 1, 1, 1) if len(shape) == 4 else (1, 1, 1)
        flips = ops.less_equal(self._uniform(form, 0.0, 1.0, seed), 0.5)
        return {"flips": flips, "input_shape": shape}

    def transform_images(self, images, transformation, training=True):
        x = ops.cast(images, self.compute_dtype)
        if not training or transformation is None:
            return x
        flips = ops.convert_to_tensor(transformation["flips"])
        if len(x.shape) == 3:
            flips = ops.reshape(flips, (1, 1, 1))
        vertical, horizontal = self._spatial_axes
        for kind, axis in (("horizontal", horizontal), ("vertical", vertical)):
            if kind in self.mode:
                x = ops.where(flips, ops.flip(x, axis=axis), x)
        return x

    def transform_segmentation_masks(self, segmentation_masks, transformation, training=True):
        return self.transform_images(segmentation_masks, transformation, training=training)

    def transform_bounding_boxes(self, bounding_boxes, transformation, training=True):
        if not training:
            return bounding_boxes
        size = self._image_size(transformation["input_shape"])
        form = self.bounding_box_format
        out = bx.convert_format(bounding_boxes, form, "rel_xyxy", *size)
        flips = ops.squeeze(transformation["flips"], -1)
        x1, y1, x2, y2 = ops.split(out["boxes"], 4, axis=-1)
        if "horizontal" in self.mode:
            x1, x2 = ops.where(flips, 1 - x2, x1), ops.where(flips, 1 - x1, x2)
        if "vertical" in self.mode:
            y1, y2 = ops.where(flips, 1 - y2, y1), ops.where(flips, 1 - y1, y2)
        out["boxes"] = ops.concatenate([x1, y1, x2, y2], axis=-1)
        out = bx.clip_to_image_size(out, *size, bounding_box_format="xyxy")
        return bx.convert_format(out, "rel_xyxy", form, *size)


class _Affine(BaseImagePreprocessingLayer):
    """Images under a map of their pixels: `_map` gives its six numbers."""

    _FILL_MODES = ("reflect", "wrap", "constant", "nearest")
    _INTERPOLATIONS = ("nearest", "bilinear")

    def _set_sampling(self, fill_mode, interpolation, fill_value):
        check_supported("fill_mode", fill_mode, self._FILL_MODES)
        check_supported("interpolation", interpolation, self._INTERPOLATIONS)
        self.fill_mode, self.fill_value = fill_mode, fill_value
        self.interpolation = interpolation

    def _range_between(self, factor, name, low, high, open_low=False):
        """(low, high) of a number f, for [-f, f], or of two; every one of them in the bounds."""
        brackets = "(" if open_low else "["
        problem = (
            f"The `{name}` argument should be a number (or a list of two numbers) in the range "
            f"{brackets}{low}, {high}]. Received: {name}={factor}"
        )
        both = factor if isinstance(factor, (tuple, list)) else (factor,)
        single = not isinstance(factor, (tuple, list))
        if len(both) != (1 if single else 2):
            raise ValueError(problem)
        if not single and both[0] == -both[1]:
            low = min(low, -high)  # a number's own range, as configs have it
        for value in both:
            if not isinstance(value, (int, float)) or value > high or value < low:
                raise ValueError(problem)
            if open_low and value == low:
                raise ValueError(problem)
        return (-abs(factor), abs(factor)) if single else tuple(sorted(factor))

    def _map(self, transformation, height, width):
        """a0, a1, a2, b0, b1, b2 of `ops.image.affine_transform`, each (batch,) or a number."""
        raise NotImplementedError

    def _transform_images(self, images, transformation, interpolation):
        if transformation is None:
            return images
        batch = Batch(images, self.data_format)
        x = batch.images
        numbers = [
            ops.reshape(ops.cast(v, "float32"), (-1, 1, 1))
            for v in self._map(transformation, x.shape[1], x.shape[2])
        ]
        return batch.restore(warp(x, numbers, interpolation, self.fill_mode, self.fill_value))

    def _moved_boxes(self, bounding_boxes, transformation):
        """Boxes against the shift of the map's origin, as Keras moves them."""
        size = self._image_size(transformation["input_shape"])
        form = self.bounding_box_format
        out = bx.convert_format(bounding_boxes, form, "xyxy", *size)
        _, _, dx, _, _, dy = self._map(transformation, *size)
        shift = ops.cast(ops.stack([dx, dy, dx, dy], axis=-1), out["boxes"].dtype)
        batched = len(out["boxes"].shape) == 3
        out["boxes"] = out["boxes"] - (ops.expand_dims(shift, 1) if batched else shift)
        out = bx.clip_to_image_size(out, *size)
        return bx.convert_format(out, "xyxy", form, *size)


class RandomTranslation(_Affine):
    """Moves images at random while training.

    Args:
        height_factor, width_factor: the largest shift as a part of the image, or (lowest, highest);
            down and to the right are positive.
        fill_mode: what comes in: "reflect", "wrap", "constant" or "nearest".
        interpolation: "nearest" or "bilinear".
        seed: integer seed.
        fill_value: for "constant".
        data_format: "channels_last" or "channels_first".

    Example:
        >>> layers.RandomTranslation(0.1, 0.1)(ops.ones((2, 16, 16, 3)), training=True).shape
        (2, 16, 16, 3)
    """

    _USE_BASE_FACTOR = False
    _CONFIG = ("height_factor", "width_factor", "fill_mode", "interpolation", "seed", "fill_value")

    def __init__(
        self,
        height_factor,
        width_factor,
        fill_mode="reflect",
        interpolation="bilinear",
        seed=None,
        fill_value=0.0,
        data_format=None,
        **kwargs,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor
        self._heights = self._range_between(height_factor, "height_factor", -1.0, 1.0)
        self._widths = self._range_between(width_factor, "width_factor", -1.0, 1.0)
        self._set_sampling(fill_mode, interpolation, fill_value)
        self._set_seed(seed)

    def get_random_transformation(self, data, training=True, seed=None):
        """ "translations" (batch, 2): columns and rows."""
        if not training:
            return None
        shape = self._shape_of(data)
        height, width = self._image_size(shape)
        form = (self._batch_size(data), 1)
        rows = self._uniform(form, *self._heights, seed) * float(height)
        columns = self._uniform(form, *self._widths, seed) * float(width)
        return {"translations": ops.concatenate([columns, rows], axis=1), "input_shape": shape}

    def _map(self, transformation, height, width):
        moves = ops.convert_to_tensor(transformation["translations"])
        return 1.0, 0.0, -moves[:, 0], 0.0, 1.0, -moves[:, 1]

    def transform_bounding_boxes(self, bounding_boxes, transformation, training=True):
        if not training:
            return bounding_boxes
        return self._moved_boxes(bounding_boxes, transformation)


class RandomRotation(_Affine):
    """Rotates images around their middle at random while training.

    Args:
        factor: the largest angle in parts of a full turn, or (lowest, highest); positive angles
            turn counter-clockwise.
        fill_mode: what comes in: "reflect", "wrap", "constant" or "nearest".
        interpolation: "nearest" or "bilinear".
        seed: integer seed.
        fill_value: for "constant".
        data_format: "channels_last" or "channels_first".

    Example:
        >>> layers.RandomRotation(0.1)(ops.ones((2, 16, 16, 3)), training=True).shape
        (2, 16, 16, 3)
    """

    _CONFIG = ("factor", "fill_mode", "fill_value", "interpolation", "seed")

    def __init__(
        self,
        factor,
        fill_mode="reflect",
        interpolation="bilinear",
        seed=None,
        fill_value=0.0,
        data_format=None,
        **kwargs,
    ):
        super().__init__(factor=factor, data_format=data_format, **kwargs)
        self._set_seed(seed)
        self._set_sampling(fill_mode, interpolation, fill_value)

    def get_random_transformation(self, data, training=True, seed=None):
        """ "angle" (batch,) in degrees, and "rotation_matrix" (batch, 8)."""
        if not training:
            return None
        shape, count = self._shape_of(data), self._batch_size(data)
        height, width = self._image_size(shape)
        low, high = (360.0 * f for f in self.factor)
        angle = self._uniform((count,), low, high, seed)
        turn = angle * (math.pi / 180.0)
        cos, sin = ops.cos(turn), ops.sin(turn)
        x, y = 0.5 * (width - 1), 0.5 * (height - 1)
        rows = [cos, -sin, x - x * cos + y * sin, sin, cos, y - x * sin - y * cos]
        matrix = ops.stack([*rows, cos * 0.0, cos * 0.0], axis=1)
        return {
            "angle": angle,
            "rotation_matrix": matrix if len(shape) == 4 else ops.squeeze(matrix, 0),
            "image_height": height, "image_width": width, "batch_size": count,
        }  # fmt: skip

    def _map(self, transformation, height, width):
        matrix = ops.reshape(ops.convert_to_tensor(transformation["rotation_matrix"]), (-1, 8))
        return [matrix[:, i] for i in range(6)]

    def transform_bounding_boxes(self, bounding_boxes, transformation, training=True):
        if not training:
            return bounding_boxes
        size = transformation["image_height"], transformation["image_width"]
        form = self.bounding_box_format
        out = bx.convert_format(bounding_boxes, form, "xyxy", *size)
        angle = ops.convert_to_tensor(transformation["angle"])
        none = ops.zeros_like(angle)
        out["boxes"] = bx.affine_transform(
            out["boxes"], angle, none, none, ops.ones_like(angle), none, none, *size
        )
        out = bx.clip_to_image_size(out, *size)
        return bx.convert_format(out, "xyxy", form, *size)


class RandomZoom(_Affine):
    """Magnifies or shrinks images at random while training.

    Args:
        height_factor: the largest change as a part of the image, or (lowest, highest); below zero
            zooms in, above zero zooms out.
        width_factor: the same for the width; that of the height when not given.
        fill_mode: what comes in: "reflect", "wrap", "constant" or "nearest".
        interpolation: "nearest" or "bilinear".
        seed: integer seed.
        fill_value: for "constant".
        data_format: "channels_last" or "channels_first".

    Example:
        >>> layers.RandomZoom(0.2)(ops.ones((2, 16, 16, 3)), training=True).shape
        (2, 16, 16, 3)
    """

    _USE_BASE_FACTOR = False
    _CONFIG = ("height_factor", "width_factor", "fill_mode", "interpolation", "seed", "fill_value")

    def __init__(
        self,
        height_factor,
        width_factor=None,
        fill_mode="reflect",
        interpolation="bilinear",
        seed=None,
        fill_value=0.0,
        data_format=None,
        **kwargs,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor
        self._heights = self._range_between(height_factor, "height_factor", -1.0, 1.0, True)
        if width_factor is not None:
            self._widths = self._range_between(width_factor, "width_factor", -1.0, 1.0, True)
        self._set_sampling(fill_mode, interpolation, fill_value)
        self._set_seed(seed)

    def get_random_transformation(self, data, training=True, seed=None):
        """ "height_zoom" and "width_zoom" (batch, 1): input pixels per output pixel."""
        if not training:
            return None
        form = (self._batch_size(data), 1)
        tall = self._uniform(form, *(1.0 + f for f in self._heights), seed)
        wide = tall
        if self.width_factor is not None:
            wide = self._uniform(form, *(1.0 + f for f in self._widths), seed)
        return {"height_zoom": tall, "width_zoom": wide, "input_shape": self._shape_of(data)}

    def _map(self, transformation, height, width):
        tall, wide = (
            ops.reshape(ops.cast(transformation[key], "float32"), (-1,))
            for key in ("height_zoom", "width_zoom")
        )
        left, top = (width - 1.0) / 2.0 * (1.0 - wide), (height - 1.0) / 2.0 * (1.0 - tall)
        return wide, 0.0, left, 0.0, tall, top

    def transform_bounding_boxes(self, bounding_boxes, transformation, training=True):
        if not training:
            return bounding_boxes
        size = self._image_size(transformation["input_shape"])
        form = self.bounding_box_format
        out = bx.convert_format(bounding_boxes, form, "xyxy", *size)
        wide, _, left, _, tall, top = self._map(transformation, *size)
        left, top, wide, tall = (
            ops.reshape(v, (-1, 1, 1)) for v in (left, top, wide * size[1], tall * size[0])
        )
        out["boxes"] = bx.crop(out["boxes"], top, left, tall, wide)
        out = bx.convert_format(out, "xyxy", "rel_xyxy", tall, wide)
        out = bx.clip_to_image_size(out, bounding_box_format="rel_xyxy")
        return bx.convert_format(out, "rel_xyxy", form, *size)


class RandomShear(_Affine):
    """Slants images at random while training.

    Args:
        x_factor, y_factor: the largest slant along the width and the height in [0, 1], or
            (lowest, highest).
        interpolation: "nearest" or "bilinear".
        fill_mode: what comes in: "reflect", "wrap", "constant" or "nearest".
        fill_value: for "constant".
        data_format: "channels_last" or "channels_first".
        seed: integer seed.

    Example:
        >>> layers.RandomShear(0.1)(ops.ones((2, 16, 16, 3)), training=True).shape
        (2, 16, 16, 3)
    """

    _USE_BASE_FACTOR = False
    _CONFIG = ("x_factor", "y_factor", "fill_mode", "interpolation", "seed", "fill_value")

    def __init__(
        self,
        x_factor=0.0,
        y_factor=0.0,
        interpolation="bilinear",
        fill_mode="reflect",
        fill_value=0.0,
        data_format=None,
        seed=None,
        **kwargs,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.x_factor = self._range_between(x_factor, "x_factor", 0.0, 1.0)
        self.y_factor = self._range_between(y_factor, "y_factor", 0.0, 1.0)
        self._set_sampling(fill_mode, interpolation, fill_value)
        self._set_seed(seed)

    def get_random_transformation(self, data, training=True, seed=None):
        """ "shear_factor" (batch, 2): along the width and the height, of one sign."""
        if not training:
            return None
        form, dtype = (self._batch_size(data), 1), self.compute_dtype
        sign = ops.where(ops.greater(self._uniform(form, 0.0, 1.0, seed), 0.5), -1.0, 1.0)
        y = self._uniform(form, *self.y_factor, seed, dtype)
        x = self._uniform(form, *self.x_factor, seed, dtype)
        factor = ops.concatenate([x, y], axis=1) * ops.cast(sign, dtype)
        return {"shear_factor": factor, "input_shape": self._shape_of(data)}

    def _map(self, transformation, height, width):
        factor = ops.cast(transformation["shear_factor"], "float32")
        return 1.0, factor[:, 0], 0.0, factor[:, 1], 1.0, 0.0

    def transform_bounding_boxes(self, bounding_boxes, transformation, training=True):
        if not training:
            return bounding_boxes
        size = self._image_size(transformation["input_shape"])
        form, dtype = self.bounding_box_format, self.compute_dtype
        out = bx.convert_format(bounding_boxes, form, "rel_xyxy", *size, dtype=dtype)
        factor = ops.cast(transformation["shear_factor"], dtype)
        x_slant, y_slant = factor[:, 0:1], factor[:, 1:2]
        x1, y1, x2, y2 = (out["boxes"][..., i] for i in range(4))
        left, right = ops.less(x_slant, 0), ops.greater(y_slant, 0)
        x1, x2 = (
            x1 - x_slant * ops.where(left, y1, y2),
            x2 - x_slant * ops.where(left, y2, y1),
        )
        y1, y2 = (
            y1 - y_slant * ops.where(right, x2, x1),
            y2 - y_slant * ops.where(right, x1, x2),
        )
        out["boxes"] = ops.stack([x1, y1, x2, y2], axis=-1)
        out = bx.clip_to_image_size(out, *size, bounding_box_format="rel_xyxy")
        return bx.convert_format(out, "rel_xyxy", form, *size, dtype=dtype)
