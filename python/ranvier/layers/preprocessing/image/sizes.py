"""Layers that give images another size."""

from __future__ import annotations

from ranvier import ops
from ranvier.layers.preprocessing.image import boxes as bx
from ranvier.layers.preprocessing.image.base import BaseImagePreprocessingLayer
from ranvier.ops.image.resampling import back_to
from ranvier.python_numbers import whole
from ranvier.random import make_default_seed


def _window(size, target):
    """(start, length) per axis of the largest centered window of the target's proportions."""
    (height, width), (target_height, target_width) = size, target
    tall = max(min(height, int(width * target_height / target_width)), 1)
    wide = max(min(width, int(height * target_width / target_height)), 1)
    return ((height - tall) // 2, tall), ((width - wide) // 2, wide)


class _Sized(BaseImagePreprocessingLayer):
    """Images of `height` and `width`."""

    _USE_BASE_FACTOR = False

    def compute_output_shape(self, input_shape):
        """The input's shape with the layer's height and width."""
        if isinstance(input_shape, dict):
            return {
                k: self.compute_output_shape(v) if k in ("images", "segmentation_masks") else v
                for k, v in input_shape.items()
            }
        shape = list(input_shape)
        if len(shape) not in (3, 4) or isinstance(shape[0], (list, tuple)):
            raise ValueError(
                "`input_shape` must be a tuple or list of 3 (unbatched) or 4 (batched) sizes. "
                f"Received: input_shape={input_shape}"
            )
        height, width = self._spatial_axes
        shape[height], shape[width] = self.height, self.width
        return tuple(shape)

    def _cut(self, x, starts, sizes):
        """A window; starts may be tensors, and a window that does not fit is made smaller."""
        axes = [a % len(x.shape) for a in self._spatial_axes]
        begin, shape = [0] * len(x.shape), list(x.shape)
        for axis, start, size in zip(axes, starts, sizes):
            begin[axis] = start
            shape[axis] = min(size, x.shape[axis] - start) if isinstance(start, int) else size
        return ops.slice(x, begin, shape)


class Resizing(_Sized):
    """Resizes images.

    Args:
        height, width: size of the result, in pixels.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        crop_to_aspect_ratio: whether the largest centered window of the target's proportions is
            resized.
        pad_to_aspect_ratio: whether borders are added to reach the target's proportions.
        fill_mode, fill_value: of these borders; "constant".
        antialias: whether the kernel is widened when images shrink.
        data_format: "channels_last" or "channels_first".

    Integers stay integers: they are rounded and clipped. Masks take the nearest pixel.

    Example:
        >>> layers.Resizing(8, 6)(ops.ones((2, 20, 20, 3))).shape
        (2, 8, 6, 3)
    """

    _CONFIG = ("height", "width", "interpolation", "crop_to_aspect_ratio", "pad_to_aspect_ratio",
               "fill_mode", "fill_value", "antialias")  # fmt: skip

    def __init__(
        self,
        height,
        width,
        interpolation="bilinear",
        crop_to_aspect_ratio=False,
        pad_to_aspect_ratio=False,
        fill_mode="constant",
        fill_value=0.0,
        antialias=False,
        data_format=None,
        **kwargs,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.height, self.width = whole("height", height, 1), whole("width", width, 1)
        self.interpolation = interpolation
        self.crop_to_aspect_ratio = crop_to_aspect_ratio
        self.pad_to_aspect_ratio = pad_to_aspect_ratio
        self.fill_mode, self.fill_value = fill_mode, fill_value
        self.antialias = bool(antialias)

    def _transform_images(self, images, transformation, interpolation):
        x = ops.convert_to_tensor(images)
        out = ops.image.resize(
            x, size=(self.height, self.width), interpolation=interpolation,
            antialias=self.antialias, data_format=self.data_format, fill_mode=self.fill_mode,
            fill_value=self.fill_value, crop_to_aspect_ratio=self.crop_to_aspect_ratio,
            pad_to_aspect_ratio=self.pad_to_aspect_ratio,
        )  # fmt: skip
        return back_to(out, x.dtype)

    def transform_images(self, images, transformation=None, training=True):
        return self._transform_images(images, transformation, self.interpolation)

    def transform_segmentation_masks(self, segmentation_masks, transformation=None, training=True):
        return self._transform_images(segmentation_masks, transformation, "nearest")

    def get_random_transformation(self, data, training=True, seed=None):
        """Height and width of the input."""
        return self._image_size(self._shape_of(data))

    def transform_bounding_boxes(self, bounding_boxes, transformation, training=True):
        height, width = (float(n) for n in transformation)
        given = ops.convert_to_tensor(bounding_boxes["boxes"])
        absent = ops.logical_or(ops.all(ops.equal(given, -1), -1), ops.all(ops.equal(given, 0), -1))
        out = bx.convert_format(bounding_boxes, self.bounding_box_format, "xyxy", height, width)
        scale, shift = self._map(height, width)
        factors = ops.convert_to_tensor([*scale, *scale], "float32")
        offsets = ops.convert_to_tensor([*shift, *shift], "float32")
        out["boxes"] = out["boxes"] * factors + offsets
        out = bx.clip_to_image_size(out, self.height, self.width)
        out["boxes"] = ops.where(ops.expand_dims(absent, -1), 0.0, out["boxes"])
        return bx.convert_format(out, "xyxy", self.bounding_box_format, self.height, self.width)

    def _map(self, height, width):
        """(x, y) factors and (x, y) shifts from input to output pixels."""
        tall, wide = self.height / height, self.width / width
        if not (self.pad_to_aspect_ratio or self.crop_to_aspect_ratio):
            return (wide, tall), (0.0, 0.0)
        if self.pad_to_aspect_ratio:
            factor = min(tall, wide)
            return (factor, factor), ((self.width - width * factor) // 2,
                                      (self.height - height * factor) // 2)  # fmt: skip
        source, target = width / height, self.width / self.height
        new_width = self.height * source if source > target else self.width
        new_height = self.height if source > target else self.width / source
        return (new_width / width, new_height / height), (
            -((new_width - self.width) // 2),
            -((new_height - self.height) // 2),
        )


class CenterCrop(_Sized):
    """Cuts the middle out of images; smaller ones are resized to the size without distortion.

    Args:
        height, width: size of the result, in pixels.
        data_format: "channels_last" or "channels_first".

    Example:
        >>> layers.CenterCrop(4, 6)(ops.ones((2, 8, 8, 3))).shape
        (2, 4, 6, 3)
    """

    _CONFIG = ("height", "width")

    def __init__(self, height, width, data_format=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self.height, self.width = whole("height", height, 1), whole("width", width, 1)

    def get_random_transformation(self, data, training=True, seed=None):
        """The shape of the input."""
        return {"input_shape": self._shape_of(data)}

    def transform_images(self, images, transformation=None, training=True):
        x = ops.cast(images, self.compute_dtype)
        target, size = (self.height, self.width), self._image_size(x.shape)
        if all(n >= m for n, m in zip(size, target)):
            return self._cut(x, [(n - m) // 2 for n, m in zip(size, target)], target)
        starts, sizes = zip(*_window(size, target))
        return ops.image.resize(self._cut(x, starts, sizes), target, data_format=self.data_format)

    def transform_segmentation_masks(self, segmentation_masks, transformation, training=True):
        return self.transform_images(segmentation_masks, transformation, training=training)

    def transform_bounding_boxes(self, bounding_boxes, transformation, training=True):
        size, target = self._image_size(transformation["input_shape"]), (self.height, self.width)
        out = bx.convert_format(bounding_boxes, self.bounding_box_format, "xyxy", *size)
        fits = all(n >= m for n, m in zip(size, target))
        window = (
            [((n - m) // 2, m) for n, m in zip(size, target)] if fits else _window(size, target)
        )
        (top, tall), (left, wide) = window
        out["boxes"] = bx.crop(out["boxes"], top, left, tall, wide)
        if not fits:
            out = bx.convert_format(out, "xyxy", "rel_xyxy", tall, wide)
            out = bx.convert_format(out, "rel_xyxy", "xyxy", *target)
        out = bx.clip_to_image_size(out, *target)
        return bx.convert_format(out, "xyxy", self.bounding_box_format, *target)


class RandomCrop(_Sized):
    """Cuts windows at random places out of images while training.

    One place is drawn per batch. Images that are not larger than the window are cut in the middle
    and resized. When not training, images pass as they are.

    Args:
        height, width: size of the windows, in pixels.
        seed: integer seed.
        data_format: "channels_last" or "channels_first".

    Example:
        >>> layers.RandomCrop(8, 8)(ops.ones((2, 16, 16, 3)), training=True).shape
        (2, 8, 8, 3)
    """

    _CONFIG = ("height", "width", "seed")

    def __init__(self, height, width, seed=None, data_format=None, name=None, **kwargs):
        super().__init__(data_format=data_format, name=name, **kwargs)
        self.height, self.width = whole("height", height, 1), whole("width", width, 1)
        self._set_seed(seed)
        self.seed = seed if seed is not None else make_default_seed()
        self.supports_masking = False
        self._convert_input_args = False

    def get_random_transformation(self, data, training=True, seed=None):
        """The window's first row and column."""
        size, target = self._image_size(self._shape_of(data)), (self.height, self.width)
        if training and all(n > m for n, m in zip(size, target)):
            draws = [self._uniform((), 0.0, float(n - m + 1), seed) for n, m in zip(size, target)]
            return tuple(ops.cast(x, "int32") for x in draws)
        return tuple(start for start, _ in _window(size, target))

    def transform_images(self, images, transformation, training=True):
        if not training:
            return images
        x = ops.cast(images, self.compute_dtype)
        target = (self.height, self.width)
        x = self._cut(x, transformation, target)
        if tuple(self._image_size(x.shape)) != target:
            x = ops.image.resize(x, target, data_format=self.data_format)
        return x

    def transform_segmentation_masks(self, segmentation_masks, transformation, training=True):
        return self.transform_images(segmentation_masks, transformation)

    def transform_bounding_boxes(self, bounding_boxes, transformation, training=True):
        if not training:
            return bounding_boxes
        form, size = self.bounding_box_format, (self.height, self.width)
        boxes = bx.convert_format(bx.densify(bounding_boxes)["boxes"], form, "xyxy", *size)
        # Keras moves the horizontal numbers by the first row and the vertical ones by the first
        # column; models that were trained with it rely on the same numbers.
        first = [ops.cast(start, boxes.dtype) for start in transformation]
        boxes = ops.maximum(boxes - ops.stack([*first, *first]), 0)
        boxes = bx.convert_format(boxes, "xyxy", form, *size)
        return {"boxes": boxes, "labels": bounding_boxes["labels"]}


class MaxNumBoundingBoxes(BaseImagePreprocessingLayer):
    """Cuts or fills the list of boxes of every image to the same number.

    Args:
        max_number: number of boxes.
        fill_value: of boxes and labels that are added.

    Example:
        >>> layer = layers.MaxNumBoundingBoxes(3, bounding_box_format="xyxy")
        >>> boxes = {"boxes": ops.ones((1, 2, 4)), "labels": ops.array([[7, 8]])}
        >>> out = layer({"images": ops.zeros((1, 8, 8, 3)), "bounding_boxes": boxes})
        >>> out["bounding_boxes"]["labels"].tolist()
        [[7, 8, -1]]
    """

    _CONFIG = ("max_number",)

    def __init__(self, max_number, fill_value=-1, **kwargs):
        super().__init__(**kwargs)
        self.max_number, self.fill_value = int(max_number), int(fill_value)

    def transform_images(self, images, transformation=None, training=True):
        return images

    def transform_segmentation_masks(self, segmentation_masks, transformation=None, training=True):
        return segmentation_masks

    def transform_bounding_boxes(self, bounding_boxes, transformation, training=True):
        def adjusted(x):
            x = ops.convert_to_tensor(x)[:, : self.max_number]
            missing = self.max_number - x.shape[1]
            width = [(0, 0), (0, missing), *[(0, 0)] * (len(x.shape) - 2)]
            return ops.pad(x, width, constant_values=self.fill_value) if missing else x

        return {**bounding_boxes, "boxes": adjusted(bounding_boxes["boxes"]),
                "labels": adjusted(bounding_boxes["labels"])}  # fmt: skip

    def compute_output_shape(self, input_shape):
        """The input's shape with the number of boxes."""
        if not isinstance(input_shape, dict) or "bounding_boxes" not in input_shape:
            return input_shape
        boxes = dict(input_shape["bounding_boxes"])
        extra = set(boxes) - {"boxes", "labels"}
        if extra:
            raise KeyError(
                f"There are unsupported keys in `bounding_boxes`: {sorted(extra)}. Only `boxes` "
                "and `labels` are supported."
            )
        for key, shape in boxes.items():
            boxes[key] = [shape[0], self.max_number, *shape[2:]]
        return {**input_shape, "bounding_boxes": boxes}
