"""Real Debian hosts (systemd, sshd, sudo) for tests: booted in a second, gone without a trace.

`README.md` beside this file says how to use them; `fixtures` is what a test imports.
"""
