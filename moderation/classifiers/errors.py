"""What is said when a classifier cannot come in, rule or go."""


class AdoptionRefused(Exception):
    """Nothing was changed; the message says what was found and what to do next."""
