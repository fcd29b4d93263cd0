"""Batch normalization."""

from __future__ import annotations

from ranvier import _backend as B
from ranvier import initializers, ops
from ranvier.layers._parts import check_channels
from ranvier.layers.input_spec import InputSpec
from ranvier.layers.layer import Layer
from ranvier.layers.normalization import _parts as parts


class BatchNormalization(Layer):
    """Scales each channel to mean 0 and variance 1, then by gamma and beta.

    While training, mean and variance are the batch's, and moving averages of them are kept;
    otherwise the moving averages are used. A frozen layer (`trainable = False`) always uses them.

    Args:
        axis: the channel axis.
        momentum: share of the old value in each update of the moving averages.
        epsilon: added to the variance.
        center, scale: whether there is a beta, a gamma.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer:
            starting values; regularizers and constraints of beta and gamma alike.
        renorm: whether training corrects the batch's moments towards moving ones (Ioffe 2017).
        renorm_clipping: bounds of the correction: any of "rmin", "rmax" (of the scale r) and "dmax"
            (of the offset d).
        renorm_momentum: momentum of the moving moments that the correction uses.
        synchronized: statistics over all devices; with one process they are those of the batch.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: see
            `Layer.add_weight`.

    Raises:
        ValueError: unknown or contradictory `renorm_clipping`; a mask that does not fit.

    Example:
        >>> layers.BatchNormalization()(ops.ones((2, 8, 8, 3)), training=True).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self,
        axis=-1,
        momentum=0.99,
        epsilon=1e-3,
        center=True,
        scale=True,
        beta_initializer="zeros",
        gamma_initializer="ones",
        moving_mean_initializer="zeros",
        moving_variance_initializer="ones",
        beta_regularizer=None,
        gamma_regularizer=None,
        beta_constraint=None,
        gamma_constraint=None,
        renorm=False,
        renorm_clipping=None,
        renorm_momentum=0.99,
        synchronized=False,
        **kwargs,
    ):
        arguments = dict(locals())
        super().__init__(**kwargs)
        self.axis = int(axis)
        self.momentum, self.epsilon = float(momentum), float(epsilon)
        self.center, self.scale, self.synchronized = center, scale, synchronized
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        parts.take_affine(self, arguments)
        self.renorm = renorm
        self.renorm_clipping = _checked_clipping(renorm_clipping) if renorm else renorm_clipping
        self.renorm_momentum = renorm_momentum
        self.supports_masking = True
        self.gamma = self.beta = None

    def build(self, input_shape):
        shape = (check_channels(input_shape, self.axis, self),)
        if self.scale:
            self.gamma = parts.add_affine(self, "gamma", shape)
        if self.center:
            self.beta = parts.add_affine(self, "beta", shape)
        self.moving_mean = self._statistic("moving_mean", shape, self.moving_mean_initializer)
        variance = self.moving_variance_initializer
        self.moving_variance = self._statistic("moving_variance", shape, variance)
        if self.renorm:
            self.moving_stddev = self._statistic("moving_stddev", shape, _root_of(variance))
            mean = self.moving_mean_initializer
            self.renorm_mean = self._statistic("renorm_mean", shape, _fresh(mean))
            self.renorm_stddev = self._statistic("renorm_stddev", shape, _root_of(variance))
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: shape[0]})

    def _statistic(self, name, shape, initializer):
        return self.add_weight(
            shape=shape, name=name, initializer=initializer, trainable=False, autocast=False
        )

    def call(self, inputs, training=None, mask=None):
        if mask is not None and len(mask.shape) != len(inputs.shape) - 1:
            raise ValueError(
                "The mask provided should be one dimension less than the inputs. Received: "
                f"mask.shape={tuple(mask.shape)}, inputs.shape={tuple(inputs.shape)}"
            )
        dtype = inputs.dtype
        x = ops.cast(inputs, "float32") if dtype in ("float16", "bfloat16") else inputs
        if training and self.trainable:
            y = self._renormalize(x, mask) if self.renorm else self._normalize_by_batch(x, mask)
        else:
            y = self._apply(x, self.moving_mean, self.moving_variance, self.gamma, self.beta)
        return ops.cast(y, self.compute_dtype)

    def _apply(self, x, mean, variance, gamma, beta):
        return ops.batch_normalization(
            x, mean, variance, axis=self.axis, offset=beta, scale=gamma, epsilon=self.epsilon
        )

    def _normalize_by_batch(self, x, mask):
        rank = len(x.shape)
        axis = self.axis % rank
        if mask is None and axis == rank - 1 and x.dtype in ("float32", "float64"):
            size = [x.shape[-1]]
            gamma = (
                B.full(size, 1.0, x.dtype) if self.gamma is None else ops.cast(self.gamma, x.dtype)
            )
            beta = B.full(size, 0.0, x.dtype) if self.beta is None else ops.cast(self.beta, x.dtype)
            y, mean, variance = B.apply(
                "batch_norm_train", [x, gamma, beta], {"epsilon": self.epsilon}
            )
        else:
            axes = [i for i in range(rank) if i != axis]
            mean, variance = self._moments(x, axes, mask)
            y = self._apply(x, mean, variance, self.gamma, self.beta)
        _move(self.moving_mean, mean, self.momentum)
        _move(self.moving_variance, variance, self.momentum)
        return y

    def _renormalize(self, x, mask):
        """(xhat r + d) gamma + beta, with r = s / s_moving and d = (mean - mean_moving) / s_moving
        as constants, s = sqrt(variance + epsilon)."""
        axes = [i for i in range(len(x.shape)) if i != self.axis % len(x.shape)]
        mean, variance = self._moments(x, axes, mask)
        deviation = ops.sqrt(ops.add(variance, self.epsilon))
        # A moving deviation that has only begun may be near zero.
        moving = ops.maximum(ops.cast(self.renorm_stddev, x.dtype), self.epsilon**0.5)
        shift = ops.subtract(mean, ops.cast(self.renorm_mean, x.dtype))
        r, d = self._clipped(ops.divide(deviation, moving), ops.divide(shift, moving))
        gamma = r if self.gamma is None else ops.multiply(r, ops.cast(self.gamma, x.dtype))
        beta = d if self.gamma is None else ops.multiply(d, ops.cast(self.gamma, x.dtype))
        if self.beta is not None:
            beta = ops.add(beta, ops.cast(self.beta, x.dtype))
        self._move_renorm(mean, deviation)
        return self._apply(x, mean, variance, gamma, beta)

    def _clipped(self, r, d):
        r, d = ops.stop_gradient(r), ops.stop_gradient(d)
        low, high, most = (self.renorm_clipping.get(k) for k in ("rmin", "rmax", "dmax"))
        if low is not None:
            r = ops.maximum(r, low)
        if high is not None:
            r = ops.minimum(r, high)
        return r, d if most is None else ops.clip(d, -most, most)

    def _move_renorm(self, mean, deviation):
        _move(self.renorm_mean, mean, self.renorm_momentum)
        _move(self.renorm_stddev, deviation, self.renorm_momentum)
        _move(self.moving_mean, mean, self.momentum)
        _move(self.moving_stddev, deviation, self.momentum)
        power = ops.square(self.moving_stddev.value)
        self.moving_variance.assign(ops.relu(ops.subtract(power, self.epsilon)))

    def _moments(self, x, axes, mask):
        if mask is None:
            return ops.moments(x, axes=axes)
        weights = ops.expand_dims(ops.cast(mask, x.dtype), axis=-1)
        weights = ops.reshape(weights, (*mask.shape, *(1,) * (len(x.shape) - len(mask.shape))))
        weights = ops.broadcast_to(weights, x.shape)
        total = ops.sum(weights, axes, keepdims=True)
        mean = ops.divide(
            ops.sum(ops.multiply(weights, x), axes, keepdims=True), ops.add(total, 1e-7)
        )
        spread = ops.multiply(weights, ops.square(ops.subtract(x, mean)))
        variance = ops.divide(ops.sum(spread, axes, keepdims=True), ops.add(total, 1e-7))
        return ops.squeeze(mean, axes), ops.squeeze(variance, axes)

    def get_config(self):
        return {
            **super().get_config(),
            "axis": self.axis,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "moving_mean_initializer": initializers.serialize(self.moving_mean_initializer),
            "moving_variance_initializer": initializers.serialize(self.moving_variance_initializer),
            **parts.affine_config(self),
            "synchronized": self.synchronized,
            "renorm": self.renorm,
            "renorm_clipping": self.renorm_clipping,
            "renorm_momentum": self.renorm_momentum,
        }


def _move(moving, value, momentum):
    """moving = momentum moving + (1 - momentum) value."""
    old = moving.value
    fresh = ops.multiply(ops.cast(ops.stop_gradient(value), old.dtype), 1.0 - momentum)
    moving.assign(ops.add(ops.multiply(old, momentum), fresh))


def _checked_clipping(clipping):
    clipping = clipping or {}
    keys = ["rmax", "rmin", "dmax"]
    if set(clipping) - set(keys):
        raise ValueError(
            "Received invalid keys for `renorm_clipping` argument: "
            f"{clipping}. Supported values: {keys}."
        )
    rmax, rmin, dmax = (clipping.get(k) for k in keys)
    if rmax is not None and rmin is not None and rmax < rmin:
        raise ValueError(
            "rmax should be greater than rmin in the `renorm_clipping` argument. "
            f"Received: rmax={rmax}, rmin={rmin}."
        )
    if dmax is not None and dmax < 0:
        raise ValueError(
            f"dmax should be non-negative in the `renorm_clipping` argument. Received: dmax={dmax}."
        )
    return clipping


def _fresh(initializer):
    """A clone, since one object draws one value."""
    if isinstance(initializer, initializers.Initializer):
        return type(initializer).from_config(initializer.get_config())
    return initializer


def _root_of(variance_initializer):
    """An initializer of standard deviations from that of variances."""

    def deviation(shape, dtype=None):
        return ops.sqrt(_fresh(variance_initializer)(shape, dtype=dtype))

    return deviation
