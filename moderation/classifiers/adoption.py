"""A classifier's way in and out: try it, import it, check it, let it rule, retire it."""

from moderation.classifiers.activation import Terms, activate, retire, undo_activation
from moderation.classifiers.checking import Question, check
from moderation.classifiers.dry_run import DryRun, find, try_on
from moderation.classifiers.eight_bit import EightBitDrift, quantize_classifier
from moderation.classifiers.errors import AdoptionRefused
from moderation.classifiers.importing import import_classifier
from moderation.classifiers.previews import has_renditions, make_renditions
from moderation.classifiers.report import write_report
from moderation.classifiers.shadow_comparison import RouteFlip, ShadowComparison, stated_pair
from moderation.classifiers.shadow_mode import end_shadow, find_shadow, put_in_shadow

__all__ = [
    "AdoptionRefused",
    "DryRun",
    "EightBitDrift",
    "Question",
    "RouteFlip",
    "ShadowComparison",
    "Terms",
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
