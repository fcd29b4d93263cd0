"""Layers that add, cut or repeat at the borders: ZeroPadding, Cropping, UpSampling."""

from __future__ import annotations

from ranvier import ops
from ranvier.config import standardize_data_format
from ranvier.layers._parts import tuple_of
from ranvier.layers.input_spec import InputSpec
from ranvier.layers.layer import Layer
from ranvier.ops.shapes import repeat_along


def _border(value, rank, name):
    """(low, high) of the one spatial dimension, or of each, from an int, one int each, or pairs."""
    problem = (f"`{name}` should be an int, or {rank} ints, or {rank} pairs of ints. "
               f"Received: {name}={value}")  # fmt: skip
    if isinstance(value, int):
        if value < 0:
            raise ValueError(f"`{name}` cannot be negative. Received: {name}={value}.")
        return (value, value) if rank == 1 else ((value, value),) * rank
    if not hasattr(value, "__len__"):
        raise ValueError(problem)
    if rank == 1:
        return tuple_of(value, 2, name, allow_zero=True)
    if len(value) != rank:
        count = {2: "two", 3: "three"}[rank]
        raise ValueError(f"`{name}` should have {count} elements. Received: {name}={tuple(value)}.")
    entries = zip(("1st", "2nd", "3rd"), value)
    return tuple(tuple_of(v, 2, f"{nth} entry of {name}", allow_zero=True) for nth, v in entries)


class _Border(Layer):
    rank = 0

    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _spatial(self, values, other):
        """Per axis of the input: `values` at the spatial ones (one in 1D), `other` elsewhere."""
        values = (values,) if self.rank == 1 else values
        if self.data_format == "channels_last":
            return [other, *values, other]
        return [other, other, *values]

    def _format_config(self):
        return {} if self.rank == 1 else {"data_format": self.data_format}


class _ZeroPadding(_Border):
    def __init__(self, padding=1, data_format=None, **kwargs):
        super().__init__(data_format, **kwargs)
        self.padding = _border(padding, self.rank, "padding")

    def call(self, inputs):
        return ops.pad(inputs, self._spatial(self.padding, (0, 0)))

    def get_config(self):
        own = {"padding": self.padding, "data_format": self.data_format}
        return {**super().get_config(), **own}


class ZeroPadding1D(_ZeroPadding):
    """Zeros before and after the steps of (batch, steps, channels).

    Args:
        padding: an int, or (before, after).
        data_format: "channels_last" or "channels_first".

    Example:
        >>> layers.ZeroPadding1D(1)(ops.ones((2, 10, 4))).shape
        (2, 12, 4)
    """

    rank = 1


class ZeroPadding2D(_ZeroPadding):
    """Zeros around (batch, height, width, channels).

    Args:
        padding: an int, one per spatial axis, or a pair (before, after) for each.
        data_format: "channels_last" or "channels_first"; that of `keras.config` by default.

    Example:
        >>> layers.ZeroPadding2D(1)(ops.ones((2, 8, 8, 4))).shape
        (2, 10, 10, 4)
    """

    rank = 2

    def __init__(self, padding=(1, 1), data_format=None, **kwargs):
        super().__init__(padding, data_format, **kwargs)


class ZeroPadding3D(_ZeroPadding):
    """Zeros around (batch, depth, height, width, channels).

    Args:
        padding: an int, one per spatial axis, or a pair (before, after) for each.
        data_format: "channels_last" or "channels_first"; that of `keras.config` by default.

    Example:
        >>> layers.ZeroPadding3D(1)(ops.ones((1, 6, 6, 6, 2))).shape
        (1, 8, 8, 8, 2)
    """

    rank = 3

    def __init__(self, padding=((1, 1), (1, 1), (1, 1)), data_format=None, **kwargs):
        super().__init__(padding, data_format, **kwargs)


class _Cropping(_Border):
    def __init__(self, cropping=1, data_format=None, **kwargs):
        super().__init__(data_format, **kwargs)
        self.cropping = _border(cropping, self.rank, "cropping")

    def call(self, inputs):
        pairs = self._spatial(self.cropping, (0, 0))
        for size, (low, high) in zip(inputs.shape, pairs):
            if (low or high) and low + high >= size:
                received = f"Received: inputs.shape={tuple(inputs.shape)}"
                if self.rank == 1:
                    raise ValueError(
                        "`cropping` parameter of `Cropping1D` layer must be smaller than the input "
                        f"length. {received}, cropping={self.cropping}"
                    )
                raise ValueError(
                    "Values in `cropping` argument should be smaller than the corresponding "
                    f"spatial dimension of the input. {received}, cropping={self.cropping}"
                )
        return inputs[tuple(slice(low, n - high) for n, (low, high) in zip(inputs.shape, pairs))]

    def get_config(self):
        return {**super().get_config(), "cropping": self.cropping, **self._format_config()}


