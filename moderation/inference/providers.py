"""What computes a network: the processor, or what the installed onnxruntime brings for other hardware."""

from typing import Any

import onnxruntime

from moderation.inference.manifest import ClassifierFileError

CPU = "cpu"
#: What an operator writes, and what onnxruntime calls it.
PROVIDERS = {
    CPU: "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
}


class ProviderMissing(ClassifierFileError):
    """The installed onnxruntime cannot compute where it was asked to. Nothing was scored."""


def check_installed(provider: str) -> None:
    """Raise ProviderMissing unless the installed wheel brings ``provider``, a key of PROVIDERS."""
    installed = [name for name in PROVIDERS if PROVIDERS[name] in onnxruntime.get_available_providers()]
    if provider not in installed:
        raise ProviderMissing(
            f"Execution provider {provider!r} is not installed: onnxruntime {onnxruntime.__version__} brings "
            f"{', '.join(installed)}. Set EXECUTION_PROVIDER to one of these, or install the onnxruntime that brings it"
        )


def check_started(session: Any, *, provider: str) -> None:
    """Raise ProviderMissing where onnxruntime fell back on another provider, as it does without the hardware."""
    used = session.get_providers()[0]
    if used != PROVIDERS[provider]:
        raise ProviderMissing(
            f"Execution provider {provider!r} is installed but did not start; onnxruntime would compute with {used}. "
            "Check driver and hardware, or set EXECUTION_PROVIDER to 'cpu'"
        )
