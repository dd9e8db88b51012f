from contextlib import suppress
from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ModerationConfig(AppConfig):
    name = "moderation"
    verbose_name = "Moderation"

    def ready(self) -> None:
        post_migrate.connect(ensure_defaults_after_migrate, sender=self)
        make_incoming_folder()


def make_incoming_folder() -> None:
    """Bodies that are too long for memory are written there, so it has to be there before the first request."""
    from moderation import storage

    # Where it can't be made, Django's check of FILE_UPLOAD_TEMP_DIR says so, and /readyz.
    with suppress(OSError):
        storage.make_folder(storage.incoming_folder())


def ensure_defaults_after_migrate(**_kwargs: Any) -> None:
    """What a fresh database needs comes back after a flush, too."""
    from moderation.initial_data import ensure_defaults

    ensure_defaults()
