"""Carries waves out: executor, lock, journal."""
