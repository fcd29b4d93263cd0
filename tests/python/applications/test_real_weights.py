"""MobileNetV2 with weights trained on ImageNet names real photos, where RANVIER_DATA has both."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

import ranvier as keras

DATA = Path(os.environ.get("RANVIER_DATA") or "/nowhere")
WEIGHTS = DATA / "weights" / "mobilenet_v2_1.0_224_imagenet_bnfolded_int8.npz"


def with_weights(model, file):
    """Quantised kernels with batch normalization folded in: kernel = kernel_q · scale."""
    for name in {key.split("/")[0] for key in file.files}:
        kernel, scale, bias = (file[f"{name}/{part}"] for part in ("kernel_q", "scale", "bias"))
        scale = scale.reshape(1, 1, -1, 1) if name.endswith("depthwise") else scale
        layer = model.get_layer(name)
        values = (kernel * scale).astype("float32").reshape(layer.kernel.shape)
        if name == "predictions":
            layer.set_weights([values, bias])
            continue
        layer.set_weights([values])
        after = {"Conv1": "bn_Conv1", "Conv_1": "Conv_1_bn"}.get(name, f"{name}_BN")
        norm = model.get_layer(after)
        one = np.ones_like(bias)
        norm.set_weights([one * np.sqrt(1 + norm.epsilon), bias, 0 * one, one])
    return model


@pytest.mark.skipif(not WEIGHTS.is_file(), reason="RANVIER_DATA has no weights of MobileNetV2")
def test_photos_get_their_names():
    image = pytest.importorskip("PIL.Image")
    reference = json.loads((WEIGHTS.parent / "mobilenet_v2_reference_top5.json").read_text())
    model = keras.applications.MobileNetV2(weights=None, classes=1001)
    with np.load(WEIGHTS) as file:
        with_weights(model, file)
    for name, expected in reference["photos"].items():
        with image.open(DATA / "photos" / name) as photo:
            small = photo.convert("RGB").resize((224, 224), image.Resampling.BILINEAR)
        pixels = np.asarray(small, "float32")[None]
        pixels = keras.applications.mobilenet_v2.preprocess_input(pixels)
        probabilities = model.predict(pixels, verbose=0)[0]
        for index, _, probability in expected["top5"]:
            assert abs(probabilities[index] - probability) < 5e-3, (name, index)
        assert probabilities.argmax() == expected["top5"][0][0]
