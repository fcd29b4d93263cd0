"""Discretization: numbers become the index of their bin."""

from __future__ import annotations

import numpy as np

from ranvier import _backend as B
from ranvier import config, ops
from ranvier.layers.layer import Layer
from ranvier.layers.preprocessing.encoding import (
    MODES,
    check_choice,
    check_sparse,
    encode,
    encode_array,
    encoded_shape,
)
from ranvier.layers.preprocessing.host_layer import batches_of
from ranvier.symbolic import host
from ranvier.symbolic.keras_tensor import KerasTensor


class Discretization(Layer):
    """The bin of each number: (−∞, b₀), [b₀, b₁), …, [bₙ₋₁, ∞).

    Args:
        bin_boundaries: the n boundaries, increasing; they make n + 1 bins.
        num_bins: how many bins `adapt` makes, at quantiles of the data.
        epsilon: share of the data by which learned boundaries may be off.
        output_mode: "int" (int32), "one_hot" per number, or "multi_hot" and "count" per sample.
        sparse: kept for Keras programs; results are dense.
        dtype, name: as for every layer.

    Raises:
        ValueError: not exactly one of `bin_boundaries` and `num_bins`, an unknown mode, a call
            without boundaries.

    Example:
        >>> layer = layers.Discretization(bin_boundaries=[0.0, 1.0])
        >>> layer(np.array([-1.0, 0.5, 3.0])).tolist()
        [0, 1, 2]
    """

    def __init__(
        self,
        bin_boundaries=None,
        num_bins=None,
        epsilon=0.01,
        output_mode="int",
        sparse=False,
        dtype=None,
        name=None,
    ):
        super().__init__(name=name, dtype=dtype)
        check_sparse(sparse, output_mode)
        check_choice(output_mode, MODES, self, "output_mode")
        if num_bins is not None and num_bins < 0:
            raise ValueError(
                f"`num_bins` must be greater than or equal to 0. Received: `num_bins={num_bins}`"
            )
        if num_bins is not None and bin_boundaries is not None:
            raise ValueError(
                "Both `num_bins` and `bin_boundaries` should not be set. Received: "
                f"`num_bins={num_bins}` and `bin_boundaries={bin_boundaries}`"
            )
        if num_bins is None and bin_boundaries is None:
            raise ValueError("You need to set either `num_bins` or `bin_boundaries`.")
        self._allow_non_tensor_positional_args = True
        self.bin_boundaries = bin_boundaries
        self.num_bins = num_bins
        self.epsilon = epsilon
        self.output_mode = output_mode
        self.sparse = sparse
        self.summary = None if self.bin_boundaries else _empty_summary()

    @property
    def input_dtype(self):
        """Numbers are compared in `floatx`."""
        return config.floatx()

    @property
    def output_dtype(self) -> str:
        """int32 for indices, else the compute dtype."""
        return "int32" if self.output_mode == "int" else self.compute_dtype

    def adapt(self, data, steps=None):
        """Puts the boundaries at quantiles of the data.

        Args:
            data: array, tensor, or iterable of batches.
            steps: batches at most.

        Raises:
            ValueError: the layer was made with `bin_boundaries`.
        """
        if self.num_bins is None:
            raise ValueError(
                "Cannot adapt a Discretization layer that has been initialized with "
                "`bin_boundaries`, use `num_bins` instead."
            )
        self.reset_state()
        for batch in batches_of(data, steps, whole=())[0]:
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data):
        """Adds a batch to the summary of all values seen."""
        data = data.numpy() if isinstance(data, B.Tensor) else data
        new = _summarize(np.array(data).astype("float32"), self.epsilon)
        merged = np.concatenate([new, self.summary], axis=1)
        self.summary = _compress(merged[:, np.argsort(merged[0])], self.epsilon)

    def finalize_state(self):
        """Makes the boundaries from the summary."""
        if self.num_bins is not None:
            compressed = _compress(self.summary, 1.0 / self.num_bins)
            self.bin_boundaries = compressed[0, :-1].tolist()

    def reset_state(self):
        """Forgets what was seen."""
        if self.num_bins is not None:
            self.summary = _empty_summary()

    def _depth(self):
        return self.num_bins if self.bin_boundaries is None else len(self.bin_boundaries) + 1

    def compute_output_shape(self, input_shape):
        return encoded_shape(input_shape, self.output_mode, self._depth())

    def compute_output_spec(self, inputs):
        return KerasTensor(self.compute_output_shape(inputs.shape), dtype=self.output_dtype)

    def call(self, inputs):
        if self.bin_boundaries is None:
            raise ValueError(
                "You need to either pass the `bin_boundaries` argument at construction time or "
                "call `adapt(dataset)` before you can start using the `Discretization` layer."
            )
        if host.is_fed(inputs):  # other layers may hash the indices there
            return host.run(self._bins_of, [inputs], lambda s: (s, "int32"), ("layer", id(self)))
        boundaries = np.asarray(self.bin_boundaries, dtype="float32")
        indices = ops.digitize(ops.convert_to_tensor(inputs), boundaries)
        return encode(indices, self.output_mode, self._depth(), self.output_dtype)

    def _bins_of(self, array):
        indices = np.digitize(array, np.asarray(self.bin_boundaries, dtype="float32"))
        return encode_array(indices, self.output_mode, self._depth(), self.output_dtype)

    def load_own_variables(self, store):
        if len(store) == 1:  # files of old versions hold the summary
            self.summary = store["0"]

    def get_config(self):
        boundaries = self.bin_boundaries
        return {
            "bin_boundaries": boundaries if boundaries is None else [float(b) for b in boundaries],
            "num_bins": self.num_bins,
            "epsilon": self.epsilon,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
            "name": self.name,
            "dtype": self.dtype,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        learned = config.get("num_bins") is not None
        boundaries = config.pop("bin_boundaries") if learned else None
        layer = cls(**config)
        if boundaries is not None:
            layer.bin_boundaries = boundaries
        return layer


def _empty_summary():
    return np.zeros((2, 0), dtype="float32")


def _summarize(values, epsilon):
    """Sorted values at equal distances of rank, (2, about 1 / epsilon): values and weights."""
    values = np.sort(values.reshape(-1))
    step = max(values.size * epsilon, 1)
    kept = values[int(step - 1) :: int(step)]
    return np.stack([kept, np.full_like(kept, step)])


def _compress(summary, epsilon):
    """The summary interpolated at multiples of `epsilon` of its weight."""
    values, weights = summary
    if len(values) * epsilon < 1:
        return summary
    shares = epsilon + np.arange(0.0, 1.0, epsilon)
    total = weights.cumsum()
    position = total / total[-1]
    at = np.interp(shares, position, total)
    out = np.stack([np.interp(shares, position, values), np.diff(at, prepend=0)])
    return out.astype("float32")
