"""The vendors whose webhooks are understood: one file each, and one line here.

None yet: readings come from clients. Routes, subjects, durables and series already follow from this list.
"""

VENDORS: tuple[str, ...] = ()
