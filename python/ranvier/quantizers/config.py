"""How a layer or a model is to be quantized."""

from __future__ import annotations

from ranvier.dtype_policies import QUANTIZATION_MODES, Int4DTypePolicy
from ranvier.quantizers.quantizer import AbsMaxQuantizer
from ranvier.serialization import deserialize_keras_object, serialize_keras_object


class QuantizationConfig:
    """Base of the configs that `quantize(config=...)` takes.

    Args:
        weight_quantizer: quantizer of weights; the mode's own when `None`.
        activation_quantizer: quantizer of inputs; `None` leaves them as floats.

    Example:
        >>> keras.quantizers.Int8QuantizationConfig().mode
        'int8'
    """

    def __init__(self, weight_quantizer=None, activation_quantizer=None):
        self.weight_quantizer = weight_quantizer
        self.activation_quantizer = activation_quantizer

    @property
    def mode(self) -> str:
        """The quantization mode; subclasses define it."""
        raise NotImplementedError(
            "Subclasses must implement this property. Do not instantiate QuantizationConfig "
            "directly."
        )

    def get_config(self) -> dict:
        """Constructor arguments."""
        return {
            "weight_quantizer": serialize_keras_object(self.weight_quantizer),
            "activation_quantizer": serialize_keras_object(self.activation_quantizer),
        }

    @classmethod
    def from_config(cls, config):
        """A config from the dict that `get_config` returns."""
        quantizers = {
            key: deserialize_keras_object(config.get(key))
            for key in ("weight_quantizer", "activation_quantizer")
        }
        return cls(**{**config, **quantizers})

    @staticmethod
    def weight_quantizer_or_default(config, default):
        """The config's quantizer of weights, or the default."""
        given = None if config is None else config.weight_quantizer
        return default if given is None else given

    @staticmethod
    def activation_quantizer_or_default(config, default):
        """The config's quantizer of inputs (also when that is `None`); the default without one."""
        return default if config is None else config.activation_quantizer


def _require_int8(config):
    quantizer = config.weight_quantizer
    if quantizer is not None and quantizer.output_dtype != "int8":
        raise ValueError(
            f"{type(config).__name__} requires a weight_quantizer with output_dtype='int8'. "
            f"Received: output_dtype={quantizer.output_dtype}"
        )


class Int8QuantizationConfig(QuantizationConfig):
    """Weights in int8, one scale for each output.

    Args:
        weight_quantizer: quantizer of weights, with int8 results.
        activation_quantizer: quantizer of inputs; "default": by absolute maximum over the last
            axis.

    Example:
        >>> layer = layers.Dense(2)
        >>> layer.build((None, 4))
        >>> layer.quantize(config=keras.quantizers.Int8QuantizationConfig())
        >>> layer.kernel.dtype
        'int8'
    """

    def __init__(self, weight_quantizer=None, activation_quantizer="default"):
        if activation_quantizer == "default":
            activation_quantizer = AbsMaxQuantizer()
        super().__init__(weight_quantizer, activation_quantizer)
        _require_int8(self)

    @property
    def mode(self):
        return "int8"


class Int4QuantizationConfig(QuantizationConfig):
    """Weights in 4 bits, two of them in a byte.

    Args:
        weight_quantizer: quantizer of weights, from -8 to 7; only without blocks.
        activation_quantizer: quantizer of inputs; "default" leaves them as floats.
        block_size: inputs that share a scale and a zero point; `None` or -1: one scale for each
            output.

    Example:
        >>> layer = layers.Dense(2)
        >>> layer.build((None, 4))
        >>> layer.quantize(config=keras.quantizers.Int4QuantizationConfig(block_size=None))
        >>> layer.quantization_mode
        'int4'
    """

    def __init__(self, weight_quantizer=None, activation_quantizer="default", block_size=128):
        if activation_quantizer == "default":
            activation_quantizer = None
        super().__init__(weight_quantizer, activation_quantizer)
        if block_size is not None and block_size != -1 and block_size <= 0:
            raise ValueError(
                "block_size must be None, -1, or a positive integer. "
                f"Received: block_size={block_size}"
            )
        self.block_size = block_size
        custom = weight_quantizer is not None or self.activation_quantizer is not None
        if block_size is not None and block_size > 0 and custom:
            raise ValueError(
                "Int4 sub-channel quantization (block_size > 0) does not support custom "
                "quantizers. Either set block_size to None or -1 for per-channel quantization, or "
                f"remove the custom quantizer arguments. Received: block_size={block_size}"
            )
        if weight_quantizer is not None and tuple(weight_quantizer.value_range) != (-8, 7):
            raise ValueError(
                "Int4QuantizationConfig requires a weight_quantizer with value_range=(-8, 7). "
                f"Received: value_range={weight_quantizer.value_range}"
            )
        _require_int8(self)

    @property
    def mode(self):
        return "int4"

    def get_config(self):
        return {**super().get_config(), "block_size": self.block_size}

    @classmethod
    def from_config(cls, config):
        return super().from_config({**config, "block_size": config.get("block_size")})


class Float8QuantizationConfig(QuantizationConfig):
    """Training with 8-bit floats; it has no quantizers of its own.

    Example:
        >>> keras.quantizers.Float8QuantizationConfig().mode
        'float8'
    """

    def __init__(self):
        super().__init__(None, None)

    @property
    def mode(self):
        return "float8"

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls()


_DEFAULTS = {
    "int8": Int8QuantizationConfig,
    "int4": Int4QuantizationConfig,
    "float8": Float8QuantizationConfig,
}


def _check_mode(mode):
    if mode is not None and mode not in QUANTIZATION_MODES:
        raise ValueError(
            f"Invalid quantization mode. Expected one of {QUANTIZATION_MODES}. Received: "
            f"mode={mode}"
        )


def validate_and_resolve_config(mode, config):
    """The config that `mode` and `config` mean together; errors where they contradict."""
    from ranvier.quantizers.calibrated import AWQConfig, GPTQConfig

    if isinstance(config, str):
        mode, config = config, None
    _check_mode(mode)
    calibrated = {"gptq": GPTQConfig, "awq": AWQConfig}
    if config is None:
        if mode in _DEFAULTS:
            return _DEFAULTS[mode]()
        if mode in calibrated:
            raise ValueError(
                f"For {mode.upper()}, you must pass a `{calibrated[mode].__name__}` object in the "
                "`config` argument."
            )
        raise ValueError("You must provide either `mode` or `config` to `quantize`.")
    if not isinstance(config, QuantizationConfig):
        raise ValueError(
            "Argument `config` must be an instance of `QuantizationConfig`. "
            f"Received: config={config} (of type {type(config)})"
        )
    if mode is not None and config.mode != mode:
        raise ValueError(f"Contradictory arguments: mode='{mode}' but config.mode='{config.mode}'")
    _check_mode(config.mode)
    needed = calibrated.get(config.mode)
    if needed is not None and not isinstance(config, needed):
        raise ValueError(
            f"Mode '{config.mode}' requires a valid `config` argument of type "
            f"`{needed.__name__}`. Received: {type(config)}"
        )
    return config


def block_size_of(layer, config):
    """Inputs that share a scale in a 4-bit layer: from the config, else from its policy.

    `None`: one scale for each output.
    """
    if isinstance(config, Int4QuantizationConfig):
        size = config.block_size
    else:
        policy = layer.own_policy
        size = policy.block_size if isinstance(policy, Int4DTypePolicy) else None
    return None if size == -1 else size
