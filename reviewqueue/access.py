"""What opens each address: the one table of names of addresses, by right and method.

The views carry the check itself (``permissions``). A test calls every address with every method as every role and
compares the answer with this table, so an address without an entry fails it.
"""

#: Open to everybody, signed in or not.
ANYBODY = "anybody"
#: Open to everybody who has an account, whatever their role. The start leads each person to the page of their work.
SIGNED_IN = "signed in"
#: Open to programs with a token of their own; a session opens none of them.
TOKEN = "token"  # noqa: S105  (a kind of access)
#: Open to staff: people whom the back office gives access to itself.
STAFF = "staff"

OPENS: dict[str, dict[str, str]] = {
    ANYBODY: {
        "GET": "healthz readyz account_login account_inactive",
        "POST": "account_login",
        "PUT": "account_login",  # the sign-in takes it for a POST
    },
    SIGNED_IN: {
        "GET": "keys account_logout account_change_password",
        "POST": "keys account_logout account_change_password",
        "PUT": "account_change_password",
    },
    TOKEN: {
        "GET": "metrics api:find api:show api:objections",
        "POST": "api:send api:report api:appeal",
    },
    STAFF: {
        "GET": "admin:index",
        "POST": "admin:index",
    },
    "review_uploads": {
        "GET": "review waiting last_decision rendition checks report_upload duplicates duplicate_blurred",
        "POST": "claim decide skip renew reveal undo clear_skips report_upload split",
    },
    "lead_reviews": {
        "GET": "quarantine objections appeal_upload",
        "POST": "settle_quarantine undo_quarantine appeal_upload shadow_reveal",
    },
    "see_uploads": {
        "GET": "uploads upload",
    },
    "send_uploads": {
        "GET": "send api:openapi-json api:openapi-view",
        "POST": "send prescreen_now",
    },
    "see_thresholds": {
        "GET": "thresholds thresholds_preview thresholds_history shadows shadow shadow_image",
        "POST": "thresholds_preview",
    },
    "publish_thresholds": {
        "GET": "thresholds_roll_back gold policy_rules",
        "POST": (
            "thresholds_draft thresholds_publish thresholds_roll_back shadows shadow_end shadow_activate gold_mark "
            "gold_rate gold_retire policy_rules"
        ),
    },
    "see_runs": {
        "GET": "runs run",
    },
    "keep_hash_lists": {
        "GET": "hash_lists hash_list hash_list_export hash_entry",
        "POST": (
            "hash_list_create hash_list_switch hash_list_import hash_match_judge hash_entry_switch hash_entry_judge"
        ),
    },
}  # fmt: skip


def right_for(name: str, *, method: str) -> str | None:
    """Return what opens the address called ``name`` with ``method``; None where nothing does (405)."""
    return next((right for right, by_method in OPENS.items() if name in by_method.get(method, "").split()), None)
