"""Normalization over groups of channels."""

from __future__ import annotations

from ranvier import ops
from ranvier.layers.input_spec import InputSpec
from ranvier.layers.layer import Layer
from ranvier.layers.normalization import _parts as parts


class GroupNormalization(Layer):
    """Scales each group of channels of each sample to mean 0 and variance 1, then every channel by
    gamma and beta (Wu and He 2018).

    Args:
        groups: number of groups; -1 makes every channel one (instance normalization).
        axis: the channel axis.
        epsilon: added to the variance.
        center, scale: whether there is a beta, a gamma.
        beta_initializer, gamma_initializer: starting values; regularizers and constraints alike.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: see
            `Layer.add_weight`.

    Raises:
        ValueError: `groups` is not positive or -1, or does not divide the channels.

    Example:
        >>> layers.GroupNormalization(groups=8)(ops.ones((2, 4, 4, 16))).shape
        (2, 4, 4, 16)
    """

    def __init__(
        self,
        groups=32,
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
        if not isinstance(groups, int) or (groups <= 0 and groups != -1):
            raise ValueError(
                "Received an invalid value for argument `groups`, expected a positive integer (or "
                f"`-1` for instance normalization). Received: groups={groups}"
            )
        super().__init__(**kwargs)
        self.supports_masking = True
        self.autocast = False
        self.groups, self.axis, self.epsilon = groups, axis, epsilon
        self.center, self.scale = center, scale
        parts.take_affine(self, arguments)
        self.gamma = self.beta = None

    def build(self, input_shape):
        parts.check_axes(self.axis, input_shape)
        channels = input_shape[self.axis]
        if channels is None:
            raise ValueError(
                f"Axis {self.axis} of input tensor should have a defined dimension but the layer "
                f"received an input with shape {tuple(input_shape)}."
            )
        if self.groups == -1:
            self.groups = channels
        if channels < self.groups:
            raise ValueError(
                f"Number of groups ({self.groups}) cannot be more than the number of channels "
                f"({channels})."
            )
        if channels % self.groups != 0:
            raise ValueError(
                f"Number of groups ({self.groups}) must be a multiple of the number of channels "
                f"({channels})."
            )
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})
        if self.scale:
            self.gamma = parts.add_affine(self, "gamma", (channels,))
        if self.center:
            self.beta = parts.add_affine(self, "beta", (channels,))

    def call(self, inputs):
        dtype = "float64" if inputs.dtype == "float64" else "float32"
        gamma, beta = (None if w is None else ops.cast(w, dtype) for w in (self.gamma, self.beta))
        last = self.axis % len(inputs.shape) == len(inputs.shape) - 1
        normalize = self._channels_last if last else self._channels_inside
        y = normalize(ops.cast(inputs, dtype), gamma, beta)
        return ops.cast(ops.reshape(y, inputs.shape), self.compute_dtype)

    def _channels_last(self, x, gamma, beta):
        """Over (batch, positions, channels): whole columns are summed, then their groups."""
        batch, channels = x.shape[0], x.shape[-1]
        x = ops.reshape(x, (batch, -1, channels))
        size = (batch, self.groups, channels // self.groups)

        def group_mean(columns):
            grouped = ops.mean(ops.reshape(columns, size), axis=-1, keepdims=True)
            return ops.reshape(ops.broadcast_to(grouped, size), (batch, 1, channels))

        mean = group_mean(ops.mean(x, axis=1))
        centred = ops.subtract(x, mean)
        variance = group_mean(ops.mean(ops.square(centred), axis=1))
        factor = ops.rsqrt(ops.add(variance, self.epsilon))
        if gamma is not None:
            factor = ops.multiply(factor, gamma)
        y = ops.multiply(centred, factor)
        return y if beta is None else ops.add(y, beta)

    def _channels_inside(self, x, gamma, beta):
        """Over (batch, ..., groups, channels of a group, ...)."""
        rank = len(x.shape)
        axis = self.axis % rank
        sizes = (self.groups, x.shape[axis] // self.groups)
        grouped = ops.reshape(x, [*x.shape[:axis], *sizes, *x.shape[axis + 1 :]])
        within = [i for i in range(1, rank + 1) if i != axis]
        mean, variance = ops.moments(grouped, axes=within, keepdims=True)
        factor = ops.rsqrt(ops.add(variance, self.epsilon))
        flat = [*(1,) * axis, *sizes, *(1,) * (rank - axis - 1)]
        if gamma is not None:
            factor = ops.multiply(factor, ops.reshape(gamma, flat))
        y = ops.multiply(ops.subtract(grouped, mean), factor)
        return y if beta is None else ops.add(y, ops.reshape(beta, flat))

    def compute_output_shape(self, input_shape):
        """The input's shape."""
        return parts.check_axes(self.axis, input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "groups": self.groups,
            "axis": self.axis,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            **parts.affine_config(self),
        }
