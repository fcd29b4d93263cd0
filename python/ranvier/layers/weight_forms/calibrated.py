"""The forms that calibration with data makes: GPTQ and AWQ.

Until a model's calibration has written the quantized variables, the plain weight is used.
"""

from __future__ import annotations

import math

from ranvier import ops, quantizers
from ranvier.layers.weight_forms.forms import PlainForm
from ranvier.quantizers.rounding import dequantize_with_sz_map


def _setting(layer, config, name):
    """`weight_bits` or `group_size`: from the config, else from the policy."""
    if hasattr(config, name):
        return getattr(config, name)
    policy = layer.own_policy
    if not hasattr(policy, name):
        raise ValueError(
            f"{type(layer).__name__}: `{name}` is given neither by the config nor by the dtype "
            f"policy. Received: config={config}, dtype_policy={policy}"
        )
    return getattr(policy, name)


class CalibratedForm(PlainForm):
    """Integers (out, in), two in a byte along the outputs when they have four bits.

    weight = ((integers - zero) * scale)ᵀ with scale and zero (out, groups), and for AWQ divided by
    a scale of each input.
    """

    suffixes: tuple[str, ...] = ("quantized_kernel", "_scale", "_zero", "g_idx")
    stores_weight = True
    flag = "is_gptq_calibrated"
    scaled_inputs = False

    def build(self, layer, shape, config):
        rows, columns = layer._layout.matrix_shape(shape)
        bits, group = (_setting(layer, config, n) for n in ("weight_bits", "group_size"))
        layer._original_shape, layer._matrix_shape = tuple(shape), (rows, columns)
        layer.kernel_shape = tuple(shape)
        layer._weight_bits = bits
        setattr(layer, self.flag, False)
        groups = 1 if group == -1 else math.ceil(rows / group)

        def add(attribute, name, size, dtype=None, initializer="zeros"):
            variable = layer.add_weight(
                name=name, shape=size, dtype=dtype, initializer=initializer, trainable=False
            )
            setattr(layer, attribute, variable)

        units = (columns + 1) // 2 if bits == 4 else columns
        add("quantized_kernel", "kernel", (units, rows), "uint8")
        add("kernel_scale", "kernel_scale", (columns, groups), None, "ones")
        add("kernel_zero", layer._layout.zero_name, (columns, groups), "uint8")
        if self.scaled_inputs:
            add("awq_scales", "awq_scales", (rows,), None, "ones")
        add("g_idx", "g_idx", (rows,), "float32")

    def base(self, layer):
        if not getattr(layer, self.flag):
            return layer._stored()
        return self.weight(layer)

    def weight(self, layer):
        integers = layer.quantized_kernel
        if layer._weight_bits == 4:
            integers = quantizers.unpack_int4(
                integers, layer._matrix_shape[1], axis=0, dtype="uint8"
            )
        weight = ops.transpose(
            dequantize_with_sz_map(integers, layer.kernel_scale, layer.kernel_zero, layer.g_idx)
        )
        if self.scaled_inputs:
            weight = ops.divide(weight, ops.expand_dims(layer.awq_scales, -1))
        return ops.cast(ops.reshape(weight, layer._original_shape), layer.compute_dtype)


class AWQForm(CalibratedForm):
    """`CalibratedForm` with a scale of each input."""

    suffixes = ("quantized_kernel", "_scale", "_zero", "awq_scales", "g_idx")
    flag = "is_awq_calibrated"
    scaled_inputs = True


CALIBRATED_FORMS: dict[str | None, CalibratedForm] = {"gptq": CalibratedForm(), "awq": AWQForm()}
