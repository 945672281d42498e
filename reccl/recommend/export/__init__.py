"""Export, an index: vectors of a model for other systems: files, ANN indexes, ONNX."""

from reccl.recommend.export.export import FORMATS, ExportFormat, export_vectors
from reccl.recommend.export.vectors import Vectors

__all__ = ["FORMATS", "ExportFormat", "Vectors", "export_vectors"]
