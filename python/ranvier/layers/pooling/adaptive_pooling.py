"""Pooling to a given output size."""

from __future__ import annotations

from ranvier import config, ops
from ranvier.layers.layer import Layer


class BaseAdaptivePooling(Layer):
    """Windows chosen so that the output has given spatial sizes: window i of m over n positions is
    [floor(i n / m), ceil((i + 1) n / m)).

    Args:
        output_size: one int, or one per spatial dimension.
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        TypeError, ValueError: `output_size` is neither.
    """

    rank = 0
    mode = ""

    def __init__(self, output_size, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.output_size = self._sizes(output_size)
        self.data_format = data_format or config.image_data_format()
        if self.data_format not in {"channels_first", "channels_last"}:
            raise ValueError(
                f"Invalid data_format: {self.data_format}. "
                "Expected 'channels_first' or 'channels_last'."
            )

    def _sizes(self, output_size):
        if isinstance(output_size, int):
            return (output_size,) * self.rank
        several = isinstance(output_size, (tuple, list))
        if several and len(output_size) == self.rank:
            return tuple(output_size)
        if several and self.rank == 1:
            raise ValueError(
                "For 1D input, `output_size` tuple must have length 1. "
                f"Received: output_size={output_size}"
            )
        raise TypeError(
            f"`output_size` must be an integer or a tuple of {self.rank} integers. "
            f"Received: output_size={output_size} of type {type(output_size)}"
        )

    def call(self, inputs):
        pool = ops.adaptive_max_pool if self.mode == "max" else ops.adaptive_average_pool
        return pool(inputs, output_size=self.output_size, data_format=self.data_format)

    def compute_output_shape(self, input_shape):
        """The output sizes between batch and channels."""
        if self.data_format == "channels_last":
            return (input_shape[0], *self.output_size, input_shape[-1])
        return (*input_shape[:2], *self.output_size)

    def get_config(self):
        return {**super().get_config(), "output_size": self.output_size,
                "data_format": self.data_format}  # fmt: skip


class AdaptiveAveragePooling1D(BaseAdaptivePooling):
    """Means of (batch, steps, channels) over windows that give `output_size` steps.

    Args:
        output_size: an int, or one per spatial axis.
        data_format: "channels_last" or "channels_first"; that of `keras.config` by default.

    Example:
        >>> layers.AdaptiveAveragePooling1D(2)(ops.ones((2, 10, 4))).shape
        (2, 2, 4)
    """

    rank, mode = 1, "average"


class AdaptiveAveragePooling2D(BaseAdaptivePooling):
    """Means of (batch, height, width, channels) over windows that give `output_size`.

    Args:
        output_size: an int, or one per spatial axis.
        data_format: "channels_last" or "channels_first"; that of `keras.config` by default.

    Example:
        >>> layers.AdaptiveAveragePooling2D(2)(ops.ones((2, 8, 8, 4))).shape
        (2, 2, 2, 4)
    """

    rank, mode = 2, "average"


class AdaptiveAveragePooling3D(BaseAdaptivePooling):
    """Means of (batch, depth, height, width, channels) over windows that give `output_size`.

    Args:
        output_size: an int, or one per spatial axis.
        data_format: "channels_last" or "channels_first"; that of `keras.config` by default.

    Example:
        >>> layers.AdaptiveAveragePooling3D(2)(ops.ones((1, 6, 6, 6, 2))).shape
        (1, 2, 2, 2, 2)
    """

    rank, mode = 3, "average"


class AdaptiveMaxPooling1D(BaseAdaptivePooling):
    """Maxima of (batch, steps, channels) over windows that give `output_size` steps.

    Args:
        output_size: an int, or one per spatial axis.
        data_format: "channels_last" or "channels_first"; that of `keras.config` by default.

    Example:
        >>> layers.AdaptiveMaxPooling1D(2)(ops.ones((2, 10, 4))).shape
        (2, 2, 4)
    """

    rank, mode = 1, "max"


class AdaptiveMaxPooling2D(BaseAdaptivePooling):
    """Maxima of (batch, height, width, channels) over windows that give `output_size`.

    Args:
        output_size: an int, or one per spatial axis.
        data_format: "channels_last" or "channels_first"; that of `keras.config` by default.

    Example:
        >>> layers.AdaptiveMaxPooling2D(2)(ops.ones((2, 8, 8, 4))).shape
        (2, 2, 2, 4)
    """

    rank, mode = 2, "max"


class AdaptiveMaxPooling3D(BaseAdaptivePooling):
    """Maxima of (batch, depth, height, width, channels) over windows that give `output_size`.

    Args:
        output_size: an int, or one per spatial axis.
        data_format: "channels_last" or "channels_first"; that of `keras.config` by default.

    Example:
        >>> layers.AdaptiveMaxPooling3D(2)(ops.ones((1, 6, 6, 6, 2))).shape
        (1, 2, 2, 2, 2)
    """

    rank, mode = 3, "max"
