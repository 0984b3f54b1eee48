"""`python -m training`: the commands of training, without the bot."""

import sys

from training.cli.main import main

sys.exit(main())
