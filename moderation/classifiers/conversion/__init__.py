"""Classifiers as their publishers give them -> an ONNX file's bytes and what its manifest has to say.

Three forms are read: an ONNX file with a manifest; an ONNX file with Hugging Face's ``config.json`` and
``preprocessor_config.json``; a timm folder with ``model.safetensors`` and ``config.json``.
"""

from moderation.classifiers.conversion.folder import read
from moderation.classifiers.conversion.publisher_facts import FormNotAccepted, Published, PublisherFacts

__all__ = ["FormNotAccepted", "Published", "PublisherFacts", "read"]
