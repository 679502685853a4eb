"""``hstlc config``: the configuration."""

from __future__ import annotations

from pathlib import Path

import click

from hstlc.cli.options import as_json, command_options, load_settings, print_json

__all__ = ["config"]


@click.group()
def config() -> None:
    """Show and check the configuration."""


@config.command()
@click.option("--keys", is_flag=True, help="Explain every key: type, default, environment variable.")
@as_json
@command_options
def show(keys: bool, json_output: bool, config: Path | None) -> None:
    """Print the values in force, without passwords."""
    if keys:
        _explain(json_output)
        return
    values = load_settings(config).redacted()
    if json_output:
        print_json(values)
        return
    import yaml

    click.echo(yaml.safe_dump(values, sort_keys=False), nl=False)


def _explain(json_output: bool) -> None:
    from dataclasses import asdict

    from hstlc.config import describe

    explained = describe()
    if json_output:
        print_json([asdict(key) for key in explained])
        return
    for key in explained:
        click.echo(f"{key.name}: {key.doc}")
        click.echo(f"    {key.kind}; default: {key.default or 'none'}; {key.environment}")


@config.command()
@command_options
def check(config: Path | None) -> None:
    """Read the configuration and say whether it is right."""
    settings = load_settings(config)
    click.echo(f"the configuration is right; the data tree is {settings.home_dir}")
