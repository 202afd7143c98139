"""The binary under test; its variable is taken away, since to the binary it would be an unknown option."""

import os

BINARY = os.environ.pop("STEPDOWN_BINARY")
