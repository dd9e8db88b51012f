"""Another look at what was decided: reports say that an upload violates, appeals that a decision is wrong."""

from collections.abc import Set

from moderation.decoding.images import ImageRefused
from moderation.decoding.sandbox import Sandbox
from moderation.models import ApiToken, Objection, ObjectionRefused, Screening, Upload, User
from moderation.screening.engine import limits, write_renditions

MOST_CHARACTERS = 2000


class PolicyUnclear(Exception):
    """The upload was screened under several policies, or not under the one that was named."""


class TextNotAllowed(Exception):
    """An objection says why, in 1 to 2,000 characters."""


#: What a caller can mend; in the order of their meaning to whoever asks.
REFUSALS = (TextNotAllowed, PolicyUnclear, ObjectionRefused)


def object_to(  # noqa: PLR0913  (what is known of one objection)
    upload: Upload, *, kind: str, text: str, policy: str = "", by: User | None = None, token: ApiToken | None = None
) -> Objection:
    """Let somebody who has not decided on the picture look at ``upload`` again, for the reason in ``text``.

    Raises:
        TextNotAllowed: no reason, or one that is too long.
        PolicyUnclear: which policy it is about can't be told.
        ObjectionRefused: there is nothing to object to, or it was answered for good, or nobody can be shown the image.
        StorageFull: the renditions could not be written.
        SandboxUnavailable: no decode process can be started.
    """
    reason = text.strip()
    if not 0 < len(reason) <= MOST_CHARACTERS:
        raise TextNotAllowed(
            f"Found a reason of {len(reason):,} characters; 1 to {MOST_CHARACTERS:,} are accepted. Say why in a "
            "sentence."
        )
    screening = screening_of(upload, policy=policy)
    ensure_renditions(screening)
    return Objection.objects.put(screening, kind=kind, text=reason, by=by, token=token)


def screening_of(upload: Upload, *, policy: str = "") -> Screening:
    """The live screening that an objection is about; ``policy`` is a slug, needed where there are several.

    Raises:
        ObjectionRefused: the upload is not screened, or a hash list decided about it.
        PolicyUnclear: see above.
    """
    live = list(upload.screenings.live().select_related("policy", "upload__file").order_by("policy"))
    refuse_what_a_list_decided(upload, policy=policy, screened={screening.policy.slug for screening in live})
    if not live:
        raise ObjectionRefused(
            f"{upload} is {upload.get_status_display()}: no pre-screen has decided about it. Nothing was saved."
        )
    found = [screening for screening in live if policy in {"", screening.policy.slug}]
    if len(found) != 1:
        known = ", ".join(screening.policy.slug for screening in live)
        raise PolicyUnclear(f"Found the policy {policy!r}; {upload} was screened under: {known}. Name one of them.")
    return found[0]


def refuse_what_a_list_decided(upload: Upload, *, policy: str, screened: Set[str]) -> None:
    """No score is behind it that a look could correct, and nobody gets a picture out of a list by objecting.

    Raises:
        ObjectionRefused: whom to turn to instead.
    """
    for match in upload.hash_matches.live().with_list():
        if policy == match.policy.slug or not (policy or screened):
            raise ObjectionRefused(
                f"{upload} is {match.told}, under {match.policy}: no pre-screen has scored it, so that nobody can look "
                "again. Nothing was saved. A lead can contest the list's entry, on the upload's page; the upload then "
                "goes to the next pre-screen."
            )


def ensure_renditions(screening: Screening) -> None:
    """Make what people will see, where nobody was asked before.

    Raises:
        ObjectionRefused: the image can't be shown.
        StorageFull: they could not be written.
        SandboxUnavailable: no decode process can be started.
    """
    try:
        with Sandbox(limits=limits()) as sandbox:
            write_renditions(screening.upload.file, shots=screening.ranked_frames, sandbox=sandbox)
    except ImageRefused as refused:
        raise ObjectionRefused(
            f"Nobody can be shown {screening.upload}: {refused.detail or refused.reason}. Nothing was saved."
        ) from refused
