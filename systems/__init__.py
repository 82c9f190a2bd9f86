"""Families of junctions: functions of parameters that return a `Junction` or a `Device`, one family a file.

Every file is complete by itself and can be given to the command line, ``spinjunc show systems/tunnel_junction.py``.
"""
