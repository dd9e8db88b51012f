"""The fixtures of ``tests.moderation.decoders``, for the tests of this folder."""

from tests.moderation.decoders import folder, red, sandbox, scorer, started

__all__ = ["folder", "red", "sandbox", "scorer", "started"]
