"""Configs of the modes that look at data: GPTQ and AWQ."""

from __future__ import annotations

from ranvier.quantizers.config import QuantizationConfig


class _Calibrated(QuantizationConfig):
    """What both have: a data set to calibrate with and the grouping of weights."""

    def __init__(self, dataset, tokenizer, weight_bits, num_samples, sequence_length, group_size,
                 quantization_layer_structure):  # fmt: skip
        super().__init__()
        if num_samples <= 0:
            raise ValueError("num_samples must be a positive integer.")
        if sequence_length <= 0:
            raise ValueError("sequence_length must be a positive integer.")
        self.dataset, self.tokenizer = dataset, tokenizer
        self.weight_bits, self.group_size = weight_bits, group_size
        self.num_samples, self.sequence_length = num_samples, sequence_length
        self.quantization_layer_structure = quantization_layer_structure

    def dtype_policy_string(self) -> str:
        """Mode, bits and group size as a policy names them, such as "gptq/4/128"."""
        return f"{self.mode}/{self.weight_bits}/{self.group_size}"

    def get_config(self):
        return {
            "dataset": None,
            "tokenizer": None,
            "weight_bits": self.weight_bits,
            "num_samples": self.num_samples,
            "sequence_length": self.sequence_length,
            "group_size": self.group_size,
            "quantization_layer_structure": self.quantization_layer_structure,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class GPTQConfig(_Calibrated):
    """Rounds weights one input at a time and corrects the rest by the Hessian of their outputs.

    Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained
    Transformers".

    Args:
        dataset: iterable of texts, or of arrays of token ids.
        tokenizer: callable from text to token ids; not needed for arrays.
        weight_bits: 2, 3, 4 or 8.
        num_samples: calibration samples that are used.
        per_channel: whether every output has scales of its own.
        sequence_length: tokens in a sample.
        hessian_damping: share of the mean diagonal added to it, from 0 to 1.
        group_size: inputs that share a scale; -1: all.
        symmetric: whether the levels are centred on zero.
        activation_order: whether inputs of large activations are rounded first.
        quantization_layer_structure: dict of "pre_block_layers" and "sequential_blocks".

    Example:
        >>> config = keras.quantizers.GPTQConfig(["some text"], tokenizer=str.split, group_size=64)
        >>> config.weight_bits, config.dtype_policy_string()
        (4, 'gptq/4/64')
    """

    def __init__(
        self,
        dataset,
        tokenizer,
        *,
        weight_bits: int = 4,
        num_samples: int = 128,
        per_channel: bool = True,
        sequence_length: int = 512,
        hessian_damping: float = 0.01,
        group_size: int = 128,
        symmetric: bool = False,
        activation_order: bool = False,
        quantization_layer_structure: dict | None = None,
    ):
        if weight_bits not in (2, 3, 4, 8):
            raise ValueError(
                f"Unsupported weight_bits {weight_bits}. Supported values are 2, 3, 4, and 8."
            )
        super().__init__(dataset, tokenizer, weight_bits, num_samples, sequence_length, group_size,
                         quantization_layer_structure)  # fmt: skip
        if hessian_damping < 0 or hessian_damping > 1:
            raise ValueError("hessian_damping must be between 0 and 1.")
        if group_size < -1 or group_size == 0:
            raise ValueError(
                "Invalid group_size. Supported values are -1 (whole-tensor) or a positive integer, "
                f"but got {group_size}."
            )
        self.per_channel = per_channel
        self.hessian_damping = hessian_damping
        self.symmetric = symmetric
        self.activation_order = activation_order

    @property
    def mode(self):
        return "gptq"

    def get_config(self):
        return {
            **super().get_config(),
            "per_channel": self.per_channel,
            "hessian_damping": self.hessian_damping,
            "symmetric": self.symmetric,
            "activation_order": self.activation_order,
        }


class AWQConfig(_Calibrated):
    """Scales inputs by their activations before rounding, so that salient weights lose little.

    Lin et al., "AWQ: Activation-aware Weight Quantization for LLM Compression and Acceleration".

    Args:
        dataset: iterable of texts, or of arrays of token ids.
        tokenizer: callable from text to token ids; not needed for arrays.
        weight_bits: 4.
        num_samples: calibration samples that are used.
        sequence_length: tokens in a sample.
        group_size: inputs that share a scale; -1: all.
        num_grid_points: scalings that are tried for each layer.
        quantization_layer_structure: dict of "pre_block_layers" and "sequential_blocks".

    Example:
        >>> config = keras.quantizers.AWQConfig(["some text"], tokenizer=str.split, group_size=64)
        >>> config.weight_bits, config.dtype_policy_string()
        (4, 'awq/4/64')
    """

    def __init__(
        self,
        dataset,
        tokenizer,
        *,
        weight_bits: int = 4,
        num_samples: int = 128,
        sequence_length: int = 512,
        group_size: int = 128,
        num_grid_points: int = 20,
        quantization_layer_structure: dict | None = None,
    ):
        if weight_bits != 4:
            raise ValueError(
                f"AWQ only supports 4-bit quantization. Received weight_bits={weight_bits}."
            )
        super().__init__(dataset, tokenizer, weight_bits, num_samples, sequence_length, group_size,
                         quantization_layer_structure)  # fmt: skip
        if group_size < -1 or group_size == 0:
            raise ValueError(
                "Invalid group_size. Supported values are -1 (per-channel) or a positive integer, "
                f"but got {group_size}."
            )
        if num_grid_points <= 0:
            raise ValueError("num_grid_points must be a positive integer.")
        self.num_grid_points = num_grid_points

    @property
    def mode(self):
        return "awq"

    def get_config(self):
        return {**super().get_config(), "num_grid_points": self.num_grid_points}
