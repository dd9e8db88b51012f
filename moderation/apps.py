from contextlib import suppress
from typing import Any

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate

LIBRARIES = {
    "auth": "Groups and their rights",
    "axes": "Sign-in attempts",
    "procrastinate": "Background jobs",
}


class ModerationConfig(AppConfig):
    name = "moderation"
    verbose_name = "People, programs and the record"

    def ready(self) -> None:
        post_migrate.connect(grant_rights_after_migrate, sender=self)
        post_migrate.connect(ensure_defaults_after_migrate, sender=self)
        name_libraries()
        make_incoming_folder()


def name_libraries() -> None:
    """Let the back office show the tables of libraries under words that people know."""
    for config in apps.get_app_configs():  # a worker of the pre-screen installs only some of them
        config.verbose_name = LIBRARIES.get(config.label, config.verbose_name)


def make_incoming_folder() -> None:
    """Make the folder for request bodies that are too long for memory, before the first request needs it."""
    from moderation import storage

    # If it cannot be made, Django's check of FILE_UPLOAD_TEMP_DIR and /readyz say so.
    with suppress(OSError):
        storage.make_folder(storage.incoming_folder())


def grant_rights_after_migrate(**kwargs: Any) -> None:
    """Give the serving role its rights on new tables. `flush`, which has no plan, emits this signal as well."""
    from django.conf import settings

    from moderation.database_roles import grant_rights

    if settings.DATABASE_SERVING_ROLE and "plan" in kwargs:
        grant_rights(settings.DATABASE_SERVING_ROLE)


def ensure_defaults_after_migrate(**_kwargs: Any) -> None:
    """Create the initial data. `flush` emits this signal as well."""
    from moderation.initial_data import ensure_defaults

    ensure_defaults()
