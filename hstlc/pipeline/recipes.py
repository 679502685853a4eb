"""Recipes of earlier software, by which a mission can make its light curves."""

from __future__ import annotations

from hstlc.config import Settings
from hstlc.errors import UsageError
from hstlc.missions.registry import missions

__all__ = ["missions_with", "with_recipe"]


def missions_with(recipe: str) -> list[str]:
    """Return the installed missions that know a recipe, by name.

    Raises
    ------
    UsageError
        ``usage.unknown-recipe``: none does.
    """
    found = [name for name, mission in missions().items() if recipe in mission.recipes]
    if not found:
        known = sorted({recipe for mission in missions().values() for recipe in mission.recipes})
        raise UsageError(
            "usage.unknown-recipe",
            f"there is no recipe {recipe!r}",
            f"the recipes are {', '.join(['current', *known])}",
            recipe=recipe,
        )
    return found


def with_recipe(settings: Settings, recipe: str) -> Settings:
    """Return settings under which all missions that know a recipe follow it; ``current``: none follows an earlier one.

    Raises
    ------
    UsageError
        ``usage.unknown-recipe``.
    """
    current = recipe == "current"
    names = [name for name, one in missions().items() if one.recipes] if current else missions_with(recipe)
    changed = {name: missions()[name].curve_options(settings.missions[name], recipe=recipe) for name in names}
    return settings.model_copy(update={"missions": {**settings.missions, **changed}})
