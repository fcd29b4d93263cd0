"""Boxes, masks and galleries of images, drawn."""

from __future__ import annotations

import importlib

from ranvier import naming as _naming

_HOMES = {
    "draw_bounding_boxes": "drawing",
    "draw_segmentation_masks": "drawing",
    "plot_bounding_box_gallery": "galleries",
    "plot_image_gallery": "galleries",
    "plot_segmentation_mask_gallery": "galleries",
}

__all__ = sorted(_HOMES)


def __getattr__(name):
    if name not in _HOMES:
        raise _naming.unknown_attribute(__name__, name, __all__)
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__():
    return sorted({*globals(), *_HOMES})
