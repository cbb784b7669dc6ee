"""The command `edgecl`, run as `python -m edgecl`."""

if __name__ == "__main__":
    from device_runtime.cli import main

    main()
