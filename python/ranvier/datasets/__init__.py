"""Data sets: `digits` comes with the package, the others from a local folder or the network."""

from ranvier.datasets import cifar10, digits, fashion_mnist, mnist

__all__ = ["cifar10", "digits", "fashion_mnist", "mnist"]
