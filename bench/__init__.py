"""Measurements: how fast the tool is, alone and beside others that do the same. See README.md."""
