"""Rows of the recurrent layers."""

from layer_rows import row

for _name in ("SimpleRNN", "LSTM", "GRU"):
    row(_name, (3, 5, 4), 3, units=6)
    row(_name, (3, 5, 4), 2, units=6, return_sequences=True, use_bias=False)
    row(_name, (3, 5, 4), 3, units=17, return_sequences=True, go_backwards=True, unroll=True)
    row(_name, (2, 4, 3), 3, units=3, activation="relu", kernel_regularizer="l2",
        activity_regularizer="l2", recurrent_constraint="non_neg")  # fmt: skip
    row(_name, (2, 4, 3), 3, units=3, activation=None, return_sequences=True)
row("LSTM", (2, 4, 3), 3, units=3, recurrent_activation="hard_sigmoid", unit_forget_bias=False)
row("GRU", (3, 5, 4), 3, units=6, reset_after=False, return_sequences=True)
row("GRU", (3, 5, 4), 2, units=6, reset_after=False, use_bias=False)
row("GRU", (3, 5, 4), 3, units=6, reset_after=False, recurrent_activation="relu")
for _padding in ("valid", "same"):
    row("ConvLSTM1D", (2, 3, 8, 4), 3, filters=3, kernel_size=3, padding=_padding)
    row("ConvLSTM2D", (2, 3, 7, 6, 2), 3, filters=3, kernel_size=(3, 2), strides=2,
        padding=_padding, return_sequences=True)  # fmt: skip
row("ConvLSTM1D", (2, 3, 4, 8), 3, filters=3, kernel_size=3, data_format="channels_first",
    go_backwards=True, unit_forget_bias=False, dilation_rate=2)  # fmt: skip
row("ConvLSTM3D", (1, 2, 4, 5, 4, 2), 2, filters=2, kernel_size=2, use_bias=False)
