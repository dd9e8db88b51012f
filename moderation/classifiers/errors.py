"""The failure of every step of adopting a classifier."""


class AdoptionRefused(Exception):
    """The step was refused and nothing was changed; the message says what was found and what to do next."""
