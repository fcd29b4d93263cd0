"""Random changes of brightness, contrast, hue and saturation, drawn per image while training."""

from __future__ import annotations

from ranvier import config, ops
from ranvier.layers.preprocessing.image.base import ColorLayer, FactorLayer, per_image


class RandomBrightness(ColorLayer):
    """Adds a random number to all pixels of an image while training.

    Args:
        factor: the largest change as a part of the value range, in [-1, 1], or (lowest, highest).
        value_range: bounds of the pixels.
        seed: integer seed.

    Example:
        >>> layers.RandomBrightness(0.2)(ops.ones((2, 16, 16, 3)), training=True).shape
        (2, 16, 16, 3)
    """

    _CONFIG = ("factor", "value_range", "seed")

    def __init__(self, factor, value_range=(0, 255), seed=None, **kwargs):
        super().__init__(factor=factor, **kwargs)
        self._set_seed(seed)
        self._set_value_range(value_range)

    def get_random_transformation(self, data, training=True, seed=None):
        """ "rgb_delta" (batch, 1, 1, 1)."""
        shape = self._shape_of(data)
        form = (1, 1, 1) if len(shape) == 3 else (shape[0], 1, 1, 1)
        if not training:
            return {"rgb_delta": ops.zeros(form)}
        low, high = self.value_range
        return {"rgb_delta": self._uniform(form, *self.factor, seed) * float(high - low)}

    def transform_images(self, images, transformation, training=True):
        if not training:
            return images
        x = ops.convert_to_tensor(images)
        dtype = x.dtype if config.is_float_dtype(x.dtype) else self.compute_dtype
        moved = ops.cast(x, dtype) + ops.cast(transformation["rgb_delta"], dtype)
        return ops.cast(ops.clip(moved, *self.value_range), x.dtype)


class RandomContrast(ColorLayer):
    """Moves pixels away from or towards the mean of their channel while training.

    Args:
        factor: (lower, upper) in [0, 1]: the contrast is drawn from [1 - lower, 1 + upper]; a
            number f stands for (0, f).
        value_range: bounds of the pixels.
        seed: integer seed.

    Example:
        >>> layers.RandomContrast(0.2)(ops.ones((2, 16, 16, 3)), training=True).shape
        (2, 16, 16, 3)
    """

    _FACTOR_BOUNDS = (0, 1)
    _CONFIG = ("factor", "value_range", "seed")

    def __init__(self, factor, value_range=(0, 255), seed=None, **kwargs):
        super().__init__(**kwargs)
        self._set_factor(factor)
        self.value_range = value_range
        self._set_seed(seed)

    def get_random_transformation(self, data, training=True, seed=None):
        """ "contrast_factor" (batch, 1, 1, 1)."""
        shape = self._shape_of(data)
        form = (1, 1, 1) if len(shape) == 3 else (shape[0], 1, 1, 1)
        if not training:
            return {"contrast_factor": ops.zeros(form)}
        low, high = 1.0 - self.factor[0], 1.0 + self.factor[1]
        return {"contrast_factor": self._uniform(form, low, high, seed, self.compute_dtype)}

    def transform_images(self, images, transformation, training=True):
        if not training:
            return images
        x = ops.convert_to_tensor(images)
        mean = ops.mean(x, axis=self._spatial_axes, keepdims=True)
        out = (x - mean) * ops.convert_to_tensor(transformation["contrast_factor"]) + mean
        return ops.clip(out, self.value_range[0], self.value_range[1])


