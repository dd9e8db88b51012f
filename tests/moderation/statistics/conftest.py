"""Hypothesis on a busy machine: the same examples every time, and no clock."""

from hypothesis import HealthCheck, settings

settings.register_profile("unhurried", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
