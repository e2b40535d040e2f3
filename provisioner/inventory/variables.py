"""The variables of a host that this tool uses → ``Host``.

``{{ other }}`` of the same host is put in; other Jinja, and vault values, are errors here, because
reaching the wrong machine, or the right one as the wrong user, is worse than stopping. Variables
that are not used are not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from provisioner.errors import Problem
from provisioner.inventory import ssh_args
from provisioner.inventory.inventory import Inventory, Var
from provisioner.spec import words
from provisioner.spec.scalars import Unreadable
from provisioner.spec.types import Host, SshSettings

SUBSTITUTE = re.compile(r"\{\{-?\s*([A-Za-z_][A-Za-z0-9_]*)\s*-?\}\}")
TRUE, FALSE = ("yes", "true", "on", "1", "y", "t"), ("no", "false", "off", "0", "n", "f", "")
# Would change where or how a host is reached, and are not read: better said than dropped.
NOT_READ = {
    "ansible_ssh_host": "use ansible_host",
    "ansible_ssh_port": "use ansible_port",
    "ansible_ssh_user": "use ansible_user",
    "ansible_ssh_extra_args": "use ansible_ssh_common_args",
    "ansible_ssh_executable": "take it out: ssh is spoken here without the program",
    "ansible_become_flags": "take it out",
    "ansible_become_exe": "take it out: sudo is used",
}
PASSWORDS = ("ansible_password", "ansible_ssh_pass", "ansible_ssh_password")
INSTEAD = dict.fromkeys(
    ("ansible_become_password", "ansible_become_pass"),
    "take it out, and give it by -K or in PROVISION_BECOME_PASSWORD",
)
KEYS = ("ansible_ssh_private_key_file", "ansible_private_key_file")
ARGS = ("ansible_ssh_args", "ansible_ssh_common_args")
"""In the order of the command line that Ansible makes of them: the first word counts."""
ORIGINS = {
    "connection": "ansible_connection",
    "address": "ansible_host",
    "port": "ansible_port",
    "user": "ansible_user",
    "become": "ansible_become",
    "become_user": "ansible_become_user",
    "kafka_address": "kafka_address",
}


class HostReader:
    """Reads one host's variables; collects what is wrong."""

    def __init__(self, inventory: Inventory, name: str, env: Mapping[str, str]):
        self.name = name
        self.env = env
        self.inventory = inventory
        self.variables = inventory.variables(name)
        self.problems: list[Problem] = []
        self.origins = {
            field: place for field, name in ORIGINS.items() if (place := self.place(name))
        }

    def host(self) -> Host:
        for name, hint in NOT_READ.items():
            if name in self.variables:
                self.report(name, f"'{name}' is not read", hint)
        for name in PASSWORDS:
            if name in self.variables:
                message = f"{name} is not read (host {self.name})"
                hint = "give it by -k or PROVISION_SSH_PASSWORD"
                self.inventory.warnings.append(self.variables[name].notice(f"{message}; {hint}"))
        if (method := self.text("ansible_become_method")) not in (None, "sudo"):
            self.report("ansible_become_method", f"become by '{method}' is not known", "use sudo")
        password = self.text("ansible_become_password") or self.text("ansible_become_pass")
        address = self.text("kafka_address")
        return Host(
            name=self.name,
            connection=self.connection(),
            ssh=self.ssh(),
            become=self.become(),
            become_user=self.login("ansible_become_user") or "root",
            become_password=password,
            kafka_address=self.checked("kafka_address", words.address, address),
            groups=tuple(self.inventory.groups_of(self.name)),
            origins={**self.origins, "groups": self.inventory.file or "default"},
        )

    def place(self, name: str) -> str:
        """``FILE:LINE`` of a variable; empty where it is not written."""
        found = self.variables.get(name)
        problem = found.problem("") if found is not None and found.value is not None else None
        return f"{problem.file}:{problem.line}" if problem and problem.file else ""

    def become(self) -> bool | None:
        given = self.value("ansible_become") is not None
        return self.flag("ansible_become") if given else None

    def report(self, name: str, message: str, hint: str = "") -> None:
        problem = self.variables[name].problem(f"{message} (host {self.name})", hint)
        if problem not in self.problems:
            self.problems.append(problem)

    def connection(self) -> str:
        value = self.text("ansible_connection") or "ssh"
        short = value.removeprefix("ansible.builtin.").removeprefix("ansible.netcommon.")
        if short in ("ssh", "smart", "paramiko", "paramiko_ssh", "libssh"):
            return "ssh"
        if short != "local":
            self.report(
                "ansible_connection", f"connection '{value}' is not known", "use ssh or local"
            )
        return "local"

    def ssh(self) -> SshSettings:
        args = ssh_args.SshArgs()
        key_name = KEYS[0] if KEYS[0] in self.variables else KEYS[1]
        key = self.text(key_name)
        key_places = [self.place(key_name)] if key else []
        for name in ARGS:
            if text := self.text(name):
                parsed = self.checked(name, ssh_args.parse, text) or ssh_args.SshArgs()
                for field in ("port", "user", "jumps", "known_hosts", "connect_timeout"):
                    if getattr(parsed, field):
                        self.origins.setdefault(field, self.place(name))
                key_places += [self.place(name)] if parsed.key_files else []
                args = ssh_args.joined(args, parsed)
        if key_places:
            self.origins["keys"] = ", ".join(dict.fromkeys(key_places))
        port = self.value("ansible_port")
        return SshSettings(
            address=self.checked("ansible_host", words.address, self.text("ansible_host"))
            or self.name,
            port=self.checked("ansible_port", ssh_args.port, port) or args.port,
            user=self.login("ansible_user") or args.user,
            key_files=tuple(self.path(p) for p in ([key] if key else []) + list(args.key_files)),
            jumps=args.jumps,
            known_hosts=tuple(self.path(p) for p in args.known_hosts),
            connect_timeout=args.connect_timeout,
        )

    def login(self, name: str) -> str | None:
        """A user name that no command line reads as anything else."""
        text: str | None = self.checked(name, words.login, self.text(name))
        return text

    def path(self, text: str) -> str:
        home = self.env.get("HOME")
        return home.rstrip("/") + text[1:] if home and text.startswith("~/") else text

    def checked(self, name: str, check: Any, value: Any) -> Any:
        if value is None:
            return None
        try:
            return check(value)
        except words.Refusal as error:
            self.report(name, f"{name}: {error}", error.hint)
            return None

    def flag(self, name: str) -> bool:
        value = self.value(name)
        text = str(value).strip().lower()
        if value is None or text in FALSE:
            return False
        if text not in TRUE:
            self.report(name, f"{name} must be true or false, not '{text[:40]}'")
        return True

    def text(self, name: str) -> str | None:
        value = self.value(name)
        if value is None:
            return None
        if isinstance(value, (dict, list, bool)):
            self.report(name, f"{name} must be text")
            return None
        text = getattr(value, "text", None) or str(value)
        if words_bad := next((c for c in text if not c.isprintable()), None):
            self.report(name, f"{name} contains the control character {words_bad!r}", "take it out")
            return None
        return text

    def value(self, name: str, seen: tuple[str, ...] = (), user: str = "") -> Any:
        """A variable with what it refers to put in; None if there is none."""
        if (
            name in ("inventory_hostname", "inventory_hostname_short")
            and name not in self.variables
        ):
            return self.name if name == "inventory_hostname" else self.name.split(".")[0]
        found = self.variables.get(name)
        user = user or name
        if found is None:
            return None
        if isinstance(found.value, Unreadable):
            self.unreadable(name, user, found)
            return None
        if not isinstance(found.value, str) or "{" not in found.value:
            return found.value
        return self.substituted(name, found.value, (*seen, name), user)

    def unreadable(self, name: str, user: str, found: Var) -> None:
        what = (
            "an encrypted value"
            if found.value.tag == "!vault"
            else f"a value under {found.value.tag}"
        )
        hint = INSTEAD.get(user, "give a plain value in host_vars/ or in another inventory (-i)")
        of = f"{user}: " if user == name else f"{user}: {name} is "
        self.report(name, f"{of}{what}, which cannot be read here", hint)

    def substituted(self, name: str, text: str, seen: tuple[str, ...], user: str) -> Any:
        rest = SUBSTITUTE.sub("", text)
        if "{{" in rest or "{%" in rest or "{#" in rest:
            hint = INSTEAD.get(
                user, "only {{ NAME }} of a variable of the same host can be; give the value"
            )
            self.report(name, f"{user}: this Jinja cannot be worked out here", hint)
            return None
        values = {}
        for other in SUBSTITUTE.findall(text):
            if other in seen:
                self.report(name, f"{user}: {other} refers to itself", "give a plain value")
                return None
            known = other in self.variables or other.startswith("inventory_hostname")
            values[other] = self.value(other, seen, user)
            if values[other] is None:
                if not known:
                    self.report(
                        name,
                        f"{user}: host {self.name} has no variable '{other}'",
                        "give it, or the plain value",
                    )
                return None
        whole = SUBSTITUTE.fullmatch(text)
        if whole:
            return values[whole[1]]
        return SUBSTITUTE.sub(lambda m: str(values[m[1]]), text)
