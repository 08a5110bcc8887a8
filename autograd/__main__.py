"""`python -m autograd` is the command `valuegrad`."""

import sys

from .commands.main import main

if __name__ == "__main__":
    sys.exit(main())
