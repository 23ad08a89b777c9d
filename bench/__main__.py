"""`python -m bench [memory|translate]`: what the gateway costs; with neither, its throughput."""

import sys

from bench import conversation, memory, throughput

match sys.argv[1:]:
    case ["memory"]:
        memory.main()
    case ["translate"]:
        conversation.main()
    case arguments:
        throughput.main(arguments)
