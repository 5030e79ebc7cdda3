"""A layer of faults for tests: a proxy between the tools and the local AWS.

It is a process of its own and knows nothing of the tools. `rules.py` decides what happens to a
call, `words.py` knows how each service words it, and `proxy.py` does it.
"""
