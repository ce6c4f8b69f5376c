"""Consent and contact policy: whom the bank may contact, for what, how and when."""
