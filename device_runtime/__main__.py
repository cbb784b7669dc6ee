"""`python -m device_runtime` is the command `edgecl`."""

from device_runtime.cli import main

main()
