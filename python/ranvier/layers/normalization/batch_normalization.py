"""Batch normalization."""

from __future__ import annotations

from ranvier import _backend as B
from ranvier import constraints, initializers, ops, regularizers
from ranvier.layers._parts import check_channels
from ranvier.layers.input_spec import InputSpec
from ranvier.layers.layer import Layer


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
        renorm, synchronized: not supported yet when true.
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
        super().__init__(**kwargs)
        if renorm or synchronized:
            raise NotImplementedError(
                "BatchNormalization: `renorm` and `synchronized` are to come."
            )
        self.axis = int(axis)
        self.momentum, self.epsilon = float(momentum), float(epsilon)
        self.center, self.scale, self.synchronized = center, scale, synchronized
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.supports_masking = True
        self.gamma = self.beta = None

    def build(self, input_shape):
        shape = (check_channels(input_shape, self.axis, self),)
        if self.scale:
            self.gamma = self.add_weight(
                shape=shape,
                name="gamma",
                initializer=self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
                autocast=False,
            )
        if self.center:
            self.beta = self.add_weight(
                shape=shape, name="beta", initializer=self.beta_initializer,
                regularizer=self.beta_regularizer, constraint=self.beta_constraint, autocast=False,
            )  # fmt: skip
        self.moving_mean = self.add_weight(
            shape=shape,
            name="moving_mean",
            initializer=self.moving_mean_initializer,
            trainable=False,
            autocast=False,
        )
        self.moving_variance = self.add_weight(
            shape=shape, name="moving_variance", initializer=self.moving_variance_initializer,
            trainable=False, autocast=False,
        )  # fmt: skip
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: shape[0]})

    def call(self, inputs, training=None, mask=None):
        dtype = inputs.dtype
        x = ops.cast(inputs, "float32") if dtype in ("float16", "bfloat16") else inputs
        if training and self.trainable:
            y = self._normalize_by_batch(x, mask)
        else:
            y = ops.batch_normalization(
                x,
                mean=self.moving_mean,
                variance=self.moving_variance,
                axis=self.axis,
                offset=self.beta,
                scale=self.gamma,
                epsilon=self.epsilon,
            )
        return ops.cast(y, self.compute_dtype)

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
            y = ops.batch_normalization(
                x, mean=mean, variance=variance, axis=self.axis, offset=self.beta, scale=self.gamma,
                epsilon=self.epsilon,
            )  # fmt: skip
        for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            old = moving.value
            kept = ops.multiply(old, self.momentum)
            fresh = ops.multiply(ops.cast(ops.stop_gradient(value), old.dtype), 1.0 - self.momentum)
            moving.assign(ops.add(kept, fresh))
        return y

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
            "beta_initializer": initializers.serialize(self.beta_initializer),
            "gamma_initializer": initializers.serialize(self.gamma_initializer),
            "moving_mean_initializer": initializers.serialize(self.moving_mean_initializer),
            "moving_variance_initializer": initializers.serialize(self.moving_variance_initializer),
            "beta_regularizer": regularizers.serialize(self.beta_regularizer),
            "gamma_regularizer": regularizers.serialize(self.gamma_regularizer),
            "beta_constraint": constraints.serialize(self.beta_constraint),
            "gamma_constraint": constraints.serialize(self.gamma_constraint),
            "synchronized": self.synchronized,
        }
