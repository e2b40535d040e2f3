"""One comment of a pull request: what differs, by cluster, in a stable order, in at most
``LIMIT`` characters; what does not fit is counted.

Names and values are in code spans, so that nothing in them is a link, a mention or markup.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from provisioner.cleaning import clean
from provisioner.plan.diff import because
from provisioner.plan.masking import masked

LIMIT = 65_536
"""The longest comment that GitHub takes, in characters; GitLab and others take more."""
RESERVE = 200
VALUE = 120
DIGEST = "running_digest"
"""The field that tells nobody anything; the reason says what is behind it."""
SIGNS = {"create": "+", "start": "+", "delete": "-", "stop": "-"}
VERDICTS = {True: "in sync", False: "differs", None: "cannot tell"}
Values = Mapping[str, Any]


def render(document: Values, now: float) -> str:
    """``now`` is not shown: the same state gives the same comment."""
    blocks = [_head(document)]
    for entry in document["clusters"]:
        blocks += _cluster(entry, document["command"])
    return _fitted(blocks)


def _head(document: Values) -> list[str]:
    lines = [f"## provision {document['command']}", ""]
    for error in document["errors"]:
        place = f" ({code(_place(error))})" if _place(error) else ""
        lines.append(f"- **error** {escaped(error['message'])}{place}")
        if error["hint"]:
            lines.append(f"  {escaped(error['hint'])}")
    return lines


def _place(error: Values) -> str:
    if error["file"]:
        return f"{error['file']}:{error['line']}" if error["line"] else str(error["file"])
    return str(error["host"] or "")


def _cluster(entry: Values, command: str) -> Iterator[list[str]]:
    """Blocks of lines: the heading, then one for each row."""
    name = entry["cluster"] + (f" on {entry['target']}" if entry["target"] else "")
    yield ["", f"### {code(name)}: {_verdict(entry)}", ""]
    yield from _changes(entry)
    for key, title in (
        ("deferred", "Deferred"),
        ("refused", "Refused"),
        ("unknown", "Unknown"),
        ("unmanaged", "Not in the spec"),
    ):
        if entry[key]:
            yield ["", f"**{title}**", ""]
            for item in entry[key]:
                yield [f"- {_thing(item)}{_why(item)}"]
    if entry["warnings"]:
        yield ["", "**Warnings**", ""]
        for warning in entry["warnings"]:
            place = f" ({code(_place({**warning, 'host': None}))})" if warning["file"] else ""
            yield [f"- {escaped(warning['message'])}{place}"]
    yield from _forecast(entry.get("forecast"))
    if entry["checks"]:
        yield ["", "| check | | |", "|---|---|---|"]
        for check in entry["checks"]:
            mark = {True: "ok", False: "**failed**", None: "unknown"}[check["ok"]]
            yield [f"| {escaped(check['name'])} | {mark} | {escaped(check['detail'])} |"]
    if command == "status":
        yield from _status(entry)


def _forecast(found: Values | None) -> Iterator[list[str]]:
    """Which nodes are restarted, how long that takes, and what it waits for."""
    if found is None or not (found["restarts"] or found["moves"]["partitions"]):
        return
    yield ["", "**Forecast**", ""]
    moves = found["moves"]
    if moves["partitions"]:
        much = "an unknown amount" if moves["bytes"] is None else f"{moves['bytes']:,} bytes"
        yield [f"- copies replicas of {moves['partitions']} partitions, {much}"]
    if not found["restarts"]:
        return
    order = ", ".join(" + ".join(map(code, batch)) for batch in found["together"])
    seconds = found["seconds"]
    how_long = "how long is not known" if seconds is None else f"about {seconds:.0f} s"
    yield [f"- restarts in this order: {order}; {how_long}"]
    for item in found["blocked"]:
        yield [f"- {code(item['name'])} waits: {escaped(item['reason'])}"]
    if found["offline"]:
        yield [f"- without a leader meanwhile: {', '.join(map(code, found['offline']))}"]


def _verdict(entry: Values) -> str:
    if entry["exit_code"] == 1:
        return "stopped before any change"
    parts = [VERDICTS[entry["in_sync"]]] if entry["in_sync"] is not None else []
    if entry["healthy"] is not None:
        parts.append("healthy" if entry["healthy"] else "**not healthy**")
    if not entry["complete"]:
        parts.append("not all could be read")
    counts: dict[str, int] = {}
    for change in entry["changes"]:
        counts[change["action"]] = counts.get(change["action"], 0) + 1
    parts += [f"{count} to {action}" for action, count in sorted(counts.items())]
    return ", ".join(parts) or "read"


def _changes(entry: Values) -> Iterator[list[str]]:
    if not entry["changes"]:
        return
    yield ["| | change | thing | why |", "|---|---|---|---|"]
    for change in entry["changes"]:
        sign = SIGNS.get(change["action"], "~")
        effect = f" **{change['effect']}**" if change["effect"] not in ("none", "restart") else ""
        fields = _fields(change)
        # The plain reason of an update says what its first field shows.
        plain = fields and change["reason"] == because(change["before"], change["after"])
        rows = [*([] if plain else [change["reason"]]), *fields]
        why = "<br>".join(filter(None, (_cell(row) for row in rows)))
        yield [f"| `{sign}` | {change['action']}{effect} | {_thing(change)} | {why} |"]


def _fields(change: Values) -> list[tuple[str, str, str]]:
    """(key, before, after) where both are known: a create says nothing that the spec does not."""
    before, after = change["before"], change["after"]
    if before is None or after is None:
        return []
    names = dict.fromkeys([*before, *after])
    names.pop(DIGEST, None)
    return [(n, _value(before.get(n)), _value(after.get(n))) for n in names][:20]


def _cell(row: str | tuple[str, str, str]) -> str:
    if isinstance(row, str):
        return escaped(row)
    name, before, after = row
    return f"{code(name)}: {code(before)} → {code(after)}"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "(secret)" if value.get("secret") else "(known later)"
    text = {None: "(not set)", True: "true", False: "false"}.get(value) if _plain(value) else None
    text = str(value) if text is None else text
    return text if len(text) <= VALUE else text[: VALUE - 1] + "…"


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, bool)


def _thing(item: Values) -> str:
    where = f" on {code(item['host'])}" if item["host"] else ""
    return f"{escaped(item['kind'])} {code(item['name'])}{where}"


def _why(item: Values) -> str:
    parts = [escaped(str(item["reason"]))] if item.get("reason") else []
    if item.get("fields"):
        parts.append(", ".join(code(field) for field in item["fields"]))
    if item.get("allow"):
        value = f"={item['allow_value']}" if item.get("allow_value") else ""
        parts.append(code(f"--allow {item['allow']}{value}"))
    return f": {'; '.join(parts)}" if parts else ""


def _status(entry: Values) -> Iterator[list[str]]:
    if entry.get("brokers"):
        yield ["", "| broker | host | up | leads | follows | behind |", "|---|---|---|---|---|---|"]
        for broker in entry["brokers"]:
            cells = [broker.get(key) for key in ("id", "host", "up", "leads", "follows", "behind")]
            yield ["| " + " | ".join(_status_cell(cell) for cell in cells) + " |"]
    if entry.get("topics"):
        yield ["", "| topic | partitions | without a leader | under-replicated |"]
        yield ["|---|---|---|---|"]
        for topic in entry["topics"]:
            parts = topic["partitions"]
            dead = sum(part["leader"] is None for part in parts)
            behind = sum(len(part["isr"]) < len(part["replicas"]) for part in parts)
            yield [f"| {code(topic['name'])} | {len(parts)} | {dead} | {behind} |"]


def _status_cell(value: Any) -> str:
    if value is None:
        return "?"
    if isinstance(value, bool):
        return "yes" if value else "**no**"
    return str(value) if isinstance(value, int) else code(str(value))


def code(text: object) -> str:
    """A code span that ends where the text does, also inside a table."""
    plain = clean(masked(str(text))).replace("`", "'").replace("|", "\\|")
    return f"`{plain}`" if plain else "` `"


def escaped(text: str) -> str:
    """Text in which nothing is markup, a mention or a link."""
    plain = clean(masked(text))
    return "".join(f"&#{ord(c)};" if c in "<>&|`*_[]#@~\\!$" else c for c in plain)


def _fitted(blocks: list[list[str]]) -> str:
    """Whole blocks as long as they fit; then how many lines are missing."""
    size, kept = 0, []
    for number, block in enumerate(blocks):
        text = "\n".join(block) + "\n"
        if size + len(text) > LIMIT - RESERVE:
            left = sum(
                1 for rest in blocks[number:] for line in rest if line.startswith(("|", "-"))
            )
            kept.append(f"\n… and {left} more lines, left out: `--format json` has all\n")
            break
        size += len(text)
        kept.append(text)
    return "".join(kept)
