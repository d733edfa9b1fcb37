INSERT INTO vendor_budget AS known (vendor, window_s, started_at, used)
VALUES ($1, $2, clock_timestamp(), 1)
ON CONFLICT (vendor, window_s) DO UPDATE SET
    started_at = CASE WHEN known.started_at + make_interval(secs => known.window_s) <= clock_timestamp()
                      THEN clock_timestamp() ELSE known.started_at END,
    used = CASE WHEN known.started_at + make_interval(secs => known.window_s) <= clock_timestamp()
                THEN 1 ELSE known.used + 1 END
RETURNING used, extract(epoch FROM started_at + make_interval(secs => window_s) - clock_timestamp())::float8 AS left_s
