"""`python -m reccl`: the command line, where the command `reccl` itself is not on the PATH."""

from reccl.cli.app import main

if __name__ == "__main__":
    main()
