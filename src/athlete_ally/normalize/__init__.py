"""From raw readings to stored records: decode, normalise, store, announce, settle; dead-letter what can't be used."""
