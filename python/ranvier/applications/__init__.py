"""Image classifiers of the literature, with or without weights trained on ImageNet.

Every family is a table and a builder in a module of its own, with the `preprocess_input` and
`decode_predictions` that belong to it.
"""

from __future__ import annotations

import importlib

from ranvier import naming as _naming

_FAMILIES = {
    "convnext": tuple(f"ConvNeXt{v}" for v in ("Base", "Large", "Small", "Tiny", "XLarge")),
    "densenet": ("DenseNet121", "DenseNet169", "DenseNet201"),
    "efficientnet": tuple(f"EfficientNetB{i}" for i in range(8)),
    "efficientnet_v2": tuple(f"EfficientNetV2{v}" for v in ("B0", "B1", "B2", "B3", "L", "M", "S")),
    "inception_resnet_v2": ("InceptionResNetV2",),
    "inception_v3": ("InceptionV3",),
    "mobilenet": ("MobileNet",),
    "mobilenet_v2": ("MobileNetV2",),
    "mobilenet_v3": ("MobileNetV3Large", "MobileNetV3Small"),
    "nasnet": ("NASNetLarge", "NASNetMobile"),
    "resnet": ("ResNet101", "ResNet152", "ResNet50"),
    "resnet50": (),
    "resnet_v2": ("ResNet101V2", "ResNet152V2", "ResNet50V2"),
    "vgg16": ("VGG16",),
    "vgg19": ("VGG19",),
    "xception": ("Xception",),
    "imagenet_utils": (),
}  # fmt: skip
_MODULE_OF = {name: module for module, names in _FAMILIES.items() for name in names}

__all__ = [*sorted(_MODULE_OF), *sorted(_FAMILIES)]


def __getattr__(name):
    if name in _MODULE_OF:
        return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    if name in _FAMILIES:
        return importlib.import_module(f"{__name__}.{name}")
    raise _naming.unknown_attribute(__name__, name, __all__)


def __dir__():
    return __all__
