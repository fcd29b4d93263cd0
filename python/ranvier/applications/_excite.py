"""What EfficientNet and EfficientNetV2 share: initializers, squeeze-and-excite, the residual."""

from __future__ import annotations

from ranvier import layers
from ranvier.applications._assembly import channels, channels_first, norm

CONV_INITIALIZER = {
    "class_name": "VarianceScaling",
    "config": {"scale": 2.0, "mode": "fan_out", "distribution": "truncated_normal"},
}
DENSE_INITIALIZER = {
    "class_name": "VarianceScaling",
    "config": {"scale": 1.0 / 3.0, "mode": "fan_out", "distribution": "uniform"},
}


def conv(x, filters, size, name, use_bias=False, padding="same", **kwargs):
    """A convolution as these networks start it."""
    return layers.Conv2D(
        filters, size, padding=padding, use_bias=use_bias, kernel_initializer=CONV_INITIALIZER,
        name=name, **kwargs,
    )(x)  # fmt: skip


def norm_swish(x, prefix, activation_name=None, **kwargs):
    """Batch normalization and swish."""
    x = norm(x, f"{prefix}bn", **kwargs)
    return layers.Activation("swish", name=activation_name or f"{prefix}activation")(x)


def squeeze_excite(x, filters, name):
    """Channels scaled by sigmoids of their global means, through a layer of `filters`."""
    count = channels(x)
    s = layers.GlobalAveragePooling2D(name=f"{name}se_squeeze")(x)
    shape = (count, 1, 1) if channels_first() else (1, 1, count)
    s = layers.Reshape(shape, name=f"{name}se_reshape")(s)
    s = conv(s, filters, 1, f"{name}se_reduce", use_bias=True, activation="swish")
    s = conv(s, count, 1, f"{name}se_expand", use_bias=True, activation="sigmoid")
    return layers.multiply([x, s], name=f"{name}se_excite")


def add_residual(x, inputs, drop_rate, name):
    """The sum with the block's input; in training whole samples of the block drop out."""
    if drop_rate:
        x = layers.Dropout(drop_rate, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(x)
    return layers.add([x, inputs], name=f"{name}add")


def block_names(repeats):
    """`(stage, first of its stage, prefix of names)` for stages of so many blocks."""
    for stage, count in enumerate(repeats):
        for j in range(count):
            yield stage, j == 0, f"block{stage + 1}{chr(j + 97)}_"
