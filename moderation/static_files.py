"""Whether the pages' styles and scripts were collected. Without them each page would fail while it is rendered."""

from functools import lru_cache

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage


def are_collected() -> bool:
    """Whether this process knows the collected name of every file in static/; it reads the list once, at its start."""
    collected = getattr(staticfiles_storage, "hashed_files", None)
    if settings.DEBUG or collected is None:
        return True  # served as they are
    return bool(own_files() <= collected.keys())


@lru_cache(maxsize=1)
def own_files() -> frozenset[str]:
    """Return the files of the product as templates name them."""
    folder = settings.BASE_DIR / "static"
    paths = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return frozenset(path.relative_to(folder).as_posix() for path in paths)
