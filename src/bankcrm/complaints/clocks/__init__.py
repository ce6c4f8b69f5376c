"""Clocks of a case: events, clock rules, replay of an event log, deadlines of many cases."""
