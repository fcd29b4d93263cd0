"""Rows of the image layers that draw nothing."""

from layer_rows import row

for _format in ("channels_last", "channels_first"):
    _shape = (2, 9, 8, 3) if _format == "channels_last" else (2, 3, 9, 8)
    row("Resizing", _shape, height=5, width=12, data_format=_format)
    row("Resizing", _shape, height=4, width=4, crop_to_aspect_ratio=True, data_format=_format)
    row("CenterCrop", _shape, height=4, width=6, data_format=_format)
    row("CenterCrop", _shape, height=10, width=4, data_format=_format)
    row("Equalization", _shape, value_range=(-3, 3), bins=16, data_format=_format)
    row("ContrastLimitedAdaptiveHistogramEqualization", _shape, value_range=(-3, 3),
        tile_grid_size=(2, 3), data_format=_format)  # fmt: skip
    row("RandomGrayscale", _shape, factor=1.0, data_format=_format)
row("Resizing", (2, 9, 8, 3), height=12, width=4, pad_to_aspect_ratio=True, fill_value=0.5)
row("Resizing", (2, 9, 8, 3), height=4, width=4, interpolation="lanczos3", antialias=True)
row("AutoContrast", (2, 9, 8, 3), value_range=(-3.0, 3.0))
row("MaxNumBoundingBoxes", (2, 9, 8, 3), max_number=4)
for _interpolation in ("bilinear", "bicubic", "lanczos3", "lanczos5"):
    row("UpSampling2D", (2, 4, 5, 3), size=(2, 3), interpolation=_interpolation)
row("UpSampling2D", (2, 3, 4, 5), interpolation="bilinear", data_format="channels_first")
