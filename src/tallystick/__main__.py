"""Run the command line as `python -m tallystick`."""

from tallystick.cli import main

main()
