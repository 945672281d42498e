"""Serving, an index: answers requests about a model, one after another, as `mlflow models serve` passes them on."""

from reccl.serving.service import Service

__all__ = ["Service"]
