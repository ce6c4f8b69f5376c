"""Channels: how they are used, what they cost and bring, and how satisfied customers are."""
