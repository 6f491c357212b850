"""Why a repository cannot be connected, or a commit of it not be fetched."""

from __future__ import annotations

from easel.errors import BadRequestError, EaselError, NotFoundError


class RepositoryUrlError(BadRequestError):
    """`repo_url` is not the address of a Git repository: {reason}. Write it like `https://git.example.com/team/app.git`,
    `ssh://git@git.example.com/team/app.git` or `git@git.example.com:team/app.git`."""

    code = "repo_url_invalid"


class RepositorySchemeError(BadRequestError):
    """`repo_url` uses `{scheme}`, which Easel does not fetch from. Use the repository's `https://` or `ssh://`
    address."""

    code = "repo_url_scheme_not_allowed"


class PlainHttpError(BadRequestError):
    """`repo_url` uses `http://`, which protects neither the code nor the credential. Use `https://`; plain `http://` is
    for private networks alone, which EASEL_PRIVATE_NETWORKS allows."""

    code = "repo_url_scheme_not_allowed"


class RepositoryUrlSecretError(BadRequestError):
    """`repo_url` holds a password or token, which every reader of the app would see. Remove it from the address, and
    send it in `token`, where it is stored encrypted."""

    code = "repo_url_has_secret"


class PrivateRepositoryHostError(BadRequestError):
    """`{host}` is an address of a private network. Easel's operator can allow that network with
    EASEL_PRIVATE_NETWORKS."""

    code = "repo_host_private"


class BranchNameError(BadRequestError):
    """`{branch}` cannot be the name of a branch: {reason}."""

    code = "branch_invalid"


class RepositoryRootError(BadRequestError):
    """`{root}` cannot be the root folder: {reason}"""

    code = "root_invalid"


class CredentialMismatchError(BadRequestError):
    """{reason}"""

    code = "credential_mismatch"


class DeployKeyError(BadRequestError):
    """The deploy key cannot be used: {reason}."""

    code = "deploy_key_invalid"


class KnownHostsError(BadRequestError):
    """`known_hosts` cannot be used: {reason}."""

    code = "known_hosts_invalid"


class NothingConnectedError(NotFoundError):
    """This app has no connected repository. Connect one with `easel git connect` or `connect-repo`."""

    code = "repository_not_connected"


class InstallationNotLinkedError(BadRequestError):
    """Nobody of this organisation has installed the GitHub App as installation {installation}. Open the address that
    `github/install-url` gives, and choose the repository there."""

    code = "github_installation_not_linked"


class GithubAppMissingError(BadRequestError):
    """This Easel has no GitHub App, so nothing can be installed. Connect the repository with a token or a deploy key,
    or ask Easel's operator to set EASEL_GITHUB_APP_ID and the settings beside it."""

    code = "github_app_not_configured"


class GithubAppInvalidError(EaselError):
    """The settings of the GitHub App are wrong: {reason}. Easel's operator can put them right."""

    status = 500
    code = "github_app_invalid"


class InstallStateError(BadRequestError):
    """This address is not one that Easel gave, or it is older than an hour. Ask for another `github/install-url`."""

    code = "github_state_invalid"


class InstallationNotYoursError(BadRequestError):
    """GitHub does not say that this installation is yours. Install the App from the address that `github/install-url`
    gives, signed in as somebody who may see the repositories."""

    code = "github_installation_not_yours"


class GithubUnavailableError(EaselError):
    """GitHub answered with status {github_status}. Try again in a moment."""

    status = 502
    code = "github_unavailable"


class FetchError(EaselError):
    """The repository could not be fetched: {reason}"""

    status = 400
    code = "fetch_failed"


class RepositoryNotFoundError(FetchError):
    """There is no repository at {url}, or this app's credential may not see it. Check the address, and that the token
    or deploy key may read the repository."""

    code = "repository_not_found"


class CredentialsRefusedError(FetchError):
    """{host} asks for other credentials than this app has. Connect the repository again with a token or deploy key that
    may read it."""

    code = "repository_credentials_refused"


