"""Error rates by community: estimates for display, each shrunk towards the common rate.

A certificate covers all uploads together and says nothing about one community. A community without its own thresholds
uses those of its parent.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.db.models import Sum

from moderation.models import Community, Epoch, LedgerDay, LedgerRow, PolicyVersion
from moderation.routing import UNTRUSTED
from moderation.statistics.checks import Floats
from moderation.statistics.regions import LABELS_TO_SHOW
from moderation.statistics.shrinkage import ShrunkRates, beta_binomial
from moderation.tuning.counts import step
from moderation.tuning.evidence import EDGES


@dataclass(frozen=True, kw_only=True)
class GroupRate:
    """One rate of one group; the fewer labels ``n`` the group has, the nearer the rate is to the common one."""

    value: float
    low: float
    high: float
    n: int

    def as_json(self) -> dict[str, float | int]:
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n}


@dataclass(frozen=True, kw_only=True)
class GroupEstimate:
    """The rates of a community, or of uploads without one (``slug`` empty), at the thresholds in force for it.

    ``inherits`` is true if those thresholds are its parent's. A rate is None if all groups together have too few
    labels.
    """

    slug: str
    inherits: bool
    low: float
    high: float
    uploads: int
    leak_rate: GroupRate | None
    wrongful_rate: GroupRate | None

    def as_json(self) -> dict[str, object]:
        return {
            "group": self.slug,
            "inherits": self.inherits,
            "low": self.low,
            "high": self.high,
            "uploads": self.uploads,
            "leak_rate": self.leak_rate and self.leak_rate.as_json(),
            "wrongful_rate": self.wrongful_rate and self.wrongful_rate.as_json(),
        }


def group_estimates(epoch: Epoch, *, root: PolicyVersion) -> list[GroupEstimate]:
    """Return the leak and wrongful rate of each group on the epoch's closed days; empty if there is only one group.

    The thresholds of a group are its own in force, otherwise those of its nearest ancestor that has some, otherwise
    those of ``root``.
    """
    tables = _tables(epoch)
    if len(tables) < 2:
        return []
    own = _own_versions(root)
    versions = [_version_of(slug, own=own, root=root) for slug in tables]
    pairs = list(zip(tables.values(), versions, strict=True))
    leak = _shrunk([_side(table[: step(version.low)], hits=VIOLATING) for table, version in pairs])
    wrongful = _shrunk([_side(table[step(version.high) :], hits=BENIGN) for table, version in pairs])
    return [
        GroupEstimate(
            slug=slug,
            inherits=slug not in own,
            low=version.low,
            high=version.high,
            uploads=int(table[..., UPLOADS].sum()),
            leak_rate=leak[k],
            wrongful_rate=wrongful[k],
        )
        for k, (slug, table, version) in enumerate(zip(tables, tables.values(), versions, strict=True))
    ]


# The columns of the tables below.
UPLOADS, LABELLED, VIOLATING, BENIGN = range(4)


def _tables(epoch: Epoch) -> dict[str, Floats]:
    """Return counts by group in alphabetical order, shape (bins, rate classes, 4), without untrusted scores."""
    rows = (
        LedgerRow.objects.filter(day__in=LedgerDay.objects.closed_prefix(epoch))
        .exclude(region=UNTRUSTED)
        .values_list("group", "bin", "region", "pi")
        .annotate(*(Sum(name) for name in ("uploads", "labelled", "violating")))
        .order_by("group")
    )
    found = list(rows)
    classes = {key: k for k, key in enumerate(sorted({(pi, region) for _, _, region, pi, *_ in found}))}
    tables: dict[str, Floats] = defaultdict(lambda: np.zeros((len(EDGES) - 1, len(classes), 4)))
    for group, bin_, region, pi, uploads, labelled, violating in found:
        tables[group][bin_, classes[pi, region]] += uploads, labelled, violating, labelled - violating
    return dict(tables)


def _own_versions(root: PolicyVersion) -> dict[str, PolicyVersion]:
    """Return the versions that communities have in force, by slug; the root's has the empty slug."""
    versions = PolicyVersion.objects.in_force().filter(policy=root.policy).exclude(community=None)
    return {"": root, **{version.community.slug: version for version in versions.select_related("community")}}  # type: ignore[union-attr]


def _version_of(slug: str, *, own: dict[str, PolicyVersion], root: PolicyVersion) -> PolicyVersion:
    parents = dict(Community.objects.values_list("slug", "parent__slug"))
    above: str | None = slug
    while above and above not in own:
        above = parents.get(above)
    return own[above] if above else root


def _side(table: Floats, *, hits: int) -> tuple[int, int, int]:
    """Return hits and labels that are as precise as the weighted labels of a region, and the number of its labels.

    With one rate class they are its own counts. With several, sum N x/n estimates the hits, and N^2 / sum(N^2/n) is
    the number of equal-probability labels with the same precision.
    """
    classes = table.sum(axis=0)
    labelled_classes = classes[classes[:, LABELLED] > 0]
    if not labelled_classes.size:
        return 0, 0, 0
    uploads, labelled = labelled_classes[:, UPLOADS], labelled_classes[:, LABELLED]
    share = float((uploads * labelled_classes[:, hits] / labelled).sum() / uploads.sum())
    effective = int(uploads.sum() ** 2 / (uploads**2 / labelled).sum() + 1e-9)
    return min(round(share * effective), effective), effective, int(labelled.sum())


def _shrunk(sides: Sequence[tuple[int, int, int]]) -> list[GroupRate | None]:
    """Return each group's rate, or None for all if all groups together have fewer than 30 labels."""
    x, n, labels = (list(part) for part in zip(*sides, strict=True))
    found: ShrunkRates | None = beta_binomial(x, n) if sum(labels) >= LABELS_TO_SHOW else None
    if found is None:
        return [None] * len(sides)
    limits = zip(found.values, found.low, found.high, labels, strict=True)
    return [
        GroupRate(value=float(value), low=float(low), high=float(high), n=count) for value, low, high, count in limits
    ]
