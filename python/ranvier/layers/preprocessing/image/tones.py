"""Random changes of tones and sharpness: inversion, posterization, solarization, blur."""

from __future__ import annotations

import numpy as np

from ranvier import ops, random
from ranvier.layers.preprocessing.image.base import ColorLayer, FactorLayer, per_image


class RandomInvert(ColorLayer):
    """Inverts the colours of images with a probability while training.

    Args:
        factor: the probability, or the bounds it is drawn from.
        value_range: bounds of the pixels.
        seed: integer seed.
        data_format: "channels_last" or "channels_first".

    Example:
        >>> layers.RandomInvert()(ops.ones((2, 16, 16, 3)), training=True).shape
        (2, 16, 16, 3)
    """

    _USE_BASE_FACTOR = False
    _FACTOR_BOUNDS = (0, 1)
    _CONFIG = ("factor", "value_range", "seed")

    def __init__(self, factor=1.0, value_range=(0, 255), seed=None, data_format=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self._set_factor(factor)
        self.value_range = value_range
        self._set_seed(seed)

    def get_random_transformation(self, data, training=True, seed=None):
        """ "apply_inversion" (batch,)."""
        return {"apply_inversion": self._happens(data, seed)} if training else None

    def transform_images(self, images, transformation, training=True):
        if not training:
            return images
        x = ops.cast(images, self.compute_dtype)
        flags = per_image(transformation["apply_inversion"])
        return ops.where(flags, self.value_range[1] - x, x)


class RandomPosterization(FactorLayer):
    """Keeps the highest bits of every pixel while training.

    Args:
        factor: number of bits to keep, 1 to 8: drawn from [low, high).
        value_range: bounds of the pixels.
        data_format: "channels_last" or "channels_first".
        seed: integer seed.

    Example:
        >>> layers.RandomPosterization(4)(ops.ones((2, 16, 16, 3)), training=True).shape
        (2, 16, 16, 3)
    """

    _USE_BASE_FACTOR = False
    _FACTOR_BOUNDS = (1, 8)

    def get_random_transformation(self, data, training=True, seed=None):
        """ "shift_factor" (batch,): number of bits that are dropped, uint8."""
        form, (low, high) = (self._batch_size(data),), self.factor
        if low == high:
            kept = ops.full(form, low, dtype="uint8")
        else:
            seed = self.generator if seed is None else seed
            kept = random.randint(form, low, high, dtype="uint8", seed=seed)
        return {"shift_factor": ops.cast(8 - ops.cast(kept, "int32"), "uint8")}

    def transform_images(self, images, transformation=None, training=True):
        if not training:
            return images
        shift = per_image(ops.cast(transformation["shift_factor"], "uint8"))
        x, dtype = ops.convert_to_tensor(images), self.compute_dtype
        x = self._transform_value_range(x, self.value_range, (0, 255), dtype)
        x = ops.cast(x, "uint8")
        x = ops.cast(ops.left_shift(ops.right_shift(x, shift), shift), dtype)
        return self._transform_value_range(x, (0, 255), self.value_range, dtype)


class RandomSharpness(FactorLayer):
    """Blurs or sharpens images while training.

    Args:
        factor: strength in [0, 1]: 0 is fully blurred, 0.5 changes nothing, 1 is sharpest; or
            (lowest, highest).
        value_range: bounds of the pixels.
        data_format: "channels_last" or "channels_first".
        seed: integer seed.

    Example:
        >>> layers.RandomSharpness(0.5)(ops.ones((2, 16, 16, 3)), training=True).shape
        (2, 16, 16, 3)
    """

    _USE_BASE_FACTOR = False
    _FACTOR_BOUNDS = (0, 1)

    def transform_images(self, images, transformation=None, training=True):
        x = ops.cast(images, self.compute_dtype)
        if not training:
            return x
        strength = per_image(
            ops.cast(ops.multiply(transformation["factor"], 2), self.compute_dtype)
        )
        window = np.full((3, 3, 1, 1), 1 / 13, "float32")
        window[1, 1] = 5 / 13
        kernel = np.repeat(window, x.shape[self._channel_axis], axis=2)
        smooth = ops.depthwise_conv(
            x, ops.cast(kernel, x.dtype), padding="same", data_format=self.data_format
        )
        return self._clip(x + (1.0 - strength) * (smooth - x))


class RandomGaussianBlur(ColorLayer):
    """Blurs images with a probability while training.

    Args:
        factor: the probability, or the bounds it is drawn from.
        kernel_size: odd size of the window, or one per axis.
        sigma: the largest standard deviation in pixels, in [0, 1], or (lowest, highest).
        value_range: bounds of the pixels.
        data_format: "channels_last" or "channels_first".
        seed: integer seed.

    Example:
        >>> layers.RandomGaussianBlur()(ops.ones((2, 16, 16, 3)), training=True).shape
        (2, 16, 16, 3)
    """

    _USE_BASE_FACTOR = False
    _FACTOR_BOUNDS = (0, 1)
    _CONFIG = ("factor", "kernel_size", "sigma", "value_range", "seed")

    def __init__(
        self,
        factor=1.0,
        kernel_size=3,
        sigma=1.0,
        value_range=(0, 255),
        data_format=None,
        seed=None,
        **kwargs,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self._set_factor(factor)
        sizes = kernel_size if isinstance(kernel_size, (tuple, list)) else (kernel_size,) * 2
        if len(sizes) != 2 or any(not isinstance(n, (int, float)) or n % 2 == 0 for n in sizes):
            raise ValueError(
                "The `kernel_size` argument must be an odd number (or a list of two). Received: "
                f"kernel_size={kernel_size}"
            )
        self.kernel_size = tuple(sizes)
        self.sigma = self._range_of(sigma, "sigma")
        self.value_range = value_range
        self._set_seed(seed)

    def get_random_transformation(self, data, training=True, seed=None):
        """ "should_apply_blur" (batch,) and "blur_factor" (2,), the standard deviations."""
        if not training:
            return None
        happens = self._happens(data, seed)
        sigma = self._uniform((2,), *self.sigma, seed, self.compute_dtype) + 1e-6
        return {"should_apply_blur": happens, "blur_factor": sigma}

    def transform_images(self, images, transformation=None, training=True):
        x = ops.cast(images, self.compute_dtype)
        if not training or transformation is None:
            return x
        sigma = ops.convert_to_tensor(transformation["blur_factor"])
        out = ops.image.gaussian_blur(x, self.kernel_size, sigma, data_format=self.data_format)
        out = ops.where(per_image(transformation["should_apply_blur"]), out, x)
        return ops.clip(out, self.value_range[0], self.value_range[1])


class Solarization(ColorLayer):
    """Adds a number to all pixels and inverts those above a threshold, while training.

    Args:
        addition_factor: bounds of the addition as a part of the range, in [0, 1].
        threshold_factor: bounds of the threshold as a part of the range, in [0, 1].
        value_range: bounds of the pixels.
        seed: integer seed.

    Example:
        >>> layers.Solarization()(ops.ones((2, 16, 16, 3))).shape
        (2, 16, 16, 3)
    """

    _USE_BASE_FACTOR = False
    _CONFIG = ("value_range", "addition_factor", "threshold_factor", "seed")

    def __init__(
        self, addition_factor=0.0, threshold_factor=0.0, value_range=(0, 255), seed=None, **kwargs
    ):
        super().__init__(**kwargs)
        self._set_seed(seed)
        self.addition_factor = self._share(addition_factor, "addition_factor")
        self.threshold_factor = self._share(threshold_factor, "threshold_factor")
        self._set_value_range(value_range)

    @staticmethod
    def _share(factor, name):
        both = tuple(factor) if isinstance(factor, (tuple, list)) else (0, factor)
        if len(both) != 2 or any(not isinstance(f, (int, float)) or not 0 <= f <= 1 for f in both):
            raise ValueError(
                f"The `{name}` argument should be a number (or a list of two numbers) in the range "
                f"[0, 1]. Received: {name}={factor}"
            )
        return tuple(sorted(both))

    def get_random_transformation(self, data, training=True, seed=None):
        """ "additions" and "thresholds" (batch, 1, 1, 1), for pixels in 0..255."""
        if not training:
            return None
        shape = self._shape_of(data)
        form = (shape[0], 1, 1, 1) if len(shape) == 4 else (1, 1, 1)
        add, limit = (
            self._uniform(form, low, high * 255, seed, self.compute_dtype)
            for low, high in (self.addition_factor, self.threshold_factor)
        )
        return {"additions": add, "thresholds": limit}

    def transform_images(self, images, transformation, training=True):
        x, dtype = ops.cast(images, self.compute_dtype), self.compute_dtype
        if not training or transformation is None:
            return x
        x = self._transform_value_range(x, self.value_range, (0, 255), dtype)
        x = ops.clip(x + ops.cast(transformation["additions"], dtype), 0, 255)
        x = ops.where(ops.less(x, ops.cast(transformation["thresholds"], dtype)), x, 255 - x)
        return self._transform_value_range(x, (0, 255), self.value_range, dtype)
