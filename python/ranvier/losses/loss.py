"""The base class of losses and the wrapper of functions."""

from __future__ import annotations

from ranvier import config as settings
from ranvier import dtype_policies, naming, ops, serialization, tree
from ranvier.losses.reduction import (
    reduce_weighted_values,
    squeeze_or_expand_to_same_rank,
    standardize_reduction,
)


def _mask_of(x):
    return getattr(x, "_keras_mask", None)


class Loss:
    """Base of losses: `call(y_true, y_pred)` gives values per element, which are then reduced.

    Args:
        name: automatic when not given.
        reduction: "sum_over_batch_size" (the default), "mean" (the same), "mean_with_sample_weight"
            (divides by the sum of weights), "sum", or "none"/`None`.
        dtype: what to compute in, `floatx` by default.

    Example:
        >>> class Quartic(keras.losses.Loss):
        ...     def call(self, y_true, y_pred):
        ...         return ops.mean((y_true - y_pred) ** 4, axis=-1)
        >>> float(Quartic()(ops.zeros((1, 2)), ops.array([[1.0, 2.0]])))
        8.5
    """

    def __init__(self, name=None, reduction="sum_over_batch_size", dtype=None):
        self.name = name or naming.auto_name(type(self).__name__)
        self.reduction = standardize_reduction(reduction)
        self._dtype_policy = dtype_policies.get(dtype or settings.floatx())
        self._dtype = self._dtype_policy.compute_dtype

    @property
    def dtype(self) -> str:
        """What the loss computes in."""
        return self._dtype

    def __call__(self, y_true, y_pred, sample_weight=None):
        in_mask = _mask_of(y_pred)
        y_pred = tree.map_structure(self._as_values, y_pred)
        y_true = tree.map_structure(self._as_targets, y_true)
        losses = self.call(y_true, y_pred)
        mask = _mask_of(losses)
        if mask is None:
            mask = in_mask
        elif in_mask is not None:
            mask = ops.logical_and(in_mask, mask)
        return reduce_weighted_values(
            losses,
            sample_weight=sample_weight,
            mask=mask,
            reduction=self.reduction,
            dtype=self.dtype,
        )

    def _as_values(self, x):
        return ops.convert_to_tensor(x, dtype=self.dtype)

    def _as_targets(self, x):
        return ops.convert_to_tensor(x, dtype=self.dtype)

    def call(self, y_true, y_pred):
        """Losses per element; to be written by subclasses."""
        raise NotImplementedError(f"{type(self).__name__} must implement `call(y_true, y_pred)`.")

    def get_config(self) -> dict:
        """Constructor arguments."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config):
        """A loss from its config."""
        return cls(**config)


class LossFunctionWrapper(Loss):
    """A loss made of a function of `(y_true, y_pred)`.

    Args:
        fn: gives losses per element.
        reduction, name, dtype: see `Loss`.
        **kwargs: further arguments of `fn`.
    """

    def __init__(self, fn, reduction="sum_over_batch_size", name=None, dtype=None, **kwargs):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.fn = fn
        self._fn_kwargs = kwargs

    def _as_targets(self, x):
        if getattr(self.fn, "integer_targets", False):
            return ops.convert_to_tensor(x)
        return super()._as_targets(x)

    def call(self, y_true, y_pred):
        targets, outputs = tree.flatten(y_true), tree.flatten(y_pred)
        if len(targets) != len(outputs):
            raise ValueError(
                f"Loss '{self.name}': expected a target for each output. Received: {len(targets)} "
                f"targets and {len(outputs)} outputs. Hint: each number in a list is one; give "
                "arrays, np.array(...)"
            )
        pairs = [squeeze_or_expand_to_same_rank(t, p) for t, p in zip(targets, outputs)]
        y_true = tree.pack_sequence_as(y_true, [t for t, _ in pairs])
        y_pred = tree.pack_sequence_as(y_pred, [p for _, p in pairs])
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self):
        return {
            **super().get_config(),
            "fn": serialization.serialize_keras_object(self.fn),
            **serialization.serialize_keras_object(self._fn_kwargs),
        }

    @classmethod
    def from_config(cls, config):
        if "fn" in config:
            config = serialization.deserialize_keras_object(config)
        return cls(**config)

    def __repr__(self):
        return f"<LossFunctionWrapper({self.fn}, kwargs={self._fn_kwargs})>"
