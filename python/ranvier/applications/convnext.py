"""ConvNeXt: convolutional networks with the habits of vision transformers."""

from __future__ import annotations

from functools import partial

from ranvier import initializers, layers, models
from ranvier.applications._assembly import (
    STANDARD,
    application,
    check_activation,
    finish,
    needs_channels_last,
    pool,
    start,
)
from ranvier.applications._files import with_or_without_top
from ranvier.applications.imagenet_utils import decode_predictions, preprocessing

# Blocks per stage, filters per stage; SHA-256 of the files with and without the classifier.
_VARIANTS = {
    "Tiny": (
        (3, 3, 9, 3), (96, 192, 384, 768),
        "8ae6e78ce2933352b1ef4008e6dd2f17bc40771563877d156bc6426c7cf503ff",
        "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1"),
    "Small": (
        (3, 3, 27, 3), (96, 192, 384, 768),
        "ce1277d8f1ee5a0ef0e171469089c18f5233860ceaf9b168049cb9263fd7483c",
        "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab"),
    "Base": (
        (3, 3, 27, 3), (128, 256, 512, 1024),
        "52cbb006d3dadd03f6e095a8ca1aca47aecdd75acb4bc74bce1f5c695d0086e6",
        "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45"),
    "Large": (
        (3, 3, 27, 3), (192, 384, 768, 1536),
        "070c5ed9ed289581e477741d3b34beffa920db8cf590899d6d2c67fba2a198a6",
        "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd"),
    "XLarge": (
        (3, 3, 27, 3), (256, 512, 1024, 2048),
        "c1f5ccab661354fc3a79a10fa99af82f0fbf10ec65cb894a3ae0815f17a889ee",
        "de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05"),
}  # fmt: skip
_EPSILON = 1e-6
_SCALE = 1e-6
_MEAN = [0.485 * 255, 0.456 * 255, 0.406 * 255]
_VARIANCE = [(0.229 * 255) ** 2, (0.224 * 255) ** 2, (0.225 * 255) ** 2]
_PAPER = "Z. Liu et al. (2022), A ConvNet for the 2020s, arXiv:2201.03545"
_ORDER = ("include_top", "include_preprocessing", *STANDARD[1:])
_KERAS_MODULE = "keras.src.applications.convnext"


class StochasticDepth(layers.Layer):
    """In training, zeroes whole samples with a probability and scales the others to match.

    Args:
        drop_path_rate: the probability, 0 to 1.
    """

    _keras_module = _KERAS_MODULE

    def __init__(self, drop_path_rate, **kwargs):
        super().__init__(**kwargs)
        self.drop_path_rate = drop_path_rate

    def call(self, x, training=None):
        if not training:
            return x
        from ranvier import ops, random

        keep = 1 - self.drop_path_rate
        shape = (ops.shape(x)[0],) + (1,) * (len(x.shape) - 1)
        return x / keep * ops.floor(keep + random.uniform(shape, 0, 1))

    def get_config(self):
        return {**super().get_config(), "drop_path_rate": self.drop_path_rate}


class LayerScale(layers.Layer):
    """One trained factor per channel.

    Args:
        init_values: their value at the start.
        projection_dim: number of channels.
    """

    _keras_module = _KERAS_MODULE

    def __init__(self, init_values, projection_dim, **kwargs):
        super().__init__(**kwargs)
        self.init_values, self.projection_dim = init_values, projection_dim

    def build(self, input_shape):
        self.gamma = self.add_weight(
            shape=(self.projection_dim,),
            initializer=initializers.Constant(self.init_values),
            trainable=True,
        )

    def call(self, x):
        return x * self.gamma

    def get_config(self):
        own = {"init_values": self.init_values, "projection_dim": self.projection_dim}
        return {**super().get_config(), **own}


def _layer_norm(name=None):
    return layers.LayerNormalization(epsilon=_EPSILON, name=name)


def _block(inputs, filters, name):
    """7×7 depthwise → four times as many channels → GELU → back, added to the input."""
    x = layers.Conv2D(filters, 7, padding="same", groups=filters, name=f"{name}_depthwise_conv")(
        inputs
    )
    x = _layer_norm(f"{name}_layernorm")(x)
    x = layers.Dense(4 * filters, name=f"{name}_pointwise_conv_1")(x)
    x = layers.Activation("gelu", name=f"{name}_gelu")(x)
    x = layers.Dense(filters, name=f"{name}_pointwise_conv_2")(x)
    x = LayerScale(_SCALE, filters, name=f"{name}_layer_scale")(x)
    return inputs + layers.Activation("linear", name=f"{name}_identity")(x)


def _downsampling(filters, name):
    """The patches of the first stage, and what halves the size before each later one."""
    patches = layers.Conv2D(filters[0], 4, strides=4, name=f"{name}_stem_conv")
    steps = [models.Sequential([patches, _layer_norm(f"{name}_stem_layernorm")],
                               name=f"{name}_stem")]  # fmt: skip
    for i, count in enumerate(filters[1:]):
        halve = layers.Conv2D(count, 2, strides=2, name=f"{name}_downsampling_conv_{i}")
        steps.append(
            models.Sequential(
                [_layer_norm(f"{name}_downsampling_layernorm_{i}"), halve],
                name=f"{name}_downsampling_block_{i}",
            )
        )
    return steps


def _classify(x, request):
    if not request.include_top:
        return _layer_norm()(pool(x, request))
    name = request.name
    check_activation(request)
    x = layers.GlobalAveragePooling2D(name=f"{name}_head_gap")(x)
    x = _layer_norm(f"{name}_head_layernorm")(x)
    return layers.Dense(
        request.classes, activation=request.classifier_activation, name=f"{name}_head_dense"
    )(x)


def _build(request, depths, filters, files, digests):
    needs_channels_last(request)
    x = start(request, 224)
    name = request.name
    if request.weights == "imagenet" and files not in name:
        raise ValueError(
            f'Model name "{name}" does not match weights variant "{files}". When using imagenet '
            "weights, the name must contain the variant."
        )
    if request.include_preprocessing and request.shape[-1] == 3:
        x = layers.Normalization(
            mean=_MEAN, variance=_VARIANCE, name=f"{name}_prestem_normalization"
        )(x)
    for stage, step in enumerate(_downsampling(filters, name)):
        x = step(x)
        for i in range(depths[stage]):
            x = _block(x, filters[stage], f"{name}_stage_{stage}_block_{i}")
    x = _classify(x, request)
    return finish(request, x, partial(with_or_without_top, request, files, "convnext/", digests))


def _convnext(variant):
    depths, filters, *digests = _VARIANTS[variant]
    name = f"convnext_{variant.lower()}"
    made = partial(_build, depths=depths, filters=filters, files=name, digests=digests)
    return application(f"ConvNeXt{variant}", made, paper=_PAPER, order=_ORDER, name=name)


ConvNeXtTiny, ConvNeXtSmall, ConvNeXtBase = map(_convnext, ("Tiny", "Small", "Base"))
ConvNeXtLarge, ConvNeXtXLarge = _convnext("Large"), _convnext("XLarge")
preprocess_input = preprocessing(None, __name__)

__all__ = [
    "ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtSmall", "ConvNeXtTiny", "ConvNeXtXLarge",
    "decode_predictions", "preprocess_input",
]  # fmt: skip
