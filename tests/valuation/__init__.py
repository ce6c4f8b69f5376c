"""Tests of the valuation domain."""
