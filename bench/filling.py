"""Fills a database with the rows of a large Easel, by SQL alone: apps with versions, deploys, audit and logs.

The rows are as Easel writes them, with the keys, configurations and JSON of a small real app. They are inserted
directly, because deploying a million versions would take a day.
"""

from __future__ import annotations

import json
import time

import psycopg

from easel.apps.config import config_hash
from easel.serving.published import encoded, published_site, to_store

ORGANISATIONS = 500
LOGGED = 2
"""The number of an app's deploys that have log lines. Each of these has nine lines, like a real deploy."""

_CONFIG = '{"meta": {"title": "An app of the model", "description": "What it is for, in a sentence."}}'
_CONFIG_HASH = config_hash(json.loads(_CONFIG))
_SITE = to_store(encoded(published_site(json.loads(_CONFIG)))).hex()
_CONFIGURED = (
    f"'{_CONFIG}'::jsonb, '{_CONFIG}'::jsonb, '{_CONFIG_HASH}', '{_CONFIG_HASH}', easel_listed('{_CONFIG}'::jsonb),"
    f" '\\x{_SITE}'::bytea"
)
_APP = "'app_' || left(md5({n}::text), 16)"
_DEPLOY = "'dep_' || left(md5({n} || '/' || {v}), 16)"
_HASH = "encode(sha256(({n} || '/' || {v})::bytea), 'hex')"
_COMMON = "'An Engineer (key_0123456789abcdef)'"


def fill(connection: psycopg.Connection[tuple[object, ...]], apps: int, versions: int) -> float:
    """Fills an empty, migrated database, and returns the seconds that it took. Statistics are up to date afterwards."""
    began = time.perf_counter()
    app, deploy, digest = (text.format(n="n", v="v") for text in (_APP, _DEPLOY, _HASH))
    all_versions = f"generate_series(1, {apps}) n, generate_series(1, {versions}) v"
    at = f"now() - make_interval(hours => ({versions} - v) * 36 + n % 30)"
    for statement in (
        # References are right by construction. Checking each reference would take most of the time.
        "set session_replication_role = replica",
        "set synchronous_commit = off",
        f"insert into organisation (id, name) select 'org_' || left(md5(g::text), 16), 'Organisation ' || g"
        f" from generate_series(0, {ORGANISATIONS - 1}) g",
        f"""insert into app (id, org_id, slug, is_active, draft, published, draft_hash, published_hash, listed, site,
                             last_version, last_sequence, created_at, updated_at)
            select {app}, 'org_' || left(md5((n % {ORGANISATIONS})::text), 16), 'model-app-' || n, true,
                   {_CONFIGURED}, {versions}, {versions}, now() - interval '90 days', now()
              from generate_series(1, {apps}) n""",
        """insert into configuration (app_id, hash, org_id, config)
            select id, published_hash, org_id, published from app""",
        f"""insert into version (app_id, number, org_id, kind, deploy_id, environment, manifest_key, bundle_key,
                                 bundle_name, files_hash, config_hash, content_hash, file_count, total_bytes,
                                 message, deployed_by, deployed_at, build_duration_ms)
            select {app}, v, 'org_' || left(md5((n % {ORGANISATIONS})::text), 16), 'deploy', {deploy}, 'production',
                   'apps/' || {app} || '/manifests/' || {digest} || '.json',
                   'apps/' || {app} || '/bundles/' || {digest} || '.zip', 'bundle.zip', {digest},
                   '{_CONFIG_HASH}', {digest}, 300, 2600000, 'What changed, in a few words', {_COMMON}, {at}, 40
              from {all_versions}""",
        f"""insert into deploy (id, org_id, app_id, sequence, environment, source, bundle_s3_key, message, queued_by,
                                queued_at, started_at, finished_at, status, step, attempt, bundle_key, manifest_key,
                                version, outcome, warnings, smoke_test, timings, counts)
            select {deploy}, 'org_' || left(md5((n % {ORGANISATIONS})::text), 16), {app}, v, 'production', 'cli_upload',
                   'app-builds/' || {app} || '/' || left({digest}, 43) || '/bundle.zip', 'What changed, in a few words',
                   {_COMMON}, {at}, {at}, {at}, 'complete', 'complete', 1,
                   'apps/' || {app} || '/bundles/' || {digest} || '.zip',
                   'apps/' || {app} || '/manifests/' || {digest} || '.json', v, 'moved', '[]',
                   '{{"url": "http://v1-model-app.localhost:8080/", "errors": [], "passed": true, "tested_at":
                      "2026-11-25T03:06:45.499051Z", "duration_ms": 2}}',
                   '{{"pin": 2, "total": 60, "ingest": 4, "queued": 10, "record": 6, "inspect": 1, "activate": 5,
                      "smoke_test": 2}}', '{{"files": 300, "bytes": 2600000, "new_bytes": 120000}}'
              from {all_versions}""",
        f"""insert into deploy_log (deploy_id, seq, ts, line)
            select {deploy}, s, now(), 'Checked and indexed 300 files, 9.1 MB inflated'
              from {all_versions}, generate_series(1, 9) s where v > {versions - LOGGED}""",
        f"""insert into audit (org_id, app_id, environment, action, actor, from_version, to_version, revision,
                               deploy_id, at)
            select 'org_' || left(md5((n % {ORGANISATIONS})::text), 16), {app}, 'production', 'deploy', {_COMMON},
                   nullif(v - 1, 0), v, v, {deploy}, {at} from {all_versions}""",
        f"""insert into environment (app_id, name, org_id, version, deploy_id, revision, intent, moved_at)
            select {app}, name, 'org_' || left(md5((n % {ORGANISATIONS})::text), 16),
                   case name when 'production' then {versions} end,
                   case name when 'production' then 'dep_' || left(md5(n || '/' || {versions}), 16) end,
                   case name when 'production' then {versions} else 0 end,
                   case name when 'production' then {versions} else 0 end, now()
              from generate_series(1, {apps}) n, unnest(array['production', 'staging']) name""",
        f"""insert into variants (app_id, manifest_key, object_key, created_at)
            select {app}, 'apps/' || {app} || '/manifests/' || {digest} || '.json',
                   'apps/' || {app} || '/variants/' || {digest} || '.bin', now()
              from {all_versions} where v = {versions}""",
        f"""insert into api_key (id, org_id, name, hash, hint, scope, created_at)
            select 'key_' || left(md5(g::text), 16), 'org_' || left(md5((g % {ORGANISATIONS})::text), 16), 'key ' || g,
                   encode(sha256(g::text::bytea), 'hex'), 'sk_abc…wxyz', 'deploy', now()
              from generate_series(1, {apps}) g""",
        "set session_replication_role = origin",
        "vacuum analyze",
    ):
        connection.execute(statement.encode())
    return time.perf_counter() - began


