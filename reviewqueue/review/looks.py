"""A verdict means a look: what is refused, or asked again, where the image was not seen."""

from dataclasses import dataclass

from moderation.review import claiming
from moderation.review.claims import Claim
from reviewqueue.picture_strip import PictureStrip
from reviewqueue.review.forms import DecisionForm

IMAGE_MISSING = (
    "The image is missing, so nobody can decide this upload. Nothing was saved. Skip it, and tell an operator."
)
LOOK_REQUIRED = "This policy asks for a look before a verdict. Nothing was saved. Reveal the upload first."
NOT_LOOKED = "You have not looked at this upload. Nothing was saved. Reveal it first, or send the verdict again unseen."


@dataclass(frozen=True, kw_only=True)
class LookRefusal:
    """Why a verdict was not recorded. ``asked`` is the verdict that the person may confirm; empty where they cannot."""

    notice: str
    status: int
    asked: str = ""


def look_refusal(form: DecisionForm, *, claim: Claim) -> LookRefusal | None:
    """Return why the valid ``form`` is not recorded; None where it was revealed, or is decided unseen on purpose.

    The rule is the same for all tasks of a policy: a difference between audits and the band would tell which is which.
    """
    if PictureStrip.of(form.task) is None:
        return LookRefusal(notice=IMAGE_MISSING, status=409)
    if claiming.was_revealed(claim):
        return None
    if form.task.policy.requires_look:
        return LookRefusal(notice=LOOK_REQUIRED, status=422)
    if not form.is_unseen_confirmed:
        return LookRefusal(notice=NOT_LOOKED, status=422, asked=form.cleaned_data["verdict"])
    return None
