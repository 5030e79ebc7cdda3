"""python -m faults --to URL [--until-stdin-closes]

Starts the proxy on 127.0.0.1 and prints `ready http://127.0.0.1:PORT` when it answers. The
Python of `.venv` finds this package, and the local AWS, whose HTTP side it shares.
"""

import argparse
import os
import sys
import threading

from local_aws.server.http import Server

from .proxy import Faults, Handler


def main() -> None:
    parser = argparse.ArgumentParser(prog="faults")
    parser.add_argument("--to", required=True, metavar="URL", help="where AWS answers")
    parser.add_argument(
        "--until-stdin-closes", action="store_true", help="exit at the end of stdin"
    )
    args = parser.parse_args()
    server = Server("127.0.0.1", 0, Faults(args.to), handler=Handler)
    print(f"ready http://127.0.0.1:{server.port}", flush=True)
    if args.until_stdin_closes:
        threading.Thread(target=exit_with_stdin, daemon=True).start()
    server.serve_forever()


def exit_with_stdin() -> None:
    while os.read(sys.stdin.fileno(), 65536):
        pass
    os._exit(0)


main()
