"""A hostile or odd file, and its expected outcome."""

from collections.abc import Iterator
from dataclasses import dataclass

from moderation.decoding.images import Reason

READ = "scored"


@dataclass(frozen=True, slots=True)
class Expected:
    """The outcomes that a file may have.

    Attributes:
        decode: the permitted outcomes of decoding: ``READ`` or a reason.
        intake: the permitted outcomes of intake: a reason, or "" if the file is accepted.
    """

    decode: frozenset[str]
    intake: frozenset[str] = frozenset({""})

    @property
    def is_vague(self) -> bool:
        """Whether several outcomes are permitted, as for random damage."""
        return len(self.decode) > 1


@dataclass(frozen=True, slots=True)
class Case:
    """A test file. ``name`` is the family, a slash and the oddity. A ``large`` case takes seconds."""

    name: str
    content: bytes
    expected: Expected
    large: bool = False

    @property
    def file_name(self) -> str:
        """The name of the file, always .jpg: no format is recognised by its name."""
        return self.name.replace("/", "-").replace(" ", "-") + ".jpg"


Cases = Iterator[Case]

SCORED = Expected(frozenset({READ}))


def quarantined(*reasons: Reason) -> Expected:
    return Expected(frozenset(map(str, reasons)))


def refused(reason: Reason) -> Expected:
    return Expected(frozenset({str(reason)}), intake=frozenset({str(reason)}))


UNREADABLE = quarantined(Reason.UNREADABLE)
TRUNCATED = quarantined(Reason.TRUNCATED)
TOO_MANY_PIXELS = refused(Reason.TOO_MANY_PIXELS)
TOO_MANY_FRAMES = refused(Reason.TOO_MANY_FRAMES)
FORMAT_NOT_ALLOWED = refused(Reason.FORMAT_NOT_ALLOWED)
EMPTY = Expected(frozenset({str(Reason.FORMAT_NOT_ALLOWED)}), intake=frozenset({"empty"}))
TOO_LARGE = refused(Reason.TOO_LARGE)
#: Refused at intake unless its time limit of two seconds ends first.
TOO_MANY_FRAMES_IN_TIME = Expected(TOO_MANY_FRAMES.decode, intake=TOO_MANY_FRAMES.intake | {""})
OUT_OF_MEMORY = quarantined(Reason.OUT_OF_MEMORY)
#: Random damage: a decoder may refuse the file or return the pixels that it can read.
DAMAGED = Expected(frozenset({READ, str(Reason.UNREADABLE), str(Reason.TRUNCATED)}))
CUT = quarantined(Reason.UNREADABLE, Reason.TRUNCATED)
