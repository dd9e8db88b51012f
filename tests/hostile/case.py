"""A hostile or odd file, and what must become of it."""

from collections.abc import Iterator
from dataclasses import dataclass

from moderation.decoding.images import Reason

READ = "scored"


@dataclass(frozen=True, slots=True)
class Expected:
    """What may become of a file.

    Attributes:
        decode: what the decode may say, ``READ`` or a reason.
        door: what the intake may say, a reason, or "" where the file comes in.
    """

    decode: frozenset[str]
    door: frozenset[str] = frozenset({""})

    @property
    def is_vague(self) -> bool:
        """Whether only a decoder can tell: random damage."""
        return len(self.decode) > 1


@dataclass(frozen=True, slots=True)
class Case:
    """``name`` holds the family, a slash and what is odd. A ``large`` one takes seconds."""

    name: str
    content: bytes
    expected: Expected
    large: bool = False

    @property
    def file_name(self) -> str:
        """All are called .jpg: a name tells nothing."""
        return self.name.replace("/", "-").replace(" ", "-") + ".jpg"


Cases = Iterator[Case]

SCORED = Expected(frozenset({READ}))


def quarantined(*reasons: Reason) -> Expected:
    return Expected(frozenset(map(str, reasons)))


def refused(reason: Reason) -> Expected:
    return Expected(frozenset({str(reason)}), door=frozenset({str(reason)}))


UNREADABLE = quarantined(Reason.UNREADABLE)
TRUNCATED = quarantined(Reason.TRUNCATED)
TOO_MANY_PIXELS = refused(Reason.TOO_MANY_PIXELS)
TOO_MANY_FRAMES = refused(Reason.TOO_MANY_FRAMES)
FORMAT_NOT_ALLOWED = refused(Reason.FORMAT_NOT_ALLOWED)
EMPTY = Expected(frozenset({str(Reason.FORMAT_NOT_ALLOWED)}), door=frozenset({"empty"}))
TOO_LARGE = refused(Reason.TOO_LARGE)
#: Refused at the door unless the clock there, two seconds, ends first.
TOO_MANY_FRAMES_IN_TIME = Expected(TOO_MANY_FRAMES.decode, door=TOO_MANY_FRAMES.door | {""})
OUT_OF_MEMORY = quarantined(Reason.OUT_OF_MEMORY)
#: Bytes that are damaged somewhere: a decoder may notice it or show what is left.
DAMAGED = Expected(frozenset({READ, str(Reason.UNREADABLE), str(Reason.TRUNCATED)}))
CUT = quarantined(Reason.UNREADABLE, Reason.TRUNCATED)
