"""`make bench`: what the gateway costs, against a bare relay on the same core in the same run."""
