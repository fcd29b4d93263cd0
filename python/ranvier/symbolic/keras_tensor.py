"""The symbolic tensor of functional models: a shape with unknown sizes and a dtype, no value."""

from __future__ import annotations

from ranvier import naming
from ranvier.config import standardize_dtype
from ranvier.variable import standardize_shape


class KerasTensor:
    """A symbolic tensor.

    Args:
        shape: sizes; `None` marks one that is not known yet.
        dtype: element type.
        sparse, ragged: kept for Keras programs.
        record_history: whether operations on it are recorded.
        name: automatic when not given.

    Example:
        >>> x = keras.KerasTensor((None, 8))
        >>> ops.matmul(x, ops.ones((8, 3))).shape
        (None, 3)
    """

    def __init__(
        self,
        shape,
        dtype="float32",
        sparse=False,
        ragged=False,
        record_history=True,
        name=None,
        **kwargs,
    ):
        ragged_rank = kwargs.pop("ragged_rank", None)
        row_splits_dtype = kwargs.pop("row_splits_dtype", None)
        if kwargs:
            raise TypeError(f"KerasTensor: unexpected keyword arguments: {', '.join(kwargs)}")
        if sparse and ragged:
            raise ValueError("KerasTensor cannot have `sparse=True` and `ragged=True` both.")
        self._shape = standardize_shape(shape)
        self._dtype = standardize_dtype(dtype)
        self._sparse = bool(sparse)
        self._ragged = bool(ragged)
        self._ragged_rank = None if ragged_rank is None else int(ragged_rank)
        self._row_splits_dtype = row_splits_dtype and standardize_dtype(row_splits_dtype)
        self.name = name or naming.auto_name(type(self).__name__)
        self.record_history = record_history

    @property
    def shape(self) -> tuple:
        """Sizes and `None`s."""
        return self._shape

    @property
    def dtype(self) -> str:
        """Element type."""
        return self._dtype

    @property
    def sparse(self) -> bool:
        """Whether values are expected to be sparse."""
        return self._sparse

    @property
    def ragged(self) -> bool:
        """Whether rows have different lengths."""
        return self._ragged

    @property
    def ragged_rank(self) -> int | None:
        """Number of dimensions with rows of different lengths; kept for Keras programs."""
        return self._ragged_rank

    @property
    def row_splits_dtype(self) -> str | None:
        """Element type of the row limits; kept for Keras programs."""
        return self._row_splits_dtype

    @property
    def ndim(self) -> int:
        """Rank."""
        return len(self._shape)

    @property
    def size(self):
        """Number of elements, `None` when a size is unknown."""
        total = 1
        for d in self._shape:
            if d is None:
                return None
            total *= d
        return total

    def reshape(self, newshape):
        """See `ops.reshape`."""
        from ranvier import ops

        return ops.reshape(self, newshape)

    def squeeze(self, axis=None):
        """See `ops.squeeze`."""
        from ranvier import ops

        return ops.squeeze(self, axis)

    def __array__(self, *args, **kwargs):
        raise ValueError(
            "A KerasTensor is symbolic: it's a placeholder for a shape and a dtype. It doesn't "
            "have any actual numerical value. You cannot convert it to a NumPy array."
        )

    def __float__(self):
        return self._refuse("float()")

    def __int__(self):
        return self._refuse("int()")

    def __index__(self):
        return self._refuse("an index")

    def __bool__(self):
        raise TypeError("A symbolic KerasTensor cannot be used as a boolean.")

    def __iter__(self):
        raise NotImplementedError("Iterating over a symbolic KerasTensor is not supported.")

    def __len__(self):
        raise TypeError("A symbolic KerasTensor has no `len()`; its `shape` says what is known.")

    def __setitem__(self, key, value):
        raise TypeError(
            "A KerasTensor cannot be changed in place. Use `keras.ops.slice_update` or `ops.where`."
        )

    def __repr__(self):
        return (
            f"<KerasTensor shape={self._shape}, dtype={self._dtype}, sparse={self._sparse}, "
            f"ragged={self._ragged}, name={self.name}>"
        )

    def _refuse(self, what):
        raise ValueError(
            f"A symbolic KerasTensor has no value, so {what} is not possible. A function that "
            "needs values belongs into a layer's `call`, or behind `ops.cond`."
        )


def is_keras_tensor(x) -> bool:
    """Whether the object is a `KerasTensor`.

    Example:
        >>> keras.utils.is_keras_tensor(keras.Input((2,))), keras.utils.is_keras_tensor(ops.ones(2))
        (True, False)
    """
    return isinstance(x, KerasTensor)


def any_symbolic(args, kwargs=None) -> bool:
    """Whether a `KerasTensor` is anywhere in the arguments."""
    for a in args:
        if isinstance(a, KerasTensor):
            return True
        if isinstance(a, (list, tuple)) and any_symbolic(a):
            return True
        if isinstance(a, dict) and any_symbolic(a.values()):
            return True
    return any_symbolic(kwargs.values()) if kwargs else False