class RandomColorDegeneration(FactorLayer):
    """Mixes images with their gray version while training.

    Args:
        factor: share of the gray version, or (lowest, highest); a number f stands for (-f, f).
        value_range: bounds of the pixels.
        data_format: "channels_last" or "channels_first".
        seed: integer seed.

    Example:
        >>> layers.RandomColorDegeneration(0.5)(ops.ones((2, 16, 16, 3)), training=True).shape
        (2, 16, 16, 3)
    """

    def get_random_transformation(self, data, training=True, seed=None):
        """ "factor" (batch, 1, 1, 1)."""
        return {"factor": self._uniform((self._batch_size(data), 1, 1, 1), *self.factor, seed)}

    def transform_images(self, images, transformation=None, training=True):
        if not training:
            return images
        x = ops.cast(images, self.compute_dtype)
        factor = ops.cast(transformation["factor"], self.compute_dtype)
        gray = ops.image.rgb_to_grayscale(x, data_format=self.data_format)
        return self._clip(x + factor * (gray - x))


class RandomGrayscale(ColorLayer):
    """Turns images gray with a probability while training; they keep three channels.

    Args:
        factor: the probability, in [0, 1].
        data_format: "channels_last" or "channels_first".
        seed: integer seed.

    Example:
        >>> layers.RandomGrayscale()(ops.ones((2, 16, 16, 3)), training=True).shape
        (2, 16, 16, 3)
    """

    _declares_dtype = False

    _CONFIG = ("factor",)

    def __init__(self, factor=0.5, data_format=None, seed=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        if not 0 <= factor <= 1:
            raise ValueError(f"`factor` should be between 0 and 1. Received: factor={factor}")
        self.factor = factor
        self._set_seed(seed)

    def get_random_transformation(self, images, training=True, seed=None):
        """A flag per image (batch, 1, 1, 1)."""
        draws = self._uniform((self._batch_size(images),), 0.0, 1.0, seed)
        return per_image(ops.less(draws, self.factor))

    def transform_images(self, images, transformation=None, training=True):
        if not training:
            return images
        if transformation is None:
            transformation = self.get_random_transformation(images)
        x = ops.convert_to_tensor(images)
        gray = ops.image.rgb_to_grayscale(x, data_format=self.data_format)
        return ops.where(ops.convert_to_tensor(transformation), gray, x)

    def transform_labels(self, labels, transformations=None, **kwargs):
        return labels

    def transform_bounding_boxes(self, bounding_boxes, *args, **kwargs):
        return bounding_boxes

    def transform_segmentation_masks(self, segmentation_masks, transformations=None, **kwargs):
        return segmentation_masks


class _HsvLayer(FactorLayer):
    """Changes one channel of hue, saturation, value."""

    def _with_channel(self, hsv, number, change):
        parts = list(ops.split(hsv, 3, axis=self._channel_axis))
        parts[number] = change(parts[number])
        out = ops.concatenate(parts, axis=self._channel_axis)
        return ops.image.hsv_to_rgb(out, data_format=self.data_format)


class RandomHue(_HsvLayer):
    """Turns the hue of images by a random angle while training.

    Args:
        factor: strength in [0, 1]: half of it is the largest part of a full turn.
        value_range: bounds of the pixels.
        data_format: "channels_last" or "channels_first".
        seed: integer seed.

    Example:
        >>> layers.RandomHue(0.1)(ops.ones((2, 16, 16, 3)), training=True).shape
        (2, 16, 16, 3)
    """

    _FACTOR_BOUNDS = (0, 1)

    def __init__(self, factor, value_range=(0, 255), data_format=None, seed=None, **kwargs):
        super().__init__(factor, value_range, data_format, seed, **kwargs)
        self.value_range = value_range

    def get_random_transformation(self, data, training=True, seed=None):
        """ "factor" (batch,): part of a turn, of either sign."""
        form = (self._batch_size(data),)
        sign = ops.where(ops.greater(self._uniform(form, 0.0, 1.0, seed), 0.5), -1.0, 1.0)
        return {"factor": sign * self._uniform(form, *self.factor, seed) * 0.5}

    def transform_images(self, images, transformation=None, training=True):
        if not training:
            return images
        x = ops.cast(images, self.compute_dtype)
        x = self._transform_value_range(x, self.value_range, (0, 1))
        turn = per_image(ops.cast(transformation["factor"], x.dtype))

        def turned(hue):
            hue = hue + turn
            hue = ops.where(ops.greater(hue, 1.0), hue - 1.0, hue)
            return ops.where(ops.less(hue, 0.0), hue + 1.0, hue)

        hsv = ops.image.rgb_to_hsv(x, data_format=self.data_format)
        out = ops.clip(self._with_channel(hsv, 0, turned), 0.0, 1.0)
        out = self._transform_value_range(out, (0, 1), self.value_range)
        return ops.cast(out, self.compute_dtype)


class RandomSaturation(_HsvLayer):
    """Multiplies the saturation of images by f / (1 - f) for a random f while training.

    Args:
        factor: bounds of f in [0, 1]; 0.5 changes nothing, 0 gives gray, near 1 full colours.
        value_range: bounds of the pixels.
        data_format: "channels_last" or "channels_first".
        seed: integer seed.

    Example:
        >>> layers.RandomSaturation(0.5)(ops.ones((2, 16, 16, 3)), training=True).shape
        (2, 16, 16, 3)
    """

    def get_random_transformation(self, data, training=True, seed=None):
        """ "factor" (batch,): what the saturation is multiplied by."""
        draws = self._uniform((self._batch_size(data),), *self.factor, seed)
        return {"factor": draws / (1 - draws + config.epsilon())}

    def transform_images(self, images, transformation=None, training=True):
        if not training:
            return images
        factor = per_image(ops.cast(transformation["factor"], self.compute_dtype))
        x = ops.convert_to_tensor(images)
        if not config.is_float_dtype(x.dtype):
            x = ops.cast(x, self.compute_dtype)
        hsv = ops.image.rgb_to_hsv(x, data_format=self.data_format)
        return self._with_channel(hsv, 1, lambda s: self._clip(s * factor))


class RandomColorJitter(ColorLayer):
    """Changes brightness, contrast, saturation and hue of images, in this order, while training.

    Args:
        value_range: bounds of the pixels.
        brightness_factor, contrast_factor, saturation_factor, hue_factor: strengths as the layers
            `RandomBrightness`, `RandomContrast`, `RandomSaturation` and `RandomHue` take them;
            `None` leaves a step out.
        seed: integer seed.
        data_format: "channels_last" or "channels_first".

    Example:
        >>> layers.RandomColorJitter()(ops.ones((2, 16, 16, 3)), training=True).shape
        (2, 16, 16, 3)
    """

    _CONFIG = ("value_range", "brightness_factor", "contrast_factor", "saturation_factor",
               "hue_factor", "seed")  # fmt: skip
    _STEPS = (
        ("brightness", RandomBrightness),
        ("contrast", RandomContrast),
        ("saturation", RandomSaturation),
        ("hue", RandomHue),
    )

    def __init__(
        self,
        value_range=(0, 255),
        brightness_factor=None,
        contrast_factor=None,
        saturation_factor=None,
        hue_factor=None,
        seed=None,
        data_format=None,
        **kwargs,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = value_range
        self.brightness_factor, self.contrast_factor = brightness_factor, contrast_factor
        self.saturation_factor, self.hue_factor = saturation_factor, hue_factor
        self._set_seed(seed)
        for name, layer in self._STEPS:
            factor = getattr(self, f"{name}_factor")
            step = None
            if factor is not None:
                step = layer(factor=factor, value_range=value_range, seed=seed,
                             data_format=data_format)  # fmt: skip
            setattr(self, f"random_{name}", step)

    def build(self, input_shape):
        self._build_steps([getattr(self, f"random_{n}") for n, _ in self._STEPS], input_shape)

    def transform_images(self, images, transformation, training=True):
        if not training:
            return images
        x = ops.cast(images, self.compute_dtype)
        for name, _ in self._STEPS:
            layer = getattr(self, f"random_{name}")
            if layer is not None:
                drawn = layer.get_random_transformation(x, seed=self.generator)
                x = layer.transform_images(x, drawn)
        return ops.cast(x, self.compute_dtype)
