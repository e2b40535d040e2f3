"""Requests as values. Those of one kind stand in its folder; here are those that several use."""
