"""`python -m training`: training's commands without the bot."""

import sys

from training.cli.main import main

sys.exit(main())
