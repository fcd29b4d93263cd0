"""The base of layers that compute in Python on NumPy arrays: on strings, and hashes."""

from __future__ import annotations

import numpy as np

from ranvier import _backend as B
from ranvier.layers.layer import Layer
from ranvier.symbolic import host
from ranvier.symbolic.keras_tensor import KerasTensor


class HostLayer(Layer):
    """Runs before the program of a compiled step, on the batch's arrays.

    A subclass says what it computes in `compute_arrays(*arrays)`, and what comes out in
    `compute_output_shape` and `output_dtype`. The result may depend on the arrays and on the state
    of the layer only.
    """

    runs_on_host = True

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True
        self.supports_jit = False

    def compute_arrays(self, *arrays) -> np.ndarray:
        """The layer on NumPy arrays."""
        raise NotImplementedError(f"{type(self).__name__} must implement `compute_arrays`.")

    @property
    def output_dtype(self) -> str:
        """Dtype of the outputs for symbolic inputs."""
        return self.compute_dtype

    def _pure(self):
        """`compute_arrays` as a function of module level and a tuple of its keyword arguments.

        A layer that has it also runs where its (numeric) inputs are computed inside a program.
        """
        return None

    def call(self, inputs):
        return self._on_host([inputs])

    def _on_host(self, inputs):
        def spec(shapes):
            shape = shapes[0] if len(shapes) == 1 else shapes
            return self.compute_output_shape(shape), self.output_dtype

        inputs = [as_array(x) for x in inputs]
        name = f"Layer '{self.name}' (of type {type(self).__name__})"
        key = ("layer", id(self))
        return host.run(self.compute_arrays, inputs, spec, key, name, self._pure())

    def compute_output_spec(self, inputs):
        if isinstance(inputs, (list, tuple)):
            shape = [tuple(x.shape) for x in inputs]
        else:
            shape = inputs.shape
        return KerasTensor(self.compute_output_shape(shape), dtype=self.output_dtype)


def as_array(x):
    """What users pass to such layers: tensors and arrays stay, lists and scalars become arrays."""
    if isinstance(x, (B.Tensor, host.HostArray)):
        return x
    if hasattr(x, "detach"):
        return x.detach().cpu().numpy()
    return np.asarray(x)


def strings_of(array, encoding="utf-8", what="The layer") -> list:
    """The elements of an array as a flat list of `str`.

    Raises:
        TypeError: the array holds something else.
    """
    array = np.asarray(array)
    if array.dtype.kind == "U":
        return array.ravel().tolist()
    if array.dtype.kind == "S":
        return [x.decode(encoding, "replace") for x in array.ravel().tolist()]
    flat = array.ravel().tolist()
    if array.dtype.kind == "O":
        flat = [x.decode(encoding, "replace") if isinstance(x, bytes) else x for x in flat]
    if all(isinstance(x, str) for x in flat):
        return flat
    raise TypeError(
        f"{what} takes strings. Expected: an array of str or bytes. Received: an array of dtype "
        f"{array.dtype} and shape {array.shape}."
    )


def string_array(strings, shape) -> np.ndarray:
    """A list of `str` as an array of a shape; the elements stay Python objects."""
    out = np.empty(len(strings), dtype=object)
    out[:] = strings
    return out.reshape(shape)


def batches_of(data, steps=None, whole=(list, tuple)):
    """The batches that `adapt` goes through, and whether `data` is one single batch.

    Args:
        data: arrays, lists, columns of data frames (one batch), or a dataset or iterable of
            batches; of batches that are tuples `(x, ...)` the first part counts.
        steps: batches at most.
        whole: types beside arrays that are one batch.
    """
    one = isinstance(data, (*whole, str, bytes)) or hasattr(data, "__array__")
    if one or not hasattr(data, "__iter__"):
        return [data], True

    def batches():
        for number, batch in enumerate(data):
            if number == steps:
                return
            yield batch

    return batches(), False
