"""Normalizations within one sample."""

from __future__ import annotations

import warnings

from ranvier import ops
from ranvier.layers.layer import Layer
from ranvier.layers.normalization import _parts as parts


class LayerNormalization(Layer):
    """Scales to mean 0 and variance 1 over axes of each sample, then by gamma and beta.

    Args:
        axis: one axis or several.
        epsilon: added to the variance.
        center, scale: whether there is a beta, a gamma.
        beta_initializer, gamma_initializer: starting values; regularizers and constraints alike.
        rms_scaling: deprecated; divides by the standard deviation and subtracts no mean.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: see
            `Layer.add_weight`.

    Raises:
        TypeError: the axis is no int and no list of ints.

    Example:
        >>> layers.LayerNormalization()(ops.ones((2, 5, 8))).shape
        (2, 5, 8)
    """

    def __init__(
        self,
        axis=-1,
        epsilon=1e-3,
        center=True,
        scale=True,
        beta_initializer="zeros",
        gamma_initializer="ones",
        beta_regularizer=None,
        gamma_regularizer=None,
        beta_constraint=None,
        gamma_constraint=None,
        **kwargs,
    ):
        arguments = dict(locals())
        rms_scaling = kwargs.pop("rms_scaling", False)
        if rms_scaling:
            warnings.warn(
                "You passed `rms_scaling=True`, which is deprecated: it divides by the standard "
                "deviation, not by the root mean square. Use `keras.layers.RMSNormalization`.",
                stacklevel=2,
            )
        super().__init__(**kwargs)
        self.axis = parts.check_axis_type(
            axis,
            "Expected an int or a list/tuple of ints for the argument 'axis', but received: "
            f"{axis!r}",
        )
        self.epsilon, self.center, self.scale = epsilon, center, scale
        self.rms_scaling = rms_scaling
        parts.take_affine(self, arguments)
        self.supports_masking = True
        self.autocast = False
        self.gamma = self.beta = None

    def build(self, input_shape):
        parts.check_axes(self.axis, input_shape)
        self.axis = sorted(self.axis) if isinstance(self.axis, list) else [self.axis]
        shape = tuple(input_shape[a] for a in self.axis)
        if self.scale or self.rms_scaling:
            self.gamma = parts.add_affine(self, "gamma", shape)
        if self.center and not self.rms_scaling:
            self.beta = parts.add_affine(self, "beta", shape)

    def call(self, inputs):
        y = ops.layer_normalization(
            inputs, self.gamma, self.beta, self.axis, self.epsilon, rms_scaling=self.rms_scaling
        )
        return ops.cast(y, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        """The input's shape."""
        return parts.check_axes(self.axis, input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "axis": self.axis,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "rms_scaling": self.rms_scaling,
            **parts.affine_config(self),
        }


class RMSNormalization(Layer):
    """x / sqrt(mean(x²) + epsilon) * scale over axes of each sample (Zhang and Sennrich 2019).

    Args:
        axis: one axis or several.
        epsilon: added to the mean square.

    Example:
        >>> layers.RMSNormalization()(ops.ones((2, 5, 8))).shape
        (2, 5, 8)
    """

    def __init__(self, axis=-1, epsilon=1e-6, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis
        self.epsilon = epsilon

    def build(self, input_shape):
        parts.check_axes(self.axis, input_shape)
        several = isinstance(self.axis, (list, tuple))
        self.axis = sorted(self.axis) if several else [self.axis]
        shape = tuple(input_shape[a] for a in self.axis)
        self.scale = self.add_weight(name="scale", shape=shape, initializer="ones")

    def call(self, x):
        return ops.rms_normalization(x, scale=self.scale, axis=self.axis, epsilon=self.epsilon)

    def compute_output_shape(self, input_shape):
        """The input's shape."""
        return parts.check_axes(self.axis, input_shape)

    def get_config(self):
        return {**super().get_config(), "axis": self.axis, "epsilon": self.epsilon}


class UnitNormalization(Layer):
    """Divides by the Euclidean norm over axes.

    Args:
        axis: one axis or several.

    Raises:
        TypeError: the axis is no int and no list of ints.

    Example:
        >>> layers.UnitNormalization()(np.array([[0.0, 2.0]])).tolist()
        [[0.0, 1.0]]
    """

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.axis = parts.check_axis_type(
            axis,
            "Invalid value for `axis` argument: expected an int or a list/tuple of ints. "
            f"Received: axis={axis}",
        )
        self.supports_masking = True
        self._build_at_init()

    def call(self, inputs):
        axis = tuple(self.axis) if isinstance(self.axis, list) else self.axis
        return ops.normalize(inputs, axis=axis, order=2, epsilon=1e-12)

    def compute_output_shape(self, input_shape):
        """The input's shape."""
        return parts.check_axes(self.axis, input_shape)

    def get_config(self):
        return {**super().get_config(), "axis": self.axis}
