"""Divides the files of a bundle into batches, which several threads read.

Reading a long file needs the interpreter lock rarely, because inflating and hashing release it. Reading thousands of
small files needs it for half of the time. One thread therefore begins with the longest files, and another with the
smallest ones, so that they seldom wait for each other. They meet in the middle.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from easel.bundles.directory import Entry

LONG = 1024 * 1024
"""Size in bytes above which a file is a batch of its own."""
_BATCH_BYTES = 2 * LONG
_BATCH_FILES = 32
_FEW_BYTES = 4 * LONG
_FEW_FILES = 64
"""A bundle with at most this many bytes and files is read by one thread, because starting a second thread takes as
long."""

Result = TypeVar("Result")
File = tuple[str, Entry]


class Batch(NamedTuple):
    """Files that one thread reads together, and their average size in bytes."""

    files: list[File]
    average: float


def batches_of(files: Sequence[File]) -> list[Batch]:
    """Divides files into batches of about two MiB, without changing their order. A long file is a batch of its own, and
    these batches come last. A small bundle is one batch."""
    total = sum(entry.size for _, entry in files)
    if total <= _FEW_BYTES and len(files) <= _FEW_FILES:
        return [Batch(list(files), 0)]
    batches: list[Batch] = []
    some: list[File] = []
    size = 0
    for file in files:
        if file[1].size > LONG:
            continue
        some.append(file)
        size += file[1].size
        if size >= _BATCH_BYTES or len(some) >= _BATCH_FILES:
            batches.append(Batch(some, size / len(some)))
            some, size = [], 0
    if some:
        batches.append(Batch(some, size / len(some)))
    return [*batches, *(Batch([file], file[1].size) for file in files if file[1].size > LONG)]


def read_in_threads(
    batches: Sequence[Batch], threads: int, read: Callable[[Batch, Callable[[], bool]], Result]
) -> list[Result]:
    """Calls `read` for each batch in several threads, and returns the results in the order of the batches. At most
    `threads` threads read, including the calling thread.

    The second argument of `read` is a function. It returns true once an earlier batch is refused, because this batch is
    then not needed any more. Raises the error of the first refused batch, after all threads have ended.
    """
    if threads < 2 or len(batches) < 2:
        return [read(batch, lambda: False) for batch in batches]
    waiting = deque(sorted(range(len(batches)), key=lambda number: batches[number].average))
    results: dict[int, Result] = {}
    refused: list[tuple[int, BaseException]] = []

    def work(take: Callable[[], int]) -> None:
        while waiting:
            try:
                number = take()
            except IndexError:  # Another thread took the last batch.
                return

            def is_over(number: int = number) -> bool:
                return any(other < number for other, _ in refused)

            if is_over():
                continue
            try:
                results[number] = read(batches[number], is_over)
            except BaseException as error:
                refused.append((number, error))

    with ThreadPoolExecutor(threads - 1, thread_name_prefix="inspect") as pool:
        for number in range(threads - 1):
            pool.submit(work, waiting.popleft if number % 2 else waiting.pop)
        work(waiting.popleft)
    if refused:
        raise min(refused, key=lambda one: one[0])[1]
    return [results[number] for number in range(len(batches))]
