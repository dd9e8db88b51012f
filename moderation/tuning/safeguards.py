"""What publishing thresholds asks for beyond a reason: a typed confirmation of a large change, and a second person."""

from dataclasses import dataclass

from moderation.formatting import count, exact_percent, percent
from moderation.models import PolicyVersion, User
from moderation.tuning.counts import ScoreCounts

#: What a person types to confirm, by pair of thresholds; CHANGE for any other pair.
REJECT_ALL, APPROVE_ALL, CHANGE = "reject everything", "approve everything", "change routes"
_PHRASES = {(0.0, 0.0): REJECT_ALL, (1.0, 1.0): APPROVE_ALL}


class ConfirmationMissing(Exception):
    """The thresholds change more routes than the policy allows without a typed confirmation. Nothing was saved."""


class SecondPersonNeeded(Exception):
    """The policy's versions are published by another person than who drafted them. Nothing was published."""


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """What a person has to type before thresholds are published, and why."""

    phrase: str
    why: str

    @property
    def request(self) -> str:
        return f"{self.why} Type “{self.phrase}” to publish."

    def is_given_by(self, typed: str) -> bool:
        """Return whether ``typed`` is the phrase, in any case and spacing."""
        return " ".join(typed.split()).casefold() == self.phrase


def confirmation_for(proposed: PolicyVersion, *, current: PolicyVersion, counts: ScoreCounts) -> Confirmation | None:
    """Return the confirmation that publishing ``proposed`` needs; None where the change is small.

    Thresholds that reject or approve everything always need one. Any others need one where the route of more than the
    policy's share of the uploads in ``counts`` would change. Without uploads to compare, a threshold may move by that
    share of the whole range of scores.
    """
    one, other = (current.low, current.high), (proposed.low, proposed.high)
    if one == other:
        return None
    if extreme := _PHRASES.get(other):
        return Confirmation(phrase=extreme, why=_EXTREMES[extreme])
    limit = proposed.policy.confirmed_share
    moved = sum(counts.moved(one, other).values())
    if not counts.total:
        return _confirmation_without_uploads(one, other, limit=limit)
    if moved <= limit * counts.total:
        return None
    return Confirmation(
        phrase=CHANGE,
        why=f"This changes the route of {count(moved)} of {count(counts.total)} uploads "
        f"({percent(moved / counts.total)}), more than the {exact_percent(limit)} that this "
        "policy lets pass without a confirmation.",
    )


_EXTREMES = {
    REJECT_ALL: "Low 0.00 and high 0.00 reject every upload, whatever its score, and nobody reviews any but audits.",
    APPROVE_ALL: "Low 1.00 and high 1.00 approve every upload with a score below 1, and nobody reviews any but audits.",
}


def _confirmation_without_uploads(
    one: tuple[float, float], other: tuple[float, float], *, limit: float
) -> Confirmation | None:
    distance = max(abs(old - new) for old, new in zip(one, other, strict=True))
    if distance <= limit:
        return None
    return Confirmation(
        phrase=CHANGE,
        why=f"A threshold moves by {distance:.2f}, and no uploads of the last 28 days show what that does.",
    )


def check_second_person(version: PolicyVersion, *, by: User | None) -> None:
    """Let only another person than its drafter publish ``version``, where its policy needs two.

    The installation itself (``by`` is None) may publish: whoever runs its commands can change the policy as well.

    Raises:
        SecondPersonNeeded: ``by`` drafted the version. Nothing was published.
    """
    if version.policy.needs_second_publisher and by is not None and version.created_by_id == by.pk:
        raise SecondPersonNeeded(
            f"{version.policy} needs two people to publish: you drafted version {version.number}, so another person "
            "who may publish thresholds has to do it. Nothing was published."
        )
