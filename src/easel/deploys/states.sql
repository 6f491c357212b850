-- part: unfinished
-- True for a deploy that has not ended (`states.UNFINISHED`). Written in the same form as in the partial index
-- ix_deploy_unfinished.
status in ('queued', 'building')
