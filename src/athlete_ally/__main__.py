"""`python -m athlete_ally` is the same as `athlete-ally`."""

from athlete_ally.cli import main

main()
