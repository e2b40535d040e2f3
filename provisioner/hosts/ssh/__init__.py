"""Hosts over SSH: how one is reached, proved to be who it is, and talked to."""
