"""Pooling layers."""

from __future__ import annotations

from ranvier import ops
from ranvier.config import standardize_data_format
from ranvier.layers._parts import check_padding, tuple_of
from ranvier.layers.input_spec import InputSpec
from ranvier.layers.layer import Layer


class BasePooling(Layer):
    """The largest value or the mean of each window.

    Args:
        pool_size: one int or one per spatial dimension.
        strides: the same; `pool_size` when `None`.
        padding: "valid" or "same".
        data_format: "channels_last" (default) or "channels_first".
    """

    rank = 0
    mode = ""

    def __init__(
        self, pool_size=2, strides=None, padding="valid", data_format=None, name=None, **kwargs
    ):
        super().__init__(name=name, **kwargs)
        self.pool_size = tuple_of(pool_size, self.rank, "pool_size")
        self.strides = tuple_of(
            self.pool_size if strides is None else strides, self.rank, "strides"
        )
        self.padding = check_padding(padding)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)
        self._build_at_init()

    def call(self, inputs):
        pool = ops.max_pool if self.mode == "max" else ops.average_pool
        return pool(inputs, pool_size=self.pool_size, strides=self.strides, padding=self.padding,
                    data_format=self.data_format)  # fmt: skip

    def get_config(self):
        return {**super().get_config(), "pool_size": self.pool_size, "padding": self.padding,
                "strides": self.strides, "data_format": self.data_format}  # fmt: skip


class BaseGlobalPooling(Layer):
    """The largest value or the mean over all spatial positions.

    Args:
        data_format: "channels_last" (default) or "channels_first".
        keepdims: whether the spatial axes stay, with size one.
    """

    rank = 0
    mode = ""

    def __init__(self, data_format=None, keepdims=False, **kwargs):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.keepdims = keepdims
        self.input_spec = InputSpec(ndim=self.rank + 2)
        self._build_at_init()

    @property
    def _axes(self):
        first = 1 if self.data_format == "channels_last" else 2
        return tuple(range(first, first + self.rank))

    def call(self, inputs):
        reduce = ops.max if self.mode == "max" else ops.mean
        return reduce(inputs, axis=self._axes, keepdims=self.keepdims)

    def get_config(self):
        return {**super().get_config(), "data_format": self.data_format, "keepdims": self.keepdims}


class MaxPooling1D(BasePooling):
    """Largest value of windows of (batch, steps, channels).

    Args:
        pool_size: an int, or one per spatial axis.
        strides: the same; `pool_size` when `None`.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first"; that of `keras.config` by default.

    Example:
        >>> layers.MaxPooling1D(2)(ops.ones((2, 10, 4))).shape
        (2, 5, 4)
    """

    rank, mode = 1, "max"

    def __init__(
        self, pool_size=2, strides=None, padding="valid", data_format=None, name=None, **kwargs
    ):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class AveragePooling1D(BasePooling):
    """Mean of windows of (batch, steps, channels).

    Args:
        pool_size: an int, or one per spatial axis.
        strides: the same; `pool_size` when `None`.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first"; that of `keras.config` by default.

    Example:
        >>> layers.AveragePooling1D(2)(ops.ones((2, 10, 4))).shape
        (2, 5, 4)
    """

    rank, mode = 1, "average"

    def __init__(
        self, pool_size, strides=None, padding="valid", data_format=None, name=None, **kwargs
    ):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class MaxPooling2D(BasePooling):
    """Largest value of windows of (batch, height, width, channels).

    Args:
        pool_size: an int, or one per spatial axis.
        strides: the same; `pool_size` when `None`.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first"; that of `keras.config` by default.

    Example:
        >>> layers.MaxPooling2D(2)(ops.ones((2, 8, 8, 4))).shape
        (2, 4, 4, 4)
    """

    rank, mode = 2, "max"

    def __init__(
        self, pool_size=(2, 2), strides=None, padding="valid", data_format=None, name=None, **kwargs
    ):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class AveragePooling2D(BasePooling):
    """Mean of windows of (batch, height, width, channels).

    Args:
        pool_size: an int, or one per spatial axis.
        strides: the same; `pool_size` when `None`.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first"; that of `keras.config` by default.

    Example:
        >>> layers.AveragePooling2D(2)(ops.ones((2, 8, 8, 4))).shape
        (2, 4, 4, 4)
    """

    rank, mode = 2, "average"

    def __init__(
        self, pool_size, strides=None, padding="valid", data_format=None, name=None, **kwargs
    ):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class MaxPooling3D(BasePooling):
    """Largest value of windows of (batch, depth, height, width, channels).

    Args:
        pool_size: an int, or one per spatial axis.
        strides: the same; `pool_size` when `None`.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first"; that of `keras.config` by default.

    Example:
        >>> layers.MaxPooling3D(2)(ops.ones((1, 6, 6, 6, 2))).shape
        (1, 3, 3, 3, 2)
    """

    rank, mode = 3, "max"

    def __init__(
        self,
        pool_size=(2, 2, 2),
        strides=None,
        padding="valid",
        data_format=None,
        name=None,
        **kwargs,
    ):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class AveragePooling3D(BasePooling):
    """Mean of windows of (batch, depth, height, width, channels).

    Args:
        pool_size: an int, or one per spatial axis.
        strides: the same; `pool_size` when `None`.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first"; that of `keras.config` by default.

    Example:
        >>> layers.AveragePooling3D(2)(ops.ones((1, 6, 6, 6, 2))).shape
        (1, 3, 3, 3, 2)
    """

    rank, mode = 3, "average"

    def __init__(
        self, pool_size, strides=None, padding="valid", data_format=None, name=None, **kwargs
    ):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class GlobalMaxPooling1D(BaseGlobalPooling):
    """Largest value over the positions of (batch, steps, channels).

    Args:
        data_format: "channels_last" or "channels_first"; that of `keras.config` by default.
        keepdims: whether the spatial axes stay, with size 1.

    Example:
        >>> layers.GlobalMaxPooling1D()(ops.ones((2, 10, 4))).shape
        (2, 4)
    """

    rank, mode = 1, "max"


