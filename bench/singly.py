"""Our server with one command a transaction, whoever waits: what sharing transactions is worth.

It runs as `tallystick` does, by its path, and nobody but the measurement needs it.
"""

from tallystick.cli import main
from tallystick.kernel import coalescing

coalescing.BATCH_MAX = 1
main()