class HostKeyUnknownError(FetchError):
    """The host key of {host} is not known, so nothing proves that it is {host}. Connect the repository again with
    `known_hosts`: the output of `ssh-keyscan {host}`, compared with a fingerprint that the host publishes."""

    code = "host_key_unknown"


class HostKeyChangedError(FetchError):
    """{host} has another host key than the known one: either it was replaced, or somebody pretends to be {host}. Ask
    the host's administrator, then connect the repository again with the new `known_hosts`."""

    code = "host_key_changed"


class CommitMissingError(FetchError):
    """The repository no longer has the commit {sha}: it was pushed away or never pushed. Deploy the branch's newest
    commit instead."""

    code = "commit_not_found"


class CommitNotReachableError(FetchError):
    """{host} only gives the newest commits of a branch, and {sha} is not among the last {depth} of `{branch}`. Deploy a
    newer commit, or have the host speak version 2 of Git's protocol (`AcceptEnv GIT_PROTOCOL`)."""

    code = "commit_not_found"


class NotTheHeadError(FetchError):
    """{sha} is not the newest commit of the branch `{branch}`, which is at {head}."""

    code = "commit_not_head"


class CommitShaError(BadRequestError):
    """`{sha}` is not the full id of a commit: it has 40 or 64 hexadecimal digits."""

    code = "commit_sha_invalid"


class BranchMissingError(FetchError):
    """The repository has no branch `{branch}`. Push it, or name another: in the deploy, or by connecting the same
    repository again with that branch."""

    code = "branch_not_found"


class RepositoryTooLargeError(FetchError):
    """The commit is too large: more than {limit} {unit}. Remove what the build does not need from the repository."""

    code = "repository_too_large"


class FetchTimedOutError(FetchError):
    """Fetching the repository timed out after {seconds:.0f} s. {host} is slow or silent; deploy again."""

    code = "fetch_timed_out"


class RepositoryMovedError(FetchError):
    """{host} redirects to another address, which Easel does not follow. Connect the repository's new address."""

    code = "repository_moved"


class HostUnresolvedError(FetchError):
    """The name {host} cannot be resolved. Check the address."""

    code = "repo_host_unresolved"


class HostUnreachableError(FetchError):
    """{host} is unreachable: {reason}"""

    code = "repo_host_unreachable"


class HostPrivateError(FetchError):
    """{host} is in a private network, to which Easel does not connect. Its operator can allow the network with
    EASEL_PRIVATE_NETWORKS."""

    code = "repo_host_private"


class SubmodulesError(FetchError):
    """The repository has submodules, which Easel does not fetch: {named}. Copy their files into the repository, or
    allow building without them: `easel git connect … --allow submodules`."""

    code = "submodules_not_fetched"


class LfsError(FetchError):
    """Git LFS holds files of this repository, which Easel does not fetch: {named}. Store them in Git itself, or allow
    building with the pointers in their place: `easel git connect … --allow lfs`."""

    code = "lfs_not_fetched"


class InstallationGoneError(FetchError):
    """The GitHub App is not installed for this repository any more. Install it again, or connect the repository with a
    token."""

    code = "github_installation_gone"


class GitMissingError(FetchError):
    """The program `git` is not installed on the machine that builds. Easel's operator can install it: `apt-get install
    git`."""

    code = "git_not_installed"


class SshMissingError(FetchError):
    """The program `ssh` is not installed on the machine that builds. Easel's operator can install it: `apt-get install
    openssh-client`."""

    code = "ssh_not_installed"


class WebhookSecretError(BadRequestError):
    """`webhook_secret` has 16 to 255 printable ASCII characters, so that nobody guesses it."""

    code = "webhook_secret_invalid"


class WebhookRefusedError(EaselError):
    """No webhook of this address has this signature. Give the host the `webhook_url` and the `webhook_secret` that
    connecting the repository answered."""

    status = 401
    code = "webhook_refused"


class WebhookBodyError(BadRequestError):
    """The webhook's body is not understood: {reason}."""

    code = "webhook_body_invalid"
