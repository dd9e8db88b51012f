"""A classifier's way in and out: try it, import it, check it, let it rule, retire it."""

from moderation.adoption.checking import Question, check
from moderation.adoption.comparing import Comparison, Flip, stated_pair
from moderation.adoption.errors import AdoptionRefused
from moderation.adoption.importing import import_classifier
from moderation.adoption.picturing import has_renditions, make_renditions
from moderation.adoption.quantizing import Drift, quantize_classifier
from moderation.adoption.report import write_report
from moderation.adoption.ruling import Terms, activate, retire, undo_activation
from moderation.adoption.shadowing import end_shadow, find_shadow, put_in_shadow
from moderation.adoption.trying import Trial, find, try_on

__all__ = [
    "AdoptionRefused",
    "Comparison",
    "Drift",
    "Flip",
    "Question",
    "Terms",
    "Trial",
    "activate",
    "check",
    "end_shadow",
    "find",
    "find_shadow",
    "has_renditions",
    "import_classifier",
    "make_renditions",
    "put_in_shadow",
    "quantize_classifier",
    "retire",
    "stated_pair",
    "try_on",
    "undo_activation",
    "write_report",
]
