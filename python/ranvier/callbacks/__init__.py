"""Callbacks under Keras' names."""

from __future__ import annotations

from ranvier.callbacks.callback import Callback
from ranvier.callbacks.callback_list import CallbackList
from ranvier.callbacks.history import History, ProgbarLogger
from ranvier.callbacks.monitor import EarlyStopping, MonitorCallback, ReduceLROnPlateau
from ranvier.callbacks.orbax import OrbaxCheckpoint
from ranvier.callbacks.remote import RemoteMonitor
from ranvier.callbacks.saving import BackupAndRestore, ModelCheckpoint
from ranvier.callbacks.small import (
    CSVLogger,
    LambdaCallback,
    LearningRateScheduler,
    TerminateOnNaN,
)
from ranvier.callbacks.swap_ema import SwapEMAWeights
from ranvier.callbacks.tensorboard import TensorBoard

__all__ = [
    "BackupAndRestore", "CSVLogger", "Callback", "CallbackList", "EarlyStopping", "History",
    "LambdaCallback", "LearningRateScheduler", "ModelCheckpoint", "MonitorCallback",
    "OrbaxCheckpoint", "ProgbarLogger", "ReduceLROnPlateau", "RemoteMonitor", "SwapEMAWeights",
    "TensorBoard", "TerminateOnNaN",
]  # fmt: skip
