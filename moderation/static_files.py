"""Whether the pages' styles and scripts were collected. Without them each page would fail while it is rendered."""

from functools import lru_cache

from django.conf import settings
from django.contrib.staticfiles.storage import ManifestFilesMixin, staticfiles_storage


def are_collected() -> bool:
    """Whether this process knows the collected name of every file in static/; it reads the list once, at its start."""
    if settings.DEBUG or not isinstance(staticfiles_storage, ManifestFilesMixin):
        return True  # served as they are
    return own_files() <= staticfiles_storage.hashed_files.keys()


@lru_cache(maxsize=1)
def own_files() -> frozenset[str]:
    """Return the files of the product as templates name them."""
    folder = settings.BASE_DIR / "static"
    paths = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return frozenset(path.relative_to(folder).as_posix() for path in paths)
