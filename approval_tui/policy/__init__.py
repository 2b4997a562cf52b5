"""The policy: a YAML document that says which calls run, which never run, and which wait for a person. Pure."""
