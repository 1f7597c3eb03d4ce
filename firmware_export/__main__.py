"""`python -m firmware_export`."""

from .cli import main

if __name__ == "__main__":
    raise SystemExit(main())
