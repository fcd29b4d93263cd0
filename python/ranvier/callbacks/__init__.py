"""Callbacks under Keras' names."""

from __future__ import annotations

from ranvier.callbacks.callback import Callback
from ranvier.callbacks.callback_list import CallbackList
from ranvier.callbacks.history import History, ProgbarLogger
from ranvier.callbacks.monitor import EarlyStopping, MonitorCallback, ReduceLROnPlateau
from ranvier.callbacks.saving import BackupAndRestore, ModelCheckpoint
from ranvier.callbacks.small import (
    CSVLogger,
    LambdaCallback,
    LearningRateScheduler,
    TerminateOnNaN,
)

__all__ = [
    "BackupAndRestore", "CSVLogger", "Callback", "CallbackList", "EarlyStopping", "History",
    "LambdaCallback", "LearningRateScheduler", "ModelCheckpoint", "MonitorCallback",
    "ProgbarLogger", "ReduceLROnPlateau", "TerminateOnNaN",
]  # fmt: skip
