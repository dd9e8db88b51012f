"""The admin site: people, groups, API tokens and communities. The record can be read here but not changed.

Thresholds have pages of their own, which show the consequences of a change.
"""

from typing import Any

# These imports register models that are unregistered below.
import allauth.account.admin  # noqa: F401
import axes.admin  # noqa: F401
from allauth.account.models import EmailAddress
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.db import models
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from procrastinate.contrib.django.admin import ProcrastinateJobAdmin
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.jobs import Status

from moderation.models import (
    ApiToken,
    Classifier,
    Community,
    Decision,
    Effect,
    EntryReview,
    Epoch,
    Exposure,
    HashEntry,
    HashList,
    HashMatch,
    Objection,
    Policy,
    PolicyVersion,
    ReviewTask,
    Score,
    Screening,
    ScreeningRun,
    StoredFile,
    Upload,
    User,
)

admin.site.site_header = "Second Look: back office"
admin.site.site_title = "Second Look"
admin.site.index_title = "Back office"
admin.site.site_url = "/"
# The product sends no e-mail to people, and axes' failure log is off: its table of attempts has the same rows.
admin.site.unregister([EmailAddress, AccessFailureLog])
admin.site.unregister(ProcrastinateJob)
for attempts in (AccessAttempt, AccessLog):
    # The links to years and days fail on a year that is none.
    type(admin.site.get_model_admin(attempts)).date_hierarchy = None


@admin.register(ProcrastinateJob)
class JobAdmin(ProcrastinateJobAdmin):  # type: ignore[misc]  # the library's is untyped
    """Background jobs, without the columns that use inline styles, which the Content-Security-Policy blocks."""

    fields = ["args" if name == "pretty_args" else name for name in ProcrastinateJobAdmin.fields]
    list_display = ["pk", "short_task_name", "args", "pretty_status", "attempts", "scheduled_at"]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Allow a status that exists: the column is an enumeration of the database, which fails on any other."""
        if lookup.partition("__")[0] == "status" and value not in {status.value for status in Status}:
            return False
        return bool(super().lookup_allowed(lookup, value, request))


class ActionsInWords(admin.ModelAdmin):  # type: ignore[type-arg]
    """Asks for an action in words, where Django shows dashes."""

    def get_action_choices(self, request: HttpRequest, default_choices: Any = ()) -> Any:  # noqa: ARG002
        return super().get_action_choices(request, default_choices=[("", "Choose an action")])


@admin.register(User)
class PersonAdmin(ActionsInWords, UserAdmin):  # type: ignore[type-arg]
    """Accounts are deactivated, never deleted, so that decisions keep their author."""

    list_display = ["username", "first_name", "last_name", "in_groups", "is_active", "is_staff", "last_login"]
    list_filter = ["groups", "is_active", "is_staff"]
    actions = ["deactivate"]
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        ("Person", {"fields": ["first_name", "last_name", "email"]}),
        ("Permissions", {"fields": ["is_active", "groups", "is_staff", "is_superuser"]}),
        ("Keys", {"fields": ["single_key_shortcuts", "shortcuts"]}),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (None, {"classes": ["wide"], "fields": ["username", "usable_password", "password1", "password2", "groups"]})
    ]
    filter_horizontal = ["groups"]
    readonly_fields = ["last_login", "date_joined"]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description="groups")
    def in_groups(self, user: User) -> str:
        return ", ".join(group.name for group in user.groups.all())

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:  # noqa: ARG002
        return False

    @admin.action(description="Deactivate the selected accounts", permissions=["change"])
    def deactivate(self, request: HttpRequest, users: models.QuerySet[User]) -> None:
        others = users.exclude(username=request.user.get_username())
        count = others.update(is_active=False)
        messages.success(request, f"{count} deactivated. Their sessions end with their next request.")


@admin.register(ApiToken)
class ApiTokenAdmin(ActionsInWords):
    """Issue and revoke tokens. A token never changes, and its secret is shown once."""

    list_display = ["name", "scope", "source", "prefix", "created_by", "created_at", "last_used_at", "revoked_at"]
    list_filter = ["scope", "source", ("revoked_at", admin.EmptyFieldListFilter)]
    list_select_related = ["created_by"]
    fields = ["name", "scope", "source"]
    actions = ["revoke"]

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:  # noqa: ARG002
        return self.list_display if obj else self.fields

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        # The list needs this permission for its action. A single token cannot be changed.
        return obj is None and super().has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:  # noqa: ARG002
        return False

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:  # noqa: ARG002, FBT001
        assert isinstance(request.user, User)
        issued, secret = ApiToken.objects.issue(
            name=obj.name, scope=obj.scope, source=obj.source, created_by=request.user
        )
        obj.__dict__.update(issued.__dict__)
        request.issued_secret = secret  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: ApiToken, post_url_continue: str | None = None) -> HttpResponse:  # noqa: ARG002
        """Show the secret in the answer itself, so that neither a cookie nor the session keeps it."""
        context = {**self.admin_site.each_context(request), "title": "Token issued", "token": obj, "opts": self.opts}
        context["secret"] = request.issued_secret  # type: ignore[attr-defined]
        response = render(request, "admin/moderation/apitoken/issued.html", context)
        add_never_cache_headers(response)
        return response

    @admin.action(description="Revoke the selected tokens", permissions=["change"])
    def revoke(self, request: HttpRequest, tokens: models.QuerySet[ApiToken]) -> None:
        count = tokens.filter(revoked_at=None).update(revoked_at=Now())
        messages.success(request, f"{count} revoked. Requests with them are refused from now on.")


@admin.register(Community)
class CommunityAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "slug", "parent"]
    list_select_related = ["parent"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}

    def has_delete_permission(self, request: HttpRequest, obj: Community | None = None) -> bool:  # noqa: ARG002
        return False


@admin.register(Policy)
class PolicyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Whether a policy's verdicts need a look. All else belongs to its versions and their page."""

    list_display = ["name", "slug", "requires_look"]
    fields = ["name", "slug", "gold_rate", "requires_look"]
    readonly_fields = ["name", "slug", "gold_rate"]
    ordering = ["-pk"]

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Policy | None = None) -> bool:  # noqa: ARG002
        return False


