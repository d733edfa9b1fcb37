"""The message journal in files: what was accepted, on a disk of our own.

A folder holds a slot (a folder) for each process that writes, a slot holds segments. One process owns a slot, by a lock
that ends with it; only the owner appends to segments of a slot.
"""
