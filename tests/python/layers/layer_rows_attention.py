"""Rows of attention layers and of the reversible embedding."""

from __future__ import annotations

from layer_rows import row

row("Attention", [(2, 3, 4), (2, 5, 4)])
row("Attention", [(2, 3, 4), (2, 5, 4)], 1, use_scale=True)
row("Attention", [(2, 3, 4), (2, 5, 4), (2, 5, 4)], 2, use_scale=True, score_mode="concat")
row("AdditiveAttention", [(2, 3, 4), (2, 5, 4)], 1)
row("AdditiveAttention", [(2, 3, 4), (2, 5, 4), (2, 5, 4)], use_scale=False)
row("ReversibleEmbedding", (2, 4), 1, dtype="int32", input_dim=7, output_dim=3)
row("ReversibleEmbedding", (2, 4), 1, dtype="int32", input_dim=7, output_dim=3, mask_zero=True,
    reverse_dtype="float32", logit_soft_cap=5.0)  # fmt: skip
