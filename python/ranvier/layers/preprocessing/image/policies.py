"""Layers that apply a random choice of the others."""

from __future__ import annotations

import random as python_random

from ranvier import ops, random
from ranvier.layers.preprocessing.image import affine, colors, histograms, tones
from ranvier.layers.preprocessing.image.base import BaseImagePreprocessingLayer, ColorLayer

# Name -> class, and which arguments follow from the policy's own.
_STEPS: dict[str, tuple] = {
    "random_shear": (affine.RandomShear, ("x_factor", "y_factor", "interpolation", "seed")),
    "random_translation": (
        affine.RandomTranslation, ("height_factor", "width_factor", "interpolation", "seed"),
    ),
    "random_rotation": (affine.RandomRotation, ("factor", "interpolation", "seed")),
    "random_brightness": (colors.RandomBrightness, ("factor", "value_range", "seed")),
    "random_color_degeneration": (
        colors.RandomColorDegeneration, ("factor", "value_range", "seed"),
    ),
    "random_contrast": (colors.RandomContrast, ("factor", "value_range", "seed")),
    "random_sharpness": (tones.RandomSharpness, ("factor", "value_range", "seed")),
    "random_posterization": (tones.RandomPosterization, ("bits", "value_range", "seed")),
    "solarization": (
        tones.Solarization, ("addition_factor", "threshold_factor", "value_range", "seed"),
    ),
    "auto_contrast": (histograms.AutoContrast, ("value_range",)),
    "equalization": (histograms.Equalization, ("value_range",)),
}  # fmt: skip


class _Policy(BaseImagePreprocessingLayer):
    """Owns one layer of each kind."""

    _USE_BASE_FACTOR = False
    _FACTOR_BOUNDS = (0, 1)
    _NAMES: tuple[str, ...] = tuple(_STEPS)

    def _make_steps(self, names, data_format, kwargs):
        own = {"interpolation": self.interpolation, "seed": self.seed,
               "value_range": self.value_range}  # fmt: skip
        for name in names:
            cls, arguments = _STEPS[name]
            given = {a: own.get(a, self.factor) for a in arguments if a != "bits"}
            if "bits" in arguments:
                given["factor"] = max(1, int(8 * self.factor[1]))
            setattr(self, name, cls(**given, data_format=data_format, **kwargs))

    def build(self, input_shape):
        steps = [getattr(self, name, None) for name in self._NAMES]
        self._build_steps(steps, input_shape)

    def _drawn(self, name, data, training=True):
        layer = getattr(self, name)
        return layer.get_random_transformation(data, training=training, seed=self.generator)


