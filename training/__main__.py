"""`python -m training`: training's commands without the bot."""

import sys

from training.cli import main

sys.exit(main())
