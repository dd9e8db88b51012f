"""Hypothesis on the statistics: the same examples every time."""

from hypothesis import settings

settings.register_profile("repeated", parent=settings.get_profile("unhurried"), derandomize=True)
settings.load_profile("repeated")
