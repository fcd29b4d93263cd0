"""What all image models share: arguments, the input, the classifier on top, the weights.

A family's builder gets the user's arguments as one `request` and goes: `start` → its own blocks →
`classify` (or a head of its own) → `finish`.
"""

from __future__ import annotations

import inspect
import os
import types
import warnings

from ranvier import activations, config, layers
from ranvier.applications._files import locate
from ranvier.models import Functional
from ranvier.utils import get_source_inputs, is_keras_tensor

_ARGUMENTS = {
    "include_top": (True, "whether the classifier is part of the model."),
    "weights": ("imagenet", "`\"imagenet\"`, `None` (random), or the path of a file of weights."),
    "input_tensor": (None, "symbolic tensor `(batch, height, width, channels)` to build upon."),
    "input_shape": (None, "of one photo `(height, width, channels)`; `None` sizes are allowed "
                    "without the classifier."),
    "pooling": (None, "without the classifier: `None` gives features `(batch, height, width, "
                "channels)`, `\"avg\"` and `\"max\"` give `(batch, channels)`."),
    "classes": (1000, "number of classes; 1000 with ImageNet's weights."),
    "classifier_activation": ("softmax", "of the classifier; `None` gives logits."),
    "name": (None, "of the model."),
    "alpha": (1.0, "width: factor on the number of filters."),
    "depth_multiplier": (1, "outputs per channel of depthwise convolutions."),
    "dropout": (0.001, "rate before the classifier."),
    "dropout_rate": (0.2, "rate before the classifier."),
    "minimalistic": (False, "whether blocks go without squeeze-and-excite, hard swish and 5×5."),
    "include_preprocessing": (True, "whether the model scales values of 0 to 255 itself."),
}  # fmt: skip
STANDARD = ("include_top", "weights", "input_tensor", "input_shape", "pooling", "classes",
            "classifier_activation", "name")  # fmt: skip


def application(title, build, *, paper, order=STANDARD, module=None, **defaults):
    """The public function of one model.

    Args:
        title: its name.
        build: makes the model from a request (a namespace of the arguments).
        paper: source, for the docstring.
        order: names of the parameters.
        module: that exports it, where it is not the one of `build`.
        **defaults: where they differ from the usual ones.
    """
    signature = inspect.Signature([
        inspect.Parameter(
            n, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=defaults.get(n, _ARGUMENTS[n][0])
        )
        for n in order
    ])  # fmt: skip

    def model(*args, **kwargs):
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return build(types.SimpleNamespace(title=title, **bound.arguments))

    model.__signature__ = signature
    model.__name__ = model.__qualname__ = title
    model.__module__ = module or getattr(build, "func", build).__module__
    lines = "\n".join(f"        {n}: {_ARGUMENTS[n][1]}" for n in order)
    model.__doc__ = (
        f"{title}: an image classifier (functional model).\n\n"
        f"    Args:\n{lines}\n\n"
        "    Raises:\n"
        "        ValueError: arguments that do not fit each other.\n"
        "        DataNotFoundError: ImageNet's weights are not here and cannot be downloaded.\n\n"
        f"    Source: {paper}.\n\n"
        "    Example:\n"
        f"        >>> keras.applications.{title}(weights=None, classes=10).output_shape\n"
        "        (None, 10)\n    "
    )
    return model


def channels_first() -> bool:
    """Whether the global image format has the channels before the sizes."""
    return config.image_data_format() == "channels_first"


def needs_channels_last(request):
    """Refuses the other format."""
    if channels_first():
        raise ValueError(
            f"{request.title} does not support the `channels_first` image data format. Switch to "
            "`channels_last` with `keras.config.set_image_data_format`."
        )


def check_weights(request):
    """Whether `weights` and `classes` are possible."""
    weights = request.weights
    if weights not in ("imagenet", None) and not os.path.exists(weights):
        raise ValueError(
            "The `weights` argument should be either `None` (random initialization), `imagenet` "
            "(pre-training on ImageNet), or the path to the weights file to be loaded. "
            f"Received: weights={weights}"
        )
    if weights == "imagenet" and request.include_top and request.classes != 1000:
        raise ValueError(
            f'{request.title}: with `weights="imagenet"` and `include_top=True`, `classes` should '
            f"be 1000. Received classes={request.classes}"
        )


def sizes(shape):
    """Height and width of a photo's shape without the batch."""
    return tuple(shape[1:3] if channels_first() else shape[:2])


def photo_shape(channels, height, width):
    """A photo's shape in the global format."""
    return (channels, height, width) if channels_first() else (height, width, channels)


