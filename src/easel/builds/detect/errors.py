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
    """The build setting `{setting}` in {where} cannot be used: {reason}."""

    code = "build_setting_invalid"


class BuildRootMissingError(BuildPlanError):
    """The sources have no folder `{root}`, which is set as the root of the build. {hint}"""

    code = "build_root_missing"


class SeveralAppsError(BuildPlanError):
    """The sources contain several apps: {found}. Choose one of them as the root: use `--root {example}`, or set `root =
    "{example}"` in the table `[build]` of easel.toml, or set `root` in `build_config`."""

    code = "build_root_ambiguous"


class NothingToBuildError(BuildPlanError):
    """There is nothing to build in {place}: {reason}. {hint}"""

    code = "nothing_to_build"


class BuildToolUnsupportedError(BuildPlanError):
    """Easel cannot build {title} projects: {reason}. {hint}"""

    code = "build_tool_unsupported"


class NotStaticError(BuildPlanError):
    """This {title} project needs its own server process, which Easel does not run: {reason}. To make a static app:
    {fix}"""

    code = "build_not_static"


class OutputMissingError(BuildPlanError):
    """The build succeeded, but it did not write its output folder {looked}. {hint}"""

    code = "build_output_missing"


class OutputUnusableError(BuildPlanError):
    """The build succeeded, but `{path}` {reason}. Change the build so that it writes files into a folder, or set
    another folder as `output` in the table `[build]` of easel.toml."""

    code = "build_output_unusable"


class OutputStaleError(BuildPlanError):
    """The build succeeded, but it did not write its output. The pages in `{folder}` come from the uploaded sources.
    Remove that folder from the sources. {hint}"""

    code = "build_output_stale"


class OutputWithoutPageError(BuildPlanError):
    """The build wrote the folder `{folder}`, but this folder has no index.html. {hint}"""

    code = "build_output_without_page"


class BuiltLinkError(BuildPlanError):
    """The build's output contains the symbolic link `{path}`, which {reason}. Change the build so that it copies the
    file instead."""

    code = "build_output_link"


class BuiltSpecialFileError(BuildPlanError):
    """The build's output contains `{path}`, which is {kind} and not a file. Change the build so that it removes
    `{path}`."""

    code = "build_output_special_file"


class BuiltNameError(BuildPlanError):
    """The build's output contains `{path}`, whose name is not valid text (UTF-8). Change the build so that it renames
    the file."""

    code = "build_output_name_invalid"


class BuiltDeepError(BuildPlanError):
    """The build's output contains `{path}`, which is nested in too many folders. Change the build so that it uses fewer
    folders."""

    code = "build_output_too_deep"


class BuiltTwiceError(BuildPlanError):
    """The build's output contains `{path}` twice: the two names encode accents differently (Unicode normalisation).
    Change the build so that it writes only one of the files."""

    code = "build_output_name_twice"
