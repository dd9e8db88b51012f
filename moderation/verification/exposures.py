"""The rule that exposures and decisions agree on who saw an unblurred image."""

from collections.abc import Iterator

from django.db.models import Exists, OuterRef

from moderation.models import Decision, Exposure
from moderation.verification.findings import Finding


def verdicts_agree_with_exposures() -> Iterator[Finding]:
    """A verdict that says "revealed" has the exposure of its claim; one that denies it has none."""
    of_claim = Exposure.objects.filter(
        claim_token=OuterRef("claim_token"), task=OuterRef("task"), person=OuterRef("reviewer")
    )
    verdicts = Decision.objects.filter(kind=Decision.Kind.VERDICT, claim_token__isnull=False)
    for decision in verdicts.filter(~Exists(of_claim), shown__revealed=True).iterator():
        yield f"decision {decision.pk}", "says that the image was revealed, and its claim has no exposure"
    for decision in verdicts.filter(Exists(of_claim)).exclude(shown__revealed=True).iterator():
        yield f"decision {decision.pk}", "says that the image was not revealed, and its claim has an exposure"
