"""Where the time of a compiled step goes, beside what this machine could do at best."""

from __future__ import annotations

import contextlib
import dataclasses

from ranvier import _backend as B
from ranvier.training import data_adapters
from ranvier.training.epochs import ArrayEpochs


@dataclasses.dataclass(frozen=True)
class ProfileRow:
    """One step of a program, per run."""

    op: str
    variant: str
    layer: str
    seconds: float
    flops: float
    bytes: float
    roof_share: float  # the roofline's time for this work / the measured; over 1 when in caches

    @property
    def flop_rate(self) -> float:
        """FLOP per second."""
        return self.flops / self.seconds if self.seconds > 0 else 0.0

    @property
    def byte_rate(self) -> float:
        """Bytes per second."""
        return self.bytes / self.seconds if self.seconds > 0 else 0.0


@dataclasses.dataclass(frozen=True)
class Profile:
    """A compiled step, measured.

    Attributes:
        name: the program's name.
        rows: its steps in the order they run.
        roofline: `flops_per_second`, `bytes_per_second` and `threads` of this machine, measured.
        stats: the program's FLOPs, bytes and planned memory.
        batch_size: rows of a batch.
    """

    name: str
    rows: list[ProfileRow]
    roofline: dict
    stats: dict
    batch_size: int

    @property
    def seconds(self) -> float:
        """Time of one step."""
        return sum(row.seconds for row in self.rows)

    def by_layer(self) -> dict[str, float]:
        """Seconds per layer (forward and backward together); "" is what belongs to none."""
        times: dict[str, float] = {}
        for row in self.rows:
            times[row.layer] = times.get(row.layer, 0.0) + row.seconds
        return dict(sorted(times.items(), key=lambda item: -item[1]))

    def __str__(self):
        total = self.seconds
        header = ["step", "layer", "time µs", "share", "GFLOP/s", "GB/s", "of roof"]
        table = [
            [
                f"{r.op} ({r.variant})" if r.variant and r.variant != r.op else r.op,
                r.layer or "-",
                f"{r.seconds * 1e6:.1f}",
                f"{100 * r.seconds / total:.1f} %" if total else "-",
                f"{r.flop_rate / 1e9:.2f}",
                f"{r.byte_rate / 1e9:.2f}",
                f"{100 * r.roof_share:.0f} %" if r.flops or r.bytes else "-",
            ]
            for r in self.rows
        ]
        flops, moved = sum(r.flops for r in self.rows), sum(r.bytes for r in self.rows)
        bound = sum(r.roof_share * r.seconds for r in self.rows)
        rates = ["-"] * 3
        if total:
            rates = [f"{flops / total / 1e9:.2f}", f"{moved / total / 1e9:.2f}"]
            rates.append(f"{100 * bound / total:.0f} %")
        table.append(["total", "", f"{total * 1e6:.1f}", "100.0 %", *rates])
        roof = self.roofline
        lines = [
            f"{self.name}, batch {self.batch_size}: {flops / 1e6:.2f} MFLOP, "
            f"{self.stats['arena_bytes'] / 1024:.0f} KiB planned memory"
            f"{held_text(self.stats)}",
            f"roofline: {roof['flops_per_second'] / 1e9:.1f} GFLOP/s, "
            f"{roof['bytes_per_second'] / 1e9:.1f} GB/s, threads: {roof['threads']}",
            *text_table(header, table, left=2),
        ]
        return "\n".join(lines)


def held_text(stats) -> str:
    """The memory of what is computed from the weights once, not in every step; "" without any."""
    held = stats.get("prologue_bytes", 0)
    return f", {held / 1024:.1f} KiB held by the prologue" if held else ""


def text_table(header, rows, left=1) -> list[str]:
    """Aligned lines with a rule below the header; only the first `left` columns are words."""
    columns = list(zip(header, *rows))
    widths = [max(len(str(v)) for v in column) for column in columns]

    def line(values):
        cells = [
            str(v).ljust(w) if i < left else str(v).rjust(w)
            for i, (v, w) in enumerate(zip(values, widths))
        ]
        return "  ".join(cells).rstrip()

    return [line(header), "  ".join("─" * w for w in widths), *(line(r) for r in rows)]


@contextlib.contextmanager
def unchanged(variables):
    """Puts the variables back to what they were when the block ends."""
    before = [(v, v.handle.storage()) for v in variables]
    try:
        yield
    finally:
        for variable, value in before:
            variable.handle.assign(value)


def profile(
    model,
    x,
    y=None,
    sample_weight=None,
    batch_size: int = 32,
    repeats: int = 50,
    mode: str = "train",
):
    """Runs a compiled step many times and says, per step of its program, where the time goes.

    The model's weights, optimizer state and metrics are afterwards what they were.

    Args:
        model: compiled for training.
        x, y, sample_weight: arrays as for `fit`; the first batch is used.
        batch_size: rows of the batch.
        repeats: measured runs; times are means over them.
        mode: "train", "test" or "predict".

    Returns:
        A `Profile`: `print` shows the table, `rows` has the numbers.

    Raises:
        TypeError: `model` is no model.
        ValueError: the model is not compiled, `repeats` is not positive, or `mode` is unknown.

    Example:
        >>> model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
        >>> model.compile(loss="mse")
        >>> report = keras.profile(model, np.ones((8, 3)), np.ones((8, 1)))
    """
    if not hasattr(model, "compiled"):
        raise TypeError(
            f"profile: a Keras model is needed. Received: {type(model).__name__}. "
            "Hint: wrap the function in a `Model`."
        )
    if mode not in ("train", "test", "predict"):
        raise ValueError(
            f"profile: `mode` must be 'train', 'test' or 'predict'. Received: {mode!r}."
        )
    if not isinstance(repeats, int) or repeats < 1:
        raise ValueError(f"profile: `repeats` must be a positive integer. Received: {repeats!r}.")
    if mode != "predict" and not model.compiled:
        raise ValueError("You must call `compile()` before `profile()`.")
    if mode == "predict":
        y = sample_weight = None
    adapter = data_adapters.get_adapter(x, y, sample_weight, batch_size=batch_size, shuffle=False)
    if adapter.kind != "arrays" or adapter.in_python:
        raise ValueError(
            f"profile: arrays of numbers are needed. Received: {type(x).__name__}. "
            "Hint: pass one batch."
        )
    rows = min(adapter.batch_size, adapter.rows)
    step = ArrayEpochs(adapter, model._function(mode)).step_for(rows)
    batch = [array[:rows] for array in adapter.arrays]
    state = [*model.variables, *model.metrics_variables, *model._optimizer_variables]
    with unchanged(state):
        step.program.profile(batch, 3)
        measured = step.program.profile(batch, repeats)
    roof = B.core.roofline()
    return Profile(
        name=f"{model.name}.{mode}_step",
        rows=[_row(entry, roof) for entry in measured],
        roofline=roof,
        stats=step.program.stats(),
        batch_size=rows,
    )


def _row(entry, roof):
    bound = max(
        entry["flops"] / roof["flops_per_second"], entry["bytes"] / roof["bytes_per_second"]
    )
    seconds = entry["seconds"]
    return ProfileRow(
        op=entry["op"],
        variant=entry["variant"],
        layer=entry["site"].rpartition("/")[2],
        seconds=seconds,
        flops=entry["flops"],
        bytes=entry["bytes"],
        roof_share=bound / seconds if seconds > 0 else 0.0,
    )
