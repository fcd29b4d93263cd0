"""Initializers that draw random numbers."""

from __future__ import annotations

import math

import numpy as np

from ranvier import ops, random, serialization
from ranvier.config import standardize_dtype
from ranvier.initializers.base import Initializer

# Standard deviation of a standard normal cut off at two standard deviations.
_TRUNCATED_STDDEV = 0.87962566103423978


class RandomInitializer(Initializer):
    """Base of random initializers.

    Args:
        seed: an integer (each call gives the same numbers), a `SeedGenerator` (each call gives
            others), or `None` for an integer drawn once.

    Example:
        >>> draw = keras.initializers.RandomNormal(seed=1)
        >>> bool(ops.all(draw((2, 3)) == draw((2, 3))))
        True
    """

    def __init__(self, seed=None):
        self._init_seed = seed
        if seed is None:
            seed = random.make_default_seed()
        elif isinstance(seed, dict):
            seed = serialization.deserialize_keras_object(seed)
        elif not isinstance(seed, (int, random.SeedGenerator)):
            raise ValueError(
                "`seed` argument should be an instance of `keras.random.SeedGenerator()` or an "
                f"integer. Received: seed={seed}"
            )
        self.seed = seed

    def get_config(self):
        return {"seed": serialization.serialize_keras_object(self._init_seed)}


class RandomNormal(RandomInitializer):
    """Normal numbers.

    Args:
        mean, stddev: of the distribution.
        seed: see `RandomInitializer`.

    Example:
        >>> keras.initializers.RandomNormal(seed=1)((64, 32)).shape
        (64, 32)
    """

    def __init__(self, mean=0.0, stddev=0.05, seed=None):
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def __call__(self, shape, dtype=None):
        return random.normal(shape, self.mean, self.stddev, dtype=dtype, seed=self.seed)

    def get_config(self):
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


class TruncatedNormal(RandomNormal):
    """Normal numbers within two standard deviations of the mean.

    Args:
        mean, stddev: of the distribution before it is cut.
        seed: see `RandomInitializer`.

    Example:
        >>> keras.initializers.TruncatedNormal(seed=1)((64, 32)).shape
        (64, 32)
    """

    def __call__(self, shape, dtype=None):
        return random.truncated_normal(shape, self.mean, self.stddev, dtype=dtype, seed=self.seed)


class RandomUniform(RandomInitializer):
    """Numbers spread evenly over [minval, maxval).

    Args:
        minval, maxval: the interval.
        seed: see `RandomInitializer`.

    Example:
        >>> keras.initializers.RandomUniform(seed=1)((64, 32)).shape
        (64, 32)
    """

    def __init__(self, minval=-0.05, maxval=0.05, seed=None):
        super().__init__(seed)
        self.minval = minval
        self.maxval = maxval

    def __call__(self, shape, dtype=None):
        return random.uniform(shape, self.minval, self.maxval, dtype=dtype, seed=self.seed)

    def get_config(self):
        return {**super().get_config(), "minval": self.minval, "maxval": self.maxval}


class VarianceScaling(RandomInitializer):
    """Random numbers of variance scale / fan.

    Args:
        scale: positive factor.
        mode: fan is the inputs of a unit ("fan_in"), its outputs ("fan_out") or their mean
            ("fan_avg").
        distribution: "truncated_normal", "untruncated_normal" or "uniform".
        seed: see `RandomInitializer`.
        input_axes, output_axes: axes whose sizes multiply to the fans; by default the last two
            axes, times the sizes of all others.

    Example:
        >>> keras.initializers.VarianceScaling(seed=1)((64, 32)).shape
        (64, 32)
    """

    def __init__(
        self,
        scale=1.0,
        mode="fan_in",
        distribution="truncated_normal",
        seed=None,
        input_axes=None,
        output_axes=None,
    ):
        if scale <= 0.0:
            raise ValueError(f"Argument `scale` must be positive float. Received: scale={scale}")
        modes = ("fan_in", "fan_out", "fan_avg")
        if mode not in modes:
            raise ValueError(f"Invalid `mode` argument: {mode}. Please use one of {modes}")
        distribution = distribution.lower()
        if distribution == "normal":
            distribution = "truncated_normal"
        distributions = ("uniform", "truncated_normal", "untruncated_normal")
        if distribution not in distributions:
            raise ValueError(
                f"Invalid `distribution` argument: {distribution}. Please use one of "
                f"{distributions}"
            )
        super().__init__(seed)
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.input_axes = input_axes
        self.output_axes = output_axes

    def __call__(self, shape, dtype=None):
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2.0}[self.mode]
        variance = self.scale / max(1.0, fan)
        if self.distribution == "truncated_normal":
            stddev = math.sqrt(variance) / _TRUNCATED_STDDEV
            return random.truncated_normal(shape, 0.0, stddev, dtype=dtype, seed=self.seed)
        if self.distribution == "untruncated_normal":
            return random.normal(shape, 0.0, math.sqrt(variance), dtype=dtype, seed=self.seed)
        limit = math.sqrt(3.0 * variance)
        return random.uniform(shape, -limit, limit, dtype=dtype, seed=self.seed)

    def get_config(self):
        return {
            **super().get_config(),
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
            "input_axes": self.input_axes,
            "output_axes": self.output_axes,
        }


