"""How a lead settles an upload in quarantine."""

from django import forms
from django.db.models import BigIntegerField

from moderation.models import Decision, Upload, User, Verdict
from moderation.review.quarantine import retry_quarantined, settle_quarantine


class QuarantineForm(forms.Form):
    """An action on an upload that could not be read safely, with the reason."""

    ACTIONS = {"retry": "Retry", "reject": "Reject", "approve": "Approve unseen"}

    action = forms.ChoiceField(choices=list(ACTIONS.items()))
    why = forms.CharField(max_length=2000, error_messages={"required": "Say why. The decision keeps it."})

    def settle(self, upload: Upload, *, by: User) -> Decision | None:
        """Settle ``upload``. A retry returns None: it decides nothing.

        Raises:
            NotQuarantined: the upload is not in quarantine any more. Nothing is written.
        """
        why = self.cleaned_data["why"]
        if self.cleaned_data["action"] == "retry":
            retry_quarantined(upload, why=why)
            return None
        verdict = Verdict.VIOLATING if self.cleaned_data["action"] == "reject" else Verdict.BENIGN
        return settle_quarantine(upload, verdict=verdict, reviewer=by, comment=why)


class UndoForm(forms.Form):
    """The decision to undo."""

    decision = forms.IntegerField(min_value=1, max_value=BigIntegerField.MAX_BIGINT)
