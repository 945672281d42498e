"""Puts pipelines/ and configs/ into the wheel as reccl/_bundled/; an editable install reads the checkout instead."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class BundleHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs for every wheel build; `version` is 'standard' or 'editable'."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the two folders to a standard wheel."""
        if version == "standard":
            build_data["force_include"]["pipelines"] = "reccl/_bundled/pipelines"
            build_data["force_include"]["configs"] = "reccl/_bundled/configs"
