"""Layers that disturb their input while training."""

from __future__ import annotations

import math
import numbers

from ranvier import ops, random, regularizers
from ranvier.layers.input_spec import InputSpec
from ranvier.layers.layer import Layer
from ranvier.random import SeedGenerator


class _Noise(Layer):
    """Draws from a seed generator of its own while training, where `amount` is above zero."""

    def __init__(self, amount, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        if amount > 0:
            self.seed_generator = SeedGenerator(seed)
        self.supports_masking = True
        self._build_at_init()


def _check_rate(rate):
    if not isinstance(rate, numbers.Real) or not 0 <= rate <= 1:
        raise ValueError(
            f"Invalid value received for argument `rate`. Expected a float value between 0 and 1. "
            f"Received: rate={rate}"
        )


def _checked_noise_shape(shape):
    """A tuple of sizes or `None`; `ValueError` for anything else."""
    if shape is None:
        return None
    problem = "Invalid value received for argument `noise_shape`. Expected "
    if isinstance(shape, str):
        raise ValueError(f"{problem}a tuple or list of integers. Received: noise_shape={shape}")
    try:
        shape = tuple(shape)
    except TypeError:
        raise ValueError(
            f"{problem}an iterable of integers, a tuple for example. Received: noise_shape={shape}"
        ) from None
    for i, size in enumerate(shape):
        if size is not None and not isinstance(size, int):
            raise ValueError(
                f"{problem}all elements to be integers or None. Received element at index {i}: "
                f"{size} (type: {type(size).__name__})"
            )
        if size is not None and size <= 0:
            raise ValueError(
                f"{problem}all dimensions to be positive integers or None. Received negative or "
                f"zero value at index {i}: {size}"
            )
    return shape


class Dropout(_Noise):
    """Zeroes a share `rate` of the elements while training, divides the others by 1 - rate.

    Args:
        rate: share of elements set to zero.
        noise_shape: shape of the mask; size one shares it along an axis, `None` is the input's.
        seed: integer seed.

    Example:
        >>> layers.Dropout(0.5)(ops.ones((2, 3))).tolist()
        [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        _check_rate(rate)
        super().__init__(rate, seed, **kwargs)
        self.rate = rate
        self.noise_shape = _checked_noise_shape(noise_shape)

    def call(self, inputs, training=False):
        if training and self.rate > 0:
            return random.dropout(
                inputs, self.rate, noise_shape=self.noise_shape, seed=self.seed_generator
            )
        return inputs

    def get_config(self):
        return {
            **super().get_config(),
            "rate": self.rate,
            "seed": self.seed,
            "noise_shape": self.noise_shape,
        }


class _SpatialDropout(_Noise):
    """Drops whole channels."""

    rank = 0

    def __init__(self, rate, data_format=None, seed=None, **kwargs):
        from ranvier.config import standardize_data_format

        _check_rate(rate)
        super().__init__(rate, seed, **kwargs)
        self.rate = rate
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        shape = inputs.shape
        ones = (1,) * self.rank
        noise = (
            (shape[0], *ones, shape[-1])
            if self.data_format == "channels_last"
            else (*shape[:2], *ones)
        )
        return random.dropout(inputs, self.rate, noise_shape=noise, seed=self.seed_generator)

    def get_config(self):
        return {"rate": self.rate, "seed": self.seed, "name": self.name, "dtype": self.dtype,
                "data_format": self.data_format}  # fmt: skip


class SpatialDropout1D(_SpatialDropout):
    """Drops whole channels of (batch, steps, channels).

    Args:
        rate: share of the channels that are dropped.
        seed: integer seed.

    Example:
        >>> layers.SpatialDropout1D(0.5)(ops.ones((2, 10, 4)), training=True).shape
        (2, 10, 4)
    """

    rank = 1

    def __init__(self, rate, seed=None, name=None, dtype=None):
        super().__init__(rate, seed=seed, name=name, dtype=dtype)

    def get_config(self):
        config = super().get_config()
        config.pop("data_format")
        return config


class SpatialDropout2D(_SpatialDropout):
    """Drops whole channels of (batch, height, width, channels).

    Args:
        rate: share of the channels that are dropped.
        seed: integer seed.
        data_format: "channels_last" or "channels_first"; that of `keras.config` by default.

    Example:
        >>> layers.SpatialDropout2D(0.5)(ops.ones((2, 8, 8, 4)), training=True).shape
        (2, 8, 8, 4)
    """

    rank = 2

    def __init__(self, rate, data_format=None, seed=None, name=None, dtype=None):
        super().__init__(rate, data_format, seed=seed, name=name, dtype=dtype)


class SpatialDropout3D(_SpatialDropout):
    """Drops whole channels of (batch, depth, height, width, channels).

    Args:
        rate: share of the channels that are dropped.
        seed: integer seed.
        data_format: "channels_last" or "channels_first"; that of `keras.config` by default.

    Example:
        >>> layers.SpatialDropout3D(0.5)(ops.ones((1, 6, 6, 6, 2)), training=True).shape
        (1, 6, 6, 6, 2)
    """

    rank = 3

    def __init__(self, rate, data_format=None, seed=None, name=None, dtype=None):
        super().__init__(rate, data_format, seed=seed, name=name, dtype=dtype)


class GaussianNoise(_Noise):
    """Adds normal numbers of mean 0 while training.

    Args:
        stddev: their standard deviation.
        seed: integer seed.

    Example:
        >>> layers.GaussianNoise(0.1)(ops.ones((2, 3)), training=True).shape
        (2, 3)
    """

    def __init__(self, stddev, seed=None, **kwargs):
        if not 0 <= stddev <= 1:
            raise ValueError(
                "Invalid value received for argument `stddev`. Expected a float value between 0 "
                f"and 1. Received: stddev={stddev}"
            )
        super().__init__(stddev, seed, **kwargs)
        self.stddev = stddev

    def call(self, inputs, training=False):
        if not training or self.stddev == 0:
            return inputs
        return ops.add(
            inputs,
            random.normal(inputs.shape, 0.0, self.stddev, self.compute_dtype, self.seed_generator),
        )

    def get_config(self):
        return {**super().get_config(), "stddev": self.stddev, "seed": self.seed}


class GaussianDropout(_Noise):
    """Multiplies by normal numbers of mean 1 and variance rate / (1 - rate) while training.

    Args:
        seed: integer seed.

    Example:
        >>> layers.GaussianDropout(0.5)(ops.ones((2, 3)), training=True).shape
        (2, 3)
    """

    def __init__(self, rate, seed=None, **kwargs):
        _check_rate(rate)
        super().__init__(rate, seed, **kwargs)
        self.rate = rate

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        stddev = math.sqrt(self.rate / (1.0 - self.rate))
        return ops.multiply(
            inputs,
            random.normal(inputs.shape, 1.0, stddev, self.compute_dtype, self.seed_generator),
        )

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


class AlphaDropout(_Noise):
    """Dropout that keeps mean and variance, for SELU networks.

    Args:
        rate: share of the elements.
        noise_shape: shape of the mask, 1 where elements share their fate.
        seed: integer seed.

    Example:
        >>> layers.AlphaDropout(0.5)(ops.ones((2, 3)), training=True).shape
        (2, 3)
    """

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        _check_rate(rate)
        super().__init__(rate, seed, **kwargs)
        self.rate, self.noise_shape = rate, noise_shape

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        low = -1.6732632423543772848170429916717 * 1.0507009873554804934193349852946
        shape = (
            inputs.shape
            if self.noise_shape is None
            else tuple(inputs.shape[i] if d is None else d for i, d in enumerate(self.noise_shape))
        )
        kept = ops.greater_equal(random.uniform(shape, seed=self.seed_generator), self.rate)
        a = ((1 - self.rate) * (1 + self.rate * low**2)) ** -0.5
        b = -a * low * self.rate
        return ops.add(ops.multiply(ops.where(kept, inputs, low), a), b)

    def get_config(self):
        return {
            **super().get_config(),
            "rate": self.rate,
            "seed": self.seed,
            "noise_shape": self.noise_shape,
        }


class ActivityRegularization(Layer):
    """Adds a penalty on its input to the loss and returns the input.

    Args:
        l1, l2: factors of the sum of absolute values and of squares.

    Example:
        >>> layer = layers.ActivityRegularization(l1=0.5)
        >>> y = layer(ops.array([[1.0, -3.0]]))
        >>> [float(loss) for loss in layer.losses]
        [2.0]
    """

    def __init__(self, l1=0.0, l2=0.0, **kwargs):
        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **kwargs)
        self.l1, self.l2 = l1, l2
        self.supports_masking = True
        self._build_at_init()

    def call(self, inputs):
        return inputs

    def get_config(self):
        config = super().get_config()
        config.pop("activity_regularizer", None)
        return {**config, "l1": self.l1, "l2": self.l2}
