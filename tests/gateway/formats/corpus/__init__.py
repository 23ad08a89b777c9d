"""Every recording of real traffic goes through the formats.

The recordings are not ours to publish: they are read where they lie, in the folder that CORPUS_DIR
names, and nothing of what they say may stand in here.
"""
