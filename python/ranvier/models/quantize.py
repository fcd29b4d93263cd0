"""Quantizing the layers of a model."""

from __future__ import annotations

import re
import warnings


def _wanted(layer, filters) -> bool:
    if filters is None:
        return True
    if isinstance(filters, str):
        return bool(re.search(filters, layer.name))
    if isinstance(filters, (list, tuple)):
        return any(re.search(pattern, layer.name) for pattern in filters)
    return bool(filters(layer))


def quantize_model(model, mode, config, filters, type_check=True) -> None:
    """Quantizes every layer without sublayers that has the form; warns of the others.

    Args:
        model: built.
        mode: quantization mode.
        config: `QuantizationConfig`.
        filters: regular expression of names, list of them, or a predicate of layers.
        type_check: whether subclasses of the built-in layers are left out.
    """
    known = filters is None or callable(filters)
    if not known and not isinstance(filters, (str, list, tuple)):
        raise ValueError(
            "The `filters` argument must be a regex string, a list of regex strings, or a "
            f"callable. Received: {type(filters)}"
        )
    for layer in model._flatten_layers():
        if layer is model or not _wanted(layer, filters) or len(layer._flatten_layers()) > 1:
            continue
        try:
            layer.quantize(mode, type_check=type_check, config=config)
        except NotImplementedError as error:
            warnings.warn(str(error), stacklevel=4)
    if mode in ("gptq", "awq"):
        from ranvier.models.calibration import calibrate

        structure = config.quantization_layer_structure
        if structure is None:
            structure = model.get_quantization_layer_structure(mode)
        if structure is None:
            raise ValueError(
                f"For {mode=}, a valid quantization structure must be provided either via "
                "`config.quantization_layer_structure` or by overriding "
                "`model.get_quantization_layer_structure(mode)`. The structure should be a "
                "dictionary with keys 'pre_block_layers' and 'sequential_blocks'."
            )
        calibrate(config, structure, lambda layer: _wanted(layer, filters))