class _NamedScaling(VarianceScaling):
    """A `VarianceScaling` whose scale, mode and distribution are its class'."""

    _kind: tuple[float, str, str]

    def __init__(self, seed=None, input_axes=None, output_axes=None):
        scale, mode, distribution = self._kind
        super().__init__(scale, mode, distribution, seed, input_axes, output_axes)

    def get_config(self):
        return {
            **RandomInitializer.get_config(self),
            "input_axes": self.input_axes,
            "output_axes": self.output_axes,
        }


class GlorotUniform(_NamedScaling):
    """Uniform in +-sqrt(6 / (fan_in + fan_out)).

    Args:
        seed, input_axes, output_axes: see `VarianceScaling`.

    Example:
        >>> keras.initializers.GlorotUniform(seed=1)((64, 32)).shape
        (64, 32)
    """

    _kind = (1.0, "fan_avg", "uniform")


class GlorotNormal(_NamedScaling):
    """Truncated normal of variance 2 / (fan_in + fan_out).

    Args:
        seed, input_axes, output_axes: see `VarianceScaling`.

    Example:
        >>> keras.initializers.GlorotNormal(seed=1)((64, 32)).shape
        (64, 32)
    """

    _kind = (1.0, "fan_avg", "truncated_normal")


class LecunUniform(_NamedScaling):
    """Uniform in +-sqrt(3 / fan_in).

    Args:
        seed, input_axes, output_axes: see `VarianceScaling`.

    Example:
        >>> keras.initializers.LecunUniform(seed=1)((64, 32)).shape
        (64, 32)
    """

    _kind = (1.0, "fan_in", "uniform")


class LecunNormal(_NamedScaling):
    """Truncated normal of variance 1 / fan_in.

    Args:
        seed, input_axes, output_axes: see `VarianceScaling`.

    Example:
        >>> keras.initializers.LecunNormal(seed=1)((64, 32)).shape
        (64, 32)
    """

    _kind = (1.0, "fan_in", "truncated_normal")


class HeUniform(_NamedScaling):
    """Uniform in +-sqrt(6 / fan_in).

    Args:
        seed, input_axes, output_axes: see `VarianceScaling`.

    Example:
        >>> keras.initializers.HeUniform(seed=1)((64, 32)).shape
        (64, 32)
    """

    _kind = (2.0, "fan_in", "uniform")


class HeNormal(_NamedScaling):
    """Truncated normal of variance 2 / fan_in.

    Args:
        seed, input_axes, output_axes: see `VarianceScaling`.

    Example:
        >>> keras.initializers.HeNormal(seed=1)((64, 32)).shape
        (64, 32)
    """

    _kind = (2.0, "fan_in", "truncated_normal")


def compute_fans(shape, input_axes=None, output_axes=None) -> tuple[int, int]:
    """Inputs and outputs of one unit of a weight of this shape.

    Args:
        shape: of the weight.
        input_axes, output_axes: axes of inputs and outputs; by default the last but one and the
            last.

    Example:
        >>> keras.initializers.compute_fans((3, 3, 16, 32))
        (144, 288)
    """
    shape = tuple(shape)
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[a] for a in input_axes), math.prod(shape[a] for a in output_axes)
    if not shape:
        return 1, 1
    if len(shape) == 1:
        return int(shape[0]), int(shape[0])
    field = math.prod(shape[:-2])
    return int(shape[-2] * field), int(shape[-1] * field)


class Orthogonal(RandomInitializer):
    """A random matrix with orthonormal rows or columns, whichever are fewer.

    The Q of the QR decomposition of normal numbers, signs chosen so that R's diagonal is positive;
    axes before the last count as rows.

    Args:
        gain: factor.
        seed: see `RandomInitializer`.

    Example:
        >>> keras.initializers.Orthogonal(seed=1)((64, 32)).shape
        (64, 32)
    """

    def __init__(self, gain=1.0, seed=None):
        super().__init__(seed)
        self.gain = gain

    def __call__(self, shape, dtype=None):
        if len(shape) < 2:
            raise ValueError(
                "The tensor to initialize must be at least two-dimensional. Received: "
                f"shape={shape} of rank {len(shape)}."
            )
        dtype = standardize_dtype(dtype)
        rows, columns = math.prod(shape[:-1]), shape[-1]
        draw_dtype = "float64" if dtype == "float64" else "float32"
        size = (max(rows, columns), min(rows, columns))
        draws = random.normal(size, dtype=draw_dtype, seed=self.seed)
        q, r = np.linalg.qr(np.asarray(draws))
        q = q * np.sign(np.diag(r))
        if rows < columns:
            q = q.T
        return ops.convert_to_tensor(self.gain * q.reshape(shape), dtype=dtype)

    def get_config(self):
        return {**super().get_config(), "gain": self.gain}
