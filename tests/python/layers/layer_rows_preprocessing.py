"""Rows of the preprocessing layers that real Keras runs without TensorFlow."""

from layer_rows import row

row("Normalization", (4, 3), mean=[1.0, 2.0, 3.0], variance=[1.0, 4.0, 0.0])
row("Normalization", (4, 3, 2), axis=None, mean=1.5, variance=4.0)
row("Normalization", (4, 3, 2), axis=(1, 2), mean=[0.5, 1.0], variance=[2.0, 3.0], invert=True)
for _mode in ("int", "one_hot", "multi_hot", "count"):
    _dtype = "int32" if _mode == "int" else "float32"
    row("Discretization", (4, 3), dtype=_dtype, bin_boundaries=[0.0, 1.5], output_mode=_mode)
    if _mode != "int":
        row("CategoryEncoding", (4, 3), dtype="int32", num_tokens=4, output_mode=_mode)
row("Discretization", (4, 1), bin_boundaries=[-0.5, 0.0, 1.0], output_mode="one_hot")
row("CategoryEncoding", (4, 1), dtype="int32", num_tokens=5, output_mode="one_hot")
