"""A classifier's way in and out: try it, import it, check it, let it rule, retire it."""

from moderation.adoption.checking import Question, check
from moderation.adoption.errors import AdoptionRefused
from moderation.adoption.importing import import_classifier
from moderation.adoption.quantizing import Drift, quantize_classifier
from moderation.adoption.report import write_report
from moderation.adoption.ruling import Terms, activate, retire, undo_activation
from moderation.adoption.trying import Trial, find, try_on

__all__ = [
    "AdoptionRefused",
    "Drift",
    "Question",
    "Terms",
    "Trial",
    "activate",
    "check",
    "find",
    "import_classifier",
    "quantize_classifier",
    "retire",
    "try_on",
    "undo_activation",
    "write_report",
]
