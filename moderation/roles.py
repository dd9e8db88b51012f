"""The roles of people and the rights of each role. A right is a permission, and a role is a group of the same name.

What each right opens stands in ``reviewqueue/access.py``; docs/roles.md shows both.
"""

RIGHTS = {
    "review_uploads": "Review the queue; report what they decided or saw; remove near-duplicates from their verdicts.",
    "lead_reviews": "Settle quarantine; read and raise appeals; decide where a lead is needed; remove near-duplicates.",
    "see_uploads": "See the list of uploads and the record of each.",
    "send_uploads": "Send images in from the browser, ask for a pre-screen, and read the API's documentation.",
    "see_thresholds": "See thresholds, error rates, previews and classifiers in shadow mode.",
    "publish_thresholds": "Draft, publish and roll back thresholds; try and activate classifiers; keep gold items.",
    "see_runs": "See the runs of the pre-screen and their reports.",
    "keep_hash_lists": "See, import, export and switch hash lists; confirm and contest their entries.",
}

ROLES = {
    "moderator": ["review_uploads"],
    "lead": ["review_uploads", "lead_reviews", "see_uploads", "see_thresholds", "see_runs", "keep_hash_lists"],
    "admin": list(RIGHTS),
    "operator": ["see_uploads", "send_uploads", "see_thresholds", "see_runs"],
    "auditor": ["see_uploads", "see_thresholds"],
}
