"""Sites and files for the tests of the rules, without a store."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping

from easel.bundles import one_page
from easel.bundles.hashed_names import find_hashed
from easel.bundles.models import DEFLATED, STORED, BundleRef, Manifest, Member
from easel.bundles.one_page import is_one_page
from easel.bundles.root import ENTRY_POINT, RULES_FILES, home_page
from easel.bundles.types import content_type
from easel.rules.models import AS_IT_COMES, RuleSettings
from easel.rules.read import read_rules
from easel.serving.chain import SERVING
from easel.serving.models import Answer, BundleSlice, DeferredBody, File, Found, Request, Site
from easel.serving.published import published_site
from easel.serving.respond import Variants, answer_file, answer_fixed, representations
from easel.serving.site_rules import site_rules


class Place:
    """A site over bytes in memory, laid out like a bundle."""

    def __init__(
        self, files: Mapping[str, bytes], *, stored: bool = False, asked: bool = True, rules: RuleSettings = AS_IT_COMES
    ) -> None:
        self.data = bytearray()
        hashes = {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
        immutable = find_hashed(
            {path: (hashes[path], len(files[path])) for path in files}, lambda path, _: files[path]
        ).known
        members = {}
        for path, content in files.items():
            packer = zlib.compressobj(6, zlib.DEFLATED, -15)
            raw = content if stored else packer.compress(content) + packer.flush()
            members[path] = Member(
                hash=hashes[path],
                size=len(content),
                type=content_type(path),
                bundle=0,
                offset=len(self.data),
                length=len(raw),
                method=STORED if stored else DEFLATED,
                crc=zlib.crc32(content),
                immutable=path in immutable if asked else None,
            )
            self.data += raw
        self.rules = read_rules(
            {name: files[name] for name in RULES_FILES if name in files}, rules, has=members.__contains__
        )
        home = home_page(files) or ENTRY_POINT
        self.manifest = Manifest(
            [BundleRef("b", "0" * 64, len(self.data))],
            members,
            rules=self.rules,
            home=home,
            is_one_page=is_one_page(members, home, files.get(home, b"")),
        )

    @property
    def view(self) -> memoryview:
        """Returns the bytes of the bundle."""
        return memoryview(bytes(self.data))

    def site(self, *, indexable: bool = False, variables: Mapping[str, str] | None = None, **fields: object) -> Site:
        config = {"meta": {"indexable": indexable}, "build_config": {"env_vars": variables}}
        known: dict[str, object] = {
            "app_id": "app_1",
            "slug": "shop",
            "environment": "production",
            "version": 3,
            "manifest": self.manifest,
            "modified_at": 1_700_000_000,
            "published": published_site(config),
            "is_one_page": one_page.of_manifest(self.manifest),
            "rules": site_rules(self.rules) if self.rules is not None else None,
            **fields,
        }
        return Site(**known)  # type: ignore[arg-type]


def resolve(site: Site, request: Request) -> Found:
    """Returns the chain's result for a request."""
    return SERVING.decide_alone(site, request).found


def answered(site: Site, request: Request, small: bytes | None = None) -> Answer:
    """Returns the chain's response to a request. `small` is the brotli form of the file."""
    decision = SERVING.decide_alone(site, request)
    found = decision.found
    if isinstance(found, File):
        variants = Variants({"br": small}) if small else None
        made = answer_file(site, found, representations(found, variants), request)
    else:
        made = answer_fixed(found)
    return decision.finish(site, request, made)


def navigate(site: Site, target: str) -> Found:
    """Returns the response to a browser that opens the address."""
    return resolve(site, Request("GET", target, accept="text/html,*/*;q=0.8", fetch_dest="document"))


def fields(answer: Answer) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in answer.headers}


def body_of(answer: Answer, place: Place) -> bytes:
    """Returns the response's body, read as the edge reads it."""
    from easel.edge.cache.content import pieces

    if isinstance(answer.body, BundleSlice):
        return b"".join(pieces(answer.body, memoryview(bytes(place.data))))
    assert not isinstance(answer.body, DeferredBody)
    return bytes(answer.body)
