"""pointer: the one function that moves what an environment serves, in one round trip

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# easel/environments/service.py describes the behaviour of this function, and is its only caller.
MOVE_POINTER = """
create function easel_move_pointer(
    p_app text, p_org text, p_environment text, p_version integer, p_action text, p_actor text,
    p_sequence bigint, p_deploy text, p_note text
) returns table (
    outcome text, previous integer, version integer, revision bigint,
    locked boolean, locked_by text, lock_reason text
) language plpgsql as $$
#variable_conflict use_column
declare
    env environment%rowtype;
    wanted bigint := p_sequence;
    same boolean;
begin
    -- The app's row first, always: whoever moves a pointer takes both rows in this order.
    if p_sequence = 0 then
        update app set last_sequence = last_sequence + 1
         where id = p_app and org_id = p_org and deleted_at is null returning last_sequence into wanted;
    else
        perform 1 from app where id = p_app and org_id = p_org and deleted_at is null for update;
    end if;
    if not found then
        return;
    end if;
    select * into env from environment
     where app_id = p_app and org_id = p_org and name = p_environment for update;
    if not found then
        return;
    end if;
    if env.locked_at is not null then
        outcome := 'locked';
    elsif wanted is not null and wanted < env.intent then
        outcome := 'overtaken';
    else
        same := env.version is not distinct from p_version;
        outcome := case when same then 'unchanged' else 'moved' end;
        if not same or coalesce(wanted, env.intent) <> env.intent then
            update environment e
               set version = p_version,
                   deploy_id = p_deploy,
                   revision = env.revision + (not same)::int,
                   intent = coalesce(wanted, env.intent),
                   moved_at = case when same then env.moved_at else clock_timestamp() end
             where e.app_id = p_app and e.name = p_environment and e.revision = env.revision;
            insert into audit (org_id, app_id, environment, action, actor, from_version, to_version, revision,
                               deploy_id, note, at)
            values (p_org, p_app, p_environment, p_action, p_actor, env.version, p_version,
                    env.revision + (not same)::int, p_deploy, p_note, clock_timestamp());
        end if;
        if not same then
            update app set changed_xid = pg_current_xact_id() where id = p_app;
            perform pg_notify('easel_changes', p_app);
        end if;
    end if;
    return query
        select outcome, env.version, e.version, e.revision, e.locked_at is not null, e.locked_by::text,
               e.lock_reason::text
          from environment e where e.app_id = p_app and e.name = p_environment;
end;
$$;
"""


def upgrade() -> None:
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    with connection.cursor() as cursor:
        cursor.execute(MOVE_POINTER)


def downgrade() -> None:
    raise NotImplementedError("Easel's schema only goes forward; restore a backup instead.")
