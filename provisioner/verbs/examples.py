"""The examples at the end of each verb's help: commands that can be copied."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[str, ...]] = {
    "init": ("provision init my-lab --template lab",),
    "validate": (
        "provision validate specs/lab.yaml",
        "provision validate --hosts -i inventories/prod.yaml specs/prod.yaml",
    ),
    "hosts": ("provision hosts -i inventories/prod.yaml specs/prod.yaml",),
    "plan": (
        "provision plan specs/lab.yaml",
        "provision plan --exit-code --out prod.plan specs/prod.yaml",
        "provision plan --format markdown --output comment.md specs/prod.yaml",
    ),
    "apply": (
        "provision apply specs/lab.yaml",
        "provision apply prod.plan",
        "provision apply --limit vm2 specs/prod.yaml",
        "provision apply --each students -i inventories/class.yaml specs/lab.yaml",
    ),
    "verify": ("provision verify --round-trip specs/lab.yaml",),
    "drift": (
        "provision drift specs/lab.yaml",
        "provision drift --format prometheus --output kafka.prom specs/lab.yaml specs/prod.yaml",
    ),
    "status": ("provision status specs/lab.yaml",),
    "start": ("provision start specs/lab.yaml", "provision start --node broker-1 specs/lab.yaml"),
    "stop": (
        "provision stop specs/lab.yaml",
        'provision stop --node broker-1 --hold "disk swap" specs/prod.yaml',
    ),
    "restart": ("provision restart --node broker-1,broker-2 specs/prod.yaml",),
    "drill": ("provision drill --node broker-1 specs/lab.yaml",),
    "destroy": ("provision destroy --confirm atu-lab --allow wipe-log-dir specs/lab.yaml",),
    "lock": ("provision lock specs/prod.yaml", "provision lock --break 1a2b3c specs/prod.yaml"),
    "log": ("provision log specs/prod.yaml",),
    "schema": ("provision schema > cluster.schema.json",),
    "completion": (
        "provision completion bash > ~/.local/share/bash-completion/completions/provision",
        "provision completion fish > ~/.config/fish/completions/provision.fish",
    ),
    "fetch": (
        "provision fetch --version 3.9.1",
        "provision fetch --version 4.3.1 --arch aarch64 --out kafka.bundle",
        "provision fetch --bundle kafka.bundle",
    ),
}


def epilog(verb: str) -> str:
    """The examples of a verb as its help prints them."""
    lines = EXAMPLES.get(verb, ())
    title = "example:" if len(lines) == 1 else "examples:"
    return "\n".join([title, *(f"  {line}" for line in lines)]) if lines else ""
