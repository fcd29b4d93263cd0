"""The builder of VGG16 and VGG19: 3×3 convolutions in five blocks, three dense layers."""

from __future__ import annotations

from functools import partial

from ranvier import layers
from ranvier.applications._assembly import application, finish, pool, predictions, start
from ranvier.applications._files import TF_KERNELS, with_or_without_top

_FILTERS = (64, 128, 256, 512, 512)
_PAPER = "K. Simonyan, A. Zisserman (2014), Very Deep Convolutional Networks, arXiv:1409.1556"


def _build(request, depths, files, digests):
    x = start(request, 224)
    for i, (filters, depth) in enumerate(zip(_FILTERS, depths), 1):
        for j in range(1, depth + 1):
            x = layers.Conv2D(
                filters, 3, activation="relu", padding="same", name=f"block{i}_conv{j}"
            )(x)
        x = layers.MaxPooling2D(2, strides=2, name=f"block{i}_pool")(x)
    if request.include_top:
        x = layers.Flatten(name="flatten")(x)
        x = layers.Dense(4096, activation="relu", name="fc1")(x)
        x = layers.Dense(4096, activation="relu", name="fc2")(x)
        x = predictions(x, request)
    else:
        x = pool(x, request)
    file = partial(with_or_without_top, request, files, f"{files}/", digests, TF_KERNELS)
    return finish(request, x, file)


def vgg(title, depths, digests, module):
    """The public function for blocks with these numbers of convolutions."""
    name = title.lower()
    made = partial(_build, depths=depths, files=name, digests=digests)
    return application(title, made, paper=_PAPER, module=module, name=name)
