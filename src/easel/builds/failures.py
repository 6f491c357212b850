"""Errors of a running build. Each class is one cause, and its message says how to fix it."""

from __future__ import annotations

from easel.errors import BadRequestError, EaselError


class BuildFailedError(BadRequestError):
    """The build failed. The log of the deploy contains the reason."""

    code = "build_failed"


class InstallCommandFailedError(BuildFailedError):
    """The install command `{command}` ended with exit code {exit_code}. {hint}"""

    code = "install_failed"


class InstallHostRefusedError(BuildFailedError):
    """`{command}` tried {attempts} times to connect to {host}, so Easel ended it. {sentence}"""

    code = "install_host_refused"


class BuildCommandFailedError(BuildFailedError):
    """The build command `{command}` ended with exit code {exit_code}. {hint}"""

    code = "build_command_failed"


class BuildOutOfMemoryError(BuildFailedError):
    """`{command}` used more than {limit} of memory, so Easel ended it. Reduce the memory that the build uses (for Node,
    set `NODE_OPTIONS=--max-old-space-size=…` in MiB), or ask Easel's operator for a larger EASEL_BUILD_MEMORY."""

    code = "build_out_of_memory"


class BuildTimedOutError(BuildFailedError):
    """The build took longer than {seconds:.0f} s, so Easel ended it during `{command}`. Easel's operator sets the limit
    with EASEL_BUILD_DEADLINE."""

    code = "build_timed_out"


class BuildProcessorTimeError(BuildFailedError):
    """The build used more than {seconds:.0f} s of processor time, so Easel ended it during `{command}`. Easel's
    operator sets the limit with EASEL_BUILD_PROCESSOR_TIME."""

    code = "build_processor_time"


class BuildProcessesError(BuildFailedError):
    """`{command}` started more than {limit} processes and threads, so Easel ended it. Easel's operator sets the limit
    with EASEL_BUILD_PROCESSES."""

    code = "build_processes"


class BuildDiskFullError(BuildFailedError):
    """`{command}` wrote more than {limit}, so Easel ended it. Easel's operator sets the limit with EASEL_BUILD_DISK."""

    code = "build_disk_full"


class BuildFilesError(BuildFailedError):
    """`{command}` created more than {limit} files and folders, so Easel ended it. Easel's operator sets the limit with
    EASEL_BUILD_FILES."""

    code = "build_files"


class BuildLogTooLargeError(BuildFailedError):
    """`{command}` wrote more than {limit} to the log, so Easel ended it. Make the command print less, or ask Easel's
    operator for a larger EASEL_BUILD_LOG_BYTES."""

    code = "build_log_too_large"


class BuilderDiskFullError(EaselError):
    """The builder's disk is full, so Easel ended the build during `{command}`. Easel's operator must free space on the
    builder."""

    status = 507
    code = "builder_disk_full"


class BuildStoppedError(EaselError):
    """The build was stopped."""

    status = 409
    code = "build_stopped"
