-- How many requests vendors were sent, so that all workers together stay within what each vendor allows.

CREATE TABLE vendor_budget (
    vendor     text        NOT NULL,
    window_s   integer     NOT NULL,
    started_at timestamptz NOT NULL,
    used       integer     NOT NULL,
    PRIMARY KEY (vendor, window_s)
);

CREATE TABLE vendor_rest (
    vendor     text        PRIMARY KEY,
    rest_until timestamptz NOT NULL
);

COMMENT ON TABLE vendor_budget IS 'The running window of each limit of each vendor.';
COMMENT ON TABLE vendor_rest IS 'Vendors that asked not to be asked before a certain time.';
