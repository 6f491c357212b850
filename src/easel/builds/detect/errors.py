"""Why sources cannot be built, or their build not deployed: one class per fault, each with its way out."""

from __future__ import annotations

from easel.errors import BadRequestError


class BuildPlanError(BadRequestError):
    """The sources cannot be built."""

    code = "build_plan_failed"


class BuildFileInvalidError(BuildPlanError):
    """`{file}` cannot be read: {reason}. Correct the file, and deploy again."""

    code = "build_file_invalid"


class BuildSettingInvalidError(BuildPlanError):
    """The build setting `{setting}` of {where} cannot be used: {reason}."""

    code = "build_setting_invalid"


class BuildRootMissingError(BuildPlanError):
    """The sources have no folder `{root}`, which is the build's root. {hint}"""

    code = "build_root_missing"


class SeveralAppsError(BuildPlanError):
    """The sources hold several apps: {found}. Choose one as the root: `--root {example}`, `root = "{example}"`
    in the table `[build]` of easel.toml, or `root` in `build_config`."""

    code = "build_root_ambiguous"


class NothingToBuildError(BuildPlanError):
    """There is nothing to build in {place}: {reason}. {hint}"""

    code = "nothing_to_build"


class BuildToolUnsupportedError(BuildPlanError):
    """Easel cannot build {title} projects: {reason}. {hint}"""

    code = "build_tool_unsupported"


class NotStaticError(BuildPlanError):
    """This {title} project is set up for a server of its own, which Easel does not run: {reason}. For a static app:
    {fix}"""

    code = "build_not_static"


class OutputMissingError(BuildPlanError):
    """The build ended without an error, but wrote no folder {looked}. {hint}"""

    code = "build_output_missing"


class OutputStaleError(BuildPlanError):
    """The build ended without an error, but did not write its output: the pages in `{folder}` are those of the sources.
    Remove that folder from them. {hint}"""

    code = "build_output_stale"


class OutputWithoutPageError(BuildPlanError):
    """The build wrote `{folder}`, but no page is in it: there is no index.html. {hint}"""

    code = "build_output_without_page"


class BuiltLinkError(BuildPlanError):
    """The build's output holds the symbolic link `{path}`, which {reason}. Have the build copy the file instead."""

    code = "build_output_link"


class BuiltSpecialFileError(BuildPlanError):
    """The build's output holds `{path}`, which is {kind} and no file. Have the build remove it."""

    code = "build_output_special_file"


class BuiltNameError(BuildPlanError):
    """The build's output holds `{path}`, whose name is not valid text (UTF-8). Have the build rename it."""

    code = "build_output_name_invalid"
