"""Modules of temperatures: what holds parameters and buffers. Settings import them when they build."""
