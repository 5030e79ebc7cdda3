"""What makes apps answer: `tasks` begins an ECS task's processes, by `process`, which unpacks their
images (`images`, `unpack`), decides what to run (`containers`, `secrets`; `plain` where there are
no namespaces), and has `runner`, a program of its own, run it. `doors` are the ports of load
balancers, `balancing` with `rules` and `proxy` what they do with a request, and `health` their
checks. `kind` says what this machine lets tasks have, and `peers` who is at the end of a link.
"""
