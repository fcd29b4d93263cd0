"""Where a functional model begins."""

from __future__ import annotations

import warnings

from ranvier import config
from ranvier.layers.layer import Layer
from ranvier.symbolic.keras_tensor import KerasTensor
from ranvier.symbolic.node import Node
from ranvier.variable import standardize_shape


class InputLayer(Layer):
    """Holds the symbolic tensor that stands for an input.

    Args:
        shape: sizes without the batch.
        batch_size: the batch size when it is fixed.
        dtype: element type, `floatx` by default.
        batch_shape: all sizes, instead of `shape` and `batch_size`.
        input_tensor: a symbolic tensor to use.
        optional: whether `None` may be passed.
        sparse: accepted; tensors are dense.
        ragged: must not be true.

    Example:
        >>> keras.Sequential([layers.InputLayer(shape=(4,)), layers.Dense(2)]).output_shape
        (None, 2)
    """

    def __init__(
        self,
        shape=None,
        batch_size=None,
        dtype=None,
        sparse=None,
        ragged=None,
        batch_shape=None,
        input_tensor=None,
        optional=False,
        name=None,
        **kwargs,
    ):
        super().__init__(name=name)
        if "input_shape" in kwargs:
            warnings.warn(
                "Argument `input_shape` is deprecated. Use `shape` instead.", stacklevel=2
            )
            shape = kwargs.pop("input_shape")
        if "batch_input_shape" in kwargs:
            batch_shape = kwargs.pop("batch_input_shape")
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments: {sorted(kwargs)}")
        if ragged:
            raise ValueError(
                "`ragged=True` is not supported: tensors have rows of equal length. Hint: pad the "
                "rows and mask them."
            )
        if input_tensor is not None:
            if not isinstance(input_tensor, KerasTensor):
                raise ValueError(
                    "Argument `input_tensor` must be a KerasTensor. Received invalid type: "
                    f"input_tensor={input_tensor} (of type {type(input_tensor)})"
                )
            _check_agrees(input_tensor, shape, batch_size, batch_shape, dtype, sparse)
            batch_shape, dtype = input_tensor.shape, input_tensor.dtype
            sparse = input_tensor.sparse
        elif shape is not None and batch_shape is not None:
            raise ValueError("You cannot pass both `shape` and `batch_shape` at the same time.")
        elif batch_size is not None and batch_shape is not None:
            raise ValueError(
                "You cannot pass both `batch_size` and `batch_shape` at the same time."
            )
        elif shape is None and batch_shape is None:
            raise ValueError("You must pass a `shape` argument.")
        elif shape is not None:
            batch_shape = (batch_size, *standardize_shape(shape))
        self._batch_shape = standardize_shape(batch_shape)
        self._dtype = config.standardize_dtype(dtype)
        self.sparse, self.ragged, self.optional = bool(sparse), bool(ragged), optional
        if input_tensor is None:
            input_tensor = KerasTensor(
                self._batch_shape, dtype=self._dtype, sparse=self.sparse, name=name
            )
        self._input_tensor = input_tensor
        Node(self, call_args=(), call_kwargs={}, outputs=input_tensor)
        self.built = True

    def call(self):
        """An input layer computes nothing."""
        return None

    @property
    def batch_shape(self):
        """All sizes."""
        return self._batch_shape

    @property
    def dtype(self):
        """Element type."""
        return self._dtype

    def get_config(self):
        return {"batch_shape": self._batch_shape, "dtype": self._dtype, "sparse": self.sparse,
                "ragged": self.ragged, "name": self.name, "optional": self.optional}  # fmt: skip


def _check_agrees(tensor, shape, batch_size, batch_shape, dtype, sparse):
    """The other arguments must say the same as the given tensor."""
    given = {
        "batch_size": (batch_size, tensor.shape[0] if tensor.shape else None),
        "shape": (shape if shape is None else tuple(shape), tensor.shape[1:]),
        "batch_shape": (batch_shape if batch_shape is None else tuple(batch_shape), tensor.shape),
        "dtype": (dtype if dtype is None else config.standardize_dtype(dtype), tensor.dtype),
        "sparse": (sparse, tensor.sparse),
    }
    for name, (value, own) in given.items():
        if value is not None and value != own:
            raise ValueError(
                f"When providing the `input_tensor` argument, you cannot provide an incompatible "
                f"`{name}` argument. Received: {name}={value}, but the tensor has {own}."
            )


def Input(
    shape=None,
    batch_size=None,
    dtype=None,
    sparse=None,
    ragged=None,
    batch_shape=None,
    name=None,
    tensor=None,
    optional=False,
):
    """A symbolic tensor that stands for an input; see `InputLayer` for the arguments.

    Args:
        shape: sizes of one sample; `None` where any size may come.
        batch_size: size of the batch axis.
        dtype: `floatx` by default.
        sparse: accepted; tensors are dense.
        ragged: must not be true.
        batch_shape: all sizes, instead of shape and batch_size.
        name: of the layer.
        tensor: a `KerasTensor` to take.
        optional: whether `None` may come.

    Example:
        >>> x = keras.Input((28, 28))
        >>> x.shape
        (None, 28, 28)
    """
    layer = InputLayer(
        shape=shape,
        batch_size=batch_size,
        dtype=dtype,
        sparse=sparse,
        ragged=ragged,
        batch_shape=batch_shape,
        name=name,
        input_tensor=tensor,
        optional=optional,
    )
    return layer.output
