"""Image layers with arguments: every random one draws something with these."""

IMAGES = {
    "RandomFlip": {"mode": "horizontal_and_vertical"},
    "RandomTranslation": {"height_factor": 0.3, "width_factor": (-0.2, 0.4)},
    "RandomRotation": {"factor": 0.2, "fill_mode": "constant", "fill_value": 9.0},
    "RandomZoom": {"height_factor": 0.3, "width_factor": (-0.3, 0.1), "fill_mode": "nearest"},
    "RandomShear": {"x_factor": (0.0, 0.3), "y_factor": (0.1, 0.2), "fill_mode": "wrap"},
    "RandomPerspective": {"factor": 1.0, "scale": 0.4},
    "RandomElasticTransform": {"factor": 1.0, "scale": 0.8},
    "RandomErasing": {"scale": (0.1, 0.3)},
    "RandomBrightness": {"factor": 0.3},
    "RandomContrast": {"factor": (0.5, 0.7)},
    "RandomColorDegeneration": {"factor": (0.1, 0.8)},
    "RandomGaussianBlur": {"kernel_size": (3, 5), "sigma": (0.3, 0.9)},
    "RandomHue": {"factor": 0.7},
    "RandomInvert": {"factor": 0.5},
    "RandomPosterization": {"factor": (2, 6)},
    "RandomSaturation": {"factor": (0.6, 0.9)},
    "RandomSharpness": {"factor": (0.6, 1.0)},
    "Solarization": {"addition_factor": 0.3, "threshold_factor": 0.6},
    "CutMix": {"factor": 0.8},
    "MixUp": {"alpha": 0.4},
    "RandomColorJitter": {
        "brightness_factor": 0.2,
        "contrast_factor": 0.3,
        "saturation_factor": 0.4,
        "hue_factor": 0.1,
    },
    "RandAugment": {"factor": (0.2, 0.5)},
    "AugMix": {"factor": 0.4},
    "RandomGrayscale": {"factor": 0.5},
}
# Their transformation is drawn while images are transformed, or by Python's `random`.
DRAWN_INSIDE = ("RandomColorJitter", "RandomElasticTransform", "AugMix", "RandAugment")
