"""Projections that optimizers apply to weights after each update."""

from __future__ import annotations

from ranvier import config, identifiers, ops

__all__ = [
    "Constraint", "MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm", "deserialize", "get", "max_norm",
    "min_max_norm", "non_neg", "serialize", "unit_norm",
]  # fmt: skip


class Constraint:
    """Base of constraints: a function of a weight that returns the weight to store.

    Example:
        >>> class Rounded(keras.constraints.Constraint):
        ...     def __call__(self, w):
        ...         return ops.round(w)
        >>> Rounded()(ops.array([0.2, 1.7])).tolist()
        [0.0, 2.0]
    """

    def __call__(self, w):
        return w

    def get_config(self) -> dict:
        """Constructor arguments."""
        return {}

    @classmethod
    def from_config(cls, config):
        """A constraint from its config."""
        return cls(**config)


def _norms(w, axis):
    return ops.sqrt(ops.sum(ops.square(w), axis=axis, keepdims=True))


class MaxNorm(Constraint):
    """Scales columns down to at most a norm.

    Args:
        max_value: the largest norm.
        axis: axes along which norms are taken.

    Example:
        >>> keras.constraints.MaxNorm(2.0)(np.array([[3.0], [4.0]])).shape
        (2, 1)
    """

    def __init__(self, max_value=2, axis=0):
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w):
        w = ops.convert_to_tensor(w)
        norms = _norms(w, self.axis)
        desired = ops.clip(norms, 0, self.max_value)
        return ops.multiply(w, ops.divide(desired, ops.add(norms, config.epsilon())))

    def get_config(self):
        return {"max_value": self.max_value, "axis": self.axis}


class NonNeg(Constraint):
    """Sets negative weights to zero.

    Example:
        >>> keras.constraints.NonNeg()(np.array([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """

    def __call__(self, w):
        return ops.maximum(ops.convert_to_tensor(w), 0)


class UnitNorm(Constraint):
    """Scales columns to norm 1.

    Args:
        axis: axes along which norms are taken.

    Example:
        >>> keras.constraints.UnitNorm()(np.array([[3.0], [4.0]])).shape
        (2, 1)
    """

    def __init__(self, axis=0):
        self.axis = axis

    def __call__(self, w):
        w = ops.convert_to_tensor(w)
        return ops.divide(w, ops.add(_norms(w, self.axis), config.epsilon()))

    def get_config(self):
        return {"axis": self.axis}


class MinMaxNorm(Constraint):
    """Moves the norm of columns into an interval.

    Args:
        min_value: the smallest norm.
        max_value: the largest norm.
        rate: 1 moves all the way, less only that share of it.
        axis: axes along which norms are taken.

    Example:
        >>> keras.constraints.MinMaxNorm(0.5, 2.0)(np.array([[3.0], [4.0]])).shape
        (2, 1)
    """

    def __init__(self, min_value=0.0, max_value=1.0, rate=1.0, axis=0):
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w):
        w = ops.convert_to_tensor(w)
        norms = _norms(w, self.axis)
        desired = ops.multiply(ops.clip(norms, self.min_value, self.max_value), self.rate)
        desired = ops.add(desired, ops.multiply(norms, 1 - self.rate))
        return ops.multiply(w, ops.divide(desired, ops.add(norms, config.epsilon())))

    def get_config(self):
        return {
            "min_value": self.min_value,
            "max_value": self.max_value,
            "rate": self.rate,
            "axis": self.axis,
        }


max_norm = MaxNorm
min_max_norm = MinMaxNorm
non_neg = NonNeg
unit_norm = UnitNorm

_TABLE = identifiers.names_of([Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm])

serialize, deserialize, get = identifiers.trio(_TABLE, "constraint", "constraints", "NonNeg")
