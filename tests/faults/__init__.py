"""A layer of faults for tests: a proxy between the tools and the local AWS.

It is a process of its own, and knows nothing of the tools: what they meet is what AWS does to its
clients. `rules.py` decides what a call meets, `words.py` knows how each service says it, and
`proxy.py` does it.
"""
