"""What every `quantize` of a layer has in common: its arguments are made one config and checked."""

from __future__ import annotations

import functools


def _check(layer, mode):
    if not layer.built:
        raise ValueError(
            f"Cannot quantize a layer that isn't yet built. Layer '{layer.name}' (of type "
            f"'{type(layer).__name__}') is not built yet."
        )
    if getattr(layer, "_is_quantized", False):
        raise ValueError(
            f"Layer '{layer.name}' is already quantized with "
            f"dtype_policy='{layer.own_policy.name}'. Received: mode={mode}"
        )
    if mode == "int8" and layer.compute_dtype == "float16":
        raise ValueError(
            f"Quantization mode='{mode}' doesn't work well with compute_dtype='float16'. Consider "
            "loading model/layer with another dtype policy such as 'mixed_bfloat16' or "
            "'mixed_float16' before calling `quantize()`."
        )


def wrap_quantize(quantize):
    """`quantize(mode, config)` of a class; the outermost one of a class chain checks."""

    @functools.wraps(quantize)
    def wrapper(self, mode=None, config=None, **kwargs):
        if self._quantizing:
            return quantize(self, mode=mode, config=config, **kwargs)
        from ranvier.quantizers.config import validate_and_resolve_config

        config = validate_and_resolve_config(mode, config)
        _check(self, config.mode)
        tracker = self._tracker
        locked, tracker.locked = tracker.locked, False
        object.__setattr__(self, "_quantizing", True)
        try:
            return quantize(self, mode=config.mode, config=config, **kwargs)
        finally:
            object.__setattr__(self, "_quantizing", False)
            tracker.locked = locked

    wrapper.is_wrapped = True
    return wrapper


def quantize_for_policy(layer, policy, given):
    """A built layer that is given a quantized policy changes its weights at once."""
    mode = policy.quantization_mode
    if mode is None or not layer.built or layer._quantizing:
        return
    if getattr(layer, "_is_quantized", False):
        return
    if mode == "gptq":
        raise ValueError(
            f"Implicitly enabling GPTQ quantization by setting `dtype_policy` to '{given}' is not "
            "supported. GPTQ requires a calibration dataset and a `GPTQConfig` object.\n\n"
            "Please use the `.quantize('gptq', config=...)` method on the layer or model instead."
        )
    layer.quantize(mode)
