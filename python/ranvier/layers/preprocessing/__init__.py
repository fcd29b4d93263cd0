"""Layers that turn raw data into numbers."""
