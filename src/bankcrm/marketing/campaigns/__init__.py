"""Campaigns: their record and states, groups, sample size, effect, return and uplift."""
