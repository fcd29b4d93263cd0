"""Layers that stand for a product, an input, a function."""
