"""Vision transformers as timm names them: the tensors that they have, and the ONNX graph built from these."""

from moderation.classifiers.conversion.vit.architecture import Pool, VisionTransformer
from moderation.classifiers.conversion.vit.graph import INPUT, OUTPUT, build

__all__ = ["INPUT", "OUTPUT", "Pool", "VisionTransformer", "build"]
