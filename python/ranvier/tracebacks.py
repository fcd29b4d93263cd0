"""Tracebacks of errors: the caller's frames, without the package's own.

`config.disable_traceback_filtering()` keeps them all.
"""

from __future__ import annotations

import functools
import os
import types

from ranvier import config

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


def filtered(error: BaseException) -> BaseException:
    """The error, its traceback without frames of this package where filtering is on."""
    if not config.is_traceback_filtering_enabled():
        return error
    frames = []
    step = error.__traceback__
    while step is not None:
        if not step.tb_frame.f_code.co_filename.startswith(_PACKAGE):
            frames.append(step)
        step = step.tb_next
    kept = None
    for step in reversed(frames):
        kept = types.TracebackType(kept, step.tb_frame, step.tb_lasti, step.tb_lineno)
    return error.with_traceback(kept)


def entry_point(method):
    """A method that users call on models: it goes by that name, and its errors are `filtered`."""
    method.__qualname__ = f"Model.{method.__name__}"

    @functools.wraps(method)
    def filtering(*args, **kwargs):
        try:
            return method(*args, **kwargs)
        except Exception as error:
            raise filtered(error)  # noqa: B904 - it is the same error, with its own cause

    return filtering
