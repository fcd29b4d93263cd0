"""Layers that join several inputs."""
