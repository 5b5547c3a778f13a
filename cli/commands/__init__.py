"""One file a command: its options. What it does is imported when it runs, so that `--help` is quick."""
