#!/usr/bin/env python
"""Django's command line for this project; the console script `omniroute` runs the same."""

from omniroute.cli import main

if __name__ == "__main__":
    main()
