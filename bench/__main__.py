"""`python -m bench [memory|snapshot|strategies|translate]`: what the gateway costs; with none, its throughput."""

import sys

from bench import conversation, memory, snapshot, strategies, throughput

match sys.argv[1:]:
    case ["memory"]:
        memory.main()
    case ["snapshot"]:
        snapshot.main()
    case ["strategies"]:
        strategies.main()
    case ["translate"]:
        conversation.main()
    case arguments:
        throughput.main(arguments)
