"""``python -m decima_core`` is ``decima-core``."""

from decima_core.cli import main

if __name__ == "__main__":
    main()
