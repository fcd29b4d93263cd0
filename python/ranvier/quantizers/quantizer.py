"""Objects that quantize tensors."""

from __future__ import annotations

from ranvier.quantizers.rounding import abs_max_quantize


class Quantizer:
    """Base of quantizers: callables that turn a tensor into a quantized one.

    Args:
        output_dtype: dtype of the result.

    Example:
        >>> keras.quantizers.AbsMaxQuantizer(axis=-1).get_config()["output_dtype"]
        'int8'
    """

    def __init__(self, output_dtype="int8"):
        self.output_dtype = output_dtype

    def __call__(self, x):
        """The quantized tensor; subclasses say how."""
        return x

    @classmethod
    def from_config(cls, config):
        """A quantizer from the dict that `get_config` returns."""
        return cls(**config)

    def get_config(self) -> dict:
        """Constructor arguments; to be written by subclasses."""
        raise NotImplementedError(f"{self} does not implement get_config()")


class AbsMaxQuantizer(Quantizer):
    """Integers with one scale along an axis, from the largest magnitude there.

    Args:
        axis: int or ints that share a scale, unless the call names others.
        value_range: lowest and highest integer.
        epsilon: keeps the scale of zeros finite.
        output_dtype: integer dtype of the result.

    Example:
        >>> quantizer = keras.quantizers.AbsMaxQuantizer(axis=0)
        >>> quantized, scale = quantizer(np.array([[1.0], [-2.0]], "float32"))
        >>> quantized.tolist()
        [[64], [-127]]
    """

    def __init__(self, axis=None, value_range=(-127, 127), epsilon=1e-7, output_dtype="int8"):
        super().__init__(output_dtype=output_dtype)
        self.axis = (axis,) if isinstance(axis, int) else None if axis is None else tuple(axis)
        self.value_range = tuple(value_range)
        self.epsilon = epsilon
        if output_dtype == "int8" and (value_range[0] < -128 or value_range[1] > 127):
            raise ValueError(
                "Quantizer with output_dtype='int8' requires value_range to be within the interval "
                f"[-128, 127]. Received: value_range={value_range}"
            )

    def __call__(self, x, axis=None, to_numpy=False):
        """`(quantized, scale)`; see `abs_max_quantize`. Without any axis: the last one."""
        axis = self.axis if axis is None else axis
        axis = -1 if axis is None else axis
        return abs_max_quantize(
            x, axis, self.value_range, self.output_dtype, self.epsilon, to_numpy
        )

    def get_config(self):
        config = {
            "value_range": self.value_range,
            "epsilon": self.epsilon,
            "output_dtype": self.output_dtype,
        }
        return config if self.axis is None else {**config, "axis": self.axis}
