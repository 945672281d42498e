"""Modules of encoders: what holds parameters. Settings import them when they build."""
