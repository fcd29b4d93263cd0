"""Layers that change the shape: Flatten, Reshape, Permute, RepeatVector."""

from __future__ import annotations

import math

from ranvier import ops
from ranvier.config import standardize_data_format
from ranvier.layers.input_spec import InputSpec
from ranvier.layers.layer import Layer
from ranvier.symbolic.keras_tensor import KerasTensor


class Flatten(Layer):
    """All axes but the batch as one.

    Args:
        data_format: "channels_first" moves the channels to the end first.

    Example:
        >>> layers.Flatten()(ops.ones((2, 8, 8))).shape
        (2, 64)
    """

    _declares_dtype = False

    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs):
        shape = inputs.shape
        if self.data_format == "channels_first" and len(shape) > 1:
            inputs = ops.transpose(inputs, (0, *range(2, len(shape)), 1))
        return ops.reshape(inputs, (shape[0], math.prod(shape[1:])))

    def get_config(self):
        return {**super().get_config(), "data_format": self.data_format}


class Reshape(Layer):
    """Each sample in another shape.

    Args:
        target_shape: sizes without the batch; one may be -1.

    Example:
        >>> layers.Reshape((4, -1))(ops.ones((2, 8))).shape
        (2, 4, 2)
    """

    _declares_dtype = False

    def __init__(self, target_shape, **kwargs):
        super().__init__(**kwargs)
        target_shape = tuple(target_shape)
        if any(d < -1 for d in target_shape):
            raise ValueError(
                "Each size of `target_shape` must be a non-negative integer, or -1 for the one to "
                f"be found out. Received: target_shape={target_shape}"
            )
        if target_shape.count(-1) > 1:
            raise ValueError(
                "There can be at most one unknown dimension (-1) in `target_shape`. "
                f"Received: target_shape={target_shape}"
            )
        self.target_shape = target_shape
        self.built = True

    def call(self, inputs):
        shape = list(self.target_shape)
        size = math.prod(inputs.shape[1:])
        known = math.prod(d for d in shape if d != -1)
        if -1 in shape and known:
            shape[shape.index(-1)] = size // known
        if math.prod(shape) != size:
            raise ValueError(
                "The total size of the tensor must be unchanged. Received: "
                f"input_shape={tuple(inputs.shape[1:])}, target_shape={self.target_shape}"
            )
        return ops.reshape(inputs, (inputs.shape[0], *shape))

    def compute_output_spec(self, inputs):
        """The target shape, which says the sizes even where those of the input are unknown."""
        if None not in inputs.shape[1:]:
            return super().compute_output_spec(inputs)
        sizes = (None if d == -1 else d for d in self.target_shape)
        return KerasTensor((inputs.shape[0], *sizes), dtype=inputs.dtype)

    def get_config(self):
        return {**super().get_config(), "target_shape": self.target_shape}


class Permute(Layer):
    """The axes of each sample in another order.

    Args:
        dims: axes from 1; `(2, 1)` swaps the first two after the batch.

    Example:
        >>> layers.Permute((2, 1))(ops.ones((2, 3, 4))).shape
        (2, 4, 3)
    """

    _declares_dtype = False

    def __init__(self, dims, **kwargs):
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(dims) != list(range(1, len(dims) + 1)):
            raise ValueError(
                "Invalid permutation argument `dims` for Permute Layer. The set of indices in "
                f"`dims` must be consecutive and start from 1. Received dims={dims}"
            )
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs):
        return ops.transpose(inputs, axes=(0, *self.dims))

    def get_config(self):
        return {**super().get_config(), "dims": self.dims}


class RepeatVector(Layer):
    """(batch, features) repeated n times: (batch, n, features).

    Example:
        >>> layers.RepeatVector(5)(ops.ones((2, 3))).shape
        (2, 5, 3)
    """

    def __init__(self, n, **kwargs):
        super().__init__(**kwargs)
        if isinstance(n, bool) or not isinstance(n, int):
            raise TypeError(f"Expected an integer value for `n`, got {type(n)}.")
        if n <= 0:
            raise ValueError(f"Argument `n` should be a positive integer. Received: n={n}")
        self.n = n
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs):
        return ops.repeat(ops.expand_dims(inputs, 1), repeats=self.n, axis=1)

    def get_config(self):
        return {**super().get_config(), "n": self.n}
