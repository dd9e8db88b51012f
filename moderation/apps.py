from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ModerationConfig(AppConfig):
    name = "moderation"
    verbose_name = "Moderation"

    def ready(self) -> None:
        post_migrate.connect(ensure_defaults_after_migrate, sender=self)


def ensure_defaults_after_migrate(**_kwargs: Any) -> None:
    """What a fresh database needs comes back after a flush, too."""
    from moderation.defaults import ensure_defaults

    ensure_defaults()
