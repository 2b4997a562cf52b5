"""Other frameworks, under their own names: each module here speaks for one of them (rule R18)."""
