-- The sessions of this database that wait for a lock, and a session that each waits for. Locks are visible to every
-- role: https://www.postgresql.org/docs/current/view-pg-locks.html
SELECT
    coalesce(waiter.application_name, '')                               AS program,
    extract(epoch FROM clock_timestamp() - wanted.waitstart)::float8    AS waits_s,
    coalesce(
        (
            SELECT held.relation::regclass::text FROM pg_locks AS held
            WHERE held.pid = wanted.pid AND held.locktype = 'relation' AND wanted.relation IS NULL
                AND held.mode IN ('RowExclusiveLock', 'RowShareLock')
            ORDER BY held.relation
            LIMIT 1
        ),
        wanted.relation::regclass::text,
        ''
    )                                                                   AS held_table,
    blocker.pid                                                         AS by_pid,
    coalesce(blocking.application_name, '')                             AS by_program
FROM pg_locks AS wanted
JOIN pg_stat_activity AS waiter ON waiter.pid = wanted.pid AND waiter.datname = current_database()
CROSS JOIN LATERAL (SELECT unnest(pg_blocking_pids(wanted.pid)) AS pid LIMIT 1) AS blocker
LEFT JOIN pg_stat_activity AS blocking ON blocking.pid = blocker.pid
WHERE NOT wanted.granted AND wanted.waitstart IS NOT NULL
ORDER BY waits_s DESC
LIMIT 10
