"""A layer applied to every time step."""

from __future__ import annotations

from ranvier import ops
from ranvier.layers.activations import activation as activation_layers
from ranvier.layers.convolutional import conv, conv_transpose, depthwise
from ranvier.layers.core.dense import Dense
from ranvier.layers.core.einsum_dense import EinsumDense
from ranvier.layers.core.embedding import Embedding
from ranvier.layers.core.functions import Identity, Rescaling
from ranvier.layers.core.wrapper import Wrapper
from ranvier.layers.layer import Layer
from ranvier.layers.pooling import pooling
from ranvier.layers.reshaping import borders, reshape
from ranvier.layers.rnn.loop import swap_batch_and_time


def _layers_of(module):
    return {c for c in vars(module).values() if isinstance(c, type) and issubclass(c, Layer)}


# Layers that treat each row of a batch alone: the steps of all samples can be one batch.
_ROW_BY_ROW = {Dense, EinsumDense, Embedding, Identity, Rescaling}.union(
    *map(
        _layers_of, (activation_layers, conv, conv_transpose, depthwise, pooling, borders, reshape)
    )
)


class TimeDistributed(Wrapper):
    """Applies a layer to each step of (batch, time, ...), with the same weights.

    Args:
        layer: the layer of one step.

    Call arguments:
        inputs: (batch, time, ...).
        training: handed to the layer where it takes it.
        mask: (batch, time, ...); its steps are handed to the layer where it takes a mask.

    Example:
        >>> layers.TimeDistributed(layers.Conv2D(3, 3))(ops.ones((2, 5, 8, 8, 1))).shape
        (2, 5, 6, 6, 3)
    """

    def __init__(self, layer, **kwargs):
        if not isinstance(layer, Layer):
            raise ValueError(
                "Please initialize `TimeDistributed` layer with a `keras.layers.Layer` instance. "
                f"Received: {layer}"
            )
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def _get_child_input_shape(self, input_shape):
        if not isinstance(input_shape, (tuple, list)) or len(input_shape) < 3:
            raise ValueError(
                "`TimeDistributed` Layer should be passed an `input_shape` with at least 3 "
                f"dimensions, received: {input_shape}"
            )
        return (input_shape[0], *input_shape[2:])

    def compute_output_shape(self, input_shape):
        child = self.layer.compute_output_shape(self._get_child_input_shape(input_shape))
        return (child[0], input_shape[1], *child[1:])

    def build(self, input_shape):
        super().build(self._get_child_input_shape(input_shape))

    def call(self, inputs, training=None, mask=None):
        if mask is not None:
            self._check_mask(mask.shape, inputs.shape)
        takes_mask = self.layer._call_traits.has_mask and mask is not None
        if type(self.layer) in _ROW_BY_ROW and not takes_mask:
            return self._as_one_batch(inputs)
        kwargs = {"training": training} if self.layer._call_has_training_arg else {}

        def step(carry, x):
            if takes_mask:
                x, keep = x
                return carry, self.layer.call(x, mask=keep, **kwargs)
            return carry, self.layer.call(x, **kwargs)

        xs = swap_batch_and_time(inputs)
        if takes_mask:
            xs = (xs, swap_batch_and_time(mask))
        return swap_batch_and_time(ops.scan(step, [], xs)[1])

    def _as_one_batch(self, inputs):
        batch, steps, *rest = inputs.shape
        out = self.layer.call(ops.reshape(inputs, (batch * steps, *rest)))
        return ops.reshape(out, (batch, steps, *out.shape[1:]))

    @staticmethod
    def _check_mask(mask_shape, input_shape):
        if len(mask_shape) < 2:
            raise ValueError(
                "The `mask` passed to the `TimeDistributed` layer must be at least 2D (e.g., "
                f"`(batch_size, timesteps)`), but it has {len(mask_shape)} dimension(s) with shape "
                f"{mask_shape}."
            )
        if tuple(mask_shape[:2]) != tuple(input_shape[:2]):
            raise ValueError(
                f"The `mask` passed to the `TimeDistributed` layer has a shape {mask_shape} that "
                f"is incompatible with the input shape {input_shape}. The first two dimensions of "
                "the mask (batch size and timesteps) must match the input's first two dimensions. "
                f"Expected mask shape prefix: ({input_shape[0]}, {input_shape[1]})."
            )
