"""What is held of one person: where it came from, how much there is, and how it is erased."""
