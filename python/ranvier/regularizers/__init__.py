"""Penalties on weights and activities that are added to the loss."""

from __future__ import annotations

import math

from ranvier import identifiers, ops

__all__ = [
    "L1", "L1L2", "L2", "OrthogonalRegularizer", "Regularizer", "deserialize", "get", "l1", "l1_l2",
    "l2", "orthogonal_regularizer", "serialize",
]  # fmt: skip


def _strength(value, name):
    valid = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not valid or math.isinf(value) or math.isnan(value) or value < 0:
        raise ValueError(
            f"Invalid value for argument {name}: expected a non-negative float. "
            f"Received: {name}={value}"
        )
    return float(value)


class Regularizer:
    """Base of regularizers: a function of a tensor that returns a scalar.

    Example:
        >>> class Sum(keras.regularizers.Regularizer):
        ...     def __call__(self, x):
        ...         return 0.1 * ops.sum(x)
        >>> layer = layers.Dense(1, kernel_initializer="ones", kernel_regularizer=Sum())
        >>> y = layer(ops.ones((1, 5)))
        >>> [float(loss) for loss in layer.losses]
        [0.5]
    """

    def __call__(self, x):
        return 0.0

    def get_config(self) -> dict:
        """Constructor arguments; to be written by subclasses."""
        raise NotImplementedError(f"{self} does not implement get_config()")

    @classmethod
    def from_config(cls, config):
        """A regularizer from its config."""
        return cls(**config)


def _l1_term(strength, x):
    return ops.multiply(ops.sum(ops.absolute(x)), strength)


def _l2_term(strength, x):
    return ops.multiply(ops.sum(ops.square(x)), strength)


class L1L2(Regularizer):
    """l1 sum(|x|) + l2 sum(x^2).

    Args:
        l1: factor of the first term.
        l2: factor of the second term.

    Example:
        >>> float(keras.regularizers.L1L2(0.5, 0.5)(np.array([1.0, -2.0])))
        4.0
    """

    def __init__(self, l1=0.0, l2=0.0):
        self.l1 = _strength(0.0 if l1 is None else l1, "l1")
        self.l2 = _strength(0.0 if l2 is None else l2, "l2")

    def __call__(self, x):
        x = ops.convert_to_tensor(x)
        terms = []
        if self.l1:
            terms.append(_l1_term(self.l1, x))
        if self.l2:
            terms.append(_l2_term(self.l2, x))
        if not terms:
            return ops.zeros((), dtype=x.dtype)
        return terms[0] if len(terms) == 1 else ops.add(*terms)

    def get_config(self):
        return {"l1": self.l1, "l2": self.l2}


class L1(Regularizer):
    """l1 sum(|x|).

    Args:
        l1: the factor.

    Example:
        >>> float(keras.regularizers.L1(0.5)(np.array([1.0, -2.0])))
        1.5
    """

    def __init__(self, l1=0.01):
        self.l1 = _strength(0.01 if l1 is None else l1, "l1")

    def __call__(self, x):
        return _l1_term(self.l1, ops.convert_to_tensor(x))

    def get_config(self):
        return {"l1": self.l1}


class L2(Regularizer):
    """l2 sum(x^2).

    Args:
        l2: the factor.

    Example:
        >>> float(keras.regularizers.L2(0.5)(np.array([1.0, -2.0])))
        2.5
    """

    def __init__(self, l2=0.01):
        self.l2 = _strength(0.01 if l2 is None else l2, "l2")

    def __call__(self, x):
        return _l2_term(self.l2, ops.convert_to_tensor(x))

    def get_config(self):
        return {"l2": self.l2}


class OrthogonalRegularizer(Regularizer):
    """factor times the mean absolute cosine between different rows, or columns, of a matrix.

    Args:
        factor: the factor.
        mode: "rows" or "columns".

    Example:
        >>> penalty = keras.regularizers.OrthogonalRegularizer(factor=0.5)
        >>> round(float(penalty(ops.array([[1.0, 0.0], [1.0, 1.0]]))), 4)
        0.3536
    """

    def __init__(self, factor=0.01, mode="rows"):
        self.factor = _strength(factor, "factor")
        if mode not in ("rows", "columns"):
            raise ValueError(
                'Invalid value for argument `mode`. Expected one of {"rows", "columns"}. '
                f"Received: mode={mode}"
            )
        self.mode = mode

    def __call__(self, inputs):
        if len(inputs.shape) != 2:
            raise ValueError(
                "Inputs to OrthogonalRegularizer must have rank 2. Received: "
                f"inputs.shape={tuple(inputs.shape)}"
            )
        inputs = ops.convert_to_tensor(inputs)
        if self.mode == "rows":
            unit = ops.normalize(inputs, axis=1)
            product = ops.matmul(unit, ops.transpose(unit))
            size = inputs.shape[0]
        else:
            unit = ops.normalize(inputs, axis=0)
            product = ops.matmul(ops.transpose(unit), unit)
            size = inputs.shape[1]
        others = ops.multiply(product, ops.subtract(1.0, ops.eye(size, dtype=product.dtype)))
        pairs = size * (size - 1.0) / 2.0
        return ops.multiply(ops.sum(ops.absolute(others)), self.factor * 0.5 / pairs)

    def get_config(self):
        return {"factor": self.factor, "mode": self.mode}


l1 = L1
l2 = L2
l1_l2 = L1L2
orthogonal_regularizer = OrthogonalRegularizer

_TABLE = identifiers.names_of([L1, L1L2, L2, OrthogonalRegularizer, Regularizer], {"l1_l2": L1L2})

serialize, deserialize, get = identifiers.trio(_TABLE, "regularizer", "regularizers", "L2")
