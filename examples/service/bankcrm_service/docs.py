"""The description of the service as a page of its own: it needs no script and no network."""

from __future__ import annotations

import json
from html import escape
from typing import Any

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: auto; padding: 1rem; }
pre { overflow-x: auto; padding: .7rem; border: 1px solid #8888; border-radius: .3rem; }
h2 { margin-top: 2rem; } td, th { text-align: left; padding: .2rem 1rem .2rem 0; }
"""


def docs_page(description: dict[str, Any]) -> str:
    """The page of an OpenAPI description: every operation with its example and its answers."""
    info, schemas = description["info"], description["components"]["schemas"]
    operations = [
        _operation(path, method, operation, schemas)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    ]
    title = escape(f"{info['title']} {info['version']}")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
        f"<body><h1>{title}</h1><p>{escape(info.get('description', ''))}</p>"
        f'<p><a href="openapi.json">openapi.json</a></p>{"".join(operations)}</body></html>'
    )


def _operation(path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    parts = [f"<h2><code>{method.upper()} {escape(path)}</code></h2>"]
    parts.append(f"<p>{escape(operation.get('description', ''))}</p>")
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body:
        schema = _resolved(body["schema"], schemas)
        example = json.dumps(schema.get("examples", [{}])[0], ensure_ascii=False, indent=2)
        parts.append(f"<h3>Request</h3><pre>{escape(example)}</pre>")
        parts.append(_fields(schema, schemas))
    rows = [
        f"<tr><th>{escape(code)}</th><td>{escape(answer['description'])}</td>"
        f"<td>{escape(_named(answer))}</td></tr>"
        for code, answer in operation["responses"].items()
    ]
    return "".join([*parts, f"<h3>Answers</h3><table>{''.join(rows)}</table>"])


def _fields(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    rows = []
    for name, field in schema.get("properties", {}).items():
        needed = "required" if name in schema.get("required", ()) else ""
        rows.append(
            f"<tr><th>{escape(name)}</th><td>{escape(_type(field))}</td><td>{needed}</td></tr>"
        )
        for fact, about in field.get("properties", {}).items():
            rows.append(
                f"<tr><th>&emsp;{escape(fact)}</th><td>{escape(_type(about))}</td><td></td></tr>"
            )
    return f"<table>{''.join(rows)}</table>"


def _type(field: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_type(f) for f in field["anyOf"])
    if "enum" in field:
        return " | ".join(map(str, field["enum"]))
    return str(field.get("type", "any value"))


def _resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (
        schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    )
    return found


def _named(answer: dict[str, Any]) -> str:
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    inner = schema.get("items", schema)
    return str(inner.get("$ref", "")).rpartition("/")[2]
