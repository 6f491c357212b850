"""Errors of a build's plan and output. Each class is one fault, and its message says how to fix it."""

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
    """{place} has nothing to build: {reason}. {hint}"""

    code = "nothing_to_build"


class BuildToolUnsupportedError(BuildPlanError):
    """Easel cannot build {title} projects: {reason}. {hint}"""

    code = "build_tool_unsupported"


class NotStaticError(BuildPlanError):
    """This {title} project needs a server of its own, which Easel does not run: {reason}. For a static app: {fix}"""

    code = "build_not_static"


class OutputMissingError(BuildPlanError):
    """The build succeeded, but it did not write the folder {looked}. {hint}"""

    code = "build_output_missing"


class OutputUnusableError(BuildPlanError):
    """The build succeeded, but `{path}` {reason}. Make the build write files into a folder, or name another folder as
    `output` in the table `[build]` of easel.toml."""

    code = "build_output_unusable"


class OutputStaleError(BuildPlanError):
    """The build succeeded, but it did not write its output: the pages in `{folder}` are from the sources. Remove that
    folder from the sources. {hint}"""

    code = "build_output_stale"


class OutputWithoutPageError(BuildPlanError):
    """The build wrote `{folder}`, but the folder has no page: index.html is missing. {hint}"""

    code = "build_output_without_page"


class BuiltLinkError(BuildPlanError):
    """The build's output contains the symbolic link `{path}`, which {reason}. Make the build copy the file instead."""

    code = "build_output_link"


class BuiltSpecialFileError(BuildPlanError):
    """The build's output contains `{path}`, which is {kind} and not a file. Make the build remove it."""

    code = "build_output_special_file"


class BuiltNameError(BuildPlanError):
    """The build's output contains `{path}`, whose name is not valid text (UTF-8). Make the build rename it."""

    code = "build_output_name_invalid"


class BuiltDeepError(BuildPlanError):
    """The build's output contains `{path}`, which is in too many folders. Make the build write it higher up."""

    code = "build_output_too_deep"


class BuiltTwiceError(BuildPlanError):
    """The build's output contains `{path}` twice, with the accents of its name encoded differently (Unicode). Make the
    build write one of them."""

    code = "build_output_name_twice"