class GlobalAveragePooling1D(BaseGlobalPooling):
    """Mean over the steps of (batch, steps, channels); masked steps do not count.

    Args:
        data_format: "channels_last" or "channels_first"; that of `keras.config` by default.
        keepdims: whether the spatial axes stay, with size 1.

    Example:
        >>> layers.GlobalAveragePooling1D()(ops.ones((2, 10, 4))).shape
        (2, 4)
    """

    rank, mode = 1, "average"

    def __init__(self, data_format=None, keepdims=False, **kwargs):
        super().__init__(data_format, keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        if mask is None:
            return super().call(inputs)
        axis = self._axes[0]
        keep = ops.expand_dims(ops.cast(mask, inputs.dtype), 2 if axis == 1 else 1)
        total = ops.sum(ops.multiply(inputs, keep), axis=axis, keepdims=self.keepdims)
        return ops.divide(total, ops.sum(keep, axis=axis, keepdims=self.keepdims))

    def compute_mask(self, inputs, mask=None):
        return None


class GlobalMaxPooling2D(BaseGlobalPooling):
    """Largest value over the positions of (batch, height, width, channels).

    Args:
        data_format: "channels_last" or "channels_first"; that of `keras.config` by default.
        keepdims: whether the spatial axes stay, with size 1.

    Example:
        >>> layers.GlobalMaxPooling2D()(ops.ones((2, 8, 8, 4))).shape
        (2, 4)
    """

    rank, mode = 2, "max"


class GlobalAveragePooling2D(BaseGlobalPooling):
    """Mean over the positions of (batch, height, width, channels).

    Args:
        data_format: "channels_last" or "channels_first"; that of `keras.config` by default.
        keepdims: whether the spatial axes stay, with size 1.

    Example:
        >>> layers.GlobalAveragePooling2D()(ops.ones((2, 8, 8, 4))).shape
        (2, 4)
    """

    rank, mode = 2, "average"


class GlobalMaxPooling3D(BaseGlobalPooling):
    """Largest value over the positions of (batch, depth, height, width, channels).

    Args:
        data_format: "channels_last" or "channels_first"; that of `keras.config` by default.
        keepdims: whether the spatial axes stay, with size 1.

    Example:
        >>> layers.GlobalMaxPooling3D()(ops.ones((1, 6, 6, 6, 2))).shape
        (1, 2)
    """

    rank, mode = 3, "max"


class GlobalAveragePooling3D(BaseGlobalPooling):
    """Mean over the positions of (batch, depth, height, width, channels).

    Args:
        data_format: "channels_last" or "channels_first"; that of `keras.config` by default.
        keepdims: whether the spatial axes stay, with size 1.

    Example:
        >>> layers.GlobalAveragePooling3D()(ops.ones((1, 6, 6, 6, 2))).shape
        (1, 2)
    """

    rank, mode = 3, "average"
