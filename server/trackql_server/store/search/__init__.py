"""Searching runs: a filter and an order become SQL over summaries, params and tags."""
