-- From a webhook to the readings that were unpacked from it: whether all of them were dealt with.

CREATE INDEX receipt_by_parent ON receipt (parent_id) WHERE parent_id IS NOT NULL;
