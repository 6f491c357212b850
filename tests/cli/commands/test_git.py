"""`easel git`, as a user runs it against a running Easel."""

from __future__ import annotations

from pathlib import Path

from easel.repositories.deploy_keys import make_key

from ..conftest import Person


def test_an_app_is_connected_shown_and_disconnected(person: Person, slug: str, tmp_path: Path) -> None:
    person.ok("apps", "create", slug)
    url = "https://git.example.org/team/shop.git"
    ended = person.run("git", "connect", url, "-b", "release", "--token-stdin", "--app", slug, typed="glpat-x\n")
    first, second = ended.stderr.splitlines()[:2]
    assert first.startswith(f"Note: The connection of {slug} to {url} is saved, but Easel cannot read the repository. ")
    assert second == f"To correct the connection, run `easel git connect URL --branch release --app {slug}`."
    assert ended.code == 2
    assert ("for this deploy" in ended.stderr, "deploy --git" in ended.stderr) == (False, False)
    assert "not be shown again" in ended.stderr
    assert "/webhooks/apps/plain/app_" in ended.stdout
    shown = person.ok("git", "status", "--app", slug, "--json").document
    assert (shown["branch"], shown["credential"], shown["webhook_secret"]) == ("release", "token", "***")
    person.ok("git", "disconnect", "--app", slug)
    gone = person.run("git", "status", "--app", slug)
    assert (gone.code, "no connected repository" in gone.stderr) == (4, True)


def test_an_ssh_address_gets_a_deploy_key_and_the_host_keys_that_its_user_knows(
    person: Person, slug: str, tmp_path: Path
) -> None:
    person.ok("apps", "create", slug)
    url = "ssh://git@git.example.org:2222/team/shop.git"
    first = person.ok("git", "connect", url, "--app", slug)
    assert "ssh-ed25519 AAAA" in first.stdout
    assert f"{slug} is now deployed from the branch main of {url}." in first.stderr
    assert "`ssh-keyscan`" in first.stderr
    known = tmp_path / "known_hosts"
    known.write_text(f"[git.example.org]:2222 {make_key('').public}\n")
    again = person.run("git", "connect", url, "--known-hosts", str(known), "--app", slug, "--json")
    assert (again.code, again.document["check"]["status"]) == (2, "failed")
    assert again.document["host_keys"][0].startswith("ssh-ed25519 SHA256:")
    missing = person.run("git", "connect", url, "--deploy-key", str(tmp_path / "none"), "--app", slug)
    assert (missing.code, "cannot be read" in missing.stderr) == (2, True)


def test_wrong_input_gets_a_message(person: Person, slug: str) -> None:
    person.ok("apps", "create", slug)
    for arguments, said in (
        (["ext::sh", "--app", slug], "cannot fetch a `repo_url`"),
        (["https://ada:secret@git.example.org/x", "--app", slug], "send it in `token`"),
        (["/srv/git/shop.git", "--app", slug], "To deploy a local folder, use `easel deploy`."),
        (["~/shop", "--app", slug], "needs an `https://` or `ssh://` address"),
        (["file:///srv/git/shop.git", "--app", slug], "To deploy a local folder, use `easel deploy`."),
        (["git.example.org/x", "--app", slug], "it has neither `https://` nor the user"),
        (["https://git.example.org/x", "-b", "--x", "--app", slug], "like an option"),
        (["https://git.example.org/x", "--provider", "sourceforge", "--app", slug], "provider"),
    ):
        ended = person.run("git", "connect", *arguments)
        assert ended.code == 2, ended.stderr
        assert said in ended.stderr
    nothing = person.run("git", "connect", "https://git.example.org/x", "--token-stdin", "--app", slug, typed="\n")
    assert (nothing.code, "standard input" in nothing.stderr) == (2, True)