class Cropping1D(_Cropping):
    """Cuts steps off (batch, steps, channels).

    Args:
        cropping: an int, or (before, after).

    Example:
        >>> layers.Cropping1D(1)(ops.ones((2, 10, 4))).shape
        (2, 8, 4)
    """

    rank = 1

    def __init__(self, cropping=(1, 1), **kwargs):
        super().__init__(cropping, **kwargs)


class Cropping2D(_Cropping):
    """Cuts the borders of (batch, height, width, channels).

    Args:
        cropping: an int, one per spatial axis, or a pair (before, after) for each.
        data_format: "channels_last" or "channels_first"; that of `keras.config` by default.

    Example:
        >>> layers.Cropping2D(1)(ops.ones((2, 8, 8, 4))).shape
        (2, 6, 6, 4)
    """

    rank = 2

    def __init__(self, cropping=((0, 0), (0, 0)), data_format=None, **kwargs):
        super().__init__(cropping, data_format, **kwargs)


class Cropping3D(_Cropping):
    """Cuts the borders of (batch, depth, height, width, channels).

    Args:
        cropping: an int, one per spatial axis, or a pair (before, after) for each.
        data_format: "channels_last" or "channels_first"; that of `keras.config` by default.

    Example:
        >>> layers.Cropping3D(1)(ops.ones((1, 6, 6, 6, 2))).shape
        (1, 4, 4, 4, 2)
    """

    rank = 3

    def __init__(self, cropping=((1, 1), (1, 1), (1, 1)), data_format=None, **kwargs):
        super().__init__(cropping, data_format, **kwargs)


_UPSAMPLING = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")


class _UpSampling(_Border):
    def __init__(self, size=2, data_format=None, **kwargs):
        super().__init__(data_format, **kwargs)
        self.size = size if self.rank == 1 else tuple_of(size, self.rank, "size")

    def call(self, inputs):
        return repeat_along(inputs, dict(enumerate(self._spatial(self.size, 1))))

    def get_config(self):
        return {**super().get_config(), "size": self.size, **self._format_config()}


class UpSampling1D(_UpSampling):
    """Repeats the steps of (batch, steps, channels).

    Args:
        size: how often each step is repeated.

    Example:
        >>> layers.UpSampling1D(2)(ops.ones((2, 10, 4))).shape
        (2, 20, 4)
    """

    rank = 1

    def __init__(self, size=2, **kwargs):
        if isinstance(size, bool) or not isinstance(size, int):
            raise TypeError(f"Expected an integer value for `size`, got {type(size)}.")
        if size <= 0:
            raise ValueError(f"Argument `size` should be a positive integer. Received: size={size}")
        super().__init__(size, **kwargs)


class UpSampling2D(_UpSampling):
    """Repeats rows and columns of (batch, height, width, channels).

    Args:
        size: times per spatial dimension.
        interpolation: "nearest", "bilinear", "bicubic", "lanczos3" or "lanczos5".
        data_format: "channels_last" or "channels_first"; that of `keras.config` by default.

    Example:
        >>> layers.UpSampling2D(2)(ops.ones((2, 8, 8, 4))).shape
        (2, 16, 16, 4)
    """

    rank = 2

    def __init__(self, size=(2, 2), data_format=None, interpolation="nearest", **kwargs):
        super().__init__(size, data_format, **kwargs)
        interpolation = interpolation.lower()
        if interpolation not in _UPSAMPLING:
            raise ValueError(
                f"`interpolation` argument should be one of {_UPSAMPLING}. "
                f"Received: interpolation={interpolation!r}"
            )
        self.interpolation = interpolation

    def call(self, inputs):
        if self.interpolation == "nearest":
            return super().call(inputs)
        times = self._spatial(self.size, 0)
        height, width = (n * t for n, t in zip(inputs.shape, times) if t)
        return ops.image.resize(
            inputs, (height, width), interpolation=self.interpolation, data_format=self.data_format
        )

    def get_config(self):
        return {**super().get_config(), "interpolation": self.interpolation}


class UpSampling3D(_UpSampling):
    """Repeats the positions of (batch, depth, height, width, channels).

    Args:
        size: an int, or one per spatial axis.
        data_format: "channels_last" or "channels_first"; that of `keras.config` by default.

    Example:
        >>> layers.UpSampling3D(2)(ops.ones((1, 6, 6, 6, 2))).shape
        (1, 12, 12, 12, 2)
    """

    rank = 3

    def __init__(self, size=(2, 2, 2), data_format=None, **kwargs):
        super().__init__(size, data_format, **kwargs)
