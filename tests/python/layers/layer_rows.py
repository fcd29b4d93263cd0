"""One row per layer: constructor, arguments, input shapes. Compared with Keras, too."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Row:
    name: str
    kwargs: dict
    shape: tuple | list  # one input shape, or a list of them
    weights: int = 0
    dtype: str = "float32"
    random: bool = False  # draws while training
    masks: bool = True  # whether a mask passes through
    call: dict = field(default_factory=dict)

    @property
    def id(self):
        shown = ",".join(f"{k}={v}" for k, v in self.kwargs.items())
        return f"{self.name}({shown})"


ROWS: list[Row] = []


def row(name, shape, weights=0, dtype="float32", random=False, **kwargs):
    ROWS.append(Row(name, kwargs, shape, weights, dtype, random))


row("Dense", (2, 5), 2, units=3)
row("Dense", (2, 4, 5), 1, units=3, use_bias=False, activation="relu")
row(
    "Dense",
    (2, 5),
    2,
    units=3,
    activation="softmax",
    kernel_regularizer="l2",
    bias_constraint="non_neg",
)
row("EinsumDense", (2, 4, 5), 2, equation="abc,cd->abd", output_shape=(4, 6), bias_axes="d")
row("EinsumDense", (2, 4, 5), 1, equation="...x,xy->...y", output_shape=6)
row("Embedding", (2, 4), 1, dtype="int32", input_dim=7, output_dim=3)
row("Identity", (2, 3))
row("Activation", (2, 3), activation="tanh")
row("ReLU", (2, 3), max_value=0.5, negative_slope=0.1, threshold=0.1)
row("LeakyReLU", (2, 3))
row("PReLU", (2, 4, 3), 1, shared_axes=[1])
row("ELU", (2, 3), alpha=0.7)
row("Softmax", (2, 3, 4), axis=[1, 2])
for _padding in ("valid", "same"):
    for _format in ("channels_last", "channels_first"):
        row("Conv1D", (2, 8, 6), 2, filters=4, kernel_size=3, padding=_padding, data_format=_format)
        row("Conv2D", (2, 8, 7, 6), 2, filters=4, kernel_size=(3, 2), strides=2, padding=_padding,
            data_format=_format)  # fmt: skip
    row(
        "Conv2D",
        (2, 8, 7, 4),
        2,
        filters=4,
        kernel_size=3,
        groups=2,
        dilation_rate=2,
        padding=_padding,
        activation="relu",
    )
    row("Conv3D", (1, 5, 6, 4, 2), 2, filters=3, kernel_size=2, padding=_padding)
    row("DepthwiseConv1D", (2, 8, 3), 2, kernel_size=3, padding=_padding, depth_multiplier=2)
    row("DepthwiseConv2D", (2, 8, 7, 3), 2, kernel_size=3, padding=_padding, depth_multiplier=2)
    row("DepthwiseConv2D", (2, 9, 8, 3), 2, kernel_size=2, padding=_padding, strides=2,
        dilation_rate=2)  # fmt: skip
    row("SeparableConv2D", (2, 9, 8, 3), 3, filters=4, kernel_size=2, padding=_padding, strides=2,
        dilation_rate=2)  # fmt: skip
    row("SeparableConv1D", (2, 8, 3), 3, filters=4, kernel_size=3, padding=_padding)
    row("SeparableConv2D", (2, 8, 7, 3), 3, filters=4, kernel_size=3, padding=_padding)
    row("Conv1DTranspose", (2, 5, 3), 2, filters=4, kernel_size=3, strides=2, padding=_padding)
    row("Conv2DTranspose", (2, 5, 4, 3), 2, filters=4, kernel_size=3, strides=2, padding=_padding)
    row(
        "Conv3DTranspose", (1, 3, 4, 3, 2), 2, filters=2, kernel_size=2, strides=2, padding=_padding
    )
    for _n, _shape in ((1, (2, 9, 3)), (2, (2, 7, 6, 3)), (3, (1, 6, 5, 4, 2))):
        row(f"MaxPooling{_n}D", _shape, pool_size=2, strides=2, padding=_padding)
        row(f"AveragePooling{_n}D", _shape, pool_size=2, strides=1, padding=_padding)
row("Conv1D", (2, 8, 6), 2, filters=4, kernel_size=3, padding="causal", dilation_rate=2)
for _n, _shape in ((1, (2, 9, 3)), (2, (2, 7, 6, 3)), (3, (1, 6, 5, 4, 2))):
    row(f"GlobalMaxPooling{_n}D", _shape)
    row(f"GlobalAveragePooling{_n}D", _shape, keepdims=True)
row("BatchNormalization", (4, 3), 4)
row("BatchNormalization", (4, 5, 3), 3, axis=1, center=False)
row("BatchNormalization", (4, 5, 5, 3), 2, center=False, scale=False, momentum=0.9)
row("LayerNormalization", (4, 3), 2)
row("LayerNormalization", (4, 3, 2), 2, axis=[1, 2])
row("UnitNormalization", (4, 3))
row("Dropout", (4, 8), random=True, rate=0.5)
row("Dropout", (4, 8, 3), random=True, rate=0.4, noise_shape=(None, 1, None), seed=3)
row("GaussianNoise", (4, 8), random=True, stddev=0.3)
row("GaussianDropout", (4, 8), random=True, rate=0.3)
row("AlphaDropout", (4, 8), random=True, rate=0.3)
row("SpatialDropout1D", (4, 8, 5), random=True, rate=0.5)
row("SpatialDropout2D", (4, 3, 2, 5), random=True, rate=0.5)
row("SpatialDropout3D", (4, 3, 2, 2, 5), random=True, rate=0.5)
row("ActivityRegularization", (4, 3), l1=0.1)
row("Flatten", (2, 3, 4))
row("Flatten", (2, 3, 4, 5), data_format="channels_first")
row("Reshape", (2, 6, 4), target_shape=(3, -1))
row("Permute", (2, 3, 4), dims=(2, 1))
row("RepeatVector", (2, 3), n=4)
row("ZeroPadding1D", (2, 3, 4), padding=(1, 2))
row("ZeroPadding2D", (2, 3, 4, 2), padding=((1, 2), (0, 1)))
row("ZeroPadding3D", (2, 3, 4, 2, 2), padding=2)
row("Cropping1D", (2, 6, 4), cropping=(1, 2))
row("Cropping2D", (2, 5, 6, 2), cropping=((1, 2), (0, 1)))
row("Cropping3D", (2, 5, 6, 4, 2), cropping=1)
row("UpSampling1D", (2, 3, 4), size=3)
row("UpSampling2D", (2, 3, 4, 2), size=(2, 3))
row("UpSampling3D", (2, 3, 4, 2, 2), size=2)
row("Rescaling", (2, 3), scale=0.5, offset=1.0)
row("Masking", (2, 4, 3), mask_value=0.0)
for _name in ("Add", "Multiply", "Average", "Maximum", "Minimum"):
    row(_name, [(2, 3), (2, 3), (2, 3)])
row("Add", [(2, 4, 3), (2, 3)])
row("Subtract", [(2, 3), (2, 3)])
row("Concatenate", [(2, 3), (2, 4)])
row("Concatenate", [(2, 3, 4), (2, 2, 4)], axis=1)
row("Dot", [(2, 3), (2, 3)], axes=1)
row("Dot", [(2, 3, 4), (2, 5, 4)], axes=2, normalize=True)

# Families with many rows keep them in files of their own beside this one.
for _path in sorted(Path(__file__).parent.glob("layer_rows_*.py")):
    importlib.import_module(_path.stem)
