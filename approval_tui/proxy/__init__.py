"""The MCP gate: it stands between an MCP client and its server, and asks before tools are called.

Every frame is parsed, refused where two readers could read two things in it, and written anew; only what was
read here goes on.
"""
