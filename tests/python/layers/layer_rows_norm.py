"""Rows of normalizations and adaptive pooling."""

from __future__ import annotations

from layer_rows import row

row("GroupNormalization", (3, 8), 2, groups=2)
row("GroupNormalization", (3, 5, 4, 8), 2, groups=4)
row("GroupNormalization", (3, 8, 4, 5), 1, groups=4, axis=1, center=False)
row("GroupNormalization", (3, 5, 6), 1, groups=-1, scale=False, epsilon=0.01)
row("RMSNormalization", (4, 3), 1)
row("RMSNormalization", (4, 3, 2), 1, axis=[1, 2], epsilon=1e-3)
row("LayerNormalization", (4, 3, 2), 2, axis=1)
row("LayerNormalization", (4, 3, 2), 2, axis=[-1, -2])
row("LayerNormalization", (4, 3), 1, center=False, epsilon=1e-5)
row("UnitNormalization", (4, 3, 2), axis=[1, 2])
row("BatchNormalization", (4, 5, 3), 7, renorm=True, renorm_momentum=0.9)
row("BatchNormalization", (4, 3, 5), 5, axis=1, renorm=True, center=False, scale=False,
    renorm_clipping={"rmax": 1.5, "rmin": 0.5, "dmax": 0.3})  # fmt: skip
for _n, _shape in ((1, (2, 9, 3)), (2, (2, 7, 6, 3)), (3, (1, 6, 5, 4, 2))):
    for _kind in ("Average", "Max"):
        row(f"Adaptive{_kind}Pooling{_n}D", _shape, output_size=3)
        row(f"Adaptive{_kind}Pooling{_n}D", _shape, output_size=(4, 2, 5)[:_n],
            data_format="channels_first")  # fmt: skip
