"""python -m local_aws [--port N] [--moment SECONDS] [--spread SECONDS] [--latency MS]
                    [--serve] [--until-stdin-closes]

Starts the local AWS on 127.0.0.1 and prints `ready http://127.0.0.1:PORT` when it answers,
and `token TOKEN`, which what is under /_local/ needs.
"""

import argparse
import os
import signal
import sys
import threading

from .ground.folder import kept
from .runs.layers import layers

# moto reads these when it is imported.
os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"  # a thousand machine images that nobody needs
os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")


def main() -> None:
    args = arguments()
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda *_: leave())
    # Ctrl-C is meant for the command that runs beside it, which may still send requests.
    signal.signal(signal.SIGINT, signal.SIG_IGN if args.until_stdin_closes else lambda *_: leave())

    from moto.core.config import default_user_config

    from .ground import clock
    from .server.application import LocalAws
    from .server.http import Handler, Server

    # No Docker is needed: builds run in a plain shell (runs/build.py).
    default_user_config["lambda"] = {"use_docker": False}
    default_user_config["batch"] = {"use_docker": False}

    clock.moment, clock.spread = args.moment, args.spread
    if args.serve:
        serve()
    app = LocalAws(args.latency)
    server = Server("127.0.0.1", args.port, app, handler=Handler)
    url = app.endpoints.url = f"http://127.0.0.1:{server.port}"
    os.environ["MOTO_PORT"] = str(server.port)
    print(f"ready {url}\ntoken {app.endpoints.token}", flush=True)
    sys.stdout = sys.stderr  # moto prints what it does not implement

    if args.until_stdin_closes:
        threading.Thread(target=exit_with_stdin, daemon=True).start()
    server.serve_forever()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="local_aws")
    parser.add_argument("--port", type=int, default=0, help="0 (default): any free one")
    parser.add_argument(
        "--moment",
        type=float,
        default=0.5,
        metavar="SECONDS",
        help="how long states like pending and deleting last (default 0.5)",
    )
    parser.add_argument(
        "--spread",
        type=float,
        default=0,
        metavar="SECONDS",
        help="how long services do not know what a role may do (default 0)",
    )
    parser.add_argument(
        "--latency",
        type=float,
        default=0,
        metavar="MS",
        help="what every AWS request waits before it is handled (default 0)",
    )
    parser.add_argument(
        "--until-stdin-closes",
        action="store_true",
        help="exit at the end of stdin, so that it never outlives who started it",
    )
    parser.add_argument(
        "--serve",
        action="store_true",
        help="really run the tasks of ECS whose image is in ECR, behind their load balancers",
    )
    return parser.parse_args()


def serve() -> None:
    from .runs.serving import kind, tasks

    if kind.choose() == "plain":
        print(f"local-aws: {kind.PLAIN}", file=sys.stderr)
    kept.own()  # which also removes what others have left
    tasks.begin()


def exit_with_stdin() -> None:
    while os.read(sys.stdin.fileno(), 65536):
        pass
    leave()


def leave() -> None:
    layers.end()
    kept.end()
    os._exit(0)


main()
