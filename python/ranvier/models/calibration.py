"""Quantization that looks at data: GPTQ and AWQ, one block of a model after the other."""

from __future__ import annotations

import contextlib

import numpy as np

from ranvier import ops, quantizers
from ranvier.layers import Dense, EinsumDense
from ranvier.quantizers.rounding import (
    compute_quantization_parameters,
    dequantize_with_sz_map,
    dequantize_with_zero_point,
    quantize_with_sz_map,
    quantize_with_zero_point,
)


def calibration_samples(config) -> np.ndarray:
    """(num_samples, 1, sequence_length) token ids at regular places of the joined data set."""
    dataset = config.dataset
    if not hasattr(dataset, "__iter__") or isinstance(dataset, (str, bytes)):
        raise TypeError(
            "The `dataset` argument must be an iterable (e.g., a list of strings, a generator, or "
            f"a NumPy array). Got type: {type(dataset).__name__}. Please pass the loaded dataset "
            "directly."
        )
    items = list(dataset)
    if not items:
        raise ValueError("Provided dataset is empty.")
    if isinstance(items[0], str):
        tokenize = getattr(config.tokenizer, "tokenize", config.tokenizer)
        items = [tokenize(text) for text in items]
    pieces = [np.asarray(ops.convert_to_numpy(item)).reshape(-1) for item in items]
    tokens = np.concatenate(pieces).astype("int32")
    needed = config.num_samples * config.sequence_length
    if tokens.size < needed:
        tokens = np.tile(tokens, -(-needed // max(1, tokens.size)))
    windows = np.lib.stride_tricks.sliding_window_view(tokens, config.sequence_length)
    stride = max(1, len(windows) // config.num_samples)
    return windows[np.arange(config.num_samples) * stride % len(windows)][:, None]


@contextlib.contextmanager
def _inputs_seen(layers, statistics):
    """Inputs of the layers go to `statistics[layer]` as matrices while the block runs."""

    def watched(layer, call):
        def wrapper(inputs, *args, **kwargs):
            rows = np.asarray(ops.convert_to_numpy(inputs), "float32")
            statistics[layer.path].see(rows.reshape(-1, layer._matrix_shape[0]))
            return call(inputs, *args, **kwargs)

        return wrapper

    for layer in layers:
        object.__setattr__(layer, "call", watched(layer, layer.call))
    try:
        yield
    finally:
        for layer in layers:
            layer.__dict__.pop("call")


class _Hessian:
    """GPTQ's statistic: H = 2 / n XᵀX over all inputs seen."""

    def __init__(self, layer):
        self.count, self.matrix = 0, np.zeros((layer._matrix_shape[0],) * 2, "float32")

    def see(self, x):
        total = self.count + len(x)
        self.matrix = self.matrix * (self.count / total) + (2.0 / total) * (x.T @ x)
        self.count = total

    def quantized(self, weight, config) -> dict:
        """Values of the layer's variables for weight (out, in)."""
        hessian, diagonal = self.matrix.copy(), np.diag(self.matrix).copy()
        diagonal[diagonal == 0] = 1.0
        np.fill_diagonal(hessian, diagonal + config.hessian_damping * diagonal.mean())
        order = np.arange(len(diagonal))
        if config.activation_order:
            order = np.argsort(-np.diag(hessian), kind="stable")
        inverse = np.linalg.inv(hessian)[np.ix_(order, order)]
        levels, scale, zero, groups = gptq_matrix(weight[:, order], inverse, config)
        back = np.argsort(order)
        if config.weight_bits == 4:
            packed = quantizers.pack_int4(ops.array(levels[:, back]), axis=0, dtype="uint8")[0]
        else:
            packed = levels[:, back]
        return {"quantized_kernel": packed, "kernel_scale": scale, "kernel_zero": zero,
                "g_idx": groups[back]}  # fmt: skip


def gptq_matrix(weight, inverse_hessian, config, block: int = 128):
    """Rounds the columns of weight (out, in) in turn.

    The error of a column, divided by the diagonal of the inverse Hessian, is taken out of the
    columns to come: W[:, j+1:] -= e H⁻¹[j, j+1:].

    Returns:
        Levels (out, in), scale and zero (out, groups), and the group of each column.
    """
    weight = weight.astype("float32")
    columns = weight.shape[1]
    group = columns if config.group_size == -1 else config.group_size
    levels = np.zeros(weight.shape, "uint8")
    scales, zeros = [], []
    for start in range(0, columns, block):
        end = min(start + block, columns)
        part, errors = weight[:, start:end].copy(), np.zeros((len(weight), end - start), "float32")
        for j in range(start, end):
            if j % group == 0:
                parameters = compute_quantization_parameters(
                    weight[:, j : j + group], bits=config.weight_bits, symmetric=config.symmetric,
                    per_channel=config.per_channel, group_size=config.group_size,
                )  # fmt: skip
                scale, zero, highest = (np.asarray(p) for p in parameters)
                scales.append(scale)
                zeros.append(zero)
            column = part[:, j - start : j - start + 1]
            level = quantize_with_zero_point(column, scale, zero, highest)
            levels[:, j : j + 1] = np.asarray(level)
            rounded = np.asarray(dequantize_with_zero_point(level, scale, zero))
            error = (column - rounded) / inverse_hessian[j, j]
            errors[:, j - start : j - start + 1] = error
            part[:, j - start + 1 :] -= error * inverse_hessian[j : j + 1, j + 1 : end]
        weight[:, end:] -= errors @ inverse_hessian[start:end, end:]
    groups = (np.arange(columns) // group).astype("float32")
    return levels, np.concatenate(scales, 1), np.concatenate(zeros, 1), groups


class _Magnitudes:
    """AWQ's statistic: the largest magnitude of each input."""

    def __init__(self, layer):
        self.largest = np.zeros(layer._matrix_shape[0], "float32")

    def see(self, x):
        self.largest = np.maximum(self.largest, np.abs(x).max(axis=0))

    def quantized(self, weight, config) -> dict:
        """Values of the layer's variables for weight (out, in).

        Inputs are scaled by magnitude^r, normalized to a geometric middle of one; r is the point
        of the grid with the least error, weighted by squared magnitudes.
        """
        group = config.group_size
        groups = np.zeros(weight.shape[1], "float32")
        if group != -1:
            groups = (np.arange(weight.shape[1]) // group).astype("float32")
        magnitudes = np.where(self.largest < 1e-8, 1.0, self.largest).astype("float32")
        best: tuple = (np.inf,)
        for point in range(config.num_grid_points + 1):
            factors = np.maximum(magnitudes ** (point / config.num_grid_points), 1e-4)
            factors = factors / max(np.sqrt(factors.max() * factors.min()), 1e-8)
            scaled = (weight * factors).astype("float32")
            scale, zero, highest = compute_quantization_parameters(
                scaled, bits=4, per_channel=True, group_size=group
            )
            levels = quantize_with_sz_map(scaled, scale, zero, groups, highest)
            rounded = np.asarray(dequantize_with_sz_map(levels, scale, zero, groups)) / factors
            loss = np.mean(np.square(weight - rounded) * np.square(magnitudes))
            if loss < best[0]:
                best = loss, factors, levels, scale, zero
        _, factors, levels, scale, zero = best
        packed = quantizers.pack_int4(ops.cast(levels, "uint8"), axis=0, dtype="uint8")[0]
        return {"quantized_kernel": packed, "kernel_scale": scale, "kernel_zero": zero,
                "awq_scales": factors, "g_idx": groups}  # fmt: skip


_STATISTICS: dict = {"gptq": _Hessian, "awq": _Magnitudes}


def _quantizable(block, mode, wanted):
    return [
        layer for layer in block._flatten_layers()
        if isinstance(layer, (Dense, EinsumDense)) and layer.quantization_mode == mode
        and not getattr(layer, layer._form.flag) and wanted(layer)
    ]  # fmt: skip


def calibrate(config, structure, wanted) -> None:
    """Runs the data through the blocks of a model and rounds the layers of each.

    Args:
        config: `GPTQConfig` or `AWQConfig`.
        structure: dict of "pre_block_layers" and "sequential_blocks".
        wanted: predicate of layers.

    Raises:
        ValueError: no data set, no tokenizer, or no blocks.
    """
    if config.dataset is None or config.tokenizer is None:
        raise ValueError(
            f"{config.mode.upper()} quantization requires a dataset and a tokenizer. Please "
            f"provide them in the `{type(config).__name__}`."
        )
    blocks = structure.get("sequential_blocks", [])
    if not blocks:
        raise ValueError("No sequential blocks found in the provided structure to quantize.")
    inputs = []
    for sample in calibration_samples(config):
        x = ops.convert_to_tensor(sample, dtype="int32")
        for layer in structure.get("pre_block_layers", []):
            x = layer(x)
        inputs.append(x)
    for block in blocks:
        layers = _quantizable(block, config.mode, wanted)
        statistics = {layer.path: _STATISTICS[config.mode](layer) for layer in layers}
        with _inputs_seen(layers, statistics):
            for x in inputs:
                block(x)
        for layer in layers:
            weight = np.asarray(layer._stored()).reshape(layer._matrix_shape).T
            values = statistics[layer.path].quantized(weight, config)
            layer.become_calibrated(values)
        inputs = [block(x) for x in inputs]
