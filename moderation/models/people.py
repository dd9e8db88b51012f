"""People, and the tokens of programs."""

import hashlib
import secrets
from typing import Self

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from moderation.models.tracking import tracked


@tracked(exclude=["password", "last_login"])
class User(AbstractUser):
    """A person. The groups decide their role: moderator, lead, admin, operator or auditor."""

    single_key_shortcuts = models.BooleanField(
        default=True, help_text="Single keys such as A and R record verdicts. If off, use buttons and Tab."
    )
    shortcuts = models.JSONField(
        default=dict, blank=True, help_text="Keys by action, where they differ from the default."
    )

    @property
    def is_lead(self) -> bool:
        return self.has_perm("moderation.lead_reviews")


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def usable(self) -> Self:
        return self.filter(revoked_at=None)

    def issue(
        self, *, name: str, source: str = "", scope: str = "uploads", created_by: User | None = None
    ) -> tuple["ApiToken", str]:
        """Create a token and return it with its secret, which is not stored and cannot be shown again.

        A token for uploads belongs to a `source`; one that reads the metrics has none.
        """
        secret = f"sl_{secrets.token_urlsafe(32)}"
        token = self.create(
            name=name,
            scope=scope,
            source=source,
            created_by=created_by,
            prefix=secret[:8],
            digest=ApiToken.digest_of(secret),
        )
        return token, secret

    def authenticate(self, secret: str, *, scope: str = "uploads") -> "ApiToken | None":
        return self.usable().filter(digest=ApiToken.digest_of(secret), scope=scope).first()


@tracked(exclude=["last_used_at", "digest"])
class ApiToken(models.Model):
    """Allows one program to use one scope. Only the secret's sha256 is stored."""

    class Scope(models.TextChoices):
        UPLOADS = "uploads", "sends uploads and reads their decisions"  # of its own source only
        METRICS = "metrics", "reads /metrics"  # and nothing else

    name = models.CharField(max_length=100, unique=True)
    scope = models.CharField(max_length=7, choices=Scope, default=Scope.UPLOADS)
    source = models.CharField(
        max_length=100, blank=True, help_text="The source of uploads that are sent with this token."
    )
    prefix = models.CharField(max_length=8)
    digest = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="api_tokens")
    created_at = models.DateTimeField(db_default=Now())
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(scope="uploads") & ~Q(source="") | Q(scope="metrics", source=""),
                name="a_token_sends_for_a_source_or_reads_metrics",
                violation_error_message="A token for uploads needs a source; one that reads the metrics has none.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @staticmethod
    def digest_of(secret: str) -> str:
        # 256 random bits need no salt and no slow hash.
        return hashlib.sha256(secret.encode()).hexdigest()


class IdempotentAnswer(models.Model):
    """The answer to a request with an Idempotency-Key, so that a retry gets the same answer."""

    token = models.ForeignKey(ApiToken, on_delete=models.PROTECT, related_name="answers")
    key = models.CharField(max_length=255)
    body_sha256 = models.CharField(max_length=64)
    status_code = models.PositiveSmallIntegerField()
    answer = models.JSONField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["token", "key"], name="one_answer_per_token_and_idempotency_key")
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.status_code}"
