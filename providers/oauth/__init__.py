"""Signing in at providers, and keeping the tokens that come of it."""
