"""Groups and permissions of people. Django owns these tables; proxies of their models record every change."""

from django.contrib.auth.models import Group

from moderation.models.people import User
from moderation.models.tracking import tracked_membership


@tracked_membership()
class UserGroup(User.groups.through):  # type: ignore[name-defined,misc]
    """One person's membership of one group."""

    class Meta:
        proxy = True


@tracked_membership()
class UserPermission(User.user_permissions.through):  # type: ignore[name-defined,misc]
    """A permission that one person has besides those of their groups."""

    class Meta:
        proxy = True


@tracked_membership()
class GroupPermission(Group.permissions.through):  # type: ignore[name-defined,misc]
    """A permission that the members of a group have."""

    class Meta:
        proxy = True