def add_a_busy_app(connection: psycopg.Connection[tuple[object, ...]], versions: int) -> str:
    """Adds an app with that many versions, each an hour after the previous version. Returns the app's id."""
    statements = (
        "set session_replication_role = replica",
        f"""insert into app (id, org_id, slug, is_active, draft, published, draft_hash, published_hash, listed, site,
                             last_version, last_sequence, created_at, updated_at)
            select 'app_busy', org_id, 'busy-app', true, {_CONFIGURED}, {versions}, {versions}, now(), now()
              from app order by id limit 1""",
        f"""insert into configuration (app_id, hash, org_id, config)
            select id, '{_CONFIG_HASH}', org_id, published from app where id = 'app_busy'""",
        _copied("version", "number", versions),
        _copied("deploy", "sequence", versions),
        f"""insert into audit (org_id, app_id, environment, action, actor, from_version, to_version, revision,
                               deploy_id, at)
            select org_id, 'app_busy', 'production', 'deploy', 'x', nullif(g - 1, 0), g, g, 'dep_busy' || g,
                   now() - make_interval(hours => {versions} - g)
              from app, generate_series(1, {versions}) g where app.id = 'app_busy'""",
        "set session_replication_role = origin",
        "analyze",
    )
    for statement in statements:
        connection.execute(statement.encode())
    return "app_busy"


def _copied(table: str, number: str, count: int) -> str:
    """Returns a statement that copies one row of the table that many times, for the busy app."""
    changed = {
        "version": {"app_id": "'app_busy'", "org_id": "(select org_id from app where id = 'app_busy')"},
        "deploy": {
            "app_id": "'app_busy'",
            "org_id": "(select org_id from app where id = 'app_busy')",
            "id": "'dep_busy' || g",
        },
    }[table] | {number: "g"}
    assignments = ", ".join(f"{value} as {column}" for column, value in changed.items())
    return (
        f"insert into {table} select made.* from (select * from {table} limit 1) t,"
        f" lateral (select {assignments} from generate_series(1, {count}) g) c,"
        f" jsonb_populate_record(null::{table}, to_jsonb(t) || to_jsonb(c)) made"
    )


def add_bare_apps(connection: psycopg.Connection[tuple[object, ...]], count: int) -> str:
    """Adds that many apps without versions to one organisation, and returns the organisation's id."""
    for statement in (
        "insert into organisation (id, name) values ('org_large', 'A large organisation')",
        f"""insert into app (id, org_id, slug, is_active, draft, published, draft_hash, published_hash, listed, site,
                             last_version, last_sequence, created_at, updated_at)
            select 'app_large' || g, 'org_large', 'large-' || g, true, {_CONFIGURED}, 0, 0,
                   now() - make_interval(secs => g), now() from generate_series(1, {count}) g""",
        "analyze app",
    ):
        connection.execute(statement.encode())
    return "org_large"
