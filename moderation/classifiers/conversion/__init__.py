"""Turn classifiers in the forms that publishers use into ONNX bytes and the facts of a manifest.

Three forms are read: an ONNX file with a manifest; an ONNX file with Hugging Face's ``config.json`` and
``preprocessor_config.json``; a timm folder with ``model.safetensors`` and ``config.json``.
"""

from moderation.classifiers.conversion.folder import read_published
from moderation.classifiers.conversion.publisher_facts import FormNotAccepted, PublishedClassifier, PublisherFacts

__all__ = ["FormNotAccepted", "PublishedClassifier", "PublisherFacts", "read_published"]
