"""A build: the project's own commands turn sources into a folder of files, in the sandbox."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from easel.builds.cache.cache import BuildCache
from easel.builds.detect.models import BuildOptions
from easel.builds.detect.plan import plan as make_plan
from easel.builds.output import judge
from easel.builds.phase import Phases
from easel.builds.report import BuildReport, BuildResult
from easel.builds.reuse import Reuse
from easel.builds.sandbox.limits import Limits
from easel.builds.sandbox.sandbox import Sandbox
from easel.builds.secrets import Masking
from easel.builds.toolchains.prepare import prepare
from easel.outgoing.hosts import HostRules
from easel.settings import Settings


async def build(
    sandbox: Sandbox,
    source: Path,
    wanted: BuildOptions,
    app: BuildOptions | None = None,
    *,
    settings: Settings,
    cache: BuildCache,
    environment: Mapping[str, str],
    secrets: Collection[str],
    say: Callable[[str], None],
    report: BuildReport | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    begin: Callable[[str], None] = lambda phase: None,
    deliver: Callable[[BuildResult], Awaitable[None]] | None = None,
) -> BuildResult:
    """Builds the sources in a folder, and returns the folder of the output. The build may change the sources.

    `wanted` are the deploy's options, `app` are the options of its app. `environment` has the project's own variables.
    `secrets` are strings that must not appear in the log or in an error. `say` receives the log's lines. `report` is
    filled while the build runs, so that it also describes a failed build. `begin` is called with `install` and `build`
    when each begins. `deliver` is called with the result before the caches are saved, so that a deploy does not wait
    for them. During the build, the folder `{source}.build` next to the sources is used. Raises BuildPlanError for
    sources that cannot be built or whose build results in no page, ToolchainError and VersionUnavailableError,
    BuildFailedError for a command that fails or exceeds a limit, BuildStoppedError, BuilderDiskFullError, OSError, and
    the errors of `deliver`.
    """
    masking = Masking(secrets)

    def tell(line: str) -> None:
        say(masking.once(line))

    with masking.errors():
        report = report or BuildReport(sandbox.kind)
        tell(_of_the_sandbox(sandbox))
        reasons: list[str] = []
        try:
            with _timed(report, "plan"):
                plan = await asyncio.to_thread(make_plan, source, wanted, app, reasons)
        finally:
            for reason in reasons:
                tell(reason)
        report.framework = plan.framework
        with _timed(report, "tools"):
            tools = await prepare(plan, source, sandbox, settings)
        report.node, report.package_manager, report.python = tools.node, tools.package_manager, tools.python
        for reason in tools.reasons:
            tell(reason)
        async with Reuse(cache, plan, tools, source, environment, tell) as reuse:
            with _timed(report, "cache"):
                is_installed = await reuse.restore(report)
                await asyncio.to_thread(_own, sandbox, source, *reuse.folders)
            phases = Phases(
                sandbox=sandbox,
                work=source,
                limits=Limits.of(settings),
                mounts=(*tools.mounts, *reuse.mounts),
                environment={**tools.environment, **plan.environment, **environment, "PATH": tools.environment["PATH"]},
                hosts=HostRules.of((*tools.hosts, *plan.hosts, *settings.build_hosts)),
                secrets=(*secrets, *tools.hidden),
                say=say,
                should_stop=should_stop,
                report=report,
                begin=begin,
            )
            with phases:
                if plan.install and not is_installed:
                    await phases.run("install", plan.install, plan.install_root)
                with _timed(report, "cache"):
                    await asyncio.to_thread(_own, sandbox, *await reuse.restore_caches())
                    await reuse.note()
                if plan.build:
                    await phases.run("build", plan.build, plan.root)
            taken: list[str] = []
            output = await asyncio.to_thread(judge, source, plan, taken.append)
            for reason in taken:
                tell(reason)
            result = BuildResult(output, plan, report)
            if deliver is not None:
                await deliver(result)
            await reuse.keep(output)
        return result


def _own(sandbox: Sandbox, *folders: Path) -> None:
    for folder in folders:
        sandbox.own(folder)


def _of_the_sandbox(sandbox: Sandbox) -> str:
    if sandbox.kind == "sandboxed":
        return "This build runs sandboxed."
    return "This build runs unsandboxed, because Easel's operator has set EASEL_BUILDS=unsandboxed."


@contextmanager
def _timed(report: BuildReport, phase: str) -> Iterator[None]:
    began = time.monotonic()
    try:
        yield
    finally:
        report.seconds[phase] = round(report.seconds.get(phase, 0.0) + time.monotonic() - began, 3)
