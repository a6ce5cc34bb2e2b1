"""What those need who try Tallystick out or extend it; only the command line imports it.

fakepay    a stand-in for a company that takes payments, with faults on demand
proxy      a server in between that makes any other one fail in every way
providers  the conformance kit for providers
"""
