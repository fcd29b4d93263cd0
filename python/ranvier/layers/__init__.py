"""Keras' layers."""

from __future__ import annotations

import importlib

from ranvier import naming as _naming
from ranvier.layers.activations.activation import (
    ELU,
    Activation,
    LeakyReLU,
    PReLU,
    ReLU,
    Softmax,
)
from ranvier.layers.attention.attention import AdditiveAttention, Attention
from ranvier.layers.attention.grouped_query_attention import GroupedQueryAttention
from ranvier.layers.attention.multi_head_attention import MultiHeadAttention
from ranvier.layers.convolutional.conv import Conv1D, Conv2D, Conv3D
from ranvier.layers.convolutional.conv_transpose import (
    Conv1DTranspose,
    Conv2DTranspose,
    Conv3DTranspose,
)
from ranvier.layers.convolutional.depthwise import (
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
)
from ranvier.layers.core.dense import Dense
from ranvier.layers.core.einsum_dense import EinsumDense
from ranvier.layers.core.embedding import Embedding
from ranvier.layers.core.functions import Identity, Lambda, Masking, Rescaling
from ranvier.layers.core.input_layer import Input, InputLayer
from ranvier.layers.core.reversible_embedding import ReversibleEmbedding
from ranvier.layers.core.wrapper import Wrapper
from ranvier.layers.input_spec import InputSpec
from ranvier.layers.layer import Layer
from ranvier.layers.merging.merge import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from ranvier.layers.normalization.batch_normalization import BatchNormalization
from ranvier.layers.normalization.group_normalization import GroupNormalization
from ranvier.layers.normalization.layer_normalization import (
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)
from ranvier.layers.normalization.spectral_normalization import SpectralNormalization
from ranvier.layers.pooling.adaptive_pooling import (
    AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D,
    AdaptiveAveragePooling3D,
    AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D,
    AdaptiveMaxPooling3D,
)
from ranvier.layers.pooling.pooling import (
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
)
from ranvier.layers.preprocessing.category_encoding import CategoryEncoding
from ranvier.layers.preprocessing.discretization import Discretization
from ranvier.layers.preprocessing.hashing import HashedCrossing, Hashing
from ranvier.layers.preprocessing.integer_lookup import IntegerLookup
from ranvier.layers.preprocessing.mel_spectrogram import MelSpectrogram
from ranvier.layers.preprocessing.normalization import Normalization
from ranvier.layers.preprocessing.stft_spectrogram import STFTSpectrogram
from ranvier.layers.preprocessing.string_lookup import StringLookup
from ranvier.layers.preprocessing.text_vectorization import TextVectorization
from ranvier.layers.regularization.dropout import (
    ActivityRegularization,
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
from ranvier.layers.reshaping.borders import (
    Cropping1D,
    Cropping2D,
    Cropping3D,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from ranvier.layers.reshaping.reshape import Flatten, Permute, RepeatVector, Reshape
from ranvier.layers.rnn.bidirectional import Bidirectional
from ranvier.layers.rnn.conv_lstm import ConvLSTM1D, ConvLSTM2D, ConvLSTM3D
from ranvier.layers.rnn.gru import GRU, GRUCell
from ranvier.layers.rnn.lstm import LSTM, LSTMCell
from ranvier.layers.rnn.rnn import RNN
from ranvier.layers.rnn.simple_rnn import SimpleRNN, SimpleRNNCell
from ranvier.layers.rnn.stacked_rnn_cells import StackedRNNCells
from ranvier.layers.rnn.time_distributed import TimeDistributed
from ranvier.serialization import deserialize_keras_object, serialize_keras_object

# Keras' other names of the same classes.
GroupQueryAttention = GroupedQueryAttention
AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
GlobalAvgPool1D, GlobalMaxPool1D = GlobalAveragePooling1D, GlobalMaxPooling1D
GlobalAvgPool2D, GlobalMaxPool2D = GlobalAveragePooling2D, GlobalMaxPooling2D
GlobalAvgPool3D, GlobalMaxPool3D = GlobalAveragePooling3D, GlobalMaxPooling3D
Convolution1D, Convolution2D, Convolution3D = Conv1D, Conv2D, Conv3D
Convolution1DTranspose, Convolution2DTranspose = Conv1DTranspose, Conv2DTranspose
Convolution3DTranspose = Conv3DTranspose
SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D


def serialize(layer) -> dict:
    """A layer's config form, as files have it.

    Example:
        >>> config = layers.serialize(layers.Dense(3, name="head"))
        >>> config["class_name"], config["config"]["units"]
        ('Dense', 3)
    """
    return serialize_keras_object(layer)


def deserialize(config, custom_objects=None):
    """A layer from its config form.

    Raises:
        ValueError: the config describes something else.

    Example:
        >>> config = layers.serialize(layers.Dense(3))
        >>> layers.deserialize(config).units
        3
    """
    obj = deserialize_keras_object(config, custom_objects=custom_objects)
    if not isinstance(obj, Layer):
        raise ValueError(
            "`keras.layers.deserialize` was passed a `config` object that is not a "
            "`keras.layers.Layer`. "
            f"Received: {config}"
        )
    return obj


__all__ = [
    "Activation",
    "ActivityRegularization",
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
    "Add",
    "AdditiveAttention",
    "AlphaDropout",
    "Attention",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "BatchNormalization",
    "Bidirectional",
    "CategoryEncoding",
    "Concatenate",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "ConvLSTM1D",
    "ConvLSTM2D",
    "ConvLSTM3D",
    "Convolution1D",
    "Convolution1DTranspose",
    "Convolution2D",
    "Convolution2DTranspose",
    "Convolution3D",
    "Convolution3DTranspose",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Discretization",
    "Dot",
    "Dropout",
    "ELU",
    "EinsumDense",
    "Embedding",
    "Flatten",
    "GRU",
    "GRUCell",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool3D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPool3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "GroupNormalization",
    "GroupQueryAttention",
    "HashedCrossing",
    "Hashing",
    "Identity",
    "Input",
    "InputLayer",
    "InputSpec",
    "IntegerLookup",
    "LSTM",
    "LSTMCell",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Masking",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Maximum",
    "MelSpectrogram",
    "Minimum",
    "MultiHeadAttention",
    "Multiply",
    "Normalization",
    "PReLU",
    "Permute",
    "RMSNormalization",
    "RNN",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "ReversibleEmbedding",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
    "SimpleRNN",
    "SimpleRNNCell",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "SpectralNormalization",
    "StackedRNNCells",
    "StringLookup",
    "STFTSpectrogram",
    "Subtract",
    "TextVectorization",
    "TimeDistributed",
    "UnitNormalization",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "Wrapper",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
    "add",
    "average",
    "concatenate",
    "deserialize",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "serialize",
    "subtract",
]

# Families that load when the first of their layers is used.
_LATE = {
    name: f"ranvier.layers.preprocessing.{module}"
    for module, names in {
        "image.affine": ("RandomFlip", "RandomRotation", "RandomShear", "RandomTranslation",
                         "RandomZoom"),
        "image.colors": ("RandomBrightness", "RandomColorDegeneration", "RandomColorJitter",
                         "RandomContrast", "RandomGrayscale", "RandomHue", "RandomSaturation"),
        "image.distortions": ("RandomElasticTransform", "RandomPerspective"),
        "image.histograms": ("AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization",
                             "Equalization"),
        "image.mixing": ("CutMix", "MixUp", "RandomErasing"),
        "image.policies": ("AugMix", "RandAugment"),
        "image.sizes": ("CenterCrop", "MaxNumBoundingBoxes", "RandomCrop", "Resizing"),
        "image.tones": ("RandomGaussianBlur", "RandomInvert", "RandomPosterization",
                        "RandomSharpness", "Solarization"),
        "pipeline": ("Pipeline",),
    }.items()
    for name in names
}  # fmt: skip
__all__ += sorted(_LATE)


_OTHER_FRAMEWORKS = {
    "FlaxLayer": "Flax",
    "JaxLayer": "JAX",
    "TFSMLayer": "TensorFlow",
    "TorchModuleWrapper": "PyTorch",
}


def __getattr__(name):
    if name in _OTHER_FRAMEWORKS:
        raise AttributeError(
            f"keras.layers.{name} wraps a model of {_OTHER_FRAMEWORKS[name]}, which is left out "
            "here: programs hold Ranvier's own ops only. Hint: build the model from Keras layers "
            "and copy its weights with `set_weights`."
        )
    if name not in _LATE:
        raise _naming.unknown_attribute(__name__, name, __all__)
    value = getattr(importlib.import_module(_LATE[name]), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *_LATE})
