"""Fitted estimators as ONNX files, by skl2onnx."""

from ._convert import register_converters
from ._export import export_onnx

__all__ = ["export_onnx", "register_converters"]
