"""The one way by which this process calls others over HTTP; the core knows nothing of it.

addresses   which addresses may be called: what users name is kept away from our own network (pure)
client      one call: a hard limit of time and size, no redirect, no repeat
"""
