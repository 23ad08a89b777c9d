"""Rows as YAML for people: a provider's facts one below the other, a model a line."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

Row = dict[str, Any]
_FLOW = ("quirks", "other_formats", "other_bases", "auth", "headers", "rate_limit_headers")


class _Dumper(yaml.SafeDumper):
    """Numbers as they are, and lists indented as people do it."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _number(dumper: yaml.SafeDumper, value: Decimal) -> yaml.ScalarNode:
    text = format(value, "f")
    kind = "float" if "." in text else "int"
    return dumper.represent_scalar(f"tag:yaml.org,2002:{kind}", text)


_Dumper.add_representer(Decimal, _number)


def write(row: Row, path: Path) -> None:
    facts = {
        name: value
        for name, value in row.items()
        if name != "models" and (_told(value) or name == "discovery")
    }
    lines = []
    for name, value in facts.items():
        one_line = name in _FLOW or name == "key_headers"
        rows = isinstance(value, list) and value and isinstance(value[0], dict)
        if rows:
            lines += [f"{name}:", *(f"  - {_flow(_lean(each))}" for each in value)]
        elif one_line:
            lines.append(f"{name}: {_flow(value)}")
        else:
            lines.append(_block({name: _lean(value) if isinstance(value, dict) else value}))
    if row["models"]:
        lines += ["# Prices in USD per million tokens; tokens for the rest.", "models:"]
        lines += [f"  - {_flow(_lean(model))}" for model in row["models"]]
    else:
        lines.append("models: []")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _told(value: Any) -> bool:
    return value is not None and value not in ("", [], {}) and value is not False


def _lean(row: Row) -> Row:
    """Without what is left out anyway."""
    defaults = {"kind": "chat", "billing": "metered", "modalities": "text -> text"}
    return {
        name: value
        for name, value in row.items()
        if (name in ("required", "refresh_token_rotates") and value is False)
        or (
            _told(value) and (name != "required") and ("path" in row or defaults.get(name) != value)
        )
    }


def _block(value: Any) -> str:
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text.rstrip("\n")


def _flow(value: Any) -> str:
    text: str = yaml.dump(
        value,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=10**6,
        default_flow_style=True,
    )
    return text.rstrip("\n")
