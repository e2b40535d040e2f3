"""Desired and observed state in, changes out. Pure: standard library only, no ports, no clock."""
