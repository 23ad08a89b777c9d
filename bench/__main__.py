"""`python -m bench [memory|snapshot|lists|strategies|translate|chaos|budgets|rows|sums|pages]`: what the gateway costs; with none, its throughput."""

import sys

from bench import (
    budgets,
    chaos,
    conversation,
    lists,
    memory,
    pages,
    rows,
    snapshot,
    strategies,
    sums,
    throughput,
)

match sys.argv[1:]:
    case ["memory"]:
        memory.main()
    case ["snapshot"]:
        snapshot.main()
    case ["lists"]:
        lists.main()
    case ["strategies"]:
        strategies.main()
    case ["translate"]:
        conversation.main()
    case ["budgets"]:
        budgets.main()
    case ["pages", *arguments]:
        pages.main(arguments)
    case ["rows", *arguments]:
        rows.main(arguments)
    case ["sums"]:
        sums.main()
    case ["chaos", *arguments]:
        chaos.main(arguments)
    case arguments:
        throughput.main(arguments)
