"""The policy versions that one run applies: each policy's root version, and the versions of its communities."""

from collections.abc import Sequence
from dataclasses import dataclass

from moderation.models import Community, Epoch, PolicyVersion, Shadow


@dataclass(frozen=True)
class Rulebook:
    """The rules of one run, as they were when it began.

    Attributes:
        versions: by (policy, community); the root version of a policy has community None.
        epochs: the open epoch of each policy.
        shadows: classifiers in shadow mode; they score along and decide nothing.
    """

    versions: dict[tuple[int, int | None], PolicyVersion]
    epochs: dict[int, Epoch]
    communities: dict[int, Community]
    shadows: tuple[Shadow, ...] = ()

    @classmethod
    def of(cls, *, versions: Sequence[int], epochs: Sequence[int], shadows: Sequence[int] = ()) -> "Rulebook":
        """Load the versions, open epochs and shadows that the run's command read in one transaction."""
        rows = list(PolicyVersion.objects.filter(pk__in=versions).select_related("policy", "classifier"))
        return cls(
            versions={(version.policy_id, version.community_id): version for version in rows},
            # Not the version's own epoch: the version may have been published into an epoch that is closed by now.
            epochs={epoch.policy_id: epoch for epoch in Epoch.objects.filter(pk__in=epochs)},
            communities=Community.objects.in_bulk(),
            shadows=tuple(Shadow.objects.filter(pk__in=shadows).select_related("classifier")),
        )

    @property
    def scored_for(self) -> list[PolicyVersion | Shadow]:
        """Everything that needs scores; each names its classifier and labels."""
        return [*self.roots, *self.shadows]

    @property
    def roots(self) -> list[PolicyVersion]:
        return [version for (_, community), version in self.versions.items() if community is None]

    @property
    def policies(self) -> list[int]:
        return [root.policy_id for root in self.roots]

    def root(self, policy_id: int) -> PolicyVersion:
        return self.versions[policy_id, None]

    def group(self, community_id: int | None) -> str:
        """The slug that screenings of a community's uploads carry; empty outside communities."""
        return "" if community_id is None else self.communities[community_id].slug

    def version_for(self, policy_id: int, *, community_id: int | None) -> PolicyVersion:
        """The version of the nearest community that has one, otherwise the root version."""
        while community_id is not None:
            if found := self.versions.get((policy_id, community_id)):
                return found
            community_id = self.communities[community_id].parent_id
        return self.root(policy_id)
