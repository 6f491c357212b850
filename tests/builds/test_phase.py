"""The end of a build's command, and the report of its deploy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from easel.builds.build import build
from easel.builds.cache.cache import BuildCache
from easel.builds.detect.errors import OutputMissingError
from easel.builds.detect.models import BuildOptions
from easel.builds.errors import SandboxUnavailableError
from easel.builds.failures import (
    BuildCommandFailedError,
    BuildDiskFullError,
    BuildLogTooLargeError,
    BuildStoppedError,
    BuildTimedOutError,
    InstallCommandFailedError,
    InstallHostRefusedError,
)
from easel.builds.phase import Phases
from easel.builds.report import BuildReport
from easel.builds.sandbox.command import Command
from easel.builds.sandbox.limits import Limits
from easel.builds.sandbox.sandbox import Sandbox
from easel.errors import EaselError
from easel.outgoing.hosts import HostRules
from easel.settings import Settings

MIB = 1024 * 1024
LIMITS = Limits(
    wall=60, processor=60, memory=512 * MIB, processes=64, disk=64 * MIB, files=50_000, file_size=64 * MIB, log=MIB
)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    try:
        found = Sandbox.find(Settings(data_dir=tmp_path_factory.mktemp("easel") / "data"))
    except SandboxUnavailableError as error:
        pytest.skip(error.message)
    yield found
    found.close()


def phases(
    sandbox: Sandbox, work: Path, lines: list[str], limits: dict[str, float] | None = None, *, stop: bool = False
) -> Phases:
    work.mkdir()
    sandbox.own(work)
    return Phases(
        sandbox=sandbox,
        work=work,
        limits=replace(LIMITS, **limits or {}),  # type: ignore[arg-type]
        mounts=(),
        environment={"TOKEN": "open sesame"},
        hosts=HostRules(),
        secrets=("open sesame",),
        say=lines.append,
        should_stop=lambda: stop,
        report=BuildReport(sandbox.kind),
    )


async def test_a_command_runs_in_its_folder_and_its_output_is_the_log_without_secrets(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    log: list[str] = []
    run = phases(sandbox, tmp_path / "work", log)
    await run.run("install", ("mkdir", "-p", "apps/web"), "")
    await run.run("build", 'pwd; echo "$TOKEN"; echo a >&2', "apps/web")
    assert log == ["$ mkdir -p apps/web", '$ pwd; echo "$TOKEN"; echo a >&2', "/build/apps/web", "***", "a"]
    assert sorted(run.report.seconds) == ["build", "install"]
    assert run.report.peak_memory >= 0


@pytest.mark.parametrize(
    ("line", "phase", "limits", "kind", "said"),
    [
        ("exit 7", "build", {}, BuildCommandFailedError, "ended with exit code 7. See the log for the reason."),
        ("exit 7", "install", {}, InstallCommandFailedError, "ended with exit code 7. See the log for the reason."),
        ("no-such-tool", "build", {}, BuildCommandFailedError, "A program was not found"),
        ("yes", "build", {"log": 10_000}, BuildLogTooLargeError, "more than 9.766 KiB"),
        ("sleep 3600", "build", {"wall": 0.5}, BuildTimedOutError, "EASEL_BUILD_DEADLINE"),
        ("head -c 20M /dev/zero > a & sleep 3600", "build", {"disk": MIB}, BuildDiskFullError, "more than 1 MiB"),
    ],
)
async def test_each_way_to_end_has_its_own_error_and_advice(
    sandbox: Sandbox, tmp_path: Path, line: str, phase: str, limits: dict[str, float], kind: type[EaselError], said: str
) -> None:
    with pytest.raises(kind) as caught:
        await phases(sandbox, tmp_path / "work", [], limits).run(phase, line, "")
    assert said in caught.value.message
    assert f"`{line}`" in caught.value.message


async def test_a_tool_that_was_not_installed_is_no_fault_of_the_sandbox(sandbox: Sandbox, tmp_path: Path) -> None:
    log: list[str] = []
    with pytest.raises(BuildCommandFailedError, match=r"`no-such-tool 'a b'`.*A program was not found"):
        await phases(sandbox, tmp_path / "work", log).run("build", ("no-such-tool", "a b"), "")
    assert "no-such-tool: not found" in log[-1]


async def test_the_limits_are_those_of_all_commands_together(sandbox: Sandbox, tmp_path: Path) -> None:
    run = phases(sandbox, tmp_path / "work", [], {"log": 30_000})
    await run.run("install", "head -c 20000 /dev/zero | tr '\\0' x", "")
    with pytest.raises(BuildLogTooLargeError):
        await run.run("build", "head -c 20000 /dev/zero | tr '\\0' x; sleep 3600", "")


async def test_the_end_of_a_deploy_stops_its_build(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(BuildStoppedError):
        await phases(sandbox, tmp_path / "work", [], stop=True).run("build", "sleep 3600", "")


async def test_a_secret_in_a_command_or_in_the_name_of_a_host_is_shown_nowhere(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    log: list[str] = []
    run = replace(phases(sandbox, tmp_path / "work", log), secrets=("Sesame-4711",))
    line = "curl -s http://Sesame-4711.example.org/; false"
    with pytest.raises(BuildCommandFailedError) as caught:
        await run.run("build", line, "")
    shown = "\n".join([*log, *run.report.refused, *run.report.refused_hosts, caught.value.message.partition(". ")[0]])
    assert "sesame" not in shown.lower()
    assert run.report.refused_hosts == ["***.example.org"]
    assert log[0] == "$ curl -s http://***.example.org/; false"


@pytest.mark.parametrize(
    ("said", "fix"),
    [
        ("Error: ERR_PNPM_IGNORED_BUILDS", "`pnpm approve-builds`"),
        ("error: lockfile had changes, but lockfile is frozen", "commit the changed lock file"),
        ('failed to download modules: binary with name "go" not found in PATH', "`hugo mod vendor`"),
        ("FATAL ERROR: Reached heap limit - JavaScript heap out of memory", "`NODE_OPTIONS=--max-old-space-size=…`"),
    ],
)
async def test_a_known_error_in_the_output_is_reported_with_its_fix(
    said: str, fix: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "said").write_text(f"{said}\n{'x' * 200}\n" * 20)
    run = phases(sandbox, tmp_path / "work", [])
    shutil.copy(tmp_path / "said", tmp_path / "work" / "said")
    (tmp_path / "work" / "said").chmod(0o644)
    with pytest.raises(InstallCommandFailedError) as caught:
        await run.run("install", "cat said; false", "")
    assert fix in caught.value.message


async def test_no_reason_and_no_error_shows_a_secret_from_the_build_settings(sandbox: Sandbox, tmp_path: Path) -> None:
    source = tmp_path / "work" / "source"
    source.mkdir(parents=True)
    (source / "index.html").write_text("<h1>hello</h1>")
    settings = Settings(data_dir=tmp_path / "data")
    log: list[str] = []
    with pytest.raises(OutputMissingError) as caught:
        await build(
            sandbox,
            source,
            BuildOptions(build="true Sesame-4711", output="Sesame-4711"),
            settings=settings,
            cache=BuildCache.of(settings, "app_one", "production"),
            environment={},
            secrets=("Sesame-4711",),
            say=log.append,
        )
    assert "Sesame" not in "\n".join(log) + caught.value.message + repr(caught.value.args)
    assert "did not write its output folder `***`" in caught.value.message
    # Every log says it with the word of the status (docs/operations/builds.md).
    assert log[0] == f"This build runs {sandbox.kind}."


async def test_the_log_says_for_how_long_visitors_slowed_a_build(sandbox: Sandbox, tmp_path: Path) -> None:
    log: list[str] = []
    run = phases(sandbox, tmp_path / "work", log)
    ended = await sandbox.run(Command(("true",), run.work, LIMITS), lambda data: None)
    with run:
        for seconds in (1.2, 4.2):
            run._note("build", replace(ended, confined=seconds))
    assert log == [
        "Visitors used apps during this build, so the build left processors free for 5 seconds "
        "(EASEL_BUILD_LEAVES_CORES)."
    ]


async def test_a_refused_host_is_in_the_log_and_the_report_while_the_command_still_runs(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    log: list[str] = []
    run = phases(sandbox, tmp_path / "work", log)
    shown: list[tuple[list[str], list[str]]] = []

    def stop() -> bool:
        if run.report.refused_hosts:
            shown.append((list(log), list(run.report.refused_hosts)))
        return bool(shown)

    run.should_stop = stop
    with pytest.raises(BuildStoppedError):
        await run.run("install", "curl -s http://packages.example.org/; sleep 3600", "")
    lines, hosts = shown[0]
    assert "packages.example.org was refused. An operator can allow this host with EASEL_BUILD_HOSTS." in lines[-1]
    assert hosts == ["packages.example.org"]


async def test_an_installation_that_repeats_refused_connections_without_end_is_ended_with_the_reason(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    run = phases(sandbox, tmp_path / "work", [])
    with pytest.raises(InstallHostRefusedError) as caught:
        await run.run("install", "yes http://packages.example.org/ | xargs -n 200 curl -s", "")
    assert "tried 100 times to connect to packages.example.org, so Easel ended it." in caught.value.message
    assert "EASEL_BUILD_HOSTS" in caught.value.message


async def test_a_build_command_may_do_without_a_refused_host(sandbox: Sandbox, tmp_path: Path) -> None:
    run = phases(sandbox, tmp_path / "work", [])
    await run.run("build", "yes http://fonts.example.org/ | head -n 120 | xargs curl -s; true", "")
    assert run.report.refused_hosts == ["fonts.example.org"]
