"""Errors of bundles: one class per fault. The message names the member and says what to do."""

from __future__ import annotations

from easel.errors import BadRequestError


class NotAZipError(BadRequestError):
    """The upload is not a zip file; it is {found}. Zip your build output and upload that."""

    code = "not_a_zip"


class ZipTruncatedError(BadRequestError):
    """The zip is cut off: {reason}. The upload was probably incomplete; zip and upload it again."""

    code = "zip_truncated"


class ZipEmptyError(BadRequestError):
    """The zip has no files. Zip the contents of your build output folder."""

    code = "zip_empty"


class ZipHasPrefixError(BadRequestError):
    """The zip begins after {size} other bytes. Upload a plain zip, not a self-extracting one."""

    code = "zip_has_prefix"


class ZipHasSuffixError(BadRequestError):
    """The zip is followed by {size} other bytes. Upload the zip as the tool made it."""

    code = "zip_has_suffix"


class ZipMalformedError(BadRequestError):
    """The zip's directory is damaged: {reason}. Make the zip again."""

    code = "zip_malformed"


class MultiDiskError(BadRequestError):
    """The zip is one part of a split archive. Upload a zip in one piece."""

    code = "zip_multi_disk"


class TooManyFilesError(BadRequestError):
    """The zip has {count} files; the limit is {limit}. Leave out files that the app does not load."""

    code = "too_many_files"


class NamesTooLongError(BadRequestError):
    """The paths in the zip are {size} bytes long together; the limit is {limit}. Give its files shorter names."""

    code = "names_too_long"


class FileTooLargeError(BadRequestError):
    """`{member}` is {size} bytes long when inflated; the limit for a file is {limit}. Serve it from elsewhere, or split
    it."""

    code = "file_too_large"


class InflatesTooLargeError(BadRequestError):
    """The zip's files are {size} bytes long when inflated; the limit for all together is {limit}. Leave out files that
    the app does not load."""

    code = "bundle_inflates_too_large"


class PathEmptyError(BadRequestError):
    """The path `{member}` has no file name. Make the zip again."""

    code = "path_empty"


class PathEncodingError(BadRequestError):
    """The name `{member}` is marked as UTF-8 but is not UTF-8. Rename the file, or zip it with another tool."""

    code = "path_encoding"


class PathAbsoluteError(BadRequestError):
    """The path `{member}` is absolute. Paths must be relative: zip the contents of your build output folder from inside
    it."""

    code = "path_absolute"


class PathTraversalError(BadRequestError):
    """The path `{member}` contains `..`. Zip the contents of your build output folder from inside it."""

    code = "path_traversal"


class PathDriveLetterError(BadRequestError):
    """The path `{member}` begins with a drive letter. Paths must be relative: zip the contents of your build output
    folder from inside it."""

    code = "path_drive_letter"


class PathControlCharacterError(BadRequestError):
    """The path `{member}` contains a control character. Rename the file."""

    code = "path_control_character"


class PathTooLongError(BadRequestError):
    """The path `{member}` is {size} bytes long; the limit is {limit}. Shorten it."""

    code = "path_too_long"


class PathDuplicateError(BadRequestError):
    """The path `{member}` is in the zip twice. Make the zip again, in a new file."""

    code = "path_duplicate"


class PathConflictError(BadRequestError):
    """`{member}` is a file, and `{other}` needs it to be a folder. Rename one of them."""

    code = "path_conflict"


class SymlinkError(BadRequestError):
    """`{member}` is a symbolic link. Put the file itself into the zip (with Info-ZIP: leave out `-y`)."""

    code = "symlink_in_bundle"


class DeviceError(BadRequestError):
    """`{member}` is neither a file nor a folder. Leave it out."""

    code = "device_in_bundle"


class EncryptedError(BadRequestError):
    """`{member}` is encrypted. Make the zip without a password."""

    code = "member_encrypted"


class MethodUnsupportedError(BadRequestError):
    """`{member}` is compressed with {name} (method {method}). Make the zip with deflate or no compression (7-Zip:
    `-mm=Deflate`, Info-ZIP: `-Z deflate`, Python: `ZIP_DEFLATED`)."""

    code = "method_unsupported"


class WindowTooLargeError(BadRequestError):
    """`{member}` is compressed with Zstandard in a window of {size} bytes; the limit is {limit}. Use level 19 or lower,
    without `--long` and `--ultra`, or deflate."""

    code = "window_too_large"


class MembersOverlapError(BadRequestError):
    """`{member}` and `{other}` overlap in the zip. Make the zip again with an ordinary tool."""

    code = "members_overlap"


class MemberOutOfBoundsError(BadRequestError):
    """The data of `{member}` is outside the zip. Make the zip again."""

    code = "member_out_of_bounds"


class HeaderMismatchError(BadRequestError):
    """The zip contradicts itself about `{member}`: {reason}. Make the zip again."""

    code = "header_mismatch"


class SizeMismatchError(BadRequestError):
    """`{member}` does not have the length that the zip states. Make the zip again."""

    code = "size_mismatch"


class CrcMismatchError(BadRequestError):
    """`{member}` is damaged: its checksum does not match. Make the zip again."""

    code = "crc_mismatch"


class DataDamagedError(BadRequestError):
    """`{member}` is damaged: its compressed data cannot be read. Make the zip again."""

    code = "data_damaged"


class SecretInBundleError(BadRequestError):
    """`{member}` looks like a secret ({kind}) and would be public. Remove it from the zip, or name it in .easelignore.
    If it is meant to be public, allow it and deploy again: `easel apps update APP --allow secrets --publish`."""

    code = "secret_in_bundle"


class DependenciesInBundleError(BadRequestError):
    """The zip contains `node_modules/`. Upload the build output, not the project. If it is meant to be there, allow it
    and deploy again: `easel apps update APP --allow dependencies --publish`."""

    code = "dependencies_in_bundle"


class EntryPointMissingError(BadRequestError):
    """There is no index.html at the root of the zip. {hint}"""

    code = "entry_point_missing"


class SourceBundleError(BadRequestError):
    """The zip contains the sources of a project, not its output ({found}). Build the project, and upload the output
    folder (often dist/, build/ or out/)."""

    code = "source_build_unsupported"


class InspectionStoppedError(Exception):
    """The inspection was stopped. This is not a refusal: the caller that requested the stop catches it."""
