"""What initializers have in common."""

from __future__ import annotations


class Initializer:
    """Base of initializers: `initializer(shape, dtype)` gives a tensor.

    Example:
        >>> class Halves(keras.initializers.Initializer):
        ...     def __call__(self, shape, dtype=None):
        ...         return ops.full(shape, 0.5, dtype)
        >>> layers.Dense(1, kernel_initializer=Halves())(ops.ones((1, 4))).tolist()
        [[2.0]]
    """

    def __call__(self, shape, dtype=None):
        raise NotImplementedError("Initializer subclasses must implement the `__call__()` method.")

    def get_config(self) -> dict:
        """Constructor arguments."""
        return {}

    @classmethod
    def from_config(cls, config):
        """An initializer from its config."""
        return cls(**config)

    def clone(self):
        """A new initializer with the same config."""
        return type(self).from_config(self.get_config())
