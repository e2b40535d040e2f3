"""Ansible's inventory → hosts and groups, compared with the real thing."""
