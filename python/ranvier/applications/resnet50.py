"""The older name of the module of ResNet-50."""

from ranvier.applications.resnet import ResNet50 as ResNet50
from ranvier.applications.resnet import decode_predictions as decode_predictions
from ranvier.applications.resnet import preprocess_input as preprocess_input
