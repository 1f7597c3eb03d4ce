"""`edgenet check THING`: what int8 cost. All of it is in edgenet/check.py."""

from edgenet.check import add_check_arguments as add_arguments
from edgenet.check import run_check as run

__all__ = ["add_arguments", "run"]