class RandAugment(_Policy):
    """Applies `num_ops` augmentations drawn from eleven, the same ones to a whole batch.

    Cubuk et al., "RandAugment" (2019).

    Args:
        value_range: bounds of the pixels.
        num_ops: number of augmentations of a batch.
        factor: strength of all of them in [0, 1], or (lowest, highest).
        interpolation: "nearest" or "bilinear".
        seed: integer seed.
        data_format: "channels_last" or "channels_first".

    Example:
        >>> layers.RandAugment()(ops.ones((2, 16, 16, 3)), training=True).shape
        (2, 16, 16, 3)
    """

    _CONFIG = ("value_range", "num_ops", "factor", "interpolation", "seed")

    def __init__(
        self,
        value_range=(0, 255),
        num_ops=2,
        factor=0.5,
        interpolation="bilinear",
        seed=None,
        data_format=None,
        **kwargs,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.value_range, self.num_ops = value_range, num_ops
        self._set_factor(factor)
        self.interpolation = interpolation
        self._set_seed(seed)
        kwargs.pop("name", None)
        self._make_steps(self._NAMES, data_format, kwargs)

    def get_random_transformation(self, data, training=True, seed=None):
        """ "transforms", a transformation per augmentation, and "layer_idxes" (num_ops,)."""
        if not training:
            return None
        index = random.randint((self.num_ops,), 0, len(self._NAMES), seed=self.generator)
        drawn = {name: self._drawn(name, data, training) for name in self._NAMES}
        return {"transforms": drawn, "layer_idxes": index}

    def _apply(self, method, x, transformation):
        """One chosen augmentation after the other; the ones that are not chosen do not run."""
        index, drawn = transformation["layer_idxes"], transformation["transforms"]
        names = list(drawn)

        def branch(name):
            change = getattr(getattr(self, name), method)
            return lambda x: ops.cast(change(x, drawn[name]), x.dtype)

        for i in range(self.num_ops):
            x = ops.switch(index[i], [branch(name) for name in names], x)
        return x

    def transform_images(self, images, transformation, training=True):
        x = ops.cast(images, self.compute_dtype)
        return self._apply("transform_images", x, transformation) if training else x

    def transform_segmentation_masks(self, segmentation_masks, transformation, training=True):
        if not training:
            return segmentation_masks
        masks = ops.convert_to_tensor(segmentation_masks)
        return self._apply("transform_segmentation_masks", masks, transformation)

    def transform_bounding_boxes(self, bounding_boxes, transformation, training=True):
        if not training:
            return bounding_boxes
        out = dict(bounding_boxes)
        index = ops.convert_to_tensor(transformation["layer_idxes"])
        for number, (name, drawn) in enumerate(transformation["transforms"].items()):
            layer = getattr(self, name)
            moved = layer.transform_bounding_boxes(dict(bounding_boxes), drawn)
            chosen = ops.any(ops.equal(index, number))
            for key in ("boxes", "labels"):
                out[key] = ops.where(chosen, moved[key], out[key])
        return out


class AugMix(_Policy):
    """Mixes images with several chains of augmentations of themselves.

    Hendrycks et al., "AugMix" (2020). The chains are drawn by Python's `random`, one set per call
    (per trace where the call is compiled), their weights by the layer's seed.

    Args:
        value_range: bounds of the pixels.
        num_chains: number of chains.
        chain_depth: augmentations of a chain.
        factor: strength of all of them in [0, 1], or (lowest, highest).
        alpha: parameter of the Dirichlet and beta distributions of the weights.
        all_ops: whether brightness, colour, contrast and sharpness belong to the augmentations.
        interpolation: "nearest" or "bilinear".
        seed: integer seed.
        data_format: "channels_last" or "channels_first".

    Example:
        >>> layers.AugMix()(ops.ones((2, 16, 16, 3)), training=True).shape
        (2, 16, 16, 3)
    """

    _CONFIG = ("value_range", "num_chains", "chain_depth", "factor", "alpha", "all_ops",
               "interpolation", "seed")  # fmt: skip
    _COLOR_STEPS = ("random_brightness", "random_color_degeneration", "random_contrast",
                    "random_sharpness")  # fmt: skip

    def __init__(
        self,
        value_range=(0, 255),
        num_chains=3,
        chain_depth=3,
        factor=0.3,
        alpha=1.0,
        all_ops=True,
        interpolation="bilinear",
        seed=None,
        data_format=None,
        **kwargs,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.value_range, self.num_chains = value_range, num_chains
        self.chain_depth, self.alpha, self.all_ops = chain_depth, alpha, all_ops
        self._set_factor(factor)
        self.interpolation = interpolation
        self._set_seed(seed)
        left_out = () if all_ops else self._COLOR_STEPS
        self._step_names = tuple(n for n in self._NAMES if n not in left_out)
        kwargs.pop("name", None)
        self._make_steps(self._step_names, data_format, kwargs)

    def get_random_transformation(self, data, training=True, seed=None):
        """Weights of the chains, of the mix, and the chains: a list of named transformations."""
        if not training:
            return None
        seed = self.generator if seed is None else seed
        shares = random.gamma((self.num_chains,), self.alpha, seed=seed)
        weight = random.beta((), self.alpha, self.alpha, seed=seed)
        chains = []
        for _ in range(self.num_chains):
            names = [
                python_random.choice([*self._step_names, None]) for _ in range(self.chain_depth)
            ]
            chains.append([
                {"layer_name": n, "transformation": self._drawn(n, data)} for n in names if n
            ])  # fmt: skip
        return {"chain_mixing_weights": shares / ops.sum(shares), "weight_sample": weight,
                "chain_transforms": chains}  # fmt: skip

    def _mixed(self, method, x, transformation, dtype):
        shares = ops.cast(transformation["chain_mixing_weights"], dtype)
        weight = ops.cast(transformation["weight_sample"], dtype)
        total = ops.zeros_like(x, dtype=dtype)
        for i, chain in enumerate(transformation["chain_transforms"]):
            changed = x
            for step in chain:
                layer = getattr(self, step["layer_name"])
                changed = getattr(layer, method)(changed, step["transformation"])
            total = total + ops.cast(changed, dtype) * shares[i]
        return weight * ops.cast(x, dtype) + (1 - weight) * total

    def transform_images(self, images, transformation, training=True):
        x = ops.cast(images, self.compute_dtype)
        if not training:
            return x
        x = self._mixed("transform_images", x, transformation, self.compute_dtype)
        return ops.clip(x, self.value_range[0], self.value_range[1])

    def transform_segmentation_masks(self, segmentation_masks, transformation, training=True):
        if not training:
            return segmentation_masks
        masks = ops.convert_to_tensor(segmentation_masks)
        name = "transform_segmentation_masks"
        return self._mixed(name, masks, transformation, self.compute_dtype)

    transform_bounding_boxes = ColorLayer.transform_bounding_boxes
