"""What users see of training: a bar on a terminal, one line in a notebook or a log file."""

from __future__ import annotations

import logging
import os
import sys
import time

import numpy as np

from ranvier import config

_BAR = 20
_BOLD, _GREEN, _GREY, _RESET = "\x1b[1m", "\x1b[32m", "\x1b[37m", "\x1b[0m"


def print_message(text: str, line_break: bool = True) -> None:
    """Prints, or logs when interactive logging is switched off."""
    if not config.is_interactive_logging_enabled():
        logging.getLogger("ranvier").info(text)
        return
    end = "\n" if line_break else ""
    try:
        sys.stdout.write(text + end)
    except UnicodeEncodeError:
        sys.stdout.write(text.encode("ascii", errors="replace").decode("ascii") + end)
    sys.stdout.flush()


def output_style() -> str:
    """ "bar" on a terminal, "line" in a notebook, "plain" for anything else."""
    if not config.is_interactive_logging_enabled():
        return "plain"
    if "ipykernel" in sys.modules and not sys.stdout.isatty():
        return "line"
    return "bar" if hasattr(sys.stdout, "isatty") and sys.stdout.isatty() else "plain"


def format_value(value, signed: bool = True) -> str:
    """Four digits after the point; small numbers, and negative ones if not `signed`, in powers."""
    value = float(value)
    plain = (abs(value) if signed else value) > 1e-3
    return f"{value:.4f}" if plain else f"{value:.4e}"


def format_remaining(seconds: float) -> str:
    """Seconds as `h:mm:ss`, `m:ss` or `s`."""
    seconds = int(seconds)
    if seconds > 3600:
        return f"{seconds // 3600}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"
    if seconds > 60:
        return f"{seconds // 60}:{seconds % 60:02d}"
    return f"{seconds}s"


def format_rate(seconds: float, unit: str) -> str:
    """Time per unit in a fitting power of ten."""
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s/{unit}"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.0f}ms/{unit}"
    return f"{seconds * 1e6:.{0 if seconds >= 1e-5 else 1}f}us/{unit}"


def _format_logs(logs, signed) -> str:
    parts = []
    for name, value in (logs or {}).items():
        if getattr(value, "size", 1) != 1:
            value = np.mean(np.asarray(value))
        parts.append(f" - {name}: {format_value(value, signed)}")
    return "".join(parts)


class Progbar:
    """Progress over a number of units.

    Args:
        target: how many there are, `None` when not known.
        width: kept for Keras' sake.
        verbose: 1 updates a bar (off a terminal it is printed once, at the end), 2 prints one line
            at the end, 0 nothing.
        interval: seconds between two updates at least.
        stateful_metrics: names of values that are shown as they come; the others as their mean over
            the units so far, and at the end as they come, too.
        stateless_metrics: names of values that are shown as means, and no others are. One of both
            at most; without either all are means.
        unit_name: what a unit is called.

    Raises:
        ValueError: both `stateful_metrics` and `stateless_metrics` are given.

    Example:
        >>> bar = keras.utils.Progbar(3, verbose=0)
        >>> for step in range(3):
        ...     bar.add(1, values=[("loss", 0.5)])
    """

    def __init__(
        self,
        target,
        width=_BAR,
        verbose=1,
        interval=0.05,
        stateful_metrics=None,
        stateless_metrics=None,
        unit_name="step",
    ):
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError(
                "Only one of `stateful_metrics` or `stateless_metrics` can be provided. Received "
                f"stateful_metrics={stateful_metrics} and stateless_metrics={stateless_metrics}"
            )
        self.stateful_metrics = None if stateful_metrics is None else set(stateful_metrics)
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        self.target = target
        self.width = width
        self.verbose = verbose
        self.interval = interval
        self.unit_name = unit_name
        self._style = output_style()
        self._seen = 0
        self._start = time.perf_counter()
        self._last_update = self._start
        self._drawn = 0
        self._values: dict = {}  # sum of what is shown, and the units it is of

    @property
    def due(self) -> bool:
        """Whether an update now would be drawn."""
        if self.verbose != 1 or self._style == "plain":
            return False
        return time.perf_counter() - self._last_update >= self.interval

    def update(self, current, values=None, finalize=None) -> None:
        """Shows that `current` units are done.

        Args:
            current: units done.
            values: dict or pairs of what to show.
            finalize: whether this is the end; by default when the target is reached.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        self._take(current, dict(values or {}), finalize)
        self._seen = current
        if not finalize and not self.due:
            return
        if self.verbose not in (1, 2):
            return
        self._last_update = time.perf_counter()
        shown = {name: total / max(1, units) for name, (total, units) in self._values.items()}
        line = self._line(current, shown, finalize)
        if self._style == "plain" or self.verbose == 2:
            print_message(line)
            return
        clear = "\x1b[2K\r" if self._style == "bar" else "\r"
        padding = " " * max(self._drawn - len(line), 0) if self._style == "line" else ""
        self._drawn = len(line)
        print_message(f"{clear}{line}{padding}", line_break=finalize)

    def _take(self, current, values, finalize):
        """Means weight a value with the units since the last update."""
        units = max(current - self._seen, 1)
        for name, value in values.items():
            if isinstance(value, (list, tuple)):
                value = np.asarray(value)
            if self._averages(name) and not finalize:
                total, count = self._values.get(name, (0, 0))
                self._values[name] = (total + value * units, count + units)
            else:
                self._values[name] = (value, 1)

    def _averages(self, name) -> bool:
        if self.stateless_metrics is not None:
            return name in self.stateless_metrics
        return name not in (self.stateful_metrics or ())

    def add(self, n, values=None) -> None:
        """Shows that `n` more units are done."""
        self.update(self._seen + n, values)

    def _line(self, current, values, finalize):
        elapsed = time.perf_counter() - self._start
        target = self.target
        rate = format_rate(elapsed / current if current else 0.0, self.unit_name)
        logs = _format_logs(values, signed=self.verbose == 1)
        duration = f"{elapsed:.0f}s"
        count = f"{current:>{len(str(target))}}/{target}" if target else f"{current:7d}/Unknown"
        if self.verbose == 2:
            return f"{count} - {duration} - {rate}{logs}"
        if target and current and not finalize:
            duration = format_remaining(elapsed / current * (target - current))
        if self._style != "bar":
            return f"{count} {self._bar(current)}{duration} {rate}{logs}"
        line = f"{_BOLD}{count}{_RESET} {self._bar(current)}{_BOLD}{duration}{_RESET} {rate}{logs}"
        return _cut(line, self._columns())

    def _bar(self, current):
        if not self.target:
            return ""
        done = int(self.width * min(current / self.target, 1.0))
        parts = "━" * done, "━" * (self.width - done)
        if self._style != "bar":
            return "".join(parts) + " "
        return f"{_GREEN}{parts[0]}{_RESET}{_GREY}{parts[1]}{_RESET} "

    @staticmethod
    def _columns():
        try:
            return os.get_terminal_size().columns
        except OSError:
            return 120


def _cut(line: str, columns: int) -> str:
    """The line without what does not fit on the terminal; escape sequences take no room."""
    shown = i = 0
    while i < len(line):
        if line[i] == "\x1b":
            i = line.index("m", i) + 1
            continue
        if shown == columns - 1:
            return line[:i] + _RESET
        shown += 1
        i += 1
    return line
