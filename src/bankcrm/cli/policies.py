"""The commands about rules: ``policies``, ``check`` and ``plugins``."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import click

from bankcrm.cli.options import JSON
from bankcrm.cli.output import show, show_json


@click.command()
@click.argument("domain", required=False)
@click.option("--preset", help="One of the domain's presets instead of its defaults.")
@JSON
def policies(domain: str | None, preset: str | None, as_json: bool) -> None:
    """List the policies of the package, or print one.

    With DOMAIN, the command prints its policy as TOML.
    """
    from bankcrm.policy import DOMAINS, default_policy, presets

    if domain is not None:
        text = default_policy(domain, preset).to_toml()
        if as_json:
            show_json(tomllib.loads(text))
        else:
            click.echo(text, nl=False)
        return
    if preset is not None:
        raise click.UsageError(f"give the DOMAIN too: bankcrm policies DOMAIN --preset {preset}")
    found = [
        (name, variant, default_policy(name, variant))
        for name in DOMAINS
        for variant in (None, *presets(name))
    ]
    rows = [
        {
            "domain": name,
            "preset": variant or "(defaults)",
            "version": policy.version,
            "parameters": len(policy.parameters),
            "tables": len(policy.tables),
            "fingerprint": policy.fingerprint[:12],
        }
        for name, variant, policy in found
    ]
    if as_json:
        whole = ({"fingerprint": p.fingerprint, "unconfirmed": p.unconfirmed} for *_, p in found)
        show_json([{**row, **more} for row, more in zip(rows, whole, strict=True)])
        return
    show(rows, right=("parameters", "tables"))
    for name, variant, policy in found:
        if policy.unconfirmed:
            figures = ", ".join(policy.unconfirmed)
            click.echo(f"not confirmed: {name}/{variant or 'defaults'}: {figures}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@JSON
def check(file: Path, as_json: bool) -> None:
    """Check a policy or a decision table.

    It finds gaps, overlaps, shadowed rules, and errors in dates and units.
    """
    from bankcrm.policy import load_policy
    from bankcrm.report.words import Count
    from bankcrm.rules import DecisionTable
    from bankcrm.rules.toml import parse_toml

    if "table" in parse_toml(file):
        table = DecisionTable.from_toml(file)
        warnings, rules = table.check(), Count(len(table.rules))
        name = {"table": table.id, "version": table.version, "fingerprint": table.fingerprint}
        text = f"table {table.id} {table.version}: {rules} {rules:rule|rules}, no errors"
    else:
        policy = load_policy(file)
        warnings = []
        values, tables = Count(len(policy.parameters)), Count(len(policy.tables))
        name = {"policy": policy.id, "version": policy.version, "fingerprint": policy.fingerprint}
        text = (
            f"policy {policy.id} {policy.version}: {values} {values:parameter|parameters}, "
            f"{tables} {tables:table|tables}, no errors, fingerprint {policy.fingerprint[:12]}"
        )
    if as_json:
        found = [{"severity": f.severity, "finding": str(f)} for f in warnings]
        show_json({**name, "errors": 0, "findings": found})
        return
    click.echo(text)
    for finding in warnings:
        click.echo(f"{finding.severity}: {finding}")


@click.command()
@JSON
def plugins(as_json: bool) -> None:
    """List the installed plug-ins, and what each changes."""
    from bankcrm.plugins import assemble

    found = assemble(on_error="isolate").plugins
    rows = [
        {
            "order": order,
            "name": info.name,
            "distribution": info.distribution,
            "version": info.version,
            "priority": info.priority,
            "hooks": info.hooks,
            "changes": info.changes,
            "error": info.error,
        }
        for order, info in enumerate(found, start=1)
    ]
    if as_json:
        show_json(rows)
    elif not rows:
        click.echo("no plug-in is installed (entry-point group 'bankcrm')")
    else:
        show([_cells(row) for row in rows])
    if any(info.error for info in found):
        sys.exit(2)


def _cells(row: dict[str, object]) -> dict[str, object]:
    """A plug-in as cells: the error takes the place of the changes."""
    changes, error = row["changes"], row["error"]
    lines = "\n".join(map(str, changes)) if isinstance(changes, tuple | list) else ""
    hooks = ", ".join(map(str, row["hooks"])) if isinstance(row["hooks"], tuple | list) else ""
    shown = {"hooks": hooks, "changes": f"LEFT OUT: {error}" if error else lines}
    return {**{n: v for n, v in row.items() if n != "error"}, **shown}
