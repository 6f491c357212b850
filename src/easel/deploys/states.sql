-- part: unfinished
-- A deploy that has not ended (`states.UNFINISHED`). Written as the partial index ix_deploy_unfinished has it.
status in ('queued', 'building')
