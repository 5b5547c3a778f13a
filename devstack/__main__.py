"""Command ``python -m devstack doctor|fetch|run``. It lists what this machine lacks, downloads a stack, or runs one."""

import argparse
import sys

from devstack import StackError, start_stack
from devstack.doctor import report
from devstack.foreground import until_interrupted
from devstack.routes import KAFKA_VARIABLE, MONGO_VARIABLE, fetch


def main() -> int:
    """Run the command and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m devstack", description=__doc__)
    parser.add_argument("command", choices=["doctor", "fetch", "run"])
    parser.add_argument("--need-durable", action="store_true", help="Refuse a broker that keeps nothing.")
    arguments = parser.parse_args()
    if arguments.command == "doctor":
        return report()
    try:
        if arguments.command == "fetch":
            fetch()
            return 0
        with until_interrupted() as wait, start_stack(need_durable=arguments.need_durable) as stack:
            print(f"export {KAFKA_VARIABLE}='{stack.kafka_bootstrap}'")
            print(f"export {MONGO_VARIABLE}='{stack.mongo_url}'", flush=True)
            wait([])
    except StackError as error:
        print(f"stack: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
