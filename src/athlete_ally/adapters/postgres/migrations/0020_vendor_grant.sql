-- What people allowed us to read at vendors: whose account it is, and the tokens, encrypted by us.

CREATE TABLE vendor_grant (
    id               bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    vendor           text        NOT NULL,
    account          text        NOT NULL,
    user_id          text        NOT NULL,
    sealed           bytea       NOT NULL,
    expires_at       timestamptz NOT NULL,
    scopes           text[]      NOT NULL,
    state            text        NOT NULL DEFAULT 'active',
    granted_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    refreshed_at     timestamptz,
    refreshing_since timestamptz,
    UNIQUE (vendor, account),
    CONSTRAINT state_is_known CHECK (state IN ('active', 'withdrawn', 'refresh-lost'))
);

CREATE INDEX vendor_grant_by_user ON vendor_grant (user_id, vendor);

COMMENT ON TABLE vendor_grant IS 'One row for each account at a vendor that a person connected.';
COMMENT ON COLUMN vendor_grant.account IS 'The vendor''s id of the person; never logged.';
COMMENT ON COLUMN vendor_grant.sealed IS 'Access and refresh token, encrypted with AA_TOKEN_KEY; unreadable without it.';
COMMENT ON COLUMN vendor_grant.refreshing_since IS
    'A refresh was begun and its answer is not stored: the vendor may have replaced the refresh token that is here.';
