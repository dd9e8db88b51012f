"""The record: every table, one module a step."""

from moderation.models.claims import Claim, ClaimLost
from moderation.models.classifiers import Classifier, Score
from moderation.models.decisions import Decision, Verdict
from moderation.models.effects import Effect
from moderation.models.ledgers import (
    Certificate,
    DrawnUpload,
    FirstOpinion,
    LedgerDay,
    LedgerRow,
    OpinionCount,
    RollUp,
)
from moderation.models.people import ApiToken, IdempotentAnswer, User
from moderation.models.policies import Community, Epoch, Policy, PolicyVersion
from moderation.models.reviews import Exposure, ReviewTask, Skip, UndoRefused
from moderation.models.screenings import Screening, ScreeningAttempt, ScreeningRun
from moderation.models.shadows import Shadow
from moderation.models.status import settle
from moderation.models.uploads import StoredFile, Upload

__all__ = [
    "ApiToken",
    "Certificate",
    "Claim",
    "ClaimLost",
    "Classifier",
    "Community",
    "Decision",
    "DrawnUpload",
    "Effect",
    "Epoch",
    "Exposure",
    "FirstOpinion",
    "IdempotentAnswer",
    "LedgerDay",
    "LedgerRow",
    "OpinionCount",
    "Policy",
    "PolicyVersion",
    "ReviewTask",
    "RollUp",
    "Score",
    "Screening",
    "ScreeningAttempt",
    "ScreeningRun",
    "Shadow",
    "Skip",
    "StoredFile",
    "UndoRefused",
    "Upload",
    "User",
    "Verdict",
    "settle",
]
