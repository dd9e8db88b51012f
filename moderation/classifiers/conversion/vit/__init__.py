"""Vision transformers as timm names them: which tensors they have, and the ONNX graph that these make."""

from moderation.classifiers.conversion.vit.architecture import Pool, VisionTransformer
from moderation.classifiers.conversion.vit.graph import INPUT, OUTPUT, build

__all__ = ["INPUT", "OUTPUT", "Pool", "VisionTransformer", "build"]
