"""Errors of repositories: why one cannot be connected, or a commit cannot be fetched."""

from __future__ import annotations

from easel.errors import BadRequestError, EaselError, NotFoundError


class RepositoryUrlError(BadRequestError):
    """`repo_url` is not the address of a Git repository: {reason}. Write it like `https://git.example.com/team/app.git`,
    `ssh://git@git.example.com/team/app.git` or `git@git.example.com:team/app.git`."""

    code = "repo_url_invalid"


class RepositorySchemeError(BadRequestError):
    """Easel does not fetch from `{scheme}` addresses as in `repo_url`. Use the repository's `https://` or `ssh://`
    address."""

    code = "repo_url_scheme_not_allowed"


class PlainHttpError(BadRequestError):
    """`repo_url` uses `http://`, which protects neither the code nor the credential. Use `https://`. Easel accepts
    plain `http://` only in private networks that EASEL_PRIVATE_NETWORKS allows."""

    code = "repo_url_scheme_not_allowed"


class RepositoryUrlSecretError(BadRequestError):
    """`repo_url` contains a password or token, which every reader of the app would see. Remove it from the address, and
    send it in `token`, which is stored encrypted."""

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
    """The deploy key is not usable: {reason}."""

    code = "deploy_key_invalid"


class KnownHostsError(BadRequestError):
    """`known_hosts` is not usable: {reason}."""

    code = "known_hosts_invalid"


class NothingConnectedError(NotFoundError):
    """This app has no connected repository. Connect one with `easel git connect` or `connect-repo`."""

    code = "repository_not_connected"


class InstallationNotLinkedError(BadRequestError):
    """Nobody in this organisation has installed the GitHub App as installation {installation}. Open the address from
    `github/install-url`, and choose the repository there."""

    code = "github_installation_not_linked"


class GithubAppMissingError(BadRequestError):
    """This Easel has no GitHub App to install. Connect the repository with a token or a deploy key, or ask Easel's
    operator to set EASEL_GITHUB_APP_ID and the related settings."""

    code = "github_app_not_configured"


class GithubAppInvalidError(EaselError):
    """The settings of the GitHub App are wrong: {reason}. Easel's operator has to correct them."""

    status = 500
    code = "github_app_invalid"


class InstallStateError(BadRequestError):
    """Easel did not issue this address, or it is older than an hour. Request a new `github/install-url`."""

    code = "github_state_invalid"


class InstallationNotYoursError(BadRequestError):
    """GitHub does not confirm that this installation is yours. Install the App from the address in
    `github/install-url`, signed in as a user who can see the repositories."""

    code = "github_installation_not_yours"


class GithubUnavailableError(EaselError):
    """GitHub answered with status {github_status}. Try again in a moment."""

    status = 502
    code = "github_unavailable"


class FetchError(EaselError):
    """Easel could not fetch the repository: {reason}"""

    status = 400
    code = "fetch_failed"


class RepositoryNotFoundError(FetchError):
    """There is no repository at {url}, or this app's credential does not give access to it. Check the address, and that
    the token or deploy key can read the repository."""

    code = "repository_not_found"


class CredentialsRefusedError(FetchError):
    """{host} refused this app's credentials. Connect the repository again with a token or deploy key that can read
    it."""

    code = "repository_credentials_refused"


class HostKeyUnknownError(FetchError):
    """The host key of {host} is unknown, so nothing proves that the server is {host}. Connect the repository again with
    `known_hosts`: the output of `ssh-keyscan {host}`. Compare its fingerprint with one that the host publishes."""

    code = "host_key_unknown"


class HostKeyChangedError(FetchError):
    """{host} presents a different host key than the known one: either the key was replaced, or somebody is
    impersonating {host}. Ask the host's administrator, then connect the repository again with the new `known_hosts`."""

    code = "host_key_changed"


class CommitMissingError(FetchError):
    """The repository does not contain the commit {sha}: a force push removed it, or it was never pushed. Deploy the
    branch's newest commit instead."""

    code = "commit_not_found"


class CommitNotReachableError(FetchError):
    """{host} only serves the newest commits of a branch, and {sha} is not among the last {depth} of `{branch}`. Deploy
    a newer commit, or enable version 2 of Git's protocol on the host (`AcceptEnv GIT_PROTOCOL`)."""

    code = "commit_not_found"


class NotTheHeadError(FetchError):
    """{sha} is not the newest commit of the branch `{branch}`, which is at {head}."""

    code = "commit_not_head"


class CommitShaError(BadRequestError):
    """`{sha}` is not a full commit id, which has 40 or 64 hexadecimal digits."""

    code = "commit_sha_invalid"


class BranchMissingError(FetchError):
    """The repository has no branch `{branch}`. Push it, or choose another branch: in the deploy, or by connecting the
    same repository again with that branch."""

    code = "branch_not_found"


class RepositoryTooLargeError(FetchError):
    """The commit is too large: it has more than {limit} {unit}. Remove files that the build does not need from the
    repository."""

    code = "repository_too_large"


class FetchTimedOutError(FetchError):
    """Fetching the repository timed out after {seconds:.0f} s: {host} is slow or does not answer. Deploy again."""

    code = "fetch_timed_out"


class RepositoryMovedError(FetchError):
    """{host} redirects to another address, and Easel does not follow redirects. Connect the repository at its new
    address."""

    code = "repository_moved"


class HostUnresolvedError(FetchError):
    """The name {host} cannot be resolved. Check the address."""

    code = "repo_host_unresolved"


class HostUnreachableError(FetchError):
    """{host} is unreachable: {reason}"""

    code = "repo_host_unreachable"


class HostPrivateError(FetchError):
    """{host} is in a private network, and Easel does not connect to those. Its operator can allow the network with
    EASEL_PRIVATE_NETWORKS."""

    code = "repo_host_private"


class SubmodulesError(FetchError):
    """The repository has submodules, which Easel does not fetch: {named}. Copy their files into the repository, or
    allow builds without them: `easel git connect … --allow submodules`."""

    code = "submodules_not_fetched"


class LfsError(FetchError):
    """The repository stores files in Git LFS, which Easel does not fetch: {named}. Store them in Git itself, or allow
    builds with the LFS pointers in their place: `easel git connect … --allow lfs`."""

    code = "lfs_not_fetched"


class InstallationGoneError(FetchError):
    """The GitHub App is no longer installed for this repository. Install it again, or connect the repository with a
    token."""

    code = "github_installation_gone"


class GitMissingError(FetchError):
    """The builder's machine does not have the program `git`. Easel's operator can install it: `apt-get install git`."""

    code = "git_not_installed"


class SshMissingError(FetchError):
    """The builder's machine does not have the program `ssh`. Easel's operator can install it: `apt-get install
    openssh-client`."""

    code = "ssh_not_installed"


class WebhookSecretError(BadRequestError):
    """`webhook_secret` must have 16 to 255 printable ASCII characters, so that nobody can guess it."""

    code = "webhook_secret_invalid"


class WebhookRefusedError(EaselError):
    """The signature matches no webhook of this address. Give the host the `webhook_url` and `webhook_secret` from the
    answer to connecting the repository."""

    status = 401
    code = "webhook_refused"


class WebhookBodyError(BadRequestError):
    """Easel cannot read the webhook's body: {reason}."""

    code = "webhook_body_invalid"
