-- See get_feed_state.
SELECT (SELECT epoch FROM meta), pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
