"""The hooks of coding agents: installed, taken out and looked into."""
