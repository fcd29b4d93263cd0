"""The only module that imports the extension `_core`; all others take it from here."""

from __future__ import annotations

from ranvier import _core as core

Tensor = core.Tensor
CoreVariable = core.Variable
Trace = core.Trace
Tape = core.Tape
StatelessEnv = core.StatelessEnv

apply = core.apply
infer = core.infer
tensor = core.tensor
full = core.full
promote = core.promote
constant_value = core.constant_value
tracing = core.tracing
recording = core.recording
suspend = core.suspend
fast = core.fast
weak = core.weak
replayed = core.replayed

Error = core.Error
ShapeError = core.ShapeError
DTypeError = core.DTypeError
RangeError = core.RangeError
GraphError = core.GraphError
InvalidValueError = core.InvalidValueError
