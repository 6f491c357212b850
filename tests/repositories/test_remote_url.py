"""Valid addresses and branches, and the messages about invalid addresses and branches."""

from __future__ import annotations

import pytest

from easel.repositories.errors import (
    BranchNameError,
    RepositorySchemeError,
    RepositoryUrlError,
    RepositoryUrlSecretError,
)
from easel.repositories.providers.hosts import build_hosts, commit_page, recognise
from easel.repositories.remote_url import check_branch, read_url


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("https://github.com/team/app", "https://github.com/team/app"),
        ("https://GitHub.com:443/team/app.git/", "https://github.com/team/app.git"),
        ("https://git.example.com:8443/a/b/c.git", "https://git.example.com:8443/a/b/c.git"),
        ("https://ada@bitbucket.org/team/app.git", "https://bitbucket.org/team/app.git"),
        ("git@github.com:team/app.git", "git@github.com:team/app.git"),
        ("deploy@git.example.com:/srv/git/app.git", "ssh://deploy@git.example.com/srv/git/app.git"),
        ("ssh://git@git.example.com:2222/~ada/app.git", "ssh://git@git.example.com:2222/~ada/app.git"),
        ("ssh://git.example.com/app.git", "ssh://git@git.example.com/app.git"),
        ("https://[2001:db8::1]/app", "https://[2001:db8::1]/app"),
        ("git@[2001:db8::1]:app", "git@[2001:db8::1]:app"),
        ("http://git.example.com/app", "http://git.example.com/app"),
        ("https://dev.azure.com/org/My%20Project/_git/app", "https://dev.azure.com/org/My%20Project/_git/app"),
        ("https://git.example.com./team/app", "https://git.example.com/team/app"),
    ],
)
def test_an_address_is_stored_in_one_form(given: str, stored: str) -> None:
    assert read_url(given).text == stored
    assert read_url(stored).text == stored


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc",
        "git://github.com/team/app",
        "ftp://example.com/x",
        "ext::sh -c touch% /tmp/x",
        "ext::sh",
        "fd::17/x",
        "transport::https://example.com/x",
        "git+ssh://example.com/x",
    ],
)
def test_the_error_for_another_fetch_protocol_names_it(url: str) -> None:
    with pytest.raises((RepositorySchemeError, RepositoryUrlError)):
        read_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/srv/git/app.git",
        "../app.git",
        "app.git",
        "C:\\git\\app",
        "github.com/team/app",
        "git@github.com",
        "https://",
        "https://github.com",
        "https://github.com/",
        "https:///team/app",
        "https://-oProxyCommand=x/team",
        "ssh://-oProxyCommand=x/team",
        "git@-oProxyCommand=x:team/app",
        "-oProxyCommand=x@host:team/app",
        "ssh://git@host/--upload-pack=x",
        "ssh://git@host/$(touch x)",
        "ssh://git@host/`x`",
        "git@host:a;b",
        "git@host:a\nb",
        "https://github.com/team/../../app",
        "https://github.com/team/%2e%2e/app",
        "https://github.com/team/%2F/app",
        "https://github.com/team/a%00b",
        "https://github.com/team/app?x=1",
        "https://github.com/team/app#main",
        "https://github.com:99999/team/app",
        "https://github.com:x/team/app",
        "https://github.com/team/ü",
        "https://gíthub.com/team/app",
        "https://a..b/team/app",
        "https://[::1/team/app",
        "https://[zz::1]/x",
        "https://github.com/team\\app",
        "https://github.com/a b",
        "https://github.com/\x1b[31m",
        "https://github.com/" + "a" * 3000,
        "https://" + "a." * 2000 + "com/x",
    ],
)
def test_a_text_that_is_no_repository_address_is_refused(url: str) -> None:
    with pytest.raises(RepositoryUrlError):
        read_url(url)


@pytest.mark.parametrize(
    "url",
    ["https://ada:secret@github.com/x", "https://:secret@github.com/x", "ssh://git:x@host/y", "https://a@b@host/x"],
)
def test_a_password_in_an_address_is_refused(url: str) -> None:
    with pytest.raises(RepositoryUrlSecretError):
        read_url(url)


@pytest.mark.parametrize("branch", ["main", "feature/x", "1.2", "ü", "a.b", "x@y", "refs/heads/main", "a-b_c+d%e"])
def test_a_valid_branch_name_is_accepted(branch: str) -> None:
    assert check_branch(branch) == branch.removeprefix("refs/heads/")


@pytest.mark.parametrize(
    "branch",
    [
        "",
        "-x",
        "--upload-pack=x",
        "a b",
        "a..b",
        "a~1",
        "a^",
        "a:b",
        "a?",
        "a*",
        "[a",
        "a\\b",
        "@",
        "HEAD",
        "a@{1}",
        ".a",
        "a/.b",
        "a//b",
        "/a",
        "a/",
        "a.lock",
        "a.lock/b",
        "a.",
        "a\x00",
        "a\x7f",
        "a\u202eb",
        "a\n",
        "x" * 256,
        "ü" * 200,
        "\ud800",
    ],
)
def test_a_branchs_name_that_git_refuses_is_refused(branch: str) -> None:
    with pytest.raises(BranchNameError) as raised:
        check_branch(branch)
    assert raised.value.message.isprintable()


def test_hosts_are_recognised_by_their_names() -> None:
    for url, provider in {
        "git@ssh.github.com:team/app": "github",
        "https://gitlab.example.com/team/app": "gitlab",
        "https://codeberg.org/team/app": "gitea",
        "https://forgejo.example.com/team/app": "gitea",
        "https://bitbucket.org/team/app": "bitbucket",
        "https://notgithub.com/team/app": "plain",
        "https://github.com.example.org/team/app": "github",
        "https://git.example.com/team/app": "plain",
    }.items():
        assert recognise(read_url(url)) == provider


def test_a_commit_has_a_web_page_if_its_host_has_one() -> None:
    assert (
        commit_page("gitlab", read_url("git@gitlab.com:team/app.git"), "abc")
        == "https://gitlab.com/team/app/-/commit/abc"
    )
    assert (
        commit_page("bitbucket", read_url("https://bitbucket.org/t/a"), "abc")
        == "https://bitbucket.org/t/a/commits/abc"
    )
    assert commit_page("plain", read_url("https://example.com/t/a"), "abc") is None


def test_a_build_reaches_the_host_of_its_repository_by_its_name_for_https() -> None:
    github = ("github.com", "codeload.github.com")
    assert build_hosts(read_url("https://github.com/a/b")) == github
    assert build_hosts(read_url("ssh://git@ssh.github.com:443/a/b.git")) == github
    assert build_hosts(read_url("https://git.example.com:8443/a/b")) == ("git.example.com:8443",)
