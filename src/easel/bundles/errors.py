"""Errors of bundles, one class for each fault. A message contains the name of the file in the zip, and the next step
for the user."""

from __future__ import annotations

from easel.errors import BadRequestError


class NotAZipError(BadRequestError):
    """The upload is not a zip file; it is {found}. Zip your build output, and upload that zip."""

    code = "not_a_zip"


class ZipTruncatedError(BadRequestError):
    """The zip is incomplete: {reason}. The upload was probably interrupted. Zip your build output again, and upload
    it."""

    code = "zip_truncated"


class ZipEmptyError(BadRequestError):
    """The zip contains no files. Zip the contents of your build output folder."""

    code = "zip_empty"


class ZipHasPrefixError(BadRequestError):
    """The zip starts after {size} bytes that do not belong to it. Upload a plain zip, not a self-extracting archive."""

    code = "zip_has_prefix"


class ZipHasSuffixError(BadRequestError):
    """The zip is followed by {size} bytes that do not belong to it. Upload the zip exactly as your zip tool wrote
    it."""

    code = "zip_has_suffix"


class ZipMalformedError(BadRequestError):
    """The zip's directory is damaged: {reason}. Create the zip again."""

    code = "zip_malformed"


class MultiDiskError(BadRequestError):
    """The zip is one part of a split archive. Upload the zip as a single file."""

    code = "zip_multi_disk"


class TooManyFilesError(BadRequestError):
    """The zip contains {count} files; the limit is {limit}. Leave out files that the app does not load."""

    code = "too_many_files"


class NamesTooLongError(BadRequestError):
    """All paths in the zip together are {size} bytes long; the limit is {limit}. Shorten the names of files and
    folders."""

    code = "names_too_long"


class FileTooLargeError(BadRequestError):
    """`{member}` is {size} bytes long uncompressed; the limit for one file is {limit} bytes. Split the file, or serve
    it from another host."""

    code = "file_too_large"


class InflatesTooLargeError(BadRequestError):
    """The files in the zip are {size} bytes long uncompressed; the limit for all files together is {limit} bytes. Leave
    out files that the app does not load."""

    code = "bundle_inflates_too_large"


class PathEmptyError(BadRequestError):
    """The path `{member}` has no file name. Create the zip again."""

    code = "path_empty"


class PathEncodingError(BadRequestError):
    """The zip marks the name `{member}` as UTF-8, but the name is not UTF-8. Rename the file, or zip it with another
    tool."""

    code = "path_encoding"


class PathAbsoluteError(BadRequestError):
    """The path `{member}` is absolute, but paths in a zip must be relative. Change into your build output folder, and
    zip its contents."""

    code = "path_absolute"


class PathTraversalError(BadRequestError):
    """The path `{member}` contains `..`. Change into your build output folder, and zip its contents."""

    code = "path_traversal"


class PathDriveLetterError(BadRequestError):
    """The path `{member}` begins with a drive letter, but paths in a zip must be relative. Change into your build
    output folder, and zip its contents."""

    code = "path_drive_letter"


class PathControlCharacterError(BadRequestError):
    """The path `{member}` contains a control character. Rename the file."""

    code = "path_control_character"


class PathTooLongError(BadRequestError):
    """The path `{member}` is {size} bytes long; the limit is {limit}. Shorten the path."""

    code = "path_too_long"


class PathDuplicateError(BadRequestError):
    """The zip contains the path `{member}` twice. Delete the old zip file, and create it again."""

    code = "path_duplicate"


class PathConflictError(BadRequestError):
    """The zip contains `{member}` as a file, but the path `{other}` needs a folder of that name. Rename the file or the
    folder."""

    code = "path_conflict"


class SymlinkError(BadRequestError):
    """`{member}` is a symbolic link. Put the file itself into the zip (with Info-ZIP, leave out `-y`)."""

    code = "symlink_in_bundle"


class DeviceError(BadRequestError):
    """`{member}` is neither a file nor a folder. Leave it out of the zip."""

    code = "device_in_bundle"


class EncryptedError(BadRequestError):
    """`{member}` is encrypted. Create the zip without a password."""

    code = "member_encrypted"


class MethodUnsupportedError(BadRequestError):
    """`{member}` is compressed with {name} (method {method}), which Easel does not support. Create the zip with deflate
    or without compression (7-Zip: `-mm=Deflate`, Info-ZIP: `-Z deflate`, Python: `ZIP_DEFLATED`)."""

    code = "method_unsupported"


class WindowTooLargeError(BadRequestError):
    """`{member}` is compressed with Zstandard and a window of {size} bytes; the limit is {limit}. Use level 19 or lower
    without `--long` and `--ultra`, or use deflate."""

    code = "window_too_large"


class MembersOverlapError(BadRequestError):
    """`{member}` and `{other}` overlap in the zip. Create the zip again with an ordinary tool."""

    code = "members_overlap"


class MemberOutOfBoundsError(BadRequestError):
    """The data of `{member}` would be outside the zip. Create the zip again."""

    code = "member_out_of_bounds"


class HeaderMismatchError(BadRequestError):
    """The zip contradicts itself about `{member}`: {reason}. Create the zip again."""

    code = "header_mismatch"


class SizeMismatchError(BadRequestError):
    """The length of `{member}` differs from the length in the zip's directory. Create the zip again."""

    code = "size_mismatch"


class CrcMismatchError(BadRequestError):
    """`{member}` is damaged, because its checksum does not match. Create the zip again."""

    code = "crc_mismatch"


class DataDamagedError(BadRequestError):
    """`{member}` is damaged, because its compressed data cannot be read. Create the zip again."""

    code = "data_damaged"


class SecretInBundleError(BadRequestError):
    """`{member}` looks like a secret ({kind}), and everybody could read it. Remove it from the zip. If you
    deploy a folder, list it in `.easelignore`. If `{member}` is meant to be public, run `easel apps update APP --allow
    secrets --publish` with the name of your app, and deploy again."""

    code = "secret_in_bundle"


class DependenciesInBundleError(BadRequestError):
    """The zip contains `node_modules/`. Upload the build output, not the project. If the app needs `node_modules/`,
    run `easel apps update APP --allow dependencies --publish` with the name of your app, and deploy again."""

    code = "dependencies_in_bundle"


class EntryPointMissingError(BadRequestError):
    """There is no index.html at the root of the zip. {hint}"""

    code = "entry_point_missing"


class SourceBundleError(BadRequestError):
    """The zip contains the sources of a project ({found}), not its build output. Build the project, and upload the
    output folder (often dist/, build/ or out/)."""

    code = "source_build_unsupported"


class InspectionStoppedError(Exception):
    """The inspection of a bundle was stopped by its caller. The bundle is not refused, and the caller that requested
    the stop catches this error."""