def resolve_shape(request, default_size, min_size):
    """The photo's shape that the arguments ask for.

    Raises:
        ValueError: not three sizes, too small, or not what the weights or the classifier need.
    """
    shape, pretrained = request.input_shape, request.weights == "imagenet"
    channels = 3
    if shape and len(shape) == 3 and not pretrained:
        channels = shape[0] if channels_first() else shape[-1]
        if channels not in (1, 3):
            warnings.warn(
                "This model usually expects 1 or 3 input channels. However, it was passed an "
                f"input_shape with {channels} input channels.",
                stacklevel=4,
            )
    default = photo_shape(channels, default_size, default_size)
    if pretrained and request.include_top:
        if shape is not None and tuple(shape) != default:
            raise ValueError(
                "When setting `include_top=True` and loading `imagenet` weights, `input_shape` "
                f"should be {default}. Received: input_shape={shape}"
            )
        return default
    if not shape:
        return default if request.include_top else photo_shape(3, None, None)
    shape = tuple(shape)
    _check_given(shape, pretrained, min_size)
    if request.include_top and None in shape:
        raise ValueError(
            "If `include_top` is True, you should specify a static `input_shape`. Received: "
            f"input_shape={shape}"
        )
    return shape


def _check_given(shape, pretrained, min_size):
    if len(shape) != 3:
        raise ValueError(f"`input_shape` must be a tuple of three integers. Received: {shape}")
    if pretrained and (shape[0] if channels_first() else shape[-1]) != 3:
        raise ValueError(f"The input must have 3 channels; Received `input_shape={shape}`")
    if any(size is not None and size < min_size for size in sizes(shape)):
        raise ValueError(
            f"Input size must be at least {min_size}x{min_size}; Received: input_shape={shape}"
        )


def image_input(request, shape):
    """The symbolic photo: the given tensor, or a new input."""
    given = request.input_tensor
    if given is None:
        return layers.Input(shape=shape)
    return given if is_keras_tensor(given) else layers.Input(tensor=given, shape=shape)


def start(request, default_size, min_size=32):
    """Checks the arguments, keeps the photo's shape in `request.shape`, makes the input."""
    check_weights(request)
    request.shape = resolve_shape(request, default_size, min_size)
    request.image = image_input(request, request.shape)
    return request.image


def check_activation(request):
    """ImageNet's classifier ends in softmax or gives logits."""
    if request.weights is None:
        return
    if activations.get(request.classifier_activation) not in (
        activations.get("softmax"),
        activations.get(None),
    ):
        raise ValueError(
            "Only `None` and `softmax` activations are allowed for the `classifier_activation` "
            "argument when using pretrained weights, with `include_top=True`; Received: "
            f"classifier_activation={request.classifier_activation}"
        )


def classify(x, request, named=True, dropout=0.0, **dense):
    """Global average, dropout and a dense classifier; or the pooling that was asked for.

    Args:
        x: features.
        request: the arguments.
        named: whether the pooling without the classifier has a fixed name.
        dropout: rate; 0 adds no layer.
        **dense: further arguments of the classifier.
    """
    if request.include_top:
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
        if dropout > 0:
            x = layers.Dropout(dropout, name="top_dropout")(x)
        return predictions(x, request, **dense)
    return pool(x, request, named)


def predictions(x, request, **dense):
    """The dense classifier."""
    check_activation(request)
    return layers.Dense(
        request.classes, activation=request.classifier_activation, name="predictions", **dense
    )(x)


def pool(x, request, named=False):
    """The pooling of a model without its classifier."""
    if request.pooling == "avg":
        return layers.GlobalAveragePooling2D(name="avg_pool" if named else None)(x)
    if request.pooling == "max":
        return layers.GlobalMaxPooling2D(name="max_pool" if named else None)(x)
    return x


def finish(request, outputs, pretrained):
    """The model with its weights.

    Args:
        request: the arguments.
        outputs: symbolic result.
        pretrained: ImageNet's weights as a remote file, or a function without arguments that
            says which file it is.
    """
    given = request.input_tensor
    inputs = request.image if given is None else get_source_inputs(given)
    model = Functional(inputs, outputs, name=request.name)
    if request.weights == "imagenet":
        model.load_weights(locate(pretrained() if callable(pretrained) else pretrained))
    elif request.weights is not None:
        model.load_weights(request.weights)
    return model


def channels(x) -> int:
    """Number of channels of a symbolic tensor."""
    return x.shape[1 if channels_first() else -1]


def norm(x, name=None, axis=3, **kwargs):
    """Batch normalization over the channels."""
    return layers.BatchNormalization(axis=1 if channels_first() else axis, name=name, **kwargs)(x)


def relu(x, name=None):
    """`Activation("relu")`."""
    return layers.Activation("relu", name=name)(x)


def concatenate(xs, name=None, axis=3):
    """Joins channels."""
    return layers.Concatenate(axis=1 if channels_first() else axis, name=name)(xs)


def stride_two_padding(x, kernel_size):
    """Borders with which a valid convolution of stride 2 meets the same pixels as in TensorFlow.

    Returns:
        `((top, bottom), (left, right))`.
    """
    height, width = sizes(x.shape[1:])
    half = kernel_size // 2
    odd = (1, 1) if height is None else (1 - height % 2, 1 - width % 2)
    return ((half - odd[0], half), (half - odd[1], half))


def make_divisible(value, divisor=8) -> int:
    """The nearest multiple of the divisor that is not less than 0.9 of the value."""
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return int(rounded + divisor if rounded < 0.9 * value else rounded)
