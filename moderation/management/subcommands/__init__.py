"""Subcommands that several commands share."""
