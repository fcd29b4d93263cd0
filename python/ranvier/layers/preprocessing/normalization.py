"""Normalization: features with mean 0 and variance 1."""

from __future__ import annotations

import itertools
import math

import numpy as np

from ranvier import config, ops
from ranvier.layers.layer import Layer
from ranvier.python_numbers import numbers_of


class Normalization(Layer):
    """(inputs − mean) / max(√variance, ε), per position on the kept axes.

    Args:
        axis: axes with a mean and variance per position; `None` for one number each.
        mean: values to use instead of learned ones; broadcast over the kept axes.
        variance: likewise.
        invert: whether the layer computes inputs · max(√variance, ε) + mean instead.

    Input: any shape whose kept axes are known. Output: the same, in the compute dtype.

    Raises:
        ValueError: `mean` without `variance`, shapes that do not fit, an unknown kept axis.

    Example:
        >>> layer = layers.Normalization()
        >>> layer.adapt(np.array([[1.0], [3.0]]))
        >>> layer(np.array([[3.0]])).tolist()
        [[1.0]]
    """

    def __init__(self, axis=-1, mean=None, variance=None, invert=False, **kwargs):
        super().__init__(**kwargs)
        self._allow_non_tensor_positional_args = self._takes_lists = True
        self.axis = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        self.input_mean, self.input_variance = mean, variance
        self.invert = invert
        self.supports_masking = True
        self._build_input_shape = None
        self._constants = None
        if (mean is None) != (variance is None):
            raise ValueError(
                "When setting values directly, both `mean` and `variance` must be set. Received: "
                f"mean={mean} and variance={variance}"
            )
        if mean is not None and np.shape(mean) != np.shape(variance):
            raise ValueError(
                "When setting values directly, `mean` and `variance` must have the same shape. "
                f"Received: mean shape {np.shape(mean)} and variance shape {np.shape(variance)}"
            )
        if mean is not None and np.ndim(mean) > len(self.axis):
            raise ValueError(
                "The rank of `mean` must be less than or equal to the number of axes "
                f"({len(self.axis)}). Received: mean shape {np.shape(mean)} for axis {self.axis}"
            )

    def build(self, input_shape):
        if input_shape is None:
            return
        rank = len(input_shape)
        if any(not -rank <= a < rank for a in self.axis):
            raise ValueError(
                "All `axis` values must be in the range [-ndim, ndim). Received inputs with "
                f"ndim={rank}, while axis={self.axis}"
            )
        self._build_input_shape = tuple(input_shape)
        self._keep_axis = tuple(sorted(a % rank for a in self.axis))
        for axis in self._keep_axis:
            if input_shape[axis] is None:
                raise ValueError(
                    "All `axis` values to be kept must have a known shape. Received axis="
                    f"{self.axis}, inputs.shape={input_shape}, with unknown axis at index {axis}"
                )
        self._reduce_axis = tuple(a for a in range(rank) if a not in self._keep_axis)
        self._broadcast_shape = tuple(
            n if a in self._keep_axis else 1 for a, n in enumerate(input_shape)
        )
        if self.input_mean is not None:
            self._constants = tuple(map(self._aligned, (self.input_mean, self.input_variance)))
            return
        kept = tuple(input_shape[a] for a in self._keep_axis)
        self.adapt_mean = self.add_weight(kept, "zeros", trainable=False, name="mean")
        self.adapt_variance = self.add_weight(kept, "ones", trainable=False, name="variance")
        # Part of Keras' files.
        self.count = self.add_weight((), "zeros", dtype="int32", trainable=False, name="count")

    def _aligned(self, values) -> np.ndarray:
        """Given values in the inputs' rank: their axes are the last ones of the kept axes."""
        values = np.asarray(values, dtype="float64")
        shape = [1] * len(self._broadcast_shape)
        for i in range(1, values.ndim + 1):
            shape[self._keep_axis[-i]] = values.shape[-i]
        return np.broadcast_to(values.reshape(shape), self._broadcast_shape)

    def _moment(self, index, variable):
        if not self.built:
            return None
        if self.input_mean is not None:
            return ops.convert_to_tensor(self._constants[index].astype(self._plain_dtype()))
        shaped = ops.reshape(getattr(self, variable), self._broadcast_shape)
        return ops.cast(shaped, self.compute_dtype)

    def _plain_dtype(self):
        return "float32" if self.compute_dtype == "bfloat16" else self.compute_dtype

    @property
    def mean(self):
        """The mean, shaped to broadcast with the inputs; `None` before the layer is built."""
        return self._moment(0, "adapt_mean")

    @property
    def variance(self):
        """The variance, shaped to broadcast with the inputs; `None` before the layer is built."""
        return self._moment(1, "adapt_variance")

    def adapt(self, data):
        """Computes mean and variance of data.

        Args:
            data: an array, tensor or data frame, or an iterable of batches (a list of arrays, a
                generator, a dataset, a `PyDataset`); of batches `(x, ...)` the first part counts.

        Raises:
            ValueError: no batch, a batch without samples, or shapes that differ on the kept axes.
            TypeError: something that is no data.
        """
        if hasattr(data, "__array__"):
            batches = iter([data])
        elif hasattr(data, "__iter__"):
            batches = iter(data)
        else:
            raise TypeError(
                f"Unsupported data type: {type(data)}. `adapt` supports arrays, tensors, datasets "
                "and iterables of batches."
            )
        first = next(batches, None)
        if first is None:
            raise ValueError("adapt() received an empty iterable. Expected at least one batch.")
        first = _samples(first)
        if not self.built:
            self.build(first.shape)
        count, mean, variance = 0, 0.0, 0.0
        for batch in itertools.chain([first], map(_samples, batches)):
            self._check_batch(batch)
            size = math.prod(batch.shape[a] for a in self._reduce_axis)
            if size == 0:
                raise ValueError(
                    f"adapt() of layer '{self.name}' received a batch without samples. Expected at "
                    f"least one value for each mean. Received: shape={batch.shape}"
                )
            count += size
            share = size / count
            moments = ops.moments(ops.cast(batch, "float64"), self._reduce_axis)
            own_mean, own_variance = map(np.asarray, moments)
            # Variance of a union: within the parts plus between their means.
            total = mean * (1 - share) + own_mean * share
            variance = (variance + (mean - total) ** 2) * (1 - share)
            variance = variance + (own_variance + (own_mean - total) ** 2) * share
            mean = total
        self.adapt_mean.assign(np.asarray(mean, dtype=self.adapt_mean.dtype))
        self.adapt_variance.assign(np.asarray(variance, dtype=self.adapt_variance.dtype))

    def finalize_state(self):
        """Makes weights that were assigned count, as in Keras; here they count at every call."""

    def _check_batch(self, batch):
        want = self._build_input_shape
        if batch.ndim != len(want) or any(batch.shape[a] != want[a] for a in self._keep_axis):
            raise ValueError(
                f"The layer was built with input_shape={want}, but adapt() is being called with "
                f"data with an incompatible shape, data.shape={batch.shape}"
            )

    def call(self, inputs):
        if self.mean is None:
            raise ValueError("You must call `.build(input_shape)` on the layer before using it.")
        x = ops.cast(ops.convert_to_tensor(inputs), self.compute_dtype)
        mean, variance = (ops.cast(m, self.compute_dtype) for m in (self.mean, self.variance))
        deviation = ops.maximum(ops.sqrt(variance), config.epsilon())
        if self.invert:
            return ops.add(mean, ops.multiply(x, deviation))
        return ops.divide(ops.subtract(x, mean), deviation)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "axis": self.axis,
            "invert": self.invert,
            "mean": np.array(self.input_mean).tolist(),
            "variance": np.array(self.input_variance).tolist(),
        }

    def get_build_config(self):
        return {"input_shape": self._build_input_shape} if self._build_input_shape else None

    def build_from_config(self, config):
        if config:
            self.build(tuple(config["input_shape"]))


def _samples(batch) -> np.ndarray:
    if isinstance(batch, (tuple, list)) and len(batch) and hasattr(batch[0], "shape"):
        batch = batch[0]
    if not hasattr(batch, "shape"):
        raise TypeError(
            "adapt() expects an iterable that yields arrays or tensors, which have a `.shape`. "
            f"Received an element of type {type(batch).__name__}."
        )
    array = batch.numpy() if hasattr(batch, "numpy") else np.asarray(batch)
    return numbers_of(array) if array.dtype.kind == "O" else array
