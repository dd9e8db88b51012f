"""The kinds of hashes that feeds deliver: those that uploads are compared with, and the names of others."""

from moderation.hashlists.masking import quoted
from moderation.models import HashEntry

#: The names of algorithms that files use, each with ours.
ALGORITHMS = {
    "pdq": "pdq",
    "hash_pdq": "pdq",
    "sha256": "sha256",
    "sha-256": "sha256",
    "hash_sha256": "sha256",
    "md5": "md5",
    "hash_md5": "md5",
    "sha1": "sha1",
    "sha-1": "sha1",
    "hash_sha1": "sha1",
}
#: Kinds of well-known feeds that no upload can be compared with.
_OTHERS = {
    "video": ("tmk", "tmk_pdqf", "vpdq", "video_md5", "video_pdq", "pdq_ocr_video"),
    "PhotoDNA": ("photodna", "photo_dna", "pdna"),
    "text": ("text", "raw_text", "text_tlsh", "tlsh", "trend_query", "debug_string"),
    "address": ("uri", "url", "domain", "ip_address", "email_address"),
}
_GROUPS = {name: group for group, names in _OTHERS.items() for name in names}


class RowLeftOut(Exception):
    """Uploads cannot be compared with this row, or must not be. Its text is the reason, for a count of such rows."""


class UnknownAlgorithm(ValueError):
    """A row names no algorithm."""


def algorithm_named(text: str) -> str:
    """Return our name of an algorithm.

    Raises:
        RowLeftOut: the name is that of another kind of hash.
        UnknownAlgorithm: there is no name.
    """
    name = text.lower()
    if not name:
        raise UnknownAlgorithm
    if name not in ALGORITHMS:
        group = _GROUPS.get(name.removeprefix("hash_"), "unknown kind")
        raise RowLeftOut(f"{group} ({quoted(name)[1:-1]})")
    return ALGORITHMS[name]


def algorithms_of_length(digits: int) -> list[str]:
    """Return the algorithms whose hashes have this number of hexadecimal digits."""
    return [algorithm for algorithm, count in HashEntry.DIGITS.items() if count == digits]
