"""The same clusters by other means: a bare floor, Ansible, pyinfra."""
