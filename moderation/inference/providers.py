"""Execution providers: the processor, and the hardware that the installed onnxruntime supports."""

from typing import Any

import onnxruntime

from moderation.inference.manifest import ClassifierFileError

CPU = "cpu"
#: The name in EXECUTION_PROVIDER -> onnxruntime's name.
PROVIDERS = {
    CPU: "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
}


class ProviderMissing(ClassifierFileError):
    """The installed onnxruntime cannot compute with the configured provider. Nothing was scored."""


def check_installed(provider: str) -> None:
    """Raise ProviderMissing unless the installed wheel includes ``provider``, a key of PROVIDERS."""
    installed = [name for name in PROVIDERS if PROVIDERS[name] in onnxruntime.get_available_providers()]
    if provider not in installed:
        raise ProviderMissing(
            f"Execution provider {provider!r} is not installed: onnxruntime {onnxruntime.__version__} has "
            f"{', '.join(installed)}. Set EXECUTION_PROVIDER to one of these, or install an onnxruntime that has it"
        )


def check_started(session: Any, *, provider: str) -> None:
    """Raise ProviderMissing where onnxruntime fell back to another provider, as it does without the hardware."""
    used = session.get_providers()[0]
    if used != PROVIDERS[provider]:
        raise ProviderMissing(
            f"Execution provider {provider!r} is installed but did not start; onnxruntime would compute with {used}. "
            "Check the driver and the hardware, or set EXECUTION_PROVIDER to 'cpu'"
        )