# The lookups that a filter may use. None of them leads to another table.
FILTERS_ASK = {"", "exact", "in", "isnull", "id__exact"}


class RecordAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A read-only table. The database refuses most changes as well.

    Set `file_path`, the path to the stored file, for rows that show a score or route. While an upload of that file
    waits for a verdict, people who may be asked for it do not see the row.
    """

    file_path = ""
    actions = None
    # Counting a large table takes longer than reading a page of it.
    show_full_result_count = False
    list_per_page = 50

    @admin.display(ordering="pk")
    def number(self, row: models.Model) -> Any:
        return row.pk

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        rows = super().get_queryset(request)
        if not self.file_path or not request.user.has_perm("moderation.review_uploads"):
            return rows
        return rows.exclude(**{f"{self.file_path}__in": ReviewTask.objects.unsettled().values("upload__file")})

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:  # noqa: ARG002
        """Allow only the list's own filters and the primary key: any other lookup could reveal a hidden column."""
        name, _, how = lookup.partition("__")
        return name in {"pk", self.opts.pk.name, *self.list_filter} and how in FILTERS_ASK

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False


# Tables that show a score, a route, a sampling reason or another person's verdict, each with the path to its file.
REVEALING = {
    Score: "file",
    **dict.fromkeys((Screening, HashMatch, Effect, ReviewTask, Decision, Objection), "upload__file"),
}
# The columns of each table's list; foreign keys are fetched with them.
RECORD: dict[type[models.Model], dict[str, list[str]]] = {
    PolicyVersion: {
        "show": ["policy", "community", "number", "state", "low", "high", "published_by", "published_at", "why"],
        "filter": ["policy", "state"],
    },
    Epoch: {"show": ["policy", "classifier", "opened_at", "closed_at", "why_opened"], "hide": ["secret"]},
    Classifier: {"show": ["name", "sha256", "preprocessing_version", "licence", "retired_at"]},
    StoredFile: {"show": ["sha256", "format", "size", "width", "height", "erased_at"], "filter": ["format"]},
    Upload: {
        "show": ["pk", "source", "external_id", "received_at"],
        "filter": ["source"],
        "search": ["external_id"],
        # The status would reveal audits: an approved upload with an open task is one. The pages check who may see it.
        "hide": ["status"],
    },
    Score: {"show": ["file", "classifier", "label", "created_at"]},
    ScreeningRun: {"show": ["pk", "state", "started_at", "finished_at"], "filter": ["state"]},
    Screening: {"show": ["pk", "upload", "policy", "run", "superseded", "created_at"], "filter": ["policy"]},
    ReviewTask: {
        "show": ["pk", "upload", "policy", "round", "attempt", "opened_at", "decided_at"],
        "filter": ["kind"],
        "hide": ["claim_token", "screening"],
    },
    Decision: {
        "show": ["pk", "upload", "kind", "verdict", "reason", "reviewer", "decided_at"],
        "filter": ["kind", "verdict"],
        "hide": ["screening", "claim_token"],
    },
    Effect: {"show": ["pk", "upload", "outcome", "due_at", "cancelled_at"], "filter": ["outcome"]},
    Objection: {
        "show": ["pk", "kind", "upload", "raised_by", "token", "raised_at"],
        "filter": ["kind"],
        "hide": ["stood", "screening"],
    },
    HashList: {"show": ["name", "policy", "kind", "enabled", "expires_at", "done", "by", "why"], "filter": ["kind"]},
    HashEntry: {
        "show": ["pk", "hash_list", "algorithm", "enabled", "expires_at", "review_state", "label"],
        "filter": ["algorithm", "review_state"],
        "hide": ["keys"],
    },
    HashMatch: {
        "show": ["pk", "upload", "policy", "entry", "distance", "superseded", "created_at"],
        "filter": ["policy"],
    },
    EntryReview: {"show": ["pk", "entry", "state", "by", "why", "given_at"], "filter": ["state"], "hide": ["match"]},
    Exposure: {"show": ["pk", "person", "upload", "revealed_at"], "hide": ["claim_token"]},
}


def register(model: type[models.Model], *, show: list[str], **options: list[str]) -> None:
    related = [name for name in show if name != "pk" and model._meta.get_field(name).is_relation]
    attributes = {
        "list_display": ["number" if name == "pk" else name for name in show],
        "list_filter": options.get("filter", []),
        "list_select_related": related or False,
        "search_fields": options.get("search", []),
        "exclude": options.get("hide", []),
        "ordering": ["-pk"],
        "file_path": REVEALING.get(model, ""),
    }
    admin.site.register(model, type(f"{model.__name__}Admin", (RecordAdmin,), attributes))


for table, columns in RECORD.items():
    register(table, **columns)
