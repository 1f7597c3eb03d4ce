"""`python -m edgenet` is `edgenet`."""

import sys

from edgenet.cli import main

sys.exit(main())
