"""A distant server: forwards a port of this machine, and delays each response.

It runs as a separate process (`python -m bench.far PORT TO_PORT SECONDS`), so that it does not disturb the measuring
process.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from testbed.running import free_port
from testbed.stores import Bucket, serving


@contextmanager
def far(bucket: Bucket, seconds: float) -> Iterator[tuple[Bucket, subprocess.Popen[bytes]]]:
    """Yields the same bucket with delayed responses, and the process that delays them."""
    port = free_port()
    command = [sys.executable, "-m", "bench.far", str(port), str(bucket.port), str(seconds)]
    with serving(command, port) as process:
        yield replace(bucket, port=port), process


async def _serve(port: int, to: int, delay: float) -> None:
    loop = asyncio.get_running_loop()

    async def passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, requests = await asyncio.open_connection("127.0.0.1", to)

        async def late() -> None:
            while data := await answers.read(65536):
                loop.call_later(delay, writer.write, data)
            loop.call_later(delay, writer.close)

        coming = loop.create_task(late())
        while data := await reader.read(65536):
            requests.write(data)
            await requests.drain()
        requests.write_eof()
        await coming
        requests.close()

    server = await asyncio.start_server(passed_on, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(_serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
