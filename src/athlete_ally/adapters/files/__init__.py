"""Files on this machine: keys, backups, exports of a person, and what was done to streams."""
