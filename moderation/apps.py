from contextlib import suppress
from typing import Any

import axes.apps
import procrastinate.contrib.django.apps
from django.apps import AppConfig
from django.contrib.auth.apps import AuthConfig
from django.db.models.signals import post_migrate


class ModerationConfig(AppConfig):
    name = "moderation"
    verbose_name = "People, programs and the record"

    def ready(self) -> None:
        post_migrate.connect(grant_rights_after_migrate, sender=self)
        post_migrate.connect(ensure_defaults_after_migrate, sender=self)
        make_incoming_folder()


# The back office shows the libraries' tables under these names.
class GroupsConfig(AuthConfig):
    verbose_name = "Groups and their rights"


class SignInAttemptsConfig(axes.apps.AppConfig):  # type: ignore[misc]  # the library's is untyped
    verbose_name = "Sign-in attempts"


class BackgroundJobsConfig(procrastinate.contrib.django.apps.ProcrastinateConfig):
    verbose_name = "Background jobs"


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
