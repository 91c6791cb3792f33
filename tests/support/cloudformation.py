"""CloudFormation's YAML as plain data: `!Ref x` is {"Ref": x}, `!Sub x` is {"Fn::Sub": x}."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


class _Loader(yaml.SafeLoader):
    """Knows CloudFormation's tags."""


def _construct(loader: _Loader, name: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    match node:
        case yaml.ScalarNode():
            value = loader.construct_scalar(node)
        case yaml.SequenceNode():
            value = loader.construct_sequence(node, deep=True)
        case _:
            value = loader.construct_mapping(node, deep=True)
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}


_Loader.add_multi_constructor("!", _construct)


def load_template(path: str) -> dict[str, Any]:
    """Read a template; `path` from the repository's root."""
    text = (ROOT / path).read_text()
    template: dict[str, Any] = yaml.load(text, _Loader)  # noqa: S506  # a safe loader
    return template


def resources_of(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """Name -> properties of every resource of a type, as `AWS::SQS::Queue`."""
    return {
        name: each.get("Properties", {})
        for name, each in template["Resources"].items()
        if each["Type"] == kind
    }
