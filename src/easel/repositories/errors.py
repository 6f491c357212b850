"""Errors of repositories: the reasons why a repository cannot be connected, or a commit cannot be fetched."""

from __future__ import annotations

from easel.errors import BadRequestError, EaselError, NotFoundError


class RepositoryUrlError(BadRequestError):
    """`repo_url` is not the address of a Git repository: {reason}. Write it like `https://git.example.com/team/app.git`,
    `ssh://git@git.example.com/team/app.git` or `git@git.example.com:team/app.git`."""

    code = "repo_url_invalid"


class RepositorySchemeError(BadRequestError):
    """Easel cannot fetch a `repo_url` that begins with `{scheme}`. Use the repository's `https://` or `ssh://`
    address."""

    code = "repo_url_scheme_not_allowed"


class LocalPathError(RepositoryUrlError):
    """`{path}` is a path on your machine. A repository needs an `https://` or `ssh://` address, because Easel's server
    fetches it over the network. To deploy a local folder, use `easel deploy`."""

    code = "repo_url_invalid"


class LocalUrlError(RepositorySchemeError):
    """`{url}` is a path on one machine. A repository needs an `https://` or `ssh://` address, because Easel's server
    fetches it over the network. To deploy a local folder, use `easel deploy`."""

    code = "repo_url_scheme_not_allowed"


class PlainHttpError(BadRequestError):
    """`repo_url` uses `http://`, which protects neither the code nor the credential. Use `https://`. Easel accepts
    `http://` only in private networks that EASEL_PRIVATE_NETWORKS allows."""

    code = "repo_url_scheme_not_allowed"


class RepositoryUrlSecretError(BadRequestError):
    """`repo_url` contains a password or token, which every reader of the app would see. Remove it from `repo_url`, and
    send it in `token`, which Easel stores encrypted."""

    code = "repo_url_has_secret"


class PrivateRepositoryHostError(BadRequestError):
    """`{host}` is an address in a private network. Easel's operator can allow that network with
    EASEL_PRIVATE_NETWORKS."""

    code = "repo_host_private"


class BranchNameError(BadRequestError):
    """`{branch}` is not a valid branch name: {reason}."""

    code = "branch_invalid"


class RepositoryRootError(BadRequestError):
    """`{root}` is not a valid root folder: {reason}"""

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
    """This app has no connected repository. Connect one with `easel git connect`."""

    code = "repository_not_connected"


class InstallationNotLinkedError(BadRequestError):
    """Nobody in this organisation has installed the GitHub App as installation {installation}. Open the address that
    `github/install-url` returns, and choose the repository at GitHub."""

    code = "github_installation_not_linked"


class GithubAppMissingError(BadRequestError):
    """This Easel server has no GitHub App. Connect the repository with a token or a deploy key, or ask Easel's operator
    to set EASEL_GITHUB_APP_ID and the related settings."""

    code = "github_app_not_configured"


class GithubAppInvalidError(EaselError):
    """The settings of the GitHub App are wrong: {reason}. Easel's operator must correct them."""

    status = 500
    code = "github_app_invalid"


class InstallStateError(BadRequestError):
    """This address was not created by Easel, or it is older than an hour. Request a new address from
    `github/install-url`."""

    code = "github_state_invalid"


class InstallationNotYoursError(BadRequestError):
    """GitHub does not confirm that this installation belongs to you. Sign in to GitHub as a user who can see the
    repositories, and install the App from the address that `github/install-url` returns."""

    code = "github_installation_not_yours"


class GithubUnavailableError(EaselError):
    """GitHub responded with status {github_status}. Try again in a moment."""

    status = 502
    code = "github_unavailable"


class FetchError(EaselError):
    """Easel could not fetch the repository: {reason}"""

    status = 400
    code = "fetch_failed"


class RepositoryNotFoundError(FetchError):
    """There is no repository at {url}, or this app's credential does not give access to it. If the address is
    wrong, connect the repository again with the corrected address. Check also that the token or deploy key may read the
    repository."""

    code = "repository_not_found"


class CredentialsRefusedError(FetchError):
    """{host} refused this app's credential. Connect the repository again, with a token or deploy key that may read
    it."""

    code = "repository_credentials_refused"


