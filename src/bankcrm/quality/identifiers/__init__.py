"""Identifiers of persons, companies and accounts."""
