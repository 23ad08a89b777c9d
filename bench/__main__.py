"""`python -m bench [memory|strategies|translate|chaos]`: what the gateway costs; with none, its throughput."""

import sys

from bench import chaos, conversation, memory, strategies, throughput

match sys.argv[1:]:
    case ["memory"]:
        memory.main()
    case ["strategies"]:
        strategies.main()
    case ["translate"]:
        conversation.main()
    case ["chaos", *arguments]:
        chaos.main(arguments)
    case arguments:
        throughput.main(arguments)
