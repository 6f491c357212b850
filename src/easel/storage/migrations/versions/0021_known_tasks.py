"""known tasks: a worker of 0.1.0 takes no job of a task that it does not know

A worker of 0.1.0 calls procrastinate's own function. That function returns jobs of any task, and the worker ends an
unknown job as failed, so the deploy of a built bundle would wait for ever. Later releases call `easel_fetch_job`
(migration 0008) with the names of the tasks.

Revision ID: 0021
Revises: 0020
"""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

FETCH_JOB = """
create or replace function procrastinate_fetch_job_v2(target_queue_names character varying[], p_worker_id bigint)
returns procrastinate_jobs language plpgsql as $$
declare
    taken procrastinate_jobs;
begin
    select * into taken from easel_fetch_job(
        target_queue_names,
        array['easel.deploys.run', 'easel.deploys.optimise', 'easel.deploys.sweep_orphans'],
        p_worker_id, null, null
    );
    return taken;
end;
$$;
"""


def upgrade() -> None:
    op.execute(FETCH_JOB)


def downgrade() -> None:
    raise NotImplementedError("Easel's schema only goes forward; restore a backup instead.")
