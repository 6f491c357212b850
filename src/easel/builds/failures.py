"""Why a build that was begun failed: one class per cause, each with its way out."""

from __future__ import annotations

from easel.errors import BadRequestError, EaselError


class BuildFailedError(BadRequestError):
    """The build failed."""

    code = "build_failed"


class InstallCommandFailedError(BuildFailedError):
    """The install `{command}` ended with exit code {exit_code}. {hint}"""

    code = "install_failed"


class BuildCommandFailedError(BuildFailedError):
    """The build `{command}` ended with exit code {exit_code}. {hint}"""

    code = "build_command_failed"


class BuildOutOfMemoryError(BuildFailedError):
    """`{command}` took more than {limit} of memory, and was ended. Have it work on less at a time (for Node, with
    `NODE_OPTIONS=--max-old-space-size=…` in MiB), or ask Easel's operator for a larger EASEL_BUILD_MEMORY."""

    code = "build_out_of_memory"


class BuildTimedOutError(BuildFailedError):
    """The build took longer than {seconds:.0f} s, and was ended in `{command}`. Easel's operator sets the limit with
    EASEL_BUILD_DEADLINE."""

    code = "build_timed_out"


class BuildProcessorTimeError(BuildFailedError):
    """The build took more than {seconds:.0f} s of processor time, and was ended in `{command}`. Easel's operator sets
    the limit with EASEL_BUILD_PROCESSOR_TIME."""

    code = "build_processor_time"


class BuildProcessesError(BuildFailedError):
    """`{command}` started more than {limit} processes and threads, and was ended. Easel's operator sets the limit with
    EASEL_BUILD_PROCESSES."""

    code = "build_processes"


class BuildDiskFullError(BuildFailedError):
    """`{command}` wrote more than {limit}, and was ended. Easel's operator sets the limit with EASEL_BUILD_DISK."""

    code = "build_disk_full"


class BuildLogTooLargeError(BuildFailedError):
    """`{command}` wrote a log of more than {limit}, and was ended. Have it print less; Easel's operator sets the limit
    with EASEL_BUILD_LOG_BYTES."""

    code = "build_log_too_large"


class BuilderDiskFullError(EaselError):
    """The builder's disk is full, so the build was ended in `{command}`. Easel's operator makes room."""

    status = 507
    code = "builder_disk_full"


class BuildStoppedError(EaselError):
    """The build was stopped."""

    status = 409
    code = "build_stopped"
