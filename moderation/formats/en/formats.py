"""How Django's own pages write dates and times: as moderation.formatting does, 3 Nov 2026, 18:05 UTC."""

DATE_FORMAT = SHORT_DATE_FORMAT = "j M Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "j M Y, H:i T"
