"""Ends service workers whose script is missing, so that they do not control an address for ever.

A browser keeps a worker while the address of its script responds with 404. A worker of an earlier version, or of the
slug's former owner, would therefore stay in control. The browser marks its request for a worker's script with a header
(`Service-Worker: script`, Service Workers §"Update"). It then gets a script that unregisters the worker.
"""

from __future__ import annotations

from easel.serving.models import FixedAnswer, Request

# Only pages that the old worker controls are reloaded. A page that registers a missing script is not reloaded.
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

LEAVING_WORKER = FixedAnswer(200, _SCRIPT, "text/javascript; charset=utf-8", "no-store")


def asks_for_worker(request: Request) -> bool:
    """Returns true if a browser requests the script of a service worker, to register the worker or to check for
    updates."""
    return request.service_worker == "script" and request.method in ("GET", "HEAD")
