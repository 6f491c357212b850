"""Service workers whose script is gone: they leave, instead of answering an address's visitors for ever.

A browser keeps the worker that it has while the script's address answers 404, so one that an earlier version or the
slug's former owner registered would go on deciding what visitors see. A browser says when it asks for a worker's script
(`Service-Worker: script`, Service Workers §"Update"), so it can be given one that ends the registration.
"""

from __future__ import annotations

from easel.serving.models import Fixed, Request

# Only pages that the old worker answered are loaded again; one that merely registers what is not there never is.
_SCRIPT = b"""\
// There is no file at this address. This script takes the place of a worker that was here before, and ends it.
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    await self.registration.unregister();
    for (const name of await caches.keys()) await caches.delete(name);
    for (const page of await self.clients.matchAll({ type: "window" })) page.navigate(page.url).catch(() => {});
  })());
});
"""

LEAVING_WORKER = Fixed(200, _SCRIPT, "text/javascript; charset=utf-8", "no-store")


def asks_for_worker(request: Request) -> bool:
    """Whether a browser asks for the script of a service worker, to register it or to look whether it has changed."""
    return request.service_worker == "script" and request.method in ("GET", "HEAD")
