"""Random projective and elastic distortions."""

from __future__ import annotations

from ranvier import ops
from ranvier.layers.preprocessing.image import boxes as bx
from ranvier.layers.preprocessing.image.affine import check_supported
from ranvier.layers.preprocessing.image.base import BaseImagePreprocessingLayer, per_image
from ranvier.ops.image._layout import Batch
from ranvier.ops.image.sampling import FILL_MODES, INTERPOLATIONS
from ranvier.ops.image.warps import displace, homography


class RandomPerspective(BaseImagePreprocessingLayer):
    """Moves the corners of images at random while training.

    Args:
        factor: probability that an image is changed, or the bounds it is drawn from.
        scale: the largest move of a corner as a part of the image, in [0, 1].
        interpolation: "nearest" or "bilinear".
        fill_value: what comes in.
        seed: integer seed.
        data_format: "channels_last" or "channels_first".

    Example:
        >>> layers.RandomPerspective()(ops.ones((2, 16, 16, 3)), training=True).shape
        (2, 16, 16, 3)
    """

    _USE_BASE_FACTOR = False
    _FACTOR_BOUNDS = (0, 1)
    _CONFIG = ("factor", "scale", "interpolation", "fill_value", "seed")

    def __init__(
        self,
        factor=1.0,
        scale=1.0,
        interpolation="bilinear",
        fill_value=0.0,
        seed=None,
        data_format=None,
        **kwargs,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self._set_factor(factor)
        if not 0.0 <= scale <= 1.0:
            raise ValueError(
                "The `scale` argument should be a number in the range [0,1]. Received: "
                f"scale={scale}"
            )
        check_supported("interpolation", interpolation, INTERPOLATIONS)
        self.scale, self.fill_value = scale, fill_value
        self.interpolation = interpolation
        self._set_seed(seed)

    def get_random_transformation(self, data, training=True, seed=None):
        """ "start_points" and "end_points" (batch, 4, 2), and "apply_perspective" (batch,)."""
        if not training:
            return None
        shape, count = self._shape_of(data), self._batch_size(data)
        height, width = self._image_size(shape)
        happens = self._happens(data, seed)
        half = 0.5 * self.scale
        moves = self._uniform((count, 4, 2), -half, half, seed, self.compute_dtype)
        right, bottom = float(width - 1), float(height - 1)
        corners = [[[0.0, 0.0], [right, 0.0], [0.0, bottom], [right, bottom]]]
        start = ops.convert_to_tensor(corners, dtype=self.compute_dtype)
        start = ops.broadcast_to(start, (count, 4, 2))
        return {"apply_perspective": happens, "start_points": start,
                "end_points": start + start * moves, "input_shape": shape}  # fmt: skip

    def _transform_images(self, images, transformation, interpolation):
        if transformation is None:
            return images
        single = len(images.shape) == 3
        x = ops.expand_dims(images, 0) if single else ops.convert_to_tensor(images)
        out = ops.image.perspective_transform(
            x, transformation["start_points"], transformation["end_points"],
            interpolation=interpolation, fill_value=self.fill_value, data_format=self.data_format,
        )  # fmt: skip
        out = ops.where(per_image(transformation["apply_perspective"]), out, x)
        return ops.squeeze(out, 0) if single else out

    def transform_bounding_boxes(self, bounding_boxes, transformation, training=True):
        if not training or transformation is None:
            return bounding_boxes
        size = self._image_size(transformation["input_shape"])
        form = self.bounding_box_format
        out = bx.convert_format(bounding_boxes, form, "xyxy", *size)
        # From the input to the result: the inverse of the map that pixels are looked up with.
        start, end = transformation["start_points"], transformation["end_points"]
        maps = ops.cast(homography(end, start), "float32")
        h = [ops.reshape(maps[:, i], (-1, 1)) for i in range(8)]
        x1, y1, x2, y2 = (out["boxes"][..., i] for i in range(4))
        xs, ys = [], []
        for x, y in ((x1, y1), (x2, y2), (x1, y2), (x2, y1)):
            below = h[6] * x + h[7] * y + 1.0
            xs.append((h[0] * x + h[1] * y + h[2]) / below)
            ys.append((h[3] * x + h[4] * y + h[5]) / below)
        xs, ys = ops.stack(xs, axis=-1), ops.stack(ys, axis=-1)
        moved = ops.stack([ops.min(xs, -1), ops.min(ys, -1), ops.max(xs, -1), ops.max(ys, -1)], -1)
        flags = per_image(transformation["apply_perspective"], 2)
        out["boxes"] = ops.where(flags, moved, out["boxes"])
        out = bx.clip_to_image_size(out, *size)
        return bx.convert_format(out, "xyxy", form, *size)


class RandomElasticTransform(BaseImagePreprocessingLayer):
    """Distorts images like jelly at random while training.

    Args:
        factor: probability that an image is changed, or the bounds it is drawn from.
        scale: strength in [0, 1], or the bounds it is drawn from.
        interpolation: "nearest" or "bilinear".
        fill_mode: what comes in: "constant", "nearest", "wrap", "mirror" or "reflect".
        fill_value: for "constant".
        value_range: bounds of the pixels.
        seed: integer seed.
        data_format: "channels_last" or "channels_first".

    Example:
        >>> layers.RandomElasticTransform()(ops.ones((2, 16, 16, 3)), training=True).shape
        (2, 16, 16, 3)
    """

    _USE_BASE_FACTOR = False
    _FACTOR_BOUNDS = (0, 1)
    _CONFIG = ("factor", "scale", "interpolation", "fill_mode", "fill_value", "value_range", "seed")

    def __init__(
        self,
        factor=1.0,
        scale=1.0,
        interpolation="bilinear",
        fill_mode="reflect",
        fill_value=0.0,
        value_range=(0, 255),
        seed=None,
        data_format=None,
        **kwargs,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self._set_factor(factor)
        self.scale = self._range_of(scale, "scale")
        check_supported("interpolation", interpolation, INTERPOLATIONS)
        check_supported("fill_mode", fill_mode, FILL_MODES)
        self.interpolation, self.fill_mode = interpolation, fill_mode
        self.fill_value, self.value_range = fill_value, value_range
        self._set_seed(seed)

    def get_random_transformation(self, data, training=True, seed=None):
        """ "apply_transform" (batch,), "distortion_factor" () and the seed of the displacement."""
        if not training or self.scale[1] == 0 or self.factor[1] == 0:
            return None
        happens = self._happens(data, seed)
        strength = self._uniform((), *self.scale, seed, self.compute_dtype)
        words = self.generator if seed is None else seed
        words = words.next() if hasattr(words, "next") else words
        return {"apply_transform": happens, "distortion_factor": strength, "seed": words}

    def _transform_images(self, images, transformation, interpolation):
        if transformation is None:
            return images
        height, width = self._image_size(images.shape)
        factor = ops.cast(transformation["distortion_factor"], "float32")
        spread = 0.05 * min(height, width)
        sigma = ops.maximum(factor * spread, 1e-3)
        size = int(6 * spread * self.scale[1]) | 1
        batch = Batch(images, self.data_format)
        out = displace(
            batch.images, factor * (0.1 * max(height, width)), sigma, size, interpolation,
            self.fill_mode, self.fill_value, transformation["seed"],
        )  # fmt: skip
        out = batch.restore(out)
        out = ops.where(
            per_image(transformation["apply_transform"], len(images.shape) - 1), out, images
        )
        out = ops.clip(out, self.value_range[0], self.value_range[1])
        return ops.cast(out, self.compute_dtype)
