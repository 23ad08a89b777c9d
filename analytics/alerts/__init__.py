"""Telling people what is wrong: incidents, and their way to channels. What is wrong is found by
`omniroute.conditions`, which knows all rooms."""
