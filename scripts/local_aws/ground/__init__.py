"""What everything else stands on: the lock, the clock, how moto is changed (`override`), and what
several services and runs ask: roles, connections, network interfaces. Nothing here imports another
room.
"""