class HostKeyUnknownError(FetchError):
    """The host key of {host} is unknown, so nothing proves that the server is {host}. Run `ssh-keyscan {host}`, and
    compare the fingerprint of its output with the fingerprint that {host} publishes. Then connect the repository again,
    with that output as `known_hosts`."""

    code = "host_key_unknown"


class HostKeyChangedError(FetchError):
    """{host} sent a host key that differs from the known host key. Either the key was replaced, or somebody is
    impersonating {host}. Ask the administrator of {host}, and then connect the repository again with the new
    `known_hosts`."""

    code = "host_key_changed"


class CommitMissingError(FetchError):
    """The repository does not contain the commit {sha}. A force push removed it, or it was never pushed. Deploy the
    newest commit of the branch instead."""

    code = "commit_not_found"


class CommitNotReachableError(FetchError):
    """{host} sends only the newest commits of a branch, and {sha} is not among the last {depth} commits of `{branch}`.
    Deploy a newer commit, or enable version 2 of Git's protocol on {host} (`AcceptEnv GIT_PROTOCOL`)."""

    code = "commit_not_found"


class NotTheHeadError(FetchError):
    """{sha} is not the newest commit of the branch `{branch}`. The newest commit is {head}."""

    code = "commit_not_head"


class CommitShaError(BadRequestError):
    """`{sha}` is not a full commit id. A full commit id has 40 or 64 hexadecimal digits."""

    code = "commit_sha_invalid"


class BranchMissingError(FetchError):
    """The repository has no branch `{branch}`. Push the branch, or choose another branch for this deploy. To change the
    branch of all deploys, connect the repository again."""

    code = "branch_not_found"


class RepositoryTooLargeError(FetchError):
    """The commit is too large: it has more than {limit} {unit}. Remove files that the build does not need from the
    repository."""

    code = "repository_too_large"


class FetchTimedOutError(FetchError):
    """Fetching the repository timed out after {seconds:.0f} s, because {host} is slow or does not respond. Deploy
    again."""

    code = "fetch_timed_out"


class RepositoryMovedError(FetchError):
    """{host} redirects to another address, but Easel does not follow redirects. Connect the repository with its new
    address."""

    code = "repository_moved"


class HostUnresolvedError(FetchError):
    """The host name {host} cannot be resolved. Check the address. If it is wrong, connect the repository again with the
    corrected address."""

    code = "repo_host_unresolved"


class HostUnreachableError(FetchError):
    """{host} is unreachable: {reason}"""

    code = "repo_host_unreachable"


class HostPrivateError(FetchError):
    """{host} is in a private network, and Easel does not connect to private networks. Easel's operator can allow this
    network with EASEL_PRIVATE_NETWORKS."""

    code = "repo_host_private"


class SubmodulesError(FetchError):
    """The repository has submodules, which Easel does not fetch: {named}. Copy the files of the submodules into the
    repository, or allow builds without them: `easel git connect … --allow submodules`."""

    code = "submodules_not_fetched"


class LfsError(FetchError):
    """The repository stores files in Git LFS, which Easel does not fetch: {named}. Store these files in Git itself. Or
    allow builds in which each file is only its LFS pointer: `easel git connect … --allow lfs`."""

    code = "lfs_not_fetched"


class InstallationGoneError(FetchError):
    """The GitHub App is no longer installed for this repository. Install it again, or connect the repository with a
    token."""

    code = "github_installation_gone"


class GitMissingError(FetchError):
    """The program `git` is not installed on the builder's machine. Easel's operator can install it: `apt-get install
    git`."""

    code = "git_not_installed"


class SshMissingError(FetchError):
    """The program `ssh` is not installed on the builder's machine. Easel's operator can install it: `apt-get install
    openssh-client`."""

    code = "ssh_not_installed"


class WebhookSecretError(BadRequestError):
    """`webhook_secret` must have 16 to 255 printable ASCII characters, so that nobody can guess it."""

    code = "webhook_secret_invalid"


class WebhookRefusedError(EaselError):
    """The signature does not match any webhook for this address. At your Git host, enter the `webhook_url` and
    `webhook_secret` that you received when you connected the repository."""

    status = 401
    code = "webhook_refused"


class WebhookBodyError(BadRequestError):
    """The body of the webhook request cannot be read: {reason}."""

    code = "webhook_body_invalid"
