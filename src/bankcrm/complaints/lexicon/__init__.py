"""The lexicon: signals, kind and cause of a complaint from its text, with the words behind them."""

from __future__ import annotations

from bankcrm.complaints.lexicon.lexicon import Lexicon, default_lexicon, read_lexicon
from bankcrm.complaints.lexicon.terms import Entry, Negation, Span

__all__ = ["Entry", "Lexicon", "Negation", "Span", "default_lexicon", "read_lexicon"]
