"""The commands about rules: ``policies``, ``check``, ``convert-rules`` and ``plugins``."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bankcrm.cli.options import JSON
from bankcrm.cli.output import echo, show, show_json

if TYPE_CHECKING:
    from bankcrm.rules import DecisionTable, Finding


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
            echo(f"not confirmed: {name}/{variant or 'defaults'}: {figures}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@JSON
def check(file: Path, as_json: bool) -> None:
    """Check a policy or decision tables.

    FILE is TOML, DMN or a workbook. The check finds gaps, overlaps, shadowed rules, and errors in
    dates and units; of a DMN file also what cannot be read.
    """
    from bankcrm.policy.rule_files import read_rules
    from bankcrm.report.words import Count

    rules = read_rules(file)
    policy = rules.policy
    tables = () if policy is not None else rules.tables
    found = [(table, finding) for table in tables for finding in table.check()]
    errors = sum(finding.severity == "error" for _, finding in found)
    if as_json:
        shown = [policy] if policy is not None else list(tables)
        kind = "policy" if policy is not None else "table"
        names = [{kind: p.id, "version": p.version, "fingerprint": p.fingerprint} for p in shown]
        findings = [{"table": t.id, "severity": f.severity, "finding": str(f)} for t, f in found]
        left_out = [str(part) for part in rules.left_out]
        more = {"errors": errors, "findings": findings, "left_out": left_out}
        show_json({**names[0], **more} if len(names) == 1 else {"read": names, **more})
    else:
        if policy is not None:
            values, count = Count(len(policy.parameters)), Count(len(policy.tables))
            echo(
                f"policy {policy.id} {policy.version}: {values} {values:parameter|parameters}, "
                f"{count} {count:table|tables}, no errors, fingerprint {policy.fingerprint[:12]}"
            )
        for table in tables:
            count, wrong = Count(len(table.rules)), Count(_errors(table, found))
            said = f"{wrong} {wrong:error|errors}" if _errors(table, found) else "no errors"
            echo(f"table {table.id} {table.version}: {count} {count:rule|rules}, {said}")
        for table, finding in found:
            where = f"{table.id}: " if len(tables) > 1 else ""
            echo(f"{finding.severity}: {where}{finding}")
        for part in rules.left_out:
            echo(f"left out: {part}")
    if errors or rules.left_out:
        sys.exit(2)


def _errors(table: DecisionTable, found: list[tuple[DecisionTable, Finding]]) -> int:
    return sum(t is table and f.severity == "error" for t, f in found)


@click.command("convert-rules")
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--table", help="Write this one of several tables.")
@click.option("--force", is_flag=True, help="Replace TARGET if it exists.")
def convert_rules(source: Path, target: Path, table: str | None, force: bool) -> None:
    """Convert rules between TOML, DMN and workbooks.

    SOURCE and TARGET end in .toml, .dmn or .xlsx. What the form of TARGET cannot hold is named.
    """
    from bankcrm.policy.rule_files import read_rules, write_rules

    rules = read_rules(source)
    chosen = rules if table is None else rules.only(table)
    lost = write_rules(chosen, target, force=force)
    for part in rules.left_out:
        echo(f"left out: {part}")
    for what in lost:
        echo(f"not in {target.name}: {what}")
    echo(f"written: {target}")


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
        echo("no plug-in is installed (entry-point group 'bankcrm')")
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
