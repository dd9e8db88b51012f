"""Reading the token of a claim or a reveal from an address."""

import uuid

# No claim has this token.
NO_TOKEN = uuid.UUID(int=0)


def parse_token(text: str) -> uuid.UUID:
    """Return the token in ``text``; NO_TOKEN where it is missing or garbled."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return NO_TOKEN
